"""The median regression that ends a prediction, and calibration over several ways of hiding."""

from __future__ import annotations

import numpy as np
import pytest

from biobraid.imputation.adjustment import fit_adjustment, sample_pairs, sample_splits
from biobraid.imputation.conformal import Scored, calibrate
from biobraid.imputation.decay import DecayMethod, decay_method
from biobraid.imputation.evaluate import by_gap, by_joined_gap, recover
from biobraid.imputation.masks import hide_at_random, hide_blocks
from biobraid.imputation.panel import Cells, Predicted, fit_panel, prepare
from tests.imputation import simulated

N = 400


def turned_down(seed: int) -> Cells:
    """A setting that starts at 100 and is halved once, at some later instant, with little noise."""
    draw = np.random.default_rng(seed)
    group = np.repeat(np.arange(N), 8)
    hour = np.tile(np.arange(8), N)
    is_high = hour < np.repeat(draw.integers(1, 3, N), 8)
    value = np.where(is_high, 100.0, 50.0) + draw.normal(size=len(group))
    return Cells(group, hour * 60, value)


def test_what_is_turned_down_is_predicted_to_be_turned_down() -> None:
    cells = turned_down(1)
    training = {1: cells.take(cells.group < N // 2)}
    test = {1: cells.take(cells.group >= N // 2)}
    model = fit_panel(training, simulated.intercept(N), seed=1)
    adjusted = decay_method(model, training, "past", with_cross=False)
    nothing = DecayMethod(model, "past", fit_adjustment(model, {}))
    mae = [recover(model, m.fill(test, test)).mae for m in (nothing, adjusted)]
    assert mae[1] < 0.9 * mae[0]


def test_pairs_and_cells_give_nearly_the_same_weights() -> None:
    cells = {1: simulated.ou(N, 8, 20.0, 0.2, seed=3)}
    model = fit_panel(cells, simulated.intercept(N), seed=1)
    pairs = prepare(cells[1], simulated.intercept(N), cap=20_000, seed=2)[2]
    of_pairs = DecayMethod(model, "past", fit_adjustment(model, sample_pairs(model, {1: pairs})))
    of_cells = DecayMethod(
        model, "past", fit_adjustment(model, sample_splits(model, [(cells, cells)], "past", None))
    )
    one, other = (m.fill(cells, cells)[1] for m in (of_pairs, of_cells))
    later = one.n_prior > 0
    assert np.abs(one.value - other.value)[later].mean() < 0.02


def test_gaps_as_long_as_those_to_be_filled_are_learnt_from() -> None:
    """Two related concepts; in a long gap the other's score says more than decay does."""
    panel = simulated.several(N, seed=5)
    training = simulated.part(panel, np.arange(N) < N // 2)
    model = fit_panel(training, simulated.intercept(N), seed=1)
    visible, hidden = hide_blocks(simulated.part(panel, np.arange(N) >= N // 2), 20, 3)
    mae = [
        recover(
            model,
            decay_method(model, training, "past", with_cross=True, masked=masked).fill(
                visible, hidden
            ),
        ).mae
        for masked in ([], [hide_blocks(training, 20, 7)])
    ]
    assert mae[1] < 1.01 * mae[0]


def test_each_way_of_hiding_counts_alike_in_calibration() -> None:
    """Of 400 cells hidden one way and 1,000 another, the rarer are twice as hard."""
    draw = np.random.default_rng(1)
    mask = np.repeat([0, 1], (400, 1000))
    truth = draw.normal(size=1400) * np.where(mask == 0, 2.0, 1.0)
    predicted = Predicted(np.zeros(1400), np.ones(1400), np.ones(1400), np.ones(1400))
    made = calibrate([Scored(1, truth, predicted, mask)], 0.9)
    inside = np.abs(truth) <= made.half_width(1, predicted)
    assert np.mean([inside[mask == 0].mean(), inside[mask == 1].mean()]) == pytest.approx(
        0.9, abs=0.01
    )
    assert inside.mean() > 0.915  # the pool alone would make this .9 and the hard ones .8


def test_joined_gap_bins_leave_no_cell_out() -> None:
    panel = {1: simulated.ou(N, 8, 20.0, 0.2, seed=3)}
    model = fit_panel(panel, simulated.intercept(N), seed=1)
    method = decay_method(model, panel, "past", with_cross=False)
    got = recover(model, method.fill(*hide_at_random(panel, 0.5, 2)))
    edges = np.array([0.5, 1.0, 2.0, 4.0, 8.0, 16.0])
    joined = by_joined_gap(got, edges, 300)
    assert sum(line.n for line in joined) == len(got)
    assert all(line.n >= 300 for line in joined)
    assert sum(line.n for line in by_gap(got, edges, 300)) < len(got)
