"""A concept's marginal distribution, and the way to and from standard normal scores.

Decay is fitted on normal scores, not on z-scores: laboratory values are skewed and have
outliers, and a linear Gaussian predictor of them is better on a scale on which they are
normal. The way back maps medians to medians, so a prediction stays a typical value.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

Floats = npt.NDArray[np.float64]
N_KNOTS = 201
_TAIL = 1e-3  # scores are cut at this quantile: a tail of one value says nothing of its length


@dataclass(frozen=True)
class Marginal:
    """Knots of a monotone piecewise-linear map; both arrays strictly increase.

    A concept with one value in training has one knot: its score is 0, the way back that value.
    mean and sd (of the values, not the scores) standardise errors in reports.
    """

    values: Floats
    scores: Floats
    mean: float
    sd: float

    def to_scores(self, values: Floats) -> Floats:
        """Normal scores; values beyond the training range take the score of its ends."""
        return np.interp(values, self.values, self.scores)

    def to_values(self, scores: Floats) -> Floats:
        """Values; never outside the training range."""
        return np.interp(scores, self.scores, self.values)


def fit_marginal(values: Floats) -> Marginal:
    """The marginal of a concept's training values (any order, no missing, at least one).

    Ties get the score of the middle of their ranks (van der Waerden scores).
    Raises ValueError if there is no value.
    """
    if not len(values):
        raise ValueError("a marginal needs at least one value")
    ordered = np.sort(values)
    knots = np.unique(np.quantile(ordered, np.linspace(0, 1, N_KNOTS), method="nearest"))
    low = np.searchsorted(ordered, knots, "left")
    high = np.searchsorted(ordered, knots, "right")
    level = (low + high + 1) / 2 / (len(ordered) + 1)
    scores = ndtri(np.clip(level, _TAIL, 1 - _TAIL))
    scores, kept = np.unique(scores, return_index=True)
    sd = float(values.std())
    return Marginal(knots[kept], scores, float(values.mean()), sd if sd > 0 else 1.0)
