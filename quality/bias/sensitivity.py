"""How strong an unmeasured cause would have to be to explain a result away."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.design import Columns
from biobraid.quality.bias.frame import Flags, Floats
from biobraid.quality.bias.logistic import fit_logistic
from biobraid.quality.bias.representativeness import Z95


def e_value(risk_ratio: float) -> float:
    """Smallest association of a confounder with exposure and outcome that explains it all.

    RR + sqrt(RR (RR - 1)); ratios below 1 are inverted. E(2) = 3.414.
    Source: VanderWeele and Ding 2017.
    """
    ratio = _at_least_one(risk_ratio)
    return ratio + math.sqrt(ratio * (ratio - 1))


def e_value_of_interval(low: float, high: float) -> float:
    """E-value of the limit nearer to 1; 1 where the interval holds 1."""
    if low <= 1 <= high:
        return 1.0
    return e_value(low if low > 1 else high)


def selection_bound(rr_uy_1: float, rr_su_1: float, rr_uy_0: float, rr_su_0: float) -> float:
    """Largest bias of a risk ratio through selection: product of RR_UY RR_SU / (RR_UY + RR_SU - 1).

    rr_uy_*: unmeasured cause and outcome, among the exposed (1) and the others (0); rr_su_*:
    selection and the cause. Source: Smith and VanderWeele 2019; e.g. (2, 1.5, 2, 1.5) -> 1.44.
    """
    bound = 1.0
    for uy, su in ((rr_uy_1, rr_su_1), (rr_uy_0, rr_su_0)):
        bound *= uy * su / (uy + su - 1)
    return bound


def selection_e_value(risk_ratio: float) -> float:
    """Smallest value all four parameters of the selection bound must reach: s + sqrt(s (s - 1)).

    s = sqrt(RR). E.g. RR 2 -> 2.180. Source: Smith and VanderWeele 2019.
    """
    s = math.sqrt(_at_least_one(risk_ratio))
    return s + math.sqrt(s * (s - 1))


def risk_ratio_of(odds_ratio: float, outcome_share: float) -> float:
    """Risk ratio that an odds ratio stands for: itself below 15 % of outcomes, else its root."""
    return odds_ratio if outcome_share < 0.15 else math.sqrt(odds_ratio)


def _at_least_one(ratio: float) -> float:
    if not ratio > 0:
        raise ValueError("a ratio must be positive")
    return ratio if ratio >= 1 else 1 / ratio


@dataclass(frozen=True)
class OddsRatio:
    """Odds ratio of an outcome for an exposure, with its 95 % interval."""

    n: int
    n_cases: int
    odds_ratio: float
    lo: float
    hi: float


def odds_ratio(exposed: Flags, outcome: Flags, weights: Floats | None = None) -> OddsRatio | None:
    """Unadjusted odds ratio; with weights, the interval is the sandwich's. None if undefined."""
    cells = [int((exposed == e)[outcome == o].sum()) for e in (False, True) for o in (False, True)]
    if min(cells) == 0:
        return None
    fit = fit_logistic(Columns(exposed[:, None].astype(np.float64)), outcome, weights)
    b, s = float(fit.coefficients[1]), float(math.sqrt(fit.covariance[1, 1]))
    return OddsRatio(len(outcome), int(outcome.sum()), math.exp(b),
                     math.exp(b - Z95 * s), math.exp(b + Z95 * s))  # fmt: skip
