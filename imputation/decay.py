"""Learned decay as a method: fitted, optionally with the cross-concept step, and calibrated.

The parts: `panel` (fit and predict concept by concept), `cross` (what other concepts of the same
instant say), `adjustment` (what both leave) and `conformal` (how wide the intervals must be). Fitted on training persons only;
calibrated on persons kept aside; applied to anyone without refitting.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from biobraid.imputation.adjustment import (
    Adjustment,
    fit_adjustment,
    predict_plainly,
    sample_splits,
)
from biobraid.imputation.conformal import Calibration, Scored, calibrate
from biobraid.imputation.cross import Cross, fit_cross
from biobraid.imputation.masks import Split
from biobraid.imputation.panel import (
    Cells,
    DecayModel,
    Direction,
    Panel,
    Predicted,
)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Filled:
    """Imputed cells of one concept, in the concept's own unit, one element per target.

    lower and upper end the interval; NaN where a method gives none. sd is that of a normal
    distribution with an interval as wide, weight what the nearest neighbour counted for (0 to 1). gap_days: to the nearest
    neighbour used, FAR_DAYS where there was none. n_prior: observations before the target.
    """

    cells: Cells
    value: Floats
    lower: Floats
    upper: Floats
    sd: Floats
    gap_days: Floats
    n_prior: Floats
    weight: Floats


@dataclass(frozen=True)
class DecayMethod:
    """A fitted decay that looks one way, with or without the cross-concept step."""

    model: DecayModel
    direction: Direction
    adjustment: Adjustment
    cross: Cross | None = None
    calibration: Calibration | None = None

    @property
    def name(self) -> str:
        """past, past_cross, both or both_cross."""
        return self.direction + ("_cross" if self.cross else "")

    def predict(self, visible: Panel, targets: Panel) -> dict[int, tuple[Cells, Predicted]]:
        """Predictions on the score scale, by concept; concepts without a model are left out."""
        plain = predict_plainly(self.model, visible, targets, self.direction, self.cross)
        return {
            concept: (
                cells,
                self.adjustment.apply(
                    concept, self.model.concepts[concept].fitted.decay, predicted, told
                ),
            )
            for concept, cells, predicted, told in plain
        }

    def fill(self, visible: Panel, targets: Panel) -> dict[int, Filled]:
        """Imputed values with intervals of the calibrated level (raw 90 % without calibration)."""
        return {
            concept: self.to_values(concept, cells, predicted)
            for concept, (cells, predicted) in self.predict(visible, targets).items()
        }

    def to_values(self, concept: int, cells: Cells, predicted: Predicted) -> Filled:
        """Predictions of one concept on its own scale."""
        model = self.model.concepts[concept]
        marginal, sd = model.marginal, np.sqrt(predicted.variance)
        level = self.calibration.level if self.calibration else 0.9
        normal_half = float(ndtri(0.5 + level / 2))
        if self.calibration is None:
            half = normal_half * sd
        else:
            half = self.calibration.half_width(concept, predicted)
        lower = marginal.to_values(predicted.score - half)
        upper = marginal.to_values(predicted.score + half)
        return Filled(
            cells,
            marginal.to_values(predicted.score),
            lower,
            upper,
            (upper - lower) / (2 * normal_half),
            predicted.gap_days,
            predicted.n_prior,
            model.fitted.decay.weight(predicted.gap_days),
        )


def decay_method(
    model: DecayModel,
    training: Panel,
    direction: Direction,
    *,
    with_cross: bool,
    masked: Sequence[Split] = (),
) -> DecayMethod:
    """The method of a direction, fitted on training cells.

    masked: (visible, hidden) panels of training persons with gaps as long as those to be filled;
    without them the adjustment knows only gaps between consecutive values.
    """
    cross = fit_cross(model, training, direction) if with_cross else None
    every = dict(training)
    samples = sample_splits(model, [(every, every), *masked], direction, cross)
    return DecayMethod(model, direction, fit_adjustment(model, samples), cross)


def decay_methods(
    model: DecayModel,
    training: Panel,
    directions: Iterable[Direction],
    *,
    with_cross: bool,
    masked: Sequence[Split] = (),
) -> list[DecayMethod]:
    """The plain method of each direction and, if asked for, the one with the cross step."""
    steps = (False, True) if with_cross else (False,)
    return [
        decay_method(model, training, direction, with_cross=step, masked=masked)
        for direction in directions
        for step in steps
    ]


def with_calibration(
    method: DecayMethod, masked: Iterable[Split], level: float = 0.9
) -> DecayMethod:
    """The method with intervals that hold on hidden cells of persons kept aside.

    masked: (visible, hidden) panels of these persons, best of several kinds of masks, so that
    short and long gaps are both there.
    """
    scored: dict[int, list[tuple[Floats, Predicted, int]]] = {}
    for mask, (visible, hidden) in enumerate(masked):
        for concept, (cells, predicted) in method.predict(visible, hidden).items():
            truth = method.model.concepts[concept].marginal.to_scores(cells.value)
            scored.setdefault(concept, []).append((truth, predicted, mask))
    given = [
        Scored(
            concept,
            np.concatenate([t for t, _, _ in parts]),
            _joined([p for _, p, _ in parts]),
            np.concatenate([np.full(len(t), mask) for t, _, mask in parts]),
        )
        for concept, parts in sorted(scored.items())
    ]
    return replace(method, calibration=calibrate(given, level))


def _joined(parts: list[Predicted]) -> Predicted:
    return Predicted(
        np.concatenate([p.score for p in parts]),
        np.concatenate([p.variance for p in parts]),
        np.concatenate([p.gap_days for p in parts]),
        np.concatenate([p.n_prior for p in parts]),
    )
