"""The reference population as margins: shares of levels, one- and two-way, and who says so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import Floats, Frame, Ints


@dataclass(frozen=True)
class Margin:
    """One table of the reference: people per level of an attribute, or per pair of levels.

    keys: one or two (attribute, scheme). levels: as many names per cell as there are keys.
    n: people per cell. se: standard error per cell in people; zeros for a full count.
    """

    margin_id: str
    population: str
    keys: tuple[tuple[str, str], ...]
    levels: tuple[tuple[str, ...], ...]
    n: Floats
    se: Floats
    source: str = ""
    licence: str = ""
    as_of: str = ""

    @property
    def share(self) -> Floats:
        """Share of each cell; sums to 1."""
        out: Floats = self.n / self.n.sum()
        return out

    def place(self, frame: Frame) -> Ints | None:
        """Cell of every person, -1 where the person's level is none of the margin's.

        None if the frame lacks an attribute of the margin, or has it in another scheme only.
        """
        columns = [frame.position(*key) for key in self.keys]
        if any(c is None for c in columns):
            return None
        sizes = [len(frame.attributes[c].levels) for c in columns if c is not None]
        look_up = np.full(sizes, -1, np.int64)
        names = [
            {level: i for i, level in enumerate(frame.attributes[c].levels)}
            for c in columns
            if c is not None
        ]
        for cell, levels in enumerate(self.levels):
            spots = [known.get(level) for known, level in zip(names, levels, strict=True)]
            if all(s is not None for s in spots):
                look_up[tuple(s for s in spots if s is not None)] = cell
        codes = tuple(frame.codes[:, c].astype(np.int64) for c in columns if c is not None)
        out: Ints = look_up[codes]
        return out


@dataclass(frozen=True)
class Reference:
    """The margins of one population, under one name."""

    reference_id: str
    margins: tuple[Margin, ...]

    @property
    def population(self) -> float:
        """People of the first margin: all margins sum to the same number."""
        return float(self.margins[0].n.sum()) if self.margins else 0.0

    def one_way(self) -> tuple[Margin, ...]:
        """Margins of a single attribute."""
        return tuple(m for m in self.margins if len(m.keys) == 1)


def reference_of(frame: Frame, reference_id: str = "reference", pairs: tuple[tuple[int, int], ...] = ()) -> Reference:  # fmt: skip
    """A frame's own people as a reference: one margin per attribute, and per pair asked for."""
    margins = []
    for attribute, counts in zip(frame.attributes, frame.counts(), strict=True):
        margins.append(
            Margin(attribute.name, reference_id, (attribute.key,),
                   tuple((level,) for level in attribute.levels),
                   counts.astype(np.float64), np.zeros(len(counts)))
        )  # fmt: skip
    for first, second in pairs:
        a, b = frame.attributes[first], frame.attributes[second]
        flat = frame.codes[:, first].astype(np.int64) * len(b.levels) + frame.codes[:, second]
        counts = np.bincount(flat, minlength=len(a.levels) * len(b.levels))
        cells = tuple((x, y) for x in a.levels for y in b.levels)
        margins.append(
            Margin(f"{a.name} x {b.name}", reference_id, (a.key, b.key), cells,
                   counts.astype(np.float64), np.zeros(len(counts)))
        )  # fmt: skip
    return Reference(reference_id, tuple(margins))
