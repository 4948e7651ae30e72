"""Published examples and planted truths of the smaller audits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.optimize import minimize

from biobraid.quality.bias.blind_spots import blind_spots
from biobraid.quality.bias.design import Columns, Dummies
from biobraid.quality.bias.drift import drift, population_stability
from biobraid.quality.bias.followup import kaplan_meier, reverse_kaplan_meier, visit_ratio
from biobraid.quality.bias.frame import frame_of
from biobraid.quality.bias.leakage import leakage
from biobraid.quality.bias.little import little_test
from biobraid.quality.bias.logistic import auc, fit_logistic
from biobraid.quality.bias.participation import modality_participation
from biobraid.quality.bias.rates import cramers_v, rate_rows
from biobraid.quality.bias.reference import reference_of
from biobraid.quality.bias.repeatability import intraclass_correlation, repeatability
from biobraid.quality.bias.sensitivity import (
    e_value,
    e_value_of_interval,
    odds_ratio,
    selection_bound,
    selection_e_value,
)


def test_published_figures_of_e_values_and_selection_bias() -> None:
    assert e_value(2) == pytest.approx(3.414, abs=5e-4)
    assert e_value(0.5) == pytest.approx(3.414, abs=5e-4)
    assert e_value(3.9) == pytest.approx(7.26, abs=5e-3)  # VanderWeele and Ding 2017
    assert e_value_of_interval(1.8, 8.7) == pytest.approx(3.0, abs=5e-3)  # the same
    assert e_value_of_interval(0.9, 1.2) == 1.0
    assert selection_bound(2, 1.5, 2, 1.5) == pytest.approx(1.44)
    assert selection_e_value(2) == pytest.approx(2.180, abs=5e-4)


def test_logistic_fit_is_the_maximum_of_the_likelihood() -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((4000, 3))
    y = rng.random(4000) < 1 / (1 + np.exp(-(-1 + x @ [0.8, -0.5, 0.0])))
    w = rng.uniform(0.5, 1.5, 4000)

    def loss(beta: np.ndarray) -> float:
        score = beta[0] + x.astype(np.float32) @ beta[1:]
        return float((w * (np.logaddexp(0, score) - y * score)).sum())

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-8}).x
    found = fit_logistic(Columns(x), y, w)
    assert found.converged
    assert found.coefficients == pytest.approx(best, abs=2e-4)
    assert found.coefficients[1] == pytest.approx(0.8, abs=0.12)


def test_dummies_are_columns() -> None:
    rng = np.random.default_rng(2)
    codes = rng.integers(0, 3, (500, 2)).astype(np.int16)
    dummies = Dummies(codes, [3, 3], [0, 1])
    x = np.stack([codes[:, 0] == 1, codes[:, 0] == 2, codes[:, 1] == 0, codes[:, 1] == 2], axis=1)
    columns = Columns(x.astype(float))
    beta, r = rng.standard_normal(4), rng.standard_normal(500)
    w = rng.random(500)
    assert dummies.dot(beta) == pytest.approx(columns.dot(beta), abs=1e-5)
    assert dummies.sums(r) == pytest.approx(columns.sums(r), abs=1e-4)
    assert dummies.information(w) == pytest.approx(columns.information(w), rel=1e-5)


def test_auc_counts_ties_half() -> None:
    assert auc(np.array([1.0, 2, 3, 4]), np.array([False, False, True, True])) == 1.0
    assert auc(np.array([1.0, 1, 1, 1]), np.array([False, True, False, True])) == 0.5
    assert auc(np.array([1.0]), np.array([True])) is None


def test_odds_of_a_modality_are_recovered() -> None:
    rng = np.random.default_rng(3)
    old = rng.random(20_000) < 0.4
    scan = rng.random(20_000) < 1 / (1 + np.exp(-(-1 + 0.7 * old)))
    frame = frame_of(
        {("age", "s"): np.where(old, "old", "young").tolist(),
         ("sex", "s"): np.where(rng.random(20_000) < 0.5, "f", "m").tolist()},
        {"scan": scan, "all": np.ones(20_000, bool)},
    )  # fmt: skip
    modalities, odds = modality_participation(frame)
    row = next(r for r in odds if r.level == "old")
    assert row.odds_ratio is not None and row.or_lo is not None and row.or_hi is not None
    assert row.or_lo < math.exp(0.7) < row.or_hi
    assert next(r for r in odds if r.level == "young").is_baseline
    everybody = next(r for r in modalities if r.modality == "all")
    assert everybody.verdict.verdict == "not_assessed"


def test_odds_ratio_equals_the_table() -> None:
    exposed = np.array([True] * 100 + [False] * 200)
    outcome = np.array([True] * 30 + [False] * 70 + [True] * 20 + [False] * 180)
    found = odds_ratio(exposed, outcome)
    assert found is not None
    assert found.odds_ratio == pytest.approx(30 * 180 / (70 * 20), rel=1e-5)
    assert math.log(found.hi / found.lo) == pytest.approx(
        2 * 1.96 * math.sqrt(1 / 30 + 1 / 70 + 1 / 20 + 1 / 180), rel=1e-3
    )
    assert odds_ratio(exposed, exposed) is None


def test_rates_are_held_against_the_best_large_level() -> None:
    n = np.array([1000, 900, 5])
    rows = rate_rows(("a", "b", "tiny"), n, np.array([50.0, 90, 0]), n.astype(float), 10)
    a, b, tiny = rows
    assert a.ratio == 1.0 and a.verdict.verdict == "ok"
    assert b.ratio == pytest.approx(2.0) and b.difference == pytest.approx(0.05)
    assert b.verdict.verdict == "fail"
    assert tiny.verdict.verdict == "not_assessed"


def test_cramers_v_is_zero_by_chance_and_one_by_law() -> None:
    rng = np.random.default_rng(4)
    group = rng.integers(0, 4, 5000)
    law = cramers_v(group, group < 2, 4)
    chance = cramers_v(group, rng.random(5000) < 0.3, 4)
    assert law is not None and chance is not None
    assert law == pytest.approx(1.0, abs=0.01)
    assert chance < 0.04
    assert cramers_v(group, np.ones(5000, bool), 4) is None


def test_little_knows_completely_at_random_from_dependent() -> None:
    rng = np.random.default_rng(5)
    x = rng.multivariate_normal([0, 0, 0], [[1, 0.5, 0.2], [0.5, 1, 0.4], [0.2, 0.4, 1]], 1500)
    ps = []
    for seed in range(40):
        y = x[:400].copy() if seed < 0 else rng.permutation(x)[:400].copy()
        y[rng.random(400) < 0.2, 1] = np.nan
        y[rng.random(400) < 0.2, 2] = np.nan
        found = little_test(y)
        assert found is not None and found.converged
        ps.append(found.p)
    assert 0.3 < float(np.mean(ps)) < 0.7  # uniform under the null
    y = x.copy()
    y[(x[:, 0] > 0.3) & (rng.random(1500) < 0.8), 1] = np.nan
    found = little_test(y)
    assert found is not None and found.p < 1e-6
    assert found.df == 2 + 3 - 3
    assert little_test(x) is None


def test_kaplan_meier_by_hand_and_its_reverse() -> None:
    years = np.array([1.0, 2, 2, 3, 4])
    event = np.array([True, True, False, False, True])
    curve = kaplan_meier(years, event)
    assert curve.years.tolist() == [0, 1, 2, 3, 4]
    assert curve.share == pytest.approx([1, 0.8, 0.6, 0.6, 0])
    reverse = reverse_kaplan_meier(years, event)
    assert reverse.share == pytest.approx([1, 1, 0.75, 0.375, 0.375])
    assert reverse.median() == 3.0


def test_cases_that_are_seen_more_often_show() -> None:
    rng = np.random.default_rng(6)
    case = rng.random(8000) < 0.2
    years = rng.uniform(1, 10, 8000)
    visits = rng.poisson(years * np.where(case, 1.0, 0.5)).astype(float)
    row = visit_ratio(visits, years, case)
    assert row.ratio_lo is not None and row.ratio_hi is not None
    assert row.ratio_lo < 2.0 < row.ratio_hi
    assert row.verdict.verdict == "fail"
    assert visit_ratio(visits, years, np.zeros(8000, bool)).verdict.verdict == "not_assessed"


def test_blind_spots_are_crosses_with_people_in_the_reference_only() -> None:
    population = frame_of(
        {("age", "s"): ["o"] * 50 + ["y"] * 50, ("sex", "s"): ["f", "m"] * 50}, {}
    )
    cohort = frame_of({("age", "s"): ["o"] * 100 + ["y"] * 100,
                       ("sex", "s"): ["f"] * 100 + ["f"] * 50 + ["m"] * 50}, {})  # fmt: skip
    rows = {r.attributes: r for r in blind_spots(cohort, reference_of(population), 10)}
    assert rows[("age",)].n_blind == 0
    cross = rows[("age", "sex")]
    assert cross.basis == "independence"
    assert cross.reference_share == pytest.approx(0.25)
    assert cross.top[0].levels == ("age: o", "sex: m")
    assert cross.verdict.verdict == "fail"
    given = reference_of(population, pairs=((0, 1),))
    assert {r.basis for r in blind_spots(cohort, given, 10)} == {"margin"}


def test_a_feature_that_stands_for_sex_leaks_even_if_only_by_its_gaps() -> None:
    rng = np.random.default_rng(7)
    sex = rng.random(3000) < 0.5
    frame = frame_of({("sex", "s"): np.where(sex, "f", "m").tolist()}, {})
    noise = rng.standard_normal((3000, 1))
    assert all(r.auc is not None and r.auc < 0.56 for r in leakage(frame, noise))
    bent = np.where(sex, np.abs(noise[:, 0]) + 1, noise[:, 0] * 0.1)[:, None]
    assert all(r.verdict.verdict == "fail" for r in leakage(frame, bent))
    gaps = noise.copy()
    gaps[sex & (rng.random(3000) < 0.9)] = np.nan
    assert all(r.auc is not None and r.auc > 0.9 for r in leakage(frame, gaps))


def test_drift_by_hand_and_between_frames() -> None:
    psi = population_stability(np.array([50.0, 50]), np.array([80.0, 20]))
    assert psi == pytest.approx(0.3 * math.log(0.8 / 0.5) - 0.3 * math.log(0.2 / 0.5))
    rng = np.random.default_rng(8)
    levels = np.array(["a", "b"])
    a = frame_of({("x", "s"): levels[(rng.random(4000) < 0.5).astype(int)].tolist()}, {})
    b = frame_of({("x", "s"): levels[(rng.random(4000) < 0.8).astype(int)].tolist()}, {})
    same = {r.attribute: r for r in drift(a, a)}
    assert same["x"].psi == 0.0 and same["*"].auc == pytest.approx(0.5, abs=0.03)
    moved = {r.attribute: r for r in drift(a, b)}
    assert moved["x"].psi is not None and moved["x"].psi > 0.25
    assert moved["*"].auc == pytest.approx(0.65, abs=0.03)


def test_icc_recovers_the_planted_share_of_variance() -> None:
    rng = np.random.default_rng(9)
    person = np.repeat(np.arange(2000), rng.integers(1, 4, 2000))
    value = rng.normal(0, 3**0.5, 2000)[person] + rng.normal(0, 1, len(person))
    assert intraclass_correlation(person, value) == pytest.approx(0.75, abs=0.03)
    assert repeatability(person, value).n_persons == 2000
    assert repeatability(person[:20], value[:20]).verdict.verdict == "not_assessed"
