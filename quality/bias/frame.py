"""People as arrays: the level of every attribute, and which modalities each person has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

Codes = npt.NDArray[np.int16]
Flags = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

MISSING = "(missing)"
MAX_MODALITIES = 10  # 1,023 sets


@dataclass(frozen=True)
class Attribute:
    """A grouping and its levels. The same census exists in several schemes: they never mix."""

    name: str
    scheme: str
    levels: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Name and scheme."""
        return self.name, self.scheme


@dataclass(frozen=True)
class Frame:
    """People, attributes and modalities.

    codes: person x attribute, position of the level. has: person x modality.
    person_id: one per person, in the order of the rows.
    """

    attributes: tuple[Attribute, ...]
    codes: Codes
    modalities: tuple[str, ...]
    has: Flags
    person_id: Ints

    @property
    def n(self) -> int:
        """Persons."""
        return len(self.person_id)

    def position(self, name: str, scheme: str) -> int | None:
        """Column of an attribute; None if the frame has it not, or not in this scheme."""
        for place, attribute in enumerate(self.attributes):
            if attribute.key == (name, scheme):
                return place
        return None

    def select(self, places: Sequence[int]) -> Frame:
        """Some of the attributes."""
        return replace(
            self,
            attributes=tuple(self.attributes[i] for i in places),
            codes=self.codes[:, list(places)],
        )

    def take(self, rows: Flags | Ints) -> Frame:
        """Some of the people."""
        return replace(
            self, codes=self.codes[rows], has=self.has[rows], person_id=self.person_id[rows]
        )

    def pattern(self) -> npt.NDArray[np.int64]:
        """Which modalities each person has, as bits: modality m is bit m."""
        bits = np.zeros(self.n, np.int64)
        for place in range(len(self.modalities)):
            bits |= self.has[:, place].astype(np.int64) << place
        return bits

    def in_set(self, members: Sequence[str]) -> Flags:
        """Who has all of these modalities."""
        inside = np.ones(self.n, np.bool_)
        for name in members:
            inside &= self.has[:, self.modalities.index(name)]
        return inside

    def level_counts(self) -> list[list[int]]:
        """People per level as plain numbers."""
        return [counts.tolist() for counts in self.counts()]

    def counts(self) -> list[Ints]:
        """People per level, for every attribute."""
        return [
            np.bincount(self.codes[:, place], minlength=len(attribute.levels))
            for place, attribute in enumerate(self.attributes)
        ]


def set_name(members: Sequence[str]) -> str:
    """'imaging+wearable': modalities in the frame's order, joined by '+'."""
    return "+".join(members)


def sets_of(modalities: Sequence[str]) -> list[tuple[str, ...]]:
    """Every set of at least one modality, smaller ones first: 2^M - 1 of them."""
    return [
        members
        for size in range(1, len(modalities) + 1)
        for members in combinations(modalities, size)
    ]


def mask_of(modalities: Sequence[str], members: Sequence[str]) -> int:
    """A set as bits, as in Frame.pattern."""
    return sum(1 << modalities.index(name) for name in members)


def frame_of(
    levels: Mapping[tuple[str, str], Sequence[str | None]],
    has: Mapping[str, Sequence[bool] | Flags],
    person_id: Sequence[int] | None = None,
) -> Frame:
    """A frame from columns of level names by (attribute, scheme); None becomes '(missing)'."""
    attributes, columns = [], []
    for (name, scheme), values in levels.items():
        filled = np.array([MISSING if v is None else v for v in values], dtype=object).astype(str)
        known, codes = np.unique(filled, return_inverse=True)
        attributes.append(Attribute(name, scheme, tuple(str(k) for k in known)))
        columns.append(codes.astype(np.int16))
    n = len(columns[0]) if columns else len(next(iter(has.values())))
    flags = [np.asarray(v, np.bool_) for v in has.values()]
    return Frame(
        tuple(attributes),
        np.stack(columns, axis=1) if columns else np.zeros((n, 0), np.int16),
        tuple(has),
        np.stack(flags, axis=1) if flags else np.zeros((n, 0), np.bool_),
        np.arange(n) if person_id is None else np.asarray(person_id, np.int64),
    )
