"""Fitting the decay of every concept, rare ones with a prior from the common ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from threadpoolctl import threadpool_limits

from biobraid.imputation.decay_model import BOUNDS, START, Decay, negative_log_likelihood
from biobraid.imputation.series import Before

Floats = npt.NDArray[np.float64]
MIN_PAIRS = 2_000  # below, the median of the common concepts serves as a prior
PRIOR_PAIRS = 30.0  # weight of that prior, in pairs
_PRIOR_SD = np.array([0.5, 2.0, 1.0, 1.0, 1.5, 0.2])
_MOST_STEPS = 60
_FIRST_PAIRS = 2_000  # the way to the optimum is walked on so many pairs, the end on all
_LAST_STEPS = 12
SLOWEST = 1e-3  # least loss in the logarithm of g over a concept's median gap


@dataclass(frozen=True)
class Pairs:
    """Training pairs of one concept: a score, what was known before it, its mean."""

    score: Floats
    known: Before
    mean: Floats

    def __len__(self) -> int:
        return len(self.score)

    def every(self, step: int) -> Pairs:
        """Every step-th pair."""
        return Pairs(self.score[::step], self.known.every(step), self.mean[::step])


@dataclass(frozen=True)
class FittedDecay:
    """A concept's decay, and what it rests on."""

    decay: Decay
    n_pairs: int
    prior_used: bool


def fit_all(pairs: Mapping[int, Pairs]) -> dict[int, FittedDecay]:
    """Decay of every concept, by concept.

    Concepts with at least MIN_PAIRS are fitted alone; the others are drawn to the median of
    these, with the weight of PRIOR_PAIRS pairs. A concept without pairs gets the prior itself.
    """
    fitted = {}
    # Six parameters leave a BLAS thread nothing to do but spin: twelve times the CPU seconds.
    with threadpool_limits(1, "blas"):
        common = {c: _fit(p, START, None) for c, p in sorted(pairs.items()) if len(p) >= MIN_PAIRS}
        prior = np.median(list(common.values()), axis=0) if common else START
        for concept, given in sorted(pairs.items()):
            is_rare = concept not in common
            theta = _fit(given, prior, prior) if is_rare else common[concept]
            fitted[concept] = FittedDecay(Decay.from_vector(theta), len(given), is_rare)
    return fitted


def _fit(pairs: Pairs, start: Floats, prior: Floats | None) -> Floats:
    if not len(pairs):
        return start
    if len(pairs) <= 2 * _FIRST_PAIRS:
        return _minimise(pairs, start, prior, _MOST_STEPS)
    every = len(pairs) // _FIRST_PAIRS
    near = _minimise(pairs.every(every), start, prior, _MOST_STEPS)
    return _minimise(pairs, near, prior, _LAST_STEPS)


def _minimise(pairs: Pairs, start: Floats, prior: Floats | None, steps: int) -> Floats:
    def objective(theta: Floats) -> tuple[float, Floats]:
        value, gradient = negative_log_likelihood(theta, pairs.score, pairs.known, pairs.mean)
        if prior is None:
            return value, gradient
        pull = (theta - prior) / _PRIOR_SD**2 * PRIOR_PAIRS / len(pairs)
        return value + 0.5 * float(pull @ (theta - prior)), gradient + pull

    # No value holds for ever: a decay of exactly 0 would make intervals of no width.
    slowest = SLOWEST / max(float(np.median(pairs.known.last_days)), 1e-9)
    bounds = [BOUNDS[0], (min(slowest, BOUNDS[1][1]), BOUNDS[1][1]), *BOUNDS[2:]]
    # Bounds matter: without them w or b runs away on piecewise-constant variables such as weight.
    found = minimize(
        objective, start, jac=True, method="L-BFGS-B", bounds=bounds,
        options={"maxiter": steps, "ftol": 1e-7},
    )  # fmt: skip
    theta: Floats = np.asarray(found.x, dtype=np.float64)
    return theta
