"""Raking: margins met, effective sizes, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.bias_population import SCENARIOS, attributes, block, draw_people
from biobraid.quality.bias.frame import Frame, frame_of
from biobraid.quality.bias.raking import rake
from biobraid.quality.bias.reference import Reference, reference_of

A, B = ("age", "s"), ("sex", "s")


def _people(n: int, shares: tuple[float, float], seed: int) -> Frame:
    rng = np.random.default_rng(seed)
    age = np.where(rng.random(n) < shares[0], "old", "young")
    sex = np.where(rng.random(n) < shares[1] + 0.1 * (age == "old"), "f", "m")
    return frame_of({A: age.tolist(), B: sex.tolist()}, {"scan": rng.random(n) < 0.3})


def test_raked_people_meet_one_and_two_way_margins() -> None:
    population = _people(40_000, (0.4, 0.5), 1)
    cohort = _people(3_000, (0.7, 0.3), 2)
    reference = reference_of(population, pairs=((0, 1),))
    found = rake(cohort, reference)
    assert found.weights is not None and found.converged
    for margin in reference.margins:
        place = margin.place(cohort)
        assert place is not None
        met = np.bincount(place, weights=found.weights) / found.weights.sum()
        assert met == pytest.approx(margin.share, abs=1e-8)
    assert found.weights.mean() == pytest.approx(1.0)
    assert found.max_smd_before is not None and found.max_smd_before > 0.3
    assert found.max_smd_after is not None and found.max_smd_after < 1e-6
    ess = found.weights.sum() ** 2 / (found.weights**2).sum()
    assert found.ess == pytest.approx(ess)
    assert found.design_effect == pytest.approx(3_000 / ess)


def test_weights_bring_the_prevalence_back_and_sets_need_their_own() -> None:
    people = block(SCENARIOS["steep"], np.random.default_rng(3), 200_000)
    nobody = np.zeros((len(people.codes), 0), np.bool_)
    whole = Frame(attributes(), people.codes, (), nobody, np.arange(len(people.codes)))
    reference = reference_of(whole, pairs=((0, 1),))
    truth = people.outcome.mean()
    frame, outcome = draw_people(people, np.random.default_rng(4), 60_000)
    cohort = rake(frame, reference)
    assert cohort.weights is not None
    assert abs(outcome.mean() - truth) > 0.02
    assert np.average(outcome, weights=cohort.weights) == pytest.approx(truth, abs=0.006)
    inside = frame.in_set(("imaging", "wearable"))
    own = rake(frame.take(inside), reference)
    assert own.weights is not None
    borrowed = np.average(outcome[inside], weights=cohort.weights[inside])
    raked = np.average(outcome[inside], weights=own.weights)
    assert abs(raked - truth) < abs(borrowed - truth) / 2


def test_a_level_with_nobody_is_refused_if_it_is_large_and_dropped_if_small() -> None:
    cohort = frame_of({A: ["old", "young"] * 500}, {})
    big = reference_of(frame_of({A: ["old"] * 50 + ["young"] * 40 + ["child"] * 10}, {}))
    found = rake(cohort, big)
    assert found.weights is None
    assert "nobody in age child, 10.0% of the reference" in found.verdict.reason
    small = reference_of(frame_of({A: ["old"] * 500 + ["young"] * 495 + ["child"] * 5}, {}))
    found = rake(cohort, small)
    assert found.weights is not None and found.n_dropped_cells == 1


def test_too_small_an_effective_sample_is_refused() -> None:
    cohort = frame_of({A: ["old"] * 4000 + ["young"] * 20}, {})
    reference = reference_of(frame_of({A: ["old"] * 50 + ["young"] * 50}, {}))
    found = rake(cohort, reference)
    assert found.weights is None
    assert found.ess is not None and found.ess < 200
    assert found.verdict.verdict == "fail"


def test_contradicting_margins_do_not_converge_and_are_refused() -> None:
    cohort = frame_of({A: ["old", "young"] * 500}, {})
    one = reference_of(frame_of({A: ["old"] * 50 + ["young"] * 50}, {}), "a").margins
    other = reference_of(frame_of({A: ["old"] * 80 + ["young"] * 20}, {}), "b").margins
    found = rake(cohort, Reference("both", (*one, *other)))
    assert found.weights is None
    assert "did not converge" in found.verdict.reason


def test_people_of_unknown_level_keep_their_share_in_that_margin() -> None:
    cohort = frame_of({A: ["old"] * 600 + ["young"] * 300 + [None] * 100, B: ["f", "m"] * 500}, {})
    reference = reference_of(frame_of({A: ["old", "young"] * 50, B: ["f"] * 60 + ["m"] * 40}, {}))
    found = rake(cohort, reference)
    assert found.weights is not None
    age = cohort.codes[:, 0]
    known = [cohort.attributes[0].levels.index(level) for level in ("old", "young")]
    sums = [found.weights[age == k].sum() for k in known]
    assert sums[0] == pytest.approx(sums[1])
    women = found.weights[np.arange(1000) % 2 == 0].sum() / found.weights.sum()
    assert women == pytest.approx(0.6)


def test_a_margin_in_another_scheme_is_left_out_with_its_reason() -> None:
    cohort = frame_of({A: ["old", "young"] * 500}, {})
    reference = reference_of(frame_of({A: ["old", "young"], ("sex", "other"): ["f", "m"]}, {}))
    found = rake(cohort, reference)
    assert found.margins == ("age",)
    assert found.left_out == (("sex", "the people have no such attribute in this scheme"),)


def test_a_handful_of_unknowns_does_not_stop_the_fit_or_get_odd_weights() -> None:
    population = _people(40_000, (0.4, 0.5), 5)
    cohort = _people(700, (0.7, 0.3), 6)
    known = [cohort.attributes[0].levels[c] for c in cohort.codes[:, 0]]
    sex = [cohort.attributes[1].levels[c] for c in cohort.codes[:, 1]]
    men = [i for i, s in enumerate(sex) if s == "m"][:4]
    ages: list[str | None] = [None if i in men else a for i, a in enumerate(known)]
    found = rake(frame_of({A: ages, B: sex}, {}), reference_of(population, pairs=((0, 1),)))
    assert found.weights is not None and found.converged
    assert found.max_smd_after is not None and found.max_smd_after < 0.01
    assert all(0.3 < w < 3 for w in found.weights[men])
