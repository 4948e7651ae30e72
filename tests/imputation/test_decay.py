"""Learned decay against the predictor that knows the truth, and what must never leak."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import approx_fprime

from biobraid.imputation.decay import decay_method, decay_methods, with_calibration
from biobraid.imputation.decay_fit import Pairs, fit_all
from biobraid.imputation.decay_model import START, Decay, negative_log_likelihood, predict_past
from biobraid.imputation.evaluate import by_concept, by_gap, recover
from biobraid.imputation.masks import hide_at_random, hide_blocks
from biobraid.imputation.panel import Cells, DecayModel, fit_panel, prepare
from biobraid.imputation.series import FAR_DAYS, Before, Series, after, before
from tests.imputation import simulated

N = 600


@pytest.fixture(scope="module")
def fitted() -> tuple[dict[int, Cells], DecayModel]:
    panel = simulated.several(N, seed=5)
    training = simulated.part(panel, np.arange(N) < N // 2)
    return panel, fit_panel(training, simulated.intercept(N), seed=1)


@pytest.mark.parametrize(("tau", "nugget"), [(3.0, 0.05), (30.0, 0.3), (200.0, 0.1)])
def test_prediction_is_nearly_as_good_as_with_the_true_process(tau: float, nugget: float) -> None:
    cells = simulated.ou(N, 8, tau, nugget, seed=11)
    is_train = cells.group < N // 2
    model = fit_panel({1: cells.take(is_train)}, simulated.intercept(N), seed=1)
    test = cells.take(~is_train)
    method = decay_method(model, {1: cells.take(is_train)}, "past", with_cross=False)
    got = method.fill({1: test}, {1: test})[1]
    error = np.sqrt(((got.value - test.value) ** 2).mean())
    best = np.sqrt(((simulated.best_past(test, tau, nugget) - test.value) ** 2).mean())
    assert error <= 1.04 * best


def test_later_values_help_when_they_may_be_used(
    fitted: tuple[dict[int, Cells], DecayModel],
) -> None:
    panel, model = fitted
    held_out = simulated.part(panel, np.arange(N) >= N // 2)
    visible, hidden = hide_at_random(held_out, 0.2, seed=3)
    training = simulated.part(panel, np.arange(N) < N // 2)
    mae = {
        m.name: recover(model, m.fill(visible, hidden)).mae
        for m in decay_methods(model, training, ("past", "both"), with_cross=True)
    }
    assert mae["both"] < 0.93 * mae["past"]
    assert mae["past_cross"] < 0.85 * mae["past"]
    assert mae["both_cross"] < 0.85 * mae["both"]


def test_a_concept_without_relatives_is_not_spoilt_by_the_cross_step(
    fitted: tuple[dict[int, Cells], DecayModel],
) -> None:
    panel, model = fitted
    held_out = simulated.part(panel, np.arange(N) >= N // 2)
    visible, hidden = hide_at_random(held_out, 0.2, seed=3)
    training = simulated.part(panel, np.arange(N) < N // 2)
    plain, crossed = decay_methods(model, training, ("past",), with_cross=True)
    own = [
        next(
            line.mae
            for line in by_concept(recover(model, m.fill(visible, hidden)))
            if line.level == "3"
        )
        for m in (plain, crossed)
    ]
    assert own[1] < 1.02 * own[0]


def test_intervals_hold_on_other_persons(fitted: tuple[dict[int, Cells], DecayModel]) -> None:
    panel, model = fitted
    aside = simulated.part(panel, (np.arange(N) >= N // 2) & (np.arange(N) < 3 * N // 4))
    test = simulated.part(panel, np.arange(N) >= 3 * N // 4)
    masks = [hide_at_random(aside, 0.3, 1), hide_blocks(aside, 20, 2), hide_blocks(aside, 20, 3)]
    training = simulated.part(panel, np.arange(N) < N // 2)
    plain = decay_method(
        model, training, "past", with_cross=False, masked=[hide_blocks(training, 20, 7)]
    )
    method = with_calibration(plain, masks, level=0.9)
    for split in (hide_at_random(test, 0.3, 4), hide_blocks(test, 20, 5)):
        got = recover(model, method.fill(*split))
        assert got.coverage == pytest.approx(0.9, abs=0.03)
        assert method.calibration is not None
        for line in by_gap(got, method.calibration.edges, least=200):
            assert line.coverage == pytest.approx(0.9, abs=0.08)


def test_the_gradient_is_the_derivative() -> None:
    cells = simulated.ou(40, 8, 10.0, 0.2, seed=2)
    series = Series(cells.group, cells.minute, cells.value)
    known = before(series, cells.group, cells.minute)
    mean = np.full(len(cells), 0.3)
    for theta in (START, np.array([0.4, 0.02, -1.0, 0.3, -1.0, 0.4])):
        _, gradient = negative_log_likelihood(theta, cells.value, known, mean)
        numeric = approx_fprime(
            theta, lambda t: negative_log_likelihood(t, cells.value, known, mean)[0], 1e-7
        )
        assert gradient == pytest.approx(numeric, abs=1e-4)


def test_what_held_out_persons_have_changes_no_parameter() -> None:
    panel = simulated.several(200, seed=7)
    is_train = np.arange(200) < 120
    shuffled = {}
    for concept, cells in panel.items():
        value = cells.value.copy()
        out = ~is_train[cells.group]
        value[out] = np.random.default_rng(1).permutation(value[out]) * 100
        shuffled[concept] = Cells(cells.group, cells.minute, value)
    one, other = (
        fit_panel(simulated.part(p, is_train), simulated.intercept(200), seed=4)
        for p in (panel, shuffled)
    )
    for_one, for_other = (
        decay_method(m, simulated.part(p, is_train), "past", with_cross=True)
        for m, p in ((one, panel), (other, shuffled))
    )
    assert for_one.cross is not None and for_other.cross is not None
    assert (for_one.cross.level.correlation == for_other.cross.level.correlation).all()
    for concept, known in one.concepts.items():
        ours, theirs = (m.adjustment.weights[concept] for m in (for_one, for_other))
        assert (ours == theirs).all()
        assert known.fitted == other.concepts[concept].fitted
        assert (known.beta == other.concepts[concept].beta).all()
        assert (known.marginal.values == other.concepts[concept].marginal.values).all()


@pytest.mark.parametrize("with_cross", [False, True])
def test_later_values_change_no_past_only_cell(
    fitted: tuple[dict[int, Cells], DecayModel], with_cross: bool
) -> None:
    panel, model = fitted
    training = simulated.part(panel, np.arange(N) < N // 2)
    method = decay_methods(model, training, ("past",), with_cross=with_cross)[-1]
    visible, hidden = hide_at_random(panel, 0.3, seed=9)
    now = 20 * 1440
    changed = {
        c: Cells(v.group, v.minute, np.where(v.minute > now, v.value + 50, v.value))
        for c, v in visible.items()
    }
    for concept, before_change in method.fill(visible, hidden).items():
        after_change = method.fill(changed, hidden)[concept]
        is_earlier = before_change.cells.minute <= now
        assert is_earlier.any()
        assert (before_change.value[is_earlier] == after_change.value[is_earlier]).all()
        assert (before_change.gap_days[is_earlier] == after_change.gap_days[is_earlier]).all()


def test_age_never_crosses_from_one_follow_up_to_the_next() -> None:
    group = np.array([0, 0, 1, 1])  # two stays of one person
    series = Series(group, np.array([0, 60, 100_000, 100_060]), np.array([1.0, 2.0, 3.0, 4.0]))
    first_of_second = before(series, np.array([1]), np.array([100_000]))
    assert first_of_second.n[0] == 0
    assert first_of_second.last_days[0] == FAR_DAYS
    last_of_first = after(series, np.array([0]), np.array([60]))
    assert last_of_first.n[0] == 0
    within = before(series, np.array([1]), np.array([100_060]))
    assert within.last_days[0] == pytest.approx(60 / 1440)
    assert within.mean[0] == 3.0


def test_a_value_at_the_very_instant_is_not_seen() -> None:
    series = Series(np.array([0, 0]), np.array([10, 20]), np.array([1.0, 5.0]))
    assert before(series, np.array([0]), np.array([20])).last[0] == 1.0
    assert after(series, np.array([0]), np.array([10])).last[0] == 5.0


def test_the_same_seed_gives_the_same_model() -> None:
    panel = simulated.several(100, seed=3)
    one, same, other = (
        fit_panel(panel, simulated.intercept(100), cap=150, seed=s) for s in (1, 1, 2)
    )
    assert all(one.concepts[c].fitted == same.concepts[c].fitted for c in panel)
    assert any(one.concepts[c].fitted != other.concepts[c].fitted for c in panel)


def test_rare_concepts_are_drawn_to_the_common_ones() -> None:
    common = simulated.ou(500, 8, 20.0, 0.1, seed=1)
    rare = simulated.ou(6, 3, 20.0, 0.1, seed=2)
    covariates = simulated.intercept(500)
    pairs = {
        n: prepare(cells, covariates, cap=20_000, seed=1)[2]
        for n, cells in ((1, common), (2, rare))
    }
    fitted = fit_all({**pairs, 3: pairs[1].every(10**9).every(1)})
    assert not fitted[1].prior_used
    assert fitted[2].prior_used
    assert fitted[2].n_pairs == 12
    ratio = fitted[2].decay.vector() - fitted[1].decay.vector()
    assert np.abs(ratio).max() < 1.5


def test_a_concept_without_pairs_gets_the_prior() -> None:
    nothing = Pairs(np.empty(0), Before(*(np.empty(0) for _ in range(6))), np.empty(0))
    fitted = fit_all({1: nothing})[1]
    assert fitted.decay == Decay.from_vector(START)
    assert fitted.prior_used


def test_without_any_earlier_value_the_mean_is_predicted() -> None:
    decay = Decay(0.1, 0.2, 1.0, 0.8, 0.1, 0.2)
    nothing = Before(*(np.array([x]) for x in (0.0, FAR_DAYS, 0.0, FAR_DAYS, 0.0, 0.0)))
    score, variance = predict_past(decay, nothing, np.array([0.7]))
    assert score[0] == 0.7
    assert variance[0] == pytest.approx(0.9)
