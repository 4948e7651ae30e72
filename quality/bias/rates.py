"""Shares and rates by level of an attribute, held against the best large level."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import Flags, Floats, Ints
from biobraid.quality.bias.verdict import CRAMER, NOT_ASSESSED, RATIO, Verdict

LARGE_SHARE = 0.05  # of all people: a level that may serve as the best one
MIN_EVENTS = 10


@dataclass(frozen=True)
class RateRow:
    """Events per unit of exposure in one level.

    n: people. exposure: people, facts or person-years. difference and ratio: against the best
    (lowest) large level; None for that level itself and where it has no events.
    """

    level: str
    n: int
    n_events: float
    exposure: float
    rate: float | None
    difference: float | None
    ratio: float | None
    ratio_lo: float | None
    ratio_hi: float | None
    verdict: Verdict


def rate_rows(
    levels: tuple[str, ...], n: Ints, events: Floats, exposure: Floats, min_cell: int
) -> list[RateRow]:
    """One row per level with people; intervals by the log-rate's delta method."""
    with np.errstate(invalid="ignore", divide="ignore"):
        rate = np.where(exposure > 0, events / exposure, np.nan)
    large = (n >= max(min_cell, LARGE_SHARE * n.sum())) & np.isfinite(rate) & (events > 0)
    best = int(np.argmin(np.where(large, rate, np.inf))) if large.any() else None
    rows = []
    for place, level in enumerate(levels):
        if n[place] == 0:
            continue
        own = None if not np.isfinite(rate[place]) else float(rate[place])
        given = (level, int(n[place]), float(events[place]), float(exposure[place]), own)
        if best is None or own is None:
            why = "no large level has an event" if best is None else "no exposure in this level"
            rows.append(RateRow(*given, None, None, None, None, Verdict(NOT_ASSESSED, why)))
        elif place == best:
            why = "the best large level, to which the others are compared"
            rows.append(RateRow(*given, 0.0, 1.0, None, None, Verdict("ok", why)))
        elif n[place] < min_cell or events[place] < MIN_EVENTS:
            why = f"fewer than {MIN_EVENTS} events or {min_cell} people"
            ratio = own / float(rate[best])
            rows.append(RateRow(*given, own - float(rate[best]), ratio, None, None,
                                Verdict(NOT_ASSESSED, why)))  # fmt: skip
        else:
            ratio = own / float(rate[best])
            half = 1.96 * math.sqrt(1 / events[place] + 1 / events[best])
            rows.append(RateRow(*given, own - float(rate[best]), ratio, ratio * math.exp(-half),
                                ratio * math.exp(half), RATIO.judge(ratio)))  # fmt: skip
    return rows


def weight_sums(code: np.ndarray, weight: Floats, size: int) -> Floats:
    """Sum of weights per level."""
    return np.bincount(code, weights=weight, minlength=size).astype(np.float64)


def cramers_v(group: Ints, flag: Flags, n_levels: int) -> float | None:
    """Association of a grouping with a yes/no, 0 to 1, corrected for chance (Bergsma 2013).

    None where there is one group or one answer only.
    """
    table = np.stack(
        [np.bincount(group[flag == value], minlength=n_levels) for value in (False, True)]
    ).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    n = table.sum()
    if table.shape[1] < 2 or (table.sum(axis=1) == 0).any() or n < 2:
        return None
    expected = np.outer(table.sum(axis=1), table.sum(axis=0)) / n
    phi2 = float(((table - expected) ** 2 / expected).sum()) / n
    columns = table.shape[1]
    corrected = max(0.0, phi2 - (columns - 1) / (n - 1))
    wide = columns - (columns - 1) ** 2 / (n - 1)
    return math.sqrt(corrected / max(min(wide - 1, 2 - 1 / (n - 1) - 1), 1e-12))


def judge_v(v: float | None) -> Verdict:
    """Verdict on an association with missingness."""
    return CRAMER.judge(v)
