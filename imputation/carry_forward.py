"""Simple methods that every other one is compared with, and falls back to.

Carry-forward takes the last value of the same follow-up, never a later one, and only so long as
the concept's limit allows (`max_age_days`). Past the limit a cell stays empty.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from biobraid.imputation.decay import Filled
from biobraid.imputation.panel import Cells, DecayModel
from biobraid.imputation.series import FAR_DAYS, Before, Series, after, before

Floats = npt.NDArray[np.float64]
Simple = Literal["mean", "covariate_mean", "locf", "linear"]


def carry_forward(visible: Cells, targets: Cells, max_age_days: float | None = None) -> Filled:
    """The last visible value strictly before each target; NaN where none is young enough."""
    earlier = _earlier(visible, targets)
    limit = FAR_DAYS if max_age_days is None else max_age_days + 1e-9
    is_known = (earlier.n > 0) & (earlier.last_days <= limit)
    value = np.where(is_known, earlier.last, np.nan)
    return _plain(targets, value, earlier.last_days, earlier.n, is_known.astype(np.float64))


def carry_forward_all(
    visible: Mapping[int, Cells],
    targets: Mapping[int, Cells],
    max_age_days: Mapping[int, float] | None = None,
) -> dict[int, Filled]:
    """Carry-forward of every concept of the targets, each within its own limit."""
    limits = max_age_days or {}
    empty = Cells(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    return {
        concept: carry_forward(visible.get(concept, empty), cells, limits.get(concept))
        for concept, cells in sorted(targets.items())
    }


def fill_simply(
    method: Simple, model: DecayModel, visible: Mapping[int, Cells], targets: Mapping[int, Cells]
) -> dict[int, Filled]:
    """Mean, mean given covariates, last value or line between neighbours, by concept.

    What a method cannot know (nothing before, no neighbour) is the concept's training mean, so
    that methods are compared on the same cells.
    """
    empty = Cells(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    filled = {}
    for concept, cells in sorted(targets.items()):
        if concept in model.concepts and len(cells):
            seen = visible.get(concept, empty)
            filled[concept] = _fill_one(method, model, concept, seen, cells)
    return filled


def _fill_one(
    method: Simple, model: DecayModel, concept: int, visible: Cells, targets: Cells
) -> Filled:
    known = model.concepts[concept]
    earlier = _earlier(visible, targets)
    mean = np.full(len(targets), known.marginal.mean)
    if method == "mean":
        return _plain(targets, mean, earlier.last_days, earlier.n, np.zeros(len(targets)))
    if method == "covariate_mean":
        value = known.marginal.to_values(model.covariates[targets.group] @ known.beta)
        return _plain(targets, value, earlier.last_days, earlier.n, np.zeros(len(targets)))
    last = np.where(earlier.n > 0, earlier.last, mean)
    if method == "locf":
        weight = (earlier.n > 0).astype(np.float64)
        return _plain(targets, last, earlier.last_days, earlier.n, weight)
    later = after(
        Series(visible.group, visible.minute, visible.value), targets.group, targets.minute
    )
    gap = np.minimum(earlier.last_days, later.last_days)
    share = later.last_days / np.maximum(earlier.last_days + later.last_days, 1e-9)
    between = share * earlier.last + (1 - share) * later.last
    one_side = np.where(later.n > 0, later.last, mean)
    value = np.where((earlier.n > 0) & (later.n > 0), between,
                     np.where(earlier.n > 0, earlier.last, one_side))  # fmt: skip
    return _plain(targets, value, gap, earlier.n, (gap < FAR_DAYS).astype(np.float64))


def _earlier(visible: Cells, targets: Cells) -> Before:
    series = Series(visible.group, visible.minute, visible.value)
    return before(series, targets.group, targets.minute)


def _plain(cells: Cells, value: Floats, gap: Floats, n_prior: Floats, weight: Floats) -> Filled:
    """Filled without intervals."""
    unknown = np.full(len(cells), np.nan)
    return Filled(cells, value, unknown, unknown, unknown, gap, n_prior, weight)
