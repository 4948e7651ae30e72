"""Follow-up: how long people are seen, who is lost, and whether the ill are looked at more."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import Flags, Floats
from biobraid.quality.bias.verdict import NOT_ASSESSED, RATIO, Verdict

DAYS_PER_YEAR = 365.25


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier curve: share still there after `years`."""

    years: Floats
    share: Floats

    def median(self) -> float | None:
        """First time at which half or fewer are left; None if that is never reached."""
        below = np.flatnonzero(self.share <= 0.5)
        return float(self.years[below[0]]) if len(below) else None


def kaplan_meier(years: Floats, event: Flags) -> Curve:
    """Share without the event; people without it leave at their time without counting."""
    order = np.argsort(years, kind="stable")
    times, first = np.unique(years[order], return_index=True)
    events = np.add.reduceat(event[order].astype(np.float64), first) if len(times) else np.zeros(0)
    at_risk = len(years) - first
    share = np.cumprod(1 - events / at_risk) if len(times) else np.zeros(0)
    return Curve(np.append(0.0, times), np.append(1.0, share))


def reverse_kaplan_meier(years: Floats, died: Flags) -> Curve:
    """Potential follow-up: being censored is the event, death hides when it would have come.

    Source: Schemper and Smith 1996.
    """
    return kaplan_meier(years, ~died)


@dataclass(frozen=True)
class VisitRow:
    """Visits per person-year of cases beside the others: informative observation."""

    n_cases: int
    n_others: int
    case_rate: float | None
    other_rate: float | None
    ratio: float | None
    ratio_lo: float | None
    ratio_hi: float | None
    verdict: Verdict


def visit_ratio(visits: Floats, years: Floats, is_case: Flags) -> VisitRow:
    """Rate ratio of visits; the interval lets visits of a person cluster (robust variance)."""
    seen = years > 0
    rates: list[float | None] = []
    variances: list[float] = []
    sizes: list[int] = []
    for who in (is_case & seen, ~is_case & seen):
        time, number = years[who].sum(), visits[who].sum()
        sizes.append(int(who.sum()))
        rate = float(number / time) if time > 0 else None
        rates.append(rate)
        residual = visits[who] - (rate or 0.0) * years[who]
        variances.append(float((residual**2).sum() / number**2) if number > 0 else math.inf)
    (case, other), (n_cases, n_others) = rates, sizes
    if not case or not other:
        why = Verdict(NOT_ASSESSED, "no visits on one side, or no cases")
        return VisitRow(n_cases, n_others, case, other, None, None, None, why)
    ratio = case / other
    half = 1.96 * math.sqrt(sum(variances))
    verdict = RATIO.judge(ratio if ratio >= 1 else 1 / ratio)
    return VisitRow(n_cases, n_others, case, other, ratio, ratio * math.exp(-half), ratio * math.exp(half),
                    verdict)  # fmt: skip
