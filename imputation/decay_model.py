"""Learned decay of one concept: how much the last value still says after some days.

GRU-D's input decay (Che et al. 2018, eq. 10-11), with the person's own level and a variance:

  base = m + n / (n + kappa) * (prior mean - m)                  m: mean given covariates
  seen = last + smooth * (previous - last)                       noise of a single measurement
  prediction = base + g * (seen - base),  g = exp(-(b + w * days))
  variance   = s2 * (1 - g**2) + q

All on normal scores; Student-t errors with 4 degrees of freedom. w and b predict; they are not
estimates of a half-life (imputation.md, section 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biobraid.imputation.series import FAR_DAYS, Before

Floats = npt.NDArray[np.float64]
DEGREES_OF_FREEDOM = 4.0
BOUNDS = ((0.0, 5.0), (0.0, 72.0), (-4.0, 6.0), (-8.0, 3.0), (-10.0, 2.0), (0.0, 0.5))
START = np.array([0.1, 0.5, 1.0, -0.5, -3.0, 0.1])
_MOST_DAYS = 1e5  # beyond, every decay is complete


@dataclass(frozen=True)
class Decay:
    """Fitted parameters of one concept; w per day, s2 and q in squared normal scores."""

    b: float
    w: float
    kappa: float
    s2: float
    q: float
    smooth: float

    @classmethod
    def from_vector(cls, theta: Floats) -> Decay:
        """From the optimiser's vector, in which kappa, s2 and q are logarithms."""
        b, w, log_kappa, log_s2, log_q, smooth = (float(x) for x in theta)
        return cls(
            b, w, float(np.exp(log_kappa)), float(np.exp(log_s2)), float(np.exp(log_q)), smooth
        )

    def weight(self, days: Floats) -> Floats:
        """What an observation of that age still counts for, 0 to 1; 0 beyond any follow-up."""
        g: Floats = np.where(days < FAR_DAYS, np.exp(-(self.b + self.w * days)), 0.0)
        return g

    def vector(self) -> Floats:
        """The optimiser's vector."""
        logs = np.log([self.kappa, self.s2, self.q])
        return np.array([self.b, self.w, *logs, self.smooth])


def predict_past(decay: Decay, known: Before, mean: Floats) -> tuple[Floats, Floats]:
    """Predicted scores and variances from what was known before; no neighbour: the mean."""
    g, base, seen = _parts(decay.vector(), known, mean)
    return base + g * (seen - base), decay.s2 * (1 - g * g) + decay.q


def _parts(theta: Floats, known: Before, mean: Floats) -> tuple[Floats, Floats, Floats]:
    b, w, log_kappa, _, _, smooth = theta
    days = np.minimum(known.last_days, _MOST_DAYS)
    g = np.exp(-(b + w * days)) * (known.n > 0)
    base = mean + known.n / (known.n + np.exp(log_kappa)) * (known.mean - mean)
    seen = known.last + smooth * (known.n > 1) * (known.previous - known.last)
    return g, base, seen


def negative_log_likelihood(
    theta: Floats, score: Floats, known: Before, mean: Floats
) -> tuple[float, Floats]:
    """Mean over pairs, up to a constant, and its gradient in theta."""
    _, _, log_kappa, log_s2, log_q, _ = theta
    s2, q, kappa = np.exp(log_s2), np.exp(log_q), np.exp(log_kappa)
    g, base, seen = _parts(theta, known, mean)
    error = score - (base + g * (seen - base))
    variance = s2 * (1 - g * g) + q
    nu = DEGREES_OF_FREEDOM
    tail = 1 + error * error / (nu * variance)
    value = 0.5 * np.log(variance) + 0.5 * (nu + 1) * np.log(tail)
    # Derivatives in the prediction and in the variance, then by the chain rule.
    by_prediction = -(nu + 1) * error / (nu * variance * tail)
    by_variance = (0.5 - 0.5 * (nu + 1) * error * error / (nu * variance * tail)) / variance
    by_g = by_prediction * (seen - base) - 2 * s2 * g * by_variance
    days = np.minimum(known.last_days, _MOST_DAYS)
    n = len(score)
    shrink = known.n * kappa / (known.n + kappa) ** 2
    # Sums of products, not `@`: BLAS threads spin longer than such short vectors take.
    gradient = np.array(
        [
            -(by_g * g).sum(),
            -(by_g * g * days).sum(),
            -(by_prediction * (1 - g) * shrink * (known.mean - mean)).sum(),
            s2 * (by_variance * (1 - g * g)).sum(),
            q * by_variance.sum(),
            (by_prediction * g * (known.n > 1) * (known.previous - known.last)).sum(),
        ]
    )
    return float(value.sum() / n), gradient / n
