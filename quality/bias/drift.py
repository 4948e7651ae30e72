"""Drift between two sets of people: releases, or an export and where a model is deployed.

Whoever gives one side chooses its numbers, so that an index exact to a person could be solved
for the other side's counts. Levels with fewer than min_cell people are put together, and every
index follows from counts rounded to multiples of min_cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import MISSING, Attribute, Floats, Frame
from biobraid.quality.bias.leakage import cross_validated_auc, judge
from biobraid.quality.bias.verdict import AUC, NOT_ASSESSED, OK, PSI, Verdict

RARE = "(rare)"


@dataclass(frozen=True)
class DriftRow:
    """Population stability index of one attribute, or the AUC of telling the two sets apart."""

    attribute: str  # '*' for all attributes together
    scheme: str
    n_a: int
    n_b: int
    psi: float | None
    auc: float | None
    verdict: Verdict


def population_stability(a: Floats, b: Floats) -> float:
    """Sum of (p - q) ln(p / q) over levels; empty levels get half a person."""
    p, q = np.maximum(a, 0.5), np.maximum(b, 0.5)
    p, q = p / p.sum(), q / q.sum()
    return float(((p - q) * np.log(p / q)).sum())


def drift(
    a: Frame, b: Frame, seed: int = 1, max_people: int = 200_000, min_cell: int = 1
) -> list[DriftRow]:
    """One row per attribute that both have in one scheme, then one for all together.

    The classifier sees at most max_people of each side, drawn by seed. min_cell: people below
    whom a level of A is put together with the other rare ones; new levels of B go there as well.
    """
    rows, columns, sizes = [], [], []
    for place, attribute in enumerate(a.attributes):
        other = b.position(*attribute.key)
        if other is None:
            why = Verdict(NOT_ASSESSED, "only one side has this attribute in this scheme")
            rows.append(DriftRow(*attribute.key, a.n, b.n, None, None, why))
            continue
        left, right, levels = _aligned(a, place, b, other, min_cell)
        index, verdict = _stability(left, right, levels, min_cell)
        rows.append(DriftRow(*attribute.key, a.n, b.n, index, None, verdict))
        columns.append((left, right))
        sizes.append(len(levels))
    rows.append(_together(a, b, columns, sizes, seed, max_people))
    return rows


def stepped(area: float, n: int, min_cell: int) -> float:
    """An AUC in steps of min_cell people: that of one yes-or-no column tells a count.

    Below one half it tells nothing but the draw of the folds, so one half is shown.
    """
    step = min(min_cell / max(n, 1), 0.1)
    return round(0.5 + round(max(area - 0.5, 0.0) / step) * step, 6)


def _aligned(
    a: Frame, place: int, b: Frame, other: int, min_cell: int
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Codes of both sides over the levels of A that hold min_cell people, and the rest."""
    mine, theirs = a.attributes[place], b.attributes[other]
    counts = np.bincount(a.codes[:, place], minlength=len(mine.levels))
    kept = [level for level, n in zip(mine.levels, counts, strict=True) if n >= min_cell]
    levels = [*sorted({*kept, MISSING}), RARE]
    return _codes(a, place, mine, levels), _codes(b, other, theirs, levels), levels


def _codes(frame: Frame, place: int, attribute: Attribute, levels: list[str]) -> np.ndarray:
    known = {level: i for i, level in enumerate(levels)}
    spot = np.array([known.get(level, known[RARE]) for level in attribute.levels], np.int16)
    out: np.ndarray = spot[frame.codes[:, place]]
    return out


def _stability(
    left: np.ndarray, right: np.ndarray, levels: list[str], min_cell: int
) -> tuple[float, Verdict]:
    """The index from rounded counts, and the level that moved most where it is not ok."""
    a, b = (_rounded(np.bincount(x, minlength=len(levels)), min_cell) for x in (left, right))
    index = population_stability(a, b)
    found = PSI.judge(index)
    if found.verdict in (OK, NOT_ASSESSED) or not a.sum() or not b.sum():
        return index, found
    p, q = a / a.sum(), b / b.sum()
    most = int(np.abs(p - q).argmax())
    moved = f"most in {levels[most]}: {p[most]:.0%} to {q[most]:.0%}"
    return index, Verdict(found.verdict, f"{found.reason}; {moved}")


def _rounded(counts: np.ndarray, min_cell: int) -> Floats:
    return np.asarray(min_cell * ((counts + min_cell // 2) // min_cell), np.float64)


def _together(
    a: Frame, b: Frame, columns: list[tuple[np.ndarray, np.ndarray]], sizes: list[int], seed: int,
    max_people: int,
) -> DriftRow:  # fmt: skip
    if not columns:
        why = Verdict(NOT_ASSESSED, "the two sides share no attribute")
        return DriftRow("*", "", a.n, b.n, None, None, why)
    rng = np.random.default_rng(seed)
    left = rng.permutation(a.n)[:max_people]
    right = rng.permutation(b.n)[:max_people]
    codes = np.stack([np.concatenate([x[left], y[right]]) for x, y in columns], axis=1)
    is_b = np.concatenate([np.zeros(len(left), np.bool_), np.ones(len(right), np.bool_)])
    area = cross_validated_auc(codes, sizes, is_b, seed)
    verdict = Verdict(NOT_ASSESSED, "too few people") if area is None else judge(area, AUC)
    return DriftRow("*", "", a.n, b.n, None, area, verdict)
