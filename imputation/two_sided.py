"""Two-sided decay: the best linear predictor from the two observations before and the two after.

Under the kernel that the fitted decay stands for, corr(days) = exp(-(b + w * days)) between two
observations (an Ornstein-Uhlenbeck process with a nugget), the weights are the solution of a
4 x 4 system for each cell. Two neighbours a side beat one by 2-3 % in MAE on PhysioNet 2012: the
nugget means that a single neighbour is noisy. Looks ahead: cells are flagged uses_future.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from biobraid.imputation.decay_model import Decay
from biobraid.imputation.series import FAR_DAYS, Before

Floats = npt.NDArray[np.float64]
_BLOCK = 200_000
_RIDGE = 1e-3


def predict_both(
    decay: Decay, earlier: Before, later: Before, mean: Floats
) -> tuple[Floats, Floats]:
    """Predicted scores and variances; a cell without any neighbour gets the mean."""
    n = len(mean)
    prediction, variance = np.empty(n), np.empty(n)
    for start in range(0, n, _BLOCK):
        part = slice(start, start + _BLOCK)
        prediction[part], variance[part] = _block(
            decay, earlier.take(part), later.take(part), mean[part]
        )
    return prediction, variance


def _block(decay: Decay, earlier: Before, later: Before, mean: Floats) -> tuple[Floats, Floats]:
    n = earlier.n + later.n
    own = (earlier.n * earlier.mean + later.n * later.mean) / np.maximum(n, 1)
    base = mean + n / (n + decay.kappa) * (own - mean)
    days = np.stack(
        [-earlier.previous_days, -earlier.last_days, later.last_days, later.previous_days], axis=1
    )
    has = np.abs(days) < FAR_DAYS
    scores = np.stack([earlier.previous, earlier.last, later.last, later.previous], axis=1)
    deviation = np.where(has, scores - base[:, None], 0.0)
    share = np.exp(-decay.b)
    to_target = np.where(has, share * np.exp(-decay.w * np.abs(days)), 0.0)
    between = share * np.exp(-decay.w * np.abs(days[:, :, None] - days[:, None, :]))
    between = np.where(has[:, :, None] & has[:, None, :], between, 0.0)
    diagonal = np.arange(4)
    between[:, diagonal, diagonal] = 1 + _RIDGE
    weights = np.linalg.solve(between, to_target[:, :, None])[:, :, 0]
    explained = np.minimum((weights * to_target).sum(axis=1), 1 - _RIDGE)
    return base + (weights * deviation).sum(axis=1), decay.s2 * (1 - explained) + decay.q
