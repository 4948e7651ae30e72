"""Verdicts from effect sizes: with half a million people every p-value is 0."""

from __future__ import annotations

import math
from dataclasses import dataclass

OK, WATCH, FAIL, NOT_ASSESSED = "ok", "watch", "fail", "not_assessed"
ORDER = (NOT_ASSESSED, OK, WATCH, FAIL)  # the worst last


@dataclass(frozen=True)
class Verdict:
    """What an effect size means, and why."""

    verdict: str
    reason: str


@dataclass(frozen=True)
class Threshold:
    """Watch and fail lines of one measure. `is_above` false: small values are the bad ones."""

    measure: str
    watch: float
    fail: float
    is_above: bool = True

    def judge(self, value: float | None, what: str = "") -> Verdict:
        """The verdict on a value; one that is null or not finite cannot be assessed."""
        if value is None or not math.isfinite(value):
            return Verdict(NOT_ASSESSED, f"{what or self.measure} cannot be computed here")
        sign = "≥" if self.is_above else "≤"
        for verdict, line in ((FAIL, self.fail), (WATCH, self.watch)):
            if value >= line if self.is_above else value <= line:
                return Verdict(verdict, f"{self.measure} {value:.3g} {sign} {line:g}")
        return Verdict(OK, f"{self.measure} {value:.3g}, line {self.watch:g}")


SMD = Threshold("|SMD|", 0.10, 0.25)
AUC = Threshold("AUC", 0.60, 0.70)
LEAK = Threshold("AUC", 0.60, 0.75)
RATIO = Threshold("rate ratio", 1.25, 1.5)
CRAMER = Threshold("Cramér's V", 0.05, 0.10)
BLIND = Threshold("share of the reference", 0.01, 0.05)
PSI = Threshold("PSI", 0.10, 0.25)
ICC = Threshold("ICC", 0.75, 0.5, is_above=False)


def worst(verdicts: list[str]) -> str:
    """The worst of several verdicts; not_assessed if there is none."""
    return max(verdicts, key=ORDER.index, default=NOT_ASSESSED)
