"""Split-conformal intervals: how wide the model's own standard deviation must be made.

Raw intervals of the decay model cover 82 % where they promise 90. On persons kept aside for
calibration (never those of the fit) the ratio |error| / sd is collected per concept and per gap
to the nearest neighbour; its quantile at the level makes the interval (Lei et al. 2018,
split conformal with a scaled residual, here within groups of gaps).

Cells are hidden in several ways, and a gap of one length is not the same in each: a first value
hidden alone is harder than one hidden with all that followed. Each way counts alike within a gap
bin, whatever its number of cells (weighted quantiles, Tibshirani et al. 2019).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biobraid.imputation.panel import Predicted
from biobraid.imputation.series import FAR_DAYS

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
BIN_CELLS = 500  # a gap bin with fewer cells joins the one below
OWN_CELLS = 200  # a concept's gap bin with fewer cells borrows from the concept and from the bin
_FEW = 30
_MOST_WEIGHT = 3.0  # of a cell of a way of hiding that is rare in its gap bin
_SMALLEST = 1e-12


@dataclass(frozen=True)
class Scored:
    """Cells of one concept whose truth is known.

    truth: scores; mask: number of the way in which each cell was hidden.
    """

    concept: int
    truth: Floats
    predicted: Predicted
    mask: Ints


@dataclass(frozen=True)
class Calibration:
    """Factors for the standard deviation, by concept and gap bin, for one level.

    edges: inner edges of the gap bins in days; the last bin holds cells without a neighbour.
    scale: (n concepts x n bins), in the order of `concepts`; n: cells each rests on.
    """

    level: float
    concepts: tuple[int, ...]
    edges: Floats
    scale: Floats
    n: Ints

    def half_width(self, concept: int, predicted: Predicted) -> Floats:
        """Half width of the interval on the score scale."""
        at = gap_bins(self.edges, predicted.gap_days)
        if concept in self.concepts:
            scale = self.scale[self.concepts.index(concept)][at]
        else:
            scale = np.median(self.scale, axis=0)[at]
        half: Floats = scale * np.sqrt(predicted.variance)
        return half


def gap_bins(edges: Floats, gap_days: Floats) -> Ints:
    """Number of the gap bin of each cell; len(edges) + 1 where there is no neighbour."""
    at = np.searchsorted(edges, gap_days, "left")
    found: Ints = np.where(gap_days >= FAR_DAYS, len(edges) + 1, at).astype(np.int64)
    return found


def calibrate(cells: Iterable[Scored], level: float = 0.9) -> Calibration:
    """Factors from cells of calibration persons. Raises ValueError if there are none."""
    given = [c for c in cells if len(c.truth)]
    if not given:
        raise ValueError("calibration needs at least one cell")
    gaps = np.concatenate([c.predicted.gap_days for c in given])
    edges = _doubling_edges(gaps[gaps < FAR_DAYS])
    n_bins = len(edges) + 2
    ratios = [np.abs(c.truth - c.predicted.score) / np.sqrt(c.predicted.variance) for c in given]
    bins = [gap_bins(edges, c.predicted.gap_days) for c in given]
    weights = _weights([c.mask for c in given], bins, n_bins)
    overall = _quantile(np.concatenate(ratios), np.concatenate(weights), level)
    wholes = [
        _quantile(ratio, weight, level) if len(ratio) >= _FEW else overall
        for ratio, weight in zip(ratios, weights, strict=True)
    ]
    of_bin = [_factor(ratios, weights, bins, wholes, b, level) for b in range(n_bins)]
    scale, n = np.empty((len(given), n_bins)), np.zeros((len(given), n_bins), np.int64)
    for row, (ratio, weight, at, whole) in enumerate(
        zip(ratios, weights, bins, wholes, strict=True)
    ):
        for b in range(n_bins):
            own, own_weight = ratio[at == b], weight[at == b]
            n[row, b] = len(own)
            borrowed = whole * of_bin[b]
            share = min(len(own) / OWN_CELLS, 1.0) if len(own) >= _FEW else 0.0
            mine = _quantile(own, own_weight, level) if len(own) else borrowed
            scale[row, b] = share * mine + (1 - share) * borrowed
    return Calibration(level, tuple(c.concept for c in given), edges, scale, n)


def _doubling_edges(gaps: Floats) -> Floats:
    """Inner edges that double from the smallest gap on; bins of few cells are joined.

    Doubling, not quantiles: most gaps are short, and an interval must hold for long ones too.
    """
    edges: list[float] = []
    if not len(gaps):
        return np.empty(0)
    edge, below = float(gaps.min()) * (1 + 1e-9), 0
    longest = float(gaps.max())
    while 0 < edge < longest:
        n_below = int((gaps <= edge).sum())
        if n_below - below >= BIN_CELLS and len(gaps) - n_below >= BIN_CELLS:
            edges.append(edge)
            below = n_below
        edge *= 2
    return np.array(edges)


def _weights(masks: list[Ints], bins: list[Ints], n_bins: int) -> list[Floats]:
    """Weights that make every mask count alike within a gap bin, over all concepts; mean about 1."""
    n_masks = max(int(m.max()) for m in masks) + 1
    count = np.zeros((n_bins, n_masks))
    for mask, at in zip(masks, bins, strict=True):
        np.add.at(count, (at, mask), 1)
    of_bin = count.sum(axis=1, keepdims=True)
    n_seen = np.maximum((count > 0).sum(axis=1, keepdims=True), 1)
    even = np.minimum(of_bin / n_seen / np.maximum(count, 1), _MOST_WEIGHT)
    return [even[at, mask] for mask, at in zip(masks, bins, strict=True)]


def _factor(
    ratios: list[Floats],
    weights: list[Floats],
    bins: list[Ints],
    wholes: list[float],
    b: int,
    level: float,
) -> float:
    """How much wider intervals of a gap bin must be than those of the same concept in general.

    The median over concepts, not a pool of cells: long gaps belong to few concepts, and one that
    hardly ever changes (weight: its factor is a hundred) would rule the pool.
    """
    found = [
        _quantile(ratio[at == b], weight[at == b], level) / max(whole, _SMALLEST)
        for ratio, weight, at, whole in zip(ratios, weights, bins, wholes, strict=True)
        if (at == b).sum() >= _FEW
    ]
    return float(np.median(found)) if found else 1.0


def _quantile(ratio: Floats, weight: Floats, level: float) -> float:
    """The conformal quantile; with equal weights the ceil((n + 1) * level)-th smallest."""
    order = np.argsort(ratio)
    below = np.cumsum(weight[order])
    reached = level * (below[-1] + weight.mean()) * (1 - 1e-12)
    place = min(int(np.searchsorted(below, reached)), len(ratio) - 1)
    return float(ratio[order[place]])
