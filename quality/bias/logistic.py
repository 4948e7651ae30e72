"""Logistic regression by Newton's method, and the area under the ROC curve."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.design import Design
from biobraid.quality.bias.frame import Flags, Floats

TOLERANCE = 1e-6
LARGEST = 12.0  # e^12: where nobody, or everybody, of a level has it


@dataclass(frozen=True)
class Fit:
    """Coefficients (the intercept first), their covariance, and each person's log odds."""

    coefficients: Floats
    covariance: Floats
    log_odds: Floats
    converged: bool


def fit_logistic(
    design: Design,
    y: Flags,
    weights: Floats | None = None,
    ridge: float = 0.0,
    max_iterations: int = 60,
) -> Fit:
    """Maximum (penalised) likelihood fit of P(y).

    weights: one per person, mean 1; the covariance is then the sandwich of a survey's weights.
    ridge: penalty on every coefficient but the intercept, which keeps them finite.
    The information is renewed only while steps are long: it costs fifty times a gradient.
    """
    w = np.ones(design.n) if weights is None else weights
    beta = np.zeros(design.p + 1)
    mean = float(np.average(y, weights=w))
    beta[0] = np.log(mean / (1 - mean)) if 0 < mean < 1 else 0.0
    penalty = np.full(design.p + 1, ridge)
    penalty[0] = 0.0
    inverse: Floats = np.eye(design.p + 1)
    last, converged = float("inf"), False
    score = beta[0] + design.dot(beta[1:])
    for _ in range(max_iterations):
        mu = 1 / (1 + np.exp(-score))
        residual = w * (y - mu)
        gradient = np.append(residual.sum(), design.sums(residual)) - penalty * beta
        if last > 0.05:
            inverse = _inverse(design.information(w * mu * (1 - mu)), penalty)
        step = np.clip(inverse @ gradient, -3, 3)
        moved = np.clip(beta + step, -LARGEST, LARGEST)
        last, beta = float(np.abs(moved - beta).max()), moved
        score = beta[0] + design.dot(beta[1:])
        if last < TOLERANCE:
            converged = True
            break
    mu = 1 / (1 + np.exp(-score))
    covariance = _inverse(design.information(w * mu * (1 - mu)), penalty)
    if weights is not None:
        meat = design.information((w * (y - mu)) ** 2)
        covariance = (covariance @ meat @ covariance).astype(np.float64)
    return Fit(beta, covariance, score, converged)


def _inverse(information: Floats, penalty: Floats) -> Floats:
    # Levels without people make it singular; a trace of ridge leaves them at zero.
    trace = float(np.trace(information)) / len(information)
    firm = information + np.diag(penalty + 1e-9 * max(trace, 1e-12))
    return np.linalg.inv(firm).astype(np.float64)


def auc(score: Floats, y: Flags) -> float | None:
    """Area under the ROC curve by ranks, ties counted half; None with one class only."""
    n_yes = int(y.sum())
    n_no = len(y) - n_yes
    if not n_yes or not n_no:
        return None
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2  # mean rank of ties
    return float((rank[place][y].sum() - n_yes * (n_yes + 1) / 2) / (n_yes * n_no))
