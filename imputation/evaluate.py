"""Mask and recover: how well each method restores cells that are known but were hidden.

Errors are in training standard deviations of the concept, so that concepts can be pooled.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biobraid.imputation.conformal import gap_bins
from biobraid.imputation.decay import Filled
from biobraid.imputation.panel import DecayModel

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Recovered:
    """One row per hidden cell that a method filled.

    error: imputed less true value, in standard deviations of the concept; is_covered: the truth
    lies in the interval (False where there is none).
    """

    concept: Ints
    group: Ints
    error: Floats
    is_covered: Bools
    gap_days: Floats

    def __len__(self) -> int:
        return len(self.error)

    def take(self, chosen: Bools) -> Recovered:
        """Some of the cells."""
        return Recovered(
            self.concept[chosen], self.group[chosen], self.error[chosen],
            self.is_covered[chosen], self.gap_days[chosen],
        )  # fmt: skip

    @property
    def mae(self) -> float:
        """Mean absolute error; NaN without cells."""
        return float(np.abs(self.error).mean()) if len(self) else float("nan")

    @property
    def rmse(self) -> float:
        """Root of the mean squared error; NaN without cells."""
        return float(np.sqrt((self.error**2).mean())) if len(self) else float("nan")

    @property
    def coverage(self) -> float:
        """Share of cells whose interval holds the truth; NaN without cells."""
        return float(self.is_covered.mean()) if len(self) else float("nan")


def recover(model: DecayModel, filled: Mapping[int, Filled]) -> Recovered:
    """Hold filled cells, whose own value is the truth, against it; cells left empty are skipped."""
    parts = []
    for concept, given in sorted(filled.items()):
        is_filled = np.isfinite(given.value)
        truth = given.cells.value
        slack = 1e-9 * np.maximum(np.abs(truth), 1)
        with np.errstate(invalid="ignore"):
            inside = (truth >= given.lower - slack) & (truth <= given.upper + slack)
        error = (given.value - truth) / model.concepts[concept].marginal.sd
        one = Recovered(
            np.full(len(truth), concept, np.int64), given.cells.group, error, inside, given.gap_days
        )
        parts.append(one.take(is_filled))
    return _joined(parts)


def _joined(parts: list[Recovered]) -> Recovered:
    if not parts:
        none = np.empty(0)
        return Recovered(none.astype(np.int64), none.astype(np.int64), none, none > 0, none)
    return Recovered(
        np.concatenate([p.concept for p in parts]), np.concatenate([p.group for p in parts]),
        np.concatenate([p.error for p in parts]), np.concatenate([p.is_covered for p in parts]),
        np.concatenate([p.gap_days for p in parts]),
    )  # fmt: skip


@dataclass(frozen=True)
class Line:
    """What a method did on a part of the cells; part: everything, a concept, a gap bin, a group."""

    part: str
    level: str
    n: int
    mae: float
    rmse: float
    coverage: float


def line_of(part: str, level: str, cells: Recovered) -> Line:
    """The line of some cells."""
    return Line(part, level, len(cells), cells.mae, cells.rmse, cells.coverage)


def by_concept(cells: Recovered, least: int = 1) -> list[Line]:
    """A line per concept with at least `least` cells."""
    return _by("concept", cells, cells.concept, least)


def by_gap(cells: Recovered, edges: Floats, least: int = 1) -> list[Line]:
    """A line per gap bin of the calibration; the last holds cells without a neighbour."""
    return _by("gap_bin", cells, gap_bins(edges, cells.gap_days), least)


def by_joined_gap(cells: Recovered, edges: Floats, least: int) -> list[Line]:
    """A line per gap bin, short bins joined with longer ones until `least` cells are in each.

    No cell is left out: what remains at the end joins the last line.
    """
    bins = gap_bins(edges, cells.gap_days)
    counts = np.bincount(bins, minlength=len(edges) + 2)
    joined, number, n = np.zeros(len(counts), np.int64), 0, 0
    for at, count in enumerate(counts):
        joined[at] = number
        n += int(count)
        if n >= least and counts[at + 1 :].sum() >= least:
            number, n = number + 1, 0
    return _by("gap_bin", cells, joined[bins], 1)


def by_group(part: str, cells: Recovered, level_of_group: npt.NDArray[np.str_]) -> list[Line]:
    """A line per level; level_of_group: one per group, '' where it is not known."""
    levels = level_of_group[cells.group]
    return [
        line_of(part, str(level), cells.take(levels == level))
        for level in np.unique(levels)
        if level
    ]


def _by(part: str, cells: Recovered, key: Ints, least: int) -> list[Line]:
    levels, counts = np.unique(key, return_counts=True)
    return [
        line_of(part, str(level), cells.take(key == level))
        for level, n in zip(levels, counts, strict=True)
        if n >= least
    ]


def choose(candidates: Mapping[str, Recovered], least: int = 30) -> dict[int, str]:
    """The method of least mean absolute error for each concept.

    candidates: by method, in order of preference where two are alike (the simplest first). A
    concept with fewer than `least` cells takes what wins over all concepts together.
    """
    names = list(candidates)
    overall = min(names, key=lambda name: (candidates[name].mae, names.index(name)))
    chosen: dict[int, str] = {}
    for concept in sorted(
        {int(c) for cells in candidates.values() for c in np.unique(cells.concept)}
    ):
        own = {n: candidates[n].take(candidates[n].concept == concept) for n in names}
        if min(len(c) for c in own.values()) < least:
            chosen[concept] = overall
        else:
            chosen[concept] = min(names, key=lambda n: (own[n].mae, names.index(n)))
    return chosen
