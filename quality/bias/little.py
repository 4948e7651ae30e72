"""Little's test whether values are missing completely at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import chi2

from biobraid.quality.bias.frame import Floats
from biobraid.quality.bias.threads import one_blas_thread


@dataclass(frozen=True)
class Little:
    """d squared, its degrees of freedom and p: printed, never judged by p."""

    n: int
    n_variables: int
    n_patterns: int
    d2: float
    df: int
    p: float
    converged: bool


def little_test(
    values: Floats, max_iterations: int = 500, tolerance: float = 1e-7
) -> Little | None:
    """Little 1988 on person x variable numbers, nan where missing; normal model by EM.

    People without any value are left out. None with fewer than two patterns or variables.
    """
    x = values[np.isfinite(values).any(axis=1)]
    x = x[:, np.isfinite(x).any(axis=0)]
    if x.shape[1] < 2 or len(x) < x.shape[1] + 2:
        return None
    scale = np.nanstd(x, axis=0)
    x = (x - np.nanmean(x, axis=0)) / np.where(scale > 0, scale, 1.0)
    seen = np.isfinite(x)
    patterns, pattern_of = np.unique(seen, axis=0, return_inverse=True)
    if len(patterns) < 2:
        return None
    groups = [(patterns[k], x[pattern_of == k]) for k in range(len(patterns))]
    with one_blas_thread():
        mean, covariance, converged = _em(groups, x.shape[1], max_iterations, tolerance)
        d2, df = 0.0, -x.shape[1]
        for known, rows in groups:
            gap = rows[:, known].mean(axis=0) - mean[known]
            inside = covariance[np.ix_(known, known)]
            d2 += len(rows) * float(gap @ np.linalg.solve(inside, gap))
            df += int(known.sum())
    p = float(chi2.sf(d2, df)) if df > 0 else float("nan")
    return Little(len(x), x.shape[1], len(patterns), d2, df, p, converged)


def _em(
    groups: list[tuple[np.ndarray, Floats]], p: int, max_iterations: int, tolerance: float
) -> tuple[Floats, Floats, bool]:
    """Mean and covariance of a normal with gaps; the covariance divides by n."""
    n = sum(len(rows) for _, rows in groups)
    mean, covariance = np.zeros(p), np.eye(p)
    for _ in range(max_iterations):
        total, products = np.zeros(p), np.zeros((p, p))
        for known, rows in groups:
            gone = ~known
            full = np.empty((len(rows), p))
            full[:, known] = rows[:, known]
            if gone.any():
                slope = np.linalg.solve(
                    covariance[np.ix_(known, known)], covariance[np.ix_(known, gone)]
                )
                full[:, gone] = mean[gone] + (rows[:, known] - mean[known]) @ slope
                rest = covariance[np.ix_(gone, gone)] - covariance[np.ix_(gone, known)] @ slope
                products[np.ix_(gone, gone)] += len(rows) * rest
            total += full.sum(axis=0)
            products += full.T @ full
        new_mean = total / n
        new_covariance = products / n - np.outer(new_mean, new_mean)
        moved = max(np.abs(new_mean - mean).max(), np.abs(new_covariance - covariance).max())
        mean, covariance = new_mean, new_covariance
        if moved < tolerance:
            return mean, covariance, True
    return mean, covariance, False
