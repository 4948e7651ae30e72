"""What other concepts, measured at the same instant, say about a missing one.

Residuals of the decay model are standardised by its own variance; those of one instant are
taken for a draw of a normal distribution with one correlation matrix R. The residual of a
missing concept is then its conditional mean given the observed ones, R_co (R_oo + lambda)^-1 u_o:
ridge with the right weights for every pattern of what is observed (a plain ridge with zeros for
what is missing loses 5 % in MAE on PhysioNet 2012, and spoils variables that hardly change).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biobraid.imputation.panel import (
    Cells,
    DecayModel,
    Direction,
    Panel,
    Predicted,
    predicted_cells,
)
from biobraid.imputation.series import keys

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
CUT = 4.0  # residuals beyond so many standard deviations are cut
_SHRINK = 50.0  # pairs of residuals that a correlation of 0 weighs as much as
_RIDGE = 0.02
_SMALLEST_EIGENVALUE = 0.01
_BLOCK = 4_000  # instants at a time


@dataclass(frozen=True)
class Cross:
    """Correlations R of standardised residuals and their standard deviations, in `concepts`' order."""

    concepts: tuple[int, ...]
    correlation: Floats
    spread: Floats
    direction: Direction


@dataclass(frozen=True)
class Residuals:
    """Standardised residuals as (instant, place of the concept, residual), sorted by instant."""

    instant: Ints
    place: Ints
    residual: Floats


def fit_cross(model: DecayModel, training: Panel, direction: Direction) -> Cross:
    """Correlations of the residuals of training cells, each predicted from its neighbours."""
    concepts = tuple(sorted(set(model.concepts) & set(training)))
    found = residuals(model, training, concepts, direction)
    size = len(concepts)
    total, count = np.zeros((size, size)), np.zeros((size, size))
    for _, dense, is_seen in _blocks(found, size, np.unique(found.instant)):
        total += dense.T @ dense
        seen = is_seen.astype(np.float64)
        count += seen.T @ seen
    variance = np.diag(total) / np.maximum(np.diag(count), 1)
    spread = np.sqrt(np.where(variance > 0, variance, 1.0))
    covariance = total / np.maximum(count, 1) * (count / (count + _SHRINK))
    correlation = covariance / np.outer(spread, spread)
    np.fill_diagonal(correlation, 1.0)
    return Cross(concepts, _positive(correlation), spread, direction)


def _positive(correlation: Floats) -> Floats:
    """The nearest matrix (in eigenvalues) with all eigenvalues positive and ones on the diagonal."""
    level, vectors = np.linalg.eigh(correlation)
    fixed = (vectors * np.maximum(level, _SMALLEST_EIGENVALUE)) @ vectors.T
    scale = np.sqrt(np.diag(fixed))
    nearest: Floats = fixed / np.outer(scale, scale)
    return nearest


def residuals(
    model: DecayModel, visible: Panel, concepts: Sequence[int], direction: Direction
) -> Residuals:
    """Standardised residuals of all visible cells of the concepts."""
    place = {concept: n for n, concept in enumerate(concepts)}
    parts: list[tuple[Ints, Ints, Floats]] = []
    chosen = {c: visible[c] for c in concepts if c in visible}
    for concept, cells, predicted in predicted_cells(model, visible, chosen, direction):
        scores = model.concepts[concept].marginal.to_scores(cells.value)
        u = np.clip((scores - predicted.score) / np.sqrt(predicted.variance), -CUT, CUT)
        at = np.full(len(cells), place[concept], np.int64)
        parts.append((keys(cells.group, cells.minute), at, u))
    if not parts:
        return Residuals(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
    instant, at, u = (np.concatenate(x) for x in zip(*parts, strict=True))
    order = np.lexsort((at, instant))
    return Residuals(instant[order], at[order], u[order])


def add_cross(
    model: DecayModel, cross: Cross, visible: Panel, targets: Panel
) -> dict[int, tuple[Cells, Predicted]]:
    """Predictions of the targets, corrected by what else was seen at their instants."""
    seen = residuals(model, visible, cross.concepts, cross.direction)
    plain = list(predicted_cells(model, visible, targets, cross.direction))
    place = {concept: n for n, concept in enumerate(cross.concepts)}
    wanted = [keys(cells.group, cells.minute) for _, cells, _ in plain]
    instants = np.unique(np.concatenate(wanted)) if wanted else np.empty(0, np.int64)
    shift, left = _conditional(cross, seen, instants)
    out = {}
    for (concept, cells, predicted), at in zip(plain, wanted, strict=True):
        if concept in place:
            row = np.searchsorted(instants, at)
            column = place[concept]
            sd = np.sqrt(predicted.variance) * cross.spread[column]
            predicted = Predicted(
                predicted.score + shift[row, column] * sd,
                predicted.variance * np.maximum(left[row, column], 1e-4),
                predicted.gap_days,
                predicted.n_prior,
            )
        out[concept] = (cells, predicted)
    return out


def _conditional(cross: Cross, seen: Residuals, instants: Ints) -> tuple[Floats, Floats]:
    """Conditional mean and share of variance left, for every instant and concept.

    For a concept that was itself seen at the instant the figures mean nothing.
    """
    size = len(cross.concepts)
    shift, left = np.zeros((len(instants), size)), np.ones((len(instants), size))
    eye = np.eye(size)
    for rows, dense, is_seen in _blocks(seen, size, instants):
        u = dense / cross.spread
        both = is_seen[:, :, None] & is_seen[:, None, :]
        system = np.where(both, cross.correlation, 0.0)
        system += eye * np.where(is_seen, _RIDGE, 1.0)[:, :, None]
        inverse = np.linalg.inv(system)
        to_all = np.where(is_seen[:, :, None], cross.correlation, 0.0)  # seen x every concept
        weights = inverse @ to_all
        shift[rows] = np.einsum("is,isc->ic", u * is_seen, weights)
        left[rows] = 1 - np.einsum("isc,isc->ic", to_all, weights)
    return shift, left


def _blocks(
    found: Residuals, size: int, instants: Ints
) -> Iterator[tuple[slice, Floats, npt.NDArray[np.bool_]]]:
    """Dense blocks of residuals: rows of `instants`, a column per concept, 0 where not seen."""
    for start in range(0, len(instants), _BLOCK):
        part = instants[start : start + _BLOCK]
        low = np.searchsorted(found.instant, part[0], "left")
        high = np.searchsorted(found.instant, part[-1], "right")
        instant = found.instant[low:high]
        row = np.minimum(np.searchsorted(part, instant), len(part) - 1)
        is_wanted = part[row] == instant
        dense = np.zeros((len(part), size))
        is_seen = np.zeros(dense.shape, dtype=np.bool_)
        at = (row[is_wanted], found.place[low:high][is_wanted])
        dense[at] = found.residual[low:high][is_wanted]
        is_seen[at] = True
        yield slice(start, start + len(part)), dense, is_seen
