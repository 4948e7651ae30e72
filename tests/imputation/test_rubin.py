"""Rubin's rules against published numbers and against what they are for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from biobraid.imputation.rubin import pool


def estimates_with(mean: float, between: float, m: int) -> list[float]:
    """m numbers of a given mean and variance."""
    raw = np.arange(m, dtype=float)
    raw = (raw - raw.mean()) / raw.std(ddof=1)
    return list(mean + raw * math.sqrt(between))


# SAS/STAT User's Guide, PROC MIANALYZE, example of means and standard errors (fitness data,
# 31 persons, m = 5, EDF = 30): within, between -> total, DF, relative increase, FMI.
PUBLISHED = [
    (3.269089, 0.922032, 4.375528, 15.753, 0.338455, 0.275664),
    (0.954041, 0.056930, 1.022356, 25.549, 0.071606, 0.068898),
]


@pytest.mark.parametrize(("within", "between", "total", "df", "increase", "fmi"), PUBLISHED)
def test_published_example(
    within: float, between: float, total: float, df: float, increase: float, fmi: float
) -> None:
    got = pool(estimates_with(171.0, between, 5), [within] * 5, complete_df=30)
    assert got.standard_error**2 == pytest.approx(total, rel=1e-5)
    assert got.degrees_of_freedom == pytest.approx(df, abs=2e-3)
    assert got.relative_increase == pytest.approx(increase, rel=1e-4)
    assert got.fmi == pytest.approx(fmi, rel=1e-4)


def test_without_variance_between_the_interval_is_that_of_complete_data() -> None:
    got = pool([2.0, 2.0, 2.0], [0.25] * 3, complete_df=100)
    assert got.missing_share == got.fmi == 0.0
    assert got.degrees_of_freedom == pytest.approx(101 / 103 * 100)
    assert got.upper - got.lower == pytest.approx(2 * 1.984 * 0.5, rel=1e-3)


def test_degrees_of_freedom_never_exceed_those_of_complete_data() -> None:
    for between in (0.0, 1e-6, 0.1, 10.0):
        got = pool(estimates_with(0.0, between, 20), [1.0] * 20, complete_df=50)
        assert got.degrees_of_freedom < 50


def test_what_cannot_be_pooled_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two"):
        pool([1.0], [1.0])
    with pytest.raises(ValueError, match="negative"):
        pool([1.0, 2.0], [1.0, -1.0])
