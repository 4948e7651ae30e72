"""Chance refuses nothing: two samples of one distribution lie together, other ones apart."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from biobraid.quality.contract.profile import QUANTILES, Numbers, Profile
from biobraid.quality.contract.shifts import (
    distance,
    is_beyond_chance,
    missing_rise,
    scale_fold,
    share_distance,
)


def _numbers(values: npt.NDArray[np.float64]) -> Numbers:
    return Numbers(len(values), len(values), tuple(np.quantile(values, QUANTILES).tolist()))


@pytest.mark.parametrize("n", [20, 100, 5000])
def test_samples_of_one_distribution_are_never_refused(n: int) -> None:
    rng = np.random.default_rng(n)
    draws = {
        "normal": lambda: rng.normal(5, 1, n),
        "skewed": lambda: rng.lognormal(0, 1, n),
        "counts": lambda: rng.poisson(1.2, n).astype(float),
        "one value": lambda: np.ones(n),
    }
    for draw in draws.values():
        for _ in range(100):
            a, b = _numbers(draw()), _numbers(draw())
            apart = distance(a, b)
            assert apart <= 0.25 or not is_beyond_chance(apart, n, n)
            assert (scale_fold(a, b) or (1.0,))[0] < 3 or not is_beyond_chance(apart, n, n)


def test_a_shift_of_one_deviation_and_a_factor_of_ten_are_seen() -> None:
    rng = np.random.default_rng(1)
    a = _numbers(rng.normal(100, 10, 400))
    assert distance(a, _numbers(rng.normal(110, 10, 400))) == pytest.approx(0.38, abs=0.06)
    fold, was, found = scale_fold(a, _numbers(rng.normal(1000, 100, 400))) or (0, 0, 0)
    assert fold == pytest.approx(10, rel=0.05)
    assert (was, found) == (pytest.approx(100, rel=0.02), pytest.approx(1000, rel=0.02))
    month = np.concatenate([rng.normal(100, 10, 360), rng.normal(1000, 100, 40)])
    assert (scale_fold(a, _numbers(month)) or (0,))[0] > 3  # a tenth of the values


@pytest.mark.parametrize(
    ("before", "now", "rise"),
    [
        ((40, 400), (80, 400), 2.0),  # doubled
        ((40, 400), (50, 400), 1.0),  # chance
        ((2, 400), (8, 400), 1.0),  # fewer than ten cells
        ((0, 400), (20, 400), 5.0),  # from none: as if it had been 1 %
        ((320, 400), (400, 400), pytest.approx(800)),  # a column that came up empty
        ((320, 400), (360, 400), 2.0),  # half of what was filled
        ((80, 400), (40, 400), 1.0),  # fell
        ((0, 0), (20, 400), 1.0),  # nothing to compare with
    ],
)
def test_missing_rates(before: tuple[int, int], now: tuple[int, int], rise: float) -> None:
    assert missing_rise(before, now, least_cells=10, sigmas=2.5) == rise


def test_shares_of_codes() -> None:
    rng = np.random.default_rng(2)
    for _ in range(200):
        a, b = (
            dict(zip("abcd", rng.multinomial(120, [0.4, 0.3, 0.2, 0.1]), strict=True)) for _ in "12"
        )
        apart, is_real = share_distance(a, b)
        assert apart <= 0.25 or not is_real
    assert share_distance({"a": 90, "b": 10}, {"a": 50, "b": 50}) == (pytest.approx(0.4), True)


def test_a_small_increment_leaves_what_is_known_of_the_rest() -> None:
    large, small = Numbers(1000, 1000, (1.0,) * 13), Numbers(50, 50, (2.0,) * 13)
    known = Profile(n_records=2000, numbers={"a": large, "b": large}, present={"x": 1900})
    new = Profile(n_records=60, numbers={"a": small, "c": small}, present={"x": 2})
    merged = new.after(known, is_increment=True)
    assert merged.numbers == {"a": large, "b": large, "c": small}
    assert (merged.n_records, merged.present) == (2000, {"x": 1900})
    assert new.after(known, is_increment=False) is new


def test_a_kept_quantile_has_ten_values_beyond_it() -> None:
    exact = Numbers(100, 100, tuple(123.456 + n for n in range(13)))
    kept = Profile(numbers={"a": exact}, codes={"c": {"1": 90, "2": 9}}).kept(min_cell=10)
    quantiles = dict(zip(QUANTILES, kept.numbers["a"].quantiles, strict=True))
    assert quantiles[0.05] is None
    assert quantiles[0.1] == 125.0  # three digits
    assert quantiles[0.99] is None
    assert kept.codes == {"c": {"1": 90}}
