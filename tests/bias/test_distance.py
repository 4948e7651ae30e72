"""Representativeness and amplification against what was planted."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.bias_population import (
    MODALITIES,
    SCENARIOS,
    attributes,
    block,
    draw_people,
    empty_truth,
    masks,
    true_factors,
)
from biobraid.quality.bias.frame import Frame, frame_of, sets_of
from biobraid.quality.bias.intersection import amplification, pattern_counts, superset_sums
from biobraid.quality.bias.reference import reference_of
from biobraid.quality.bias.representativeness import (
    level_rows,
    participation_ratio,
    squared_distance,
    standardised_difference,
)

SEX = ("sex", "omop-gender")


def test_smd_keeps_the_denominator_of_the_reference() -> None:
    assert standardised_difference(0.6, 0.5) == pytest.approx(0.2)
    assert standardised_difference(0.1, 0.5) == pytest.approx(-0.8)
    assert standardised_difference(0.1, 0.0) is None
    assert standardised_difference(1.0, 1.0) is None


def test_participation_ratio_has_an_interval_around_it() -> None:
    found = participation_ratio(300, 1000, 0.25)
    assert found is not None
    ratio, low, high = found
    assert ratio == pytest.approx(1.2)
    assert low == pytest.approx(1.2 * math.exp(-1.96 * math.sqrt(0.7 / 300)), rel=1e-4)
    assert high == pytest.approx(1.2 * math.exp(1.96 * math.sqrt(0.7 / 300)), rel=1e-4)


def test_levels_that_one_side_lacks_get_a_row_and_a_reason() -> None:
    cohort = frame_of({SEX: ["f"] * 60 + ["m"] * 30 + [None] * 10}, {})
    reference = reference_of(frame_of({SEX: ["f"] * 50 + ["m"] * 45 + ["x"] * 5}, {}))
    rows = {r.level: r for r in level_rows(cohort, cohort.level_counts(), reference)}
    assert rows["f"].share == pytest.approx(60 / 90)  # the missing do not count in shares
    assert rows["f"].verdict.verdict == "fail"
    assert rows["(missing)"].n == 10
    assert rows["(missing)"].verdict.verdict == "not_assessed"
    assert rows["x"].n == 0
    assert rows["x"].smd == pytest.approx(-0.05 / math.sqrt(0.05 * 0.95))


def test_another_scheme_is_another_attribute() -> None:
    cohort = frame_of({("ethnicity", "five groups"): ["a", "b"]}, {})
    reference = reference_of(frame_of({("ethnicity", "five groups, 2021"): ["a", "b"]}, {}))
    reasons = {r.verdict.reason for r in level_rows(cohort, cohort.level_counts(), reference)}
    assert reasons == {"the reference has no margin of ethnicity (five groups)"}


def test_noise_is_subtracted_so_that_chance_has_no_distance() -> None:
    p0 = np.array([0.5, 0.3, 0.15, 0.05])
    counts = np.random.default_rng(1).multinomial(100, p0, size=20_000)
    assert squared_distance(counts, p0, 0).mean() == pytest.approx(0.03, rel=0.05)
    assert squared_distance(counts, p0, 1).mean() == pytest.approx(0.0, abs=5e-4)


def test_superset_sums_count_people_with_at_least_the_set() -> None:
    rng = np.random.default_rng(2)
    has = rng.random((500, 4)) < 0.5
    frame = Frame((), np.zeros((500, 0), np.int16), ("a", "b", "c", "d"), has, np.arange(500))
    people = superset_sums(np.bincount(frame.pattern(), minlength=16), 4)
    for members in sets_of(frame.modalities):
        mask = sum(1 << frame.modalities.index(m) for m in members)
        assert people[mask] == frame.in_set(members).sum()


def test_planted_amplification_is_recovered_and_the_control_is_not() -> None:
    people = block(SCENARIOS["prototype"], np.random.default_rng(3), 100_000)
    truth = empty_truth()
    truth.add(people, masks())
    nobody = np.zeros((len(people.codes), 0), np.bool_)
    whole = Frame(attributes(), people.codes, (), nobody, np.arange(len(people.codes)))
    frame, _ = draw_people(people, np.random.default_rng(4), 60_000)
    found = amplification(frame, reference_of(whole), n_boot=100, seed=5)
    rows = {r.set_name: r for r in found.rows}
    planted = true_factors(truth, found.layout)
    both = rows["imaging+wearable"]
    assert both.is_amplified and both.af_lo is not None and both.af_lo > 1
    assert both.af == pytest.approx(planted["imaging", "wearable"], abs=0.04)
    control = rows["imaging+control"]
    assert not control.is_amplified
    assert control.af_lo is not None and control.af_hi is not None
    assert control.af_lo < 1 < control.af_hi
    assert both.lift is not None and both.lift > 1.02  # they select the same people
    assert len(found.rows) == 2 ** len(MODALITIES) - 1


def test_random_modalities_of_a_representative_cohort_are_not_amplified() -> None:
    people = block(SCENARIOS["prototype"], np.random.default_rng(6), 30_000)
    nobody = np.zeros((len(people.codes), 0), np.bool_)
    whole = Frame(attributes(), people.codes, (), nobody, np.arange(len(people.codes)))
    rng = np.random.default_rng(7)
    n_amplified = n_sets = 0
    for seed in range(5):
        rows = rng.integers(0, whole.n, 10_000)
        has = rng.random((10_000, 4)) < 0.4
        frame = Frame(attributes(), people.codes[rows], ("a", "b", "c", "d"), has, rows)
        found = amplification(frame, reference_of(whole), n_boot=60, seed=seed)
        n_sets += sum(len(r.members) > 1 and r.n >= 200 for r in found.rows)
        n_amplified += sum(r.is_amplified for r in found.rows)
    assert n_sets >= 50
    assert n_amplified / n_sets <= 0.025


def test_the_bootstrap_keeps_the_mean_and_the_seed() -> None:
    people = block(SCENARIOS["prototype"], np.random.default_rng(8), 5_000)
    frame, _ = draw_people(people, np.random.default_rng(9), 2_000)
    nobody = np.zeros((len(people.codes), 0), np.bool_)
    reference = reference_of(Frame(attributes(), people.codes, (), nobody, np.arange(5_000)))
    first = amplification(frame, reference, n_boot=30, seed=1)
    again = amplification(frame, reference, n_boot=30, seed=1)
    assert [r.af_lo for r in first.rows] == [r.af_lo for r in again.rows]
    assert pattern_counts(frame, first.layout).sum() == 2_000 * len(first.layout.columns)
