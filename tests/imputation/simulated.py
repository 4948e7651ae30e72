"""Simulated observations whose truth is known: an Ornstein-Uhlenbeck process with a nugget."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from biobraid.imputation.panel import Cells
from biobraid.imputation.series import MINUTES_PER_DAY

Floats = npt.NDArray[np.float64]


def times(n_groups: int, n_each: int, seed: int) -> tuple[npt.NDArray[np.int64], Floats]:
    """Groups and days of irregular observations: gaps from hours to weeks."""
    draw = np.random.default_rng(seed)
    gap = np.round(draw.gamma(0.7, 4.0, (n_groups, n_each)) * MINUTES_PER_DAY) + 1
    days = np.cumsum(gap, axis=1) / MINUTES_PER_DAY
    return np.repeat(np.arange(n_groups), n_each), days.ravel()


def covariance(days: Floats, tau: float, nugget: float) -> Floats:
    """Of a unit OU process seen with noise of variance `nugget`, for one group."""
    return np.exp(-np.abs(days[:, None] - days[None, :]) / tau) + nugget * np.eye(len(days))


def ou(n_groups: int, n_each: int, tau: float, nugget: float, seed: int) -> Cells:
    """Cells of one concept with mean 0; each group is drawn from the exact joint normal."""
    group, days = times(n_groups, n_each, seed)
    draw = np.random.default_rng(seed + 1)
    value = np.concatenate(
        [
            np.linalg.cholesky(covariance(days[group == g], tau, nugget)) @ draw.normal(size=n_each)
            for g in range(n_groups)
        ]
    )
    return Cells(group, np.round(days * MINUTES_PER_DAY).astype(np.int64), value)


def best_past(cells: Cells, tau: float, nugget: float) -> Floats:
    """Prediction of each cell from all earlier ones of its group under the true kernel."""
    found = np.zeros(len(cells))
    for g in np.unique(cells.group):
        at = np.flatnonzero(cells.group == g)
        k = covariance(cells.minute[at] / MINUTES_PER_DAY, tau, nugget)
        for n in range(1, len(at)):
            found[at[n]] = k[n, :n] @ np.linalg.solve(k[:n, :n], cells.value[at[:n]])
    return found


def several(n_groups: int, seed: int) -> dict[int, Cells]:
    """Three concepts on the same instants: 1 and 2 are the same process with noise, 3 is alone."""
    base = ou(n_groups, 8, 20.0, 0.05, seed)
    draw = np.random.default_rng(seed + 2)
    noisy = base.value + 0.2 * draw.normal(size=len(base))
    other = ou(n_groups, 8, 5.0, 0.3, seed)
    kept = draw.random(len(base)) < 0.8
    return {
        1: base,
        2: Cells(base.group, base.minute, noisy).take(kept),
        3: Cells(base.group, base.minute, other.value),
    }


def intercept(n_groups: int) -> Floats:
    """Covariates of persons of whom nothing is known."""
    return np.ones((n_groups, 1))


def part(panel: Mapping[int, Cells], is_in: npt.NDArray[np.bool_]) -> dict[int, Cells]:
    """Cells of some groups."""
    return {c: cells.take(is_in[cells.group]) for c, cells in panel.items()}
