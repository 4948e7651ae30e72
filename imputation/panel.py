"""Observations of many concepts on the same groups, and predictions at chosen cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from biobraid.imputation.decay_fit import FittedDecay, Pairs, fit_all
from biobraid.imputation.decay_model import predict_past
from biobraid.imputation.marginal import Marginal, fit_marginal
from biobraid.imputation.series import FAR_DAYS, Before, Series, after, before
from biobraid.imputation.two_sided import predict_both

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
Direction = Literal["past", "both"]
_MOST_WEIGHT = 10.0  # a group with many values counts at most as ten of one
_RIDGE = 10.0


@dataclass(frozen=True)
class Cells:
    """Cells of one concept, sorted by group and minute; value is NaN where it is not known."""

    group: Ints
    minute: Ints
    value: Floats

    def __len__(self) -> int:
        return len(self.group)

    def take(self, chosen: Bools | Ints) -> Cells:
        """Some of the cells, in the same order."""
        return Cells(self.group[chosen], self.minute[chosen], self.value[chosen])


Panel = Mapping[int, Cells]  # by concept


@dataclass(frozen=True)
class ConceptModel:
    """All that is needed to predict one concept."""

    marginal: Marginal
    beta: Floats  # of the covariates, on the score scale
    fitted: FittedDecay


@dataclass(frozen=True)
class Around:
    """What stands around the cells that were predicted; later is None where it was not looked at."""

    earlier: Before
    later: Before | None = None


@dataclass(frozen=True)
class Predicted:
    """Predictions of cells of one concept, on the score scale.

    gap_days: to the last neighbour, or, where later ones count too, the harmonic mean of the
    distances to both sides (twice the distance where there is one side only): a cell an hour
    after the last value is easier if the next one is an hour away than if it is a day away.
    FAR_DAYS where there is no neighbour. around: what the prediction was made from, kept until
    the prediction has been adjusted.
    """

    score: Floats
    variance: Floats
    gap_days: Floats
    n_prior: Floats
    around: Around | None = field(default=None, repr=False)


@dataclass(frozen=True)
class DecayModel:
    """Models of all concepts; covariates is a matrix with a row per group, an intercept first."""

    concepts: Mapping[int, ConceptModel]
    covariates: Floats = field(repr=False)

    def series(self, concept: int, cells: Cells) -> Series:
        """The cells as scores."""
        scores = self.concepts[concept].marginal.to_scores(cells.value)
        return Series(cells.group, cells.minute, scores)

    def predict(
        self, concept: int, visible: Cells, targets: Cells, direction: Direction
    ) -> Predicted:
        """Each target from the visible cells of its own group, never from the one at its instant."""
        model = self.concepts[concept]
        series = self.series(concept, visible)
        mean = self.covariates[targets.group] @ model.beta
        earlier = before(series, targets.group, targets.minute)
        decay = model.fitted.decay
        if direction == "past":
            score, variance = predict_past(decay, earlier, mean)
            return Predicted(score, variance, earlier.last_days, earlier.n, Around(earlier))
        later = after(series, targets.group, targets.minute)
        score, variance = predict_both(decay, earlier, later, mean)
        gap = _two_sided_gap(earlier.last_days, later.last_days)
        return Predicted(score, variance, gap, earlier.n, Around(earlier, later))


def _two_sided_gap(earlier: Floats, later: Floats) -> Floats:
    nearest, other = np.minimum(earlier, later), np.maximum(earlier, later)
    mean: Floats = np.where(nearest < FAR_DAYS, 2 / (1 / nearest + 1 / other), FAR_DAYS)
    return mean


def fit_panel(panel: Panel, covariates: Floats, *, cap: int = 20_000, seed: int = 0) -> DecayModel:
    """Fit every concept on training cells; groups beyond `cap` pairs are sampled whole.

    covariates: a row per group, the first column all ones, no missing.
    """
    prepared = {
        concept: prepare(cells, covariates, cap=cap, seed=seed + concept)
        for concept, cells in panel.items()
        if len(cells)
    }
    fitted = fit_all({concept: pairs for concept, (_, _, pairs) in prepared.items()})
    return DecayModel(
        {
            concept: ConceptModel(marginal, beta, fitted[concept])
            for concept, (marginal, beta, _) in prepared.items()
        },
        covariates,
    )


def prepare(
    cells: Cells, covariates: Floats, *, cap: int, seed: int
) -> tuple[Marginal, Floats, Pairs]:
    """Marginal, covariate weights and training pairs of one concept."""
    marginal = fit_marginal(cells.value)
    sample = _sample_groups(cells, cap, seed)
    series = Series(sample.group, sample.minute, marginal.to_scores(sample.value))
    beta = _fit_mean(series, covariates)
    known = before(series, sample.group, sample.minute)
    chosen = np.flatnonzero(known.n > 0)
    pairs = Pairs(
        series.score[chosen],
        known.take(chosen),
        (covariates[sample.group] @ beta)[chosen],
    )
    return marginal, beta, pairs


def _sample_groups(cells: Cells, cap: int, seed: int) -> Cells:
    """Whole groups at random, so many that about `cap` pairs remain."""
    groups = np.unique(cells.group)
    n_pairs = len(cells) - len(groups)
    if n_pairs <= cap:
        return cells
    n_kept = max(1, round(len(groups) * cap / n_pairs))
    kept = np.random.default_rng(seed).choice(groups, n_kept, replace=False)
    return cells.take(np.isin(cells.group, kept))


def _fit_mean(series: Series, covariates: Floats) -> Floats:
    """Ridge of the groups' mean scores on the covariates; the intercept is not shrunk."""
    groups, at, n = np.unique(series.group, return_inverse=True, return_counts=True)
    mean = (np.bincount(at, weights=series.score) / n).astype(np.float64)
    x, weight = covariates[groups], np.minimum(n, _MOST_WEIGHT).astype(np.float64)
    penalty = _RIDGE * np.eye(x.shape[1])
    penalty[0, 0] = 1e-9
    found = np.linalg.solve(x.T @ (x * weight[:, None]) + penalty, x.T @ (weight * mean))
    return found.astype(np.float64)


def predicted_cells(
    model: DecayModel, visible: Panel, targets: Panel, direction: Direction
) -> Iterator[tuple[int, Cells, Predicted]]:
    """Predictions concept by concept; a concept the model does not know gives none."""
    empty = Cells(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    for concept, cells in sorted(targets.items()):
        if concept in model.concepts and len(cells):
            seen = visible.get(concept, empty)
            yield concept, cells, model.predict(concept, seen, cells, direction)
