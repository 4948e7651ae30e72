"""Drift between two sets of people: releases, or an export and where a model is deployed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import MISSING, Attribute, Floats, Frame
from biobraid.quality.bias.leakage import cross_validated_auc, judge
from biobraid.quality.bias.verdict import AUC, NOT_ASSESSED, PSI, Verdict


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


def drift(a: Frame, b: Frame, seed: int = 1, max_people: int = 200_000) -> list[DriftRow]:
    """One row per attribute that both have in one scheme, then one for all together.

    The classifier sees at most max_people of each side, drawn by seed.
    """
    rows, columns, sizes = [], [], []
    for place, attribute in enumerate(a.attributes):
        other = b.position(*attribute.key)
        if other is None:
            why = Verdict(NOT_ASSESSED, "only one side has this attribute in this scheme")
            rows.append(DriftRow(*attribute.key, a.n, b.n, None, None, why))
            continue
        levels = sorted({*attribute.levels, *b.attributes[other].levels, MISSING})
        left = _aligned(a, place, levels)
        right = _aligned(b, other, levels)
        index = population_stability(
            np.bincount(left, minlength=len(levels)).astype(np.float64),
            np.bincount(right, minlength=len(levels)).astype(np.float64),
        )
        rows.append(DriftRow(*attribute.key, a.n, b.n, index, None, PSI.judge(index)))
        columns.append((left, right))
        sizes.append(len(levels))
    rows.append(_together(a, b, columns, sizes, seed, max_people))
    return rows


def _aligned(frame: Frame, place: int, levels: list[str]) -> np.ndarray:
    attribute: Attribute = frame.attributes[place]
    spot = np.array([levels.index(level) for level in attribute.levels], np.int16)
    out: np.ndarray = spot[frame.codes[:, place]]
    return out


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
