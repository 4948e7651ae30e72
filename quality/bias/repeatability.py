"""Repeatability: how far repeated measures of a person agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import Floats, Ints
from biobraid.quality.bias.verdict import ICC, NOT_ASSESSED, Verdict

MIN_PERSONS = 30


@dataclass(frozen=True)
class RepeatRow:
    """Intraclass correlation of one feature, from people measured at least twice."""

    n_persons: int  # with at least one value
    n_repeated: int  # with at least two
    icc: float | None
    verdict: Verdict


def intraclass_correlation(person: Ints, value: Floats) -> float | None:
    """ICC(1,1) of a one-way random-effects model, unbalanced; None without repeats or spread.

    person: position of the person of each value, from 0. Source: Shrout and Fleiss 1979; Searle
    for unequal numbers of repeats.
    """
    known = np.isfinite(value)
    person, value = person[known], value[known]
    count = np.bincount(person).astype(np.float64)
    several = count >= 2
    kept = several[person] if len(person) else np.zeros(0, np.bool_)
    person, value = person[kept], value[kept]
    k = count[several]
    n, total = len(k), float(k.sum())
    if n < 2:
        return None
    place = np.cumsum(several) - 1
    group = place[person]
    mean = np.bincount(group, weights=value) / k
    grand = float(value.mean())
    between = float((k * (mean - grand) ** 2).sum()) / (n - 1)
    within = float(((value - mean[group]) ** 2).sum()) / (total - n)
    k0 = (total - float((k**2).sum()) / total) / (n - 1)
    spread = between + (k0 - 1) * within
    return (between - within) / spread if spread > 0 else None


def repeatability(person: Ints, value: Floats) -> RepeatRow:
    """The row of one feature."""
    known = person[np.isfinite(value)]
    counts = np.bincount(known) if len(known) else np.zeros(0, np.int64)
    n, repeated = int((counts > 0).sum()), int((counts > 1).sum())
    if repeated < MIN_PERSONS:
        why = Verdict(NOT_ASSESSED, f"fewer than {MIN_PERSONS} people measured twice")
        return RepeatRow(n, repeated, None, why)
    icc = intraclass_correlation(person, value)
    return RepeatRow(n, repeated, icc, ICC.judge(icc))
