"""Pooling an estimate over m imputed data sets: Rubin's rules with Barnard-Rubin degrees of freedom."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student


@dataclass(frozen=True)
class Pooled:
    """A pooled estimate with its interval.

    within, between: variances; relative_increase (r) and missing_share (lambda) of the total
    variance that is due to missing values; fmi: fraction of missing information.
    """

    estimate: float
    standard_error: float
    degrees_of_freedom: float
    lower: float
    upper: float
    within: float
    between: float
    relative_increase: float
    missing_share: float
    fmi: float


def pool(
    estimates: Sequence[float],
    variances: Sequence[float],
    *,
    complete_df: float = math.inf,
    level: float = 0.95,
) -> Pooled:
    """Pool m >= 2 estimates and their squared standard errors.

    complete_df: degrees of freedom the analysis would have without missing values.
    Raises ValueError for fewer than two estimates, unequal lengths or a negative variance.
    Source: Rubin 1987, ch. 3; degrees of freedom: Barnard and Rubin 1999, eq. 3.
    """
    m = len(estimates)
    if m < 2 or m != len(variances):
        raise ValueError("pooling needs at least two estimates, each with a variance")
    if min(variances) < 0:
        raise ValueError("a variance is negative")
    estimate, within = float(np.mean(estimates)), float(np.mean(variances))
    between = float(np.var(estimates, ddof=1))
    added = (1 + 1 / m) * between
    total = within + added
    share = added / total if total > 0 else 0.0
    large_df = (m - 1) / share**2 if share > 0 else math.inf
    df = _barnard_rubin(large_df, share, complete_df)
    increase = added / within if within > 0 else math.inf
    fmi = share if math.isinf(large_df) else (increase + 2 / (large_df + 3)) / (increase + 1)
    if math.isinf(increase):
        fmi = 1.0
    error = math.sqrt(total)
    half = error * float(student.ppf(0.5 + level / 2, df))
    return Pooled(
        estimate, error, df, estimate - half, estimate + half, within, between, increase, share, fmi
    )


def _barnard_rubin(large_df: float, share: float, complete_df: float) -> float:
    if math.isinf(complete_df):
        return large_df
    observed_df = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
    if math.isinf(large_df):
        return observed_df
    if observed_df == 0:  # everything is missing information
        return 1e-9
    return 1 / (1 / large_df + 1 / observed_df)
