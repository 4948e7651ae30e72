"""Carry-forward: never from later, never too old; and laws that hold for every method."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biobraid.imputation.carry_forward import carry_forward, carry_forward_all, fill_simply
from biobraid.imputation.evaluate import Recovered, choose
from biobraid.imputation.masks import hide_as_missing, hide_at_random, hide_blocks
from biobraid.imputation.panel import Cells, fit_panel
from tests.imputation import simulated

DAY = 1440


def cells(rows: list[tuple[int, int, float]]) -> Cells:
    group, day, value = (np.array(x) for x in zip(*rows, strict=True))
    return Cells(group.astype(np.int64), day.astype(np.int64) * DAY, value.astype(float))


def test_the_last_value_is_carried_with_its_age() -> None:
    seen = cells([(0, 0, 5.0), (0, 10, 7.0), (0, 30, 9.0)])
    got = carry_forward(seen, cells([(0, 12, np.nan), (0, 40, np.nan)]))
    assert got.value.tolist() == [7.0, 9.0]
    assert got.gap_days.tolist() == [2.0, 10.0]
    assert got.n_prior.tolist() == [2, 3]


def test_a_value_older_than_the_limit_is_not_carried() -> None:
    seen = {1: cells([(0, 0, 5.0)]), 2: cells([(0, 0, 6.0)])}
    wanted = {c: cells([(0, 30, np.nan), (0, 31, np.nan)]) for c in (1, 2)}
    got = carry_forward_all(seen, wanted, {1: 30.0})
    assert np.isnan(got[1].value).tolist() == [False, True]
    assert got[2].value.tolist() == [6.0, 6.0]


def test_nothing_is_carried_to_another_person_or_from_later() -> None:
    got = carry_forward(cells([(0, 5, 1.0)]), cells([(0, 4, np.nan), (1, 9, np.nan)]))
    assert np.isnan(got.value).all()


def test_a_line_is_drawn_between_neighbours() -> None:
    panel = {1: cells([(0, 0, 0.0), (0, 10, 10.0), (1, 0, 3.0)])}
    model = fit_panel(panel, simulated.intercept(2))
    got = fill_simply("linear", model, panel, {1: cells([(0, 4, np.nan), (0, 12, np.nan)])})[1]
    assert got.value.tolist() == pytest.approx([4.0, 10.0])


@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.9))
@settings(max_examples=30, deadline=None)
def test_masks_never_alter_or_lose_a_cell(seed: int, share: float) -> None:
    panel = simulated.several(10, seed=1)
    for visible, hidden in (
        hide_at_random(panel, share, seed),
        hide_blocks(panel, 100 * share, seed, share),
        hide_as_missing(panel, share, seed),
    ):
        for concept, own in panel.items():
            both = [visible[concept], hidden[concept]]
            key = np.concatenate([b.group * 10**9 + b.minute for b in both])
            value = np.concatenate([b.value for b in both])
            order = np.argsort(key)
            assert (key[order] == own.group * 10**9 + own.minute).all()
            assert (value[order] == own.value).all()


def test_the_real_pattern_hides_what_is_missing_together() -> None:
    """Concept 2 is measured at every other instant, so only it can be hidden."""
    group, minute = np.zeros(100, np.int64), np.arange(100) * DAY
    every = Cells(group, minute, np.arange(100.0))
    panel = {1: every, 2: every.take(np.arange(100) % 2 == 0)}
    _, hidden = hide_as_missing(panel, 1.0, seed=1)
    assert len(hidden[1]) == 0
    assert 10 < len(hidden[2]) < 40


def test_each_concept_takes_what_restores_it_best() -> None:
    concept = np.repeat([1, 2], 100)
    none = np.zeros(200)

    def errors(first: float, second: float) -> Recovered:
        return Recovered(concept, concept, np.repeat([first, second], 100), none > 0, none)

    chosen = choose({"locf": errors(0.1, 0.9), "decay": errors(0.3, 0.2)})
    assert chosen == {1: "locf", 2: "decay"}
    assert choose({"locf": errors(0.3, 0.3), "decay": errors(0.3, 0.3)}) == {1: "locf", 2: "locf"}
