"""The exact test of Hardy-Weinberg equilibrium against hand-worked values and its definition."""

from __future__ import annotations

from fractions import Fraction
from math import factorial

import numpy as np
import pytest

from biobraid.quality.genotypes.hwe import hwe_exact


def by_definition(hom_ref: int, het: int, hom_alt: int) -> float:
    """Sum over all heterozygote counts that are no likelier, in exact fractions."""
    n, minor = hom_ref + het + hom_alt, 2 * min(hom_ref, hom_alt) + het
    weights = {}
    for k in range(minor & 1, minor + 1, 2):
        rare = (minor - k) // 2
        weights[k] = Fraction(
            2**k * factorial(n), factorial(rare) * factorial(k) * factorial(n - rare - k)
        )
    found = sum(w for w in weights.values() if w <= weights[het])
    return float(Fraction(found, 1) / sum(weights.values()))


@pytest.mark.parametrize(
    ("counts", "p"),
    [
        # 5 people, 4 copies: 4 het (80 ways), 2 het (120), 0 het (10) of 210.
        ((1, 4, 0), 90 / 210),
        ((2, 2, 1), 1.0),
        ((3, 0, 2), 10 / 210),
        ((10, 0, 0), 1.0),
        ((9, 1, 0), 1.0),
    ],
)
def test_hand_worked_values(counts: tuple[int, int, int], p: float) -> None:
    assert hwe_exact(*(np.array([c]) for c in counts))[0] == pytest.approx(p, rel=1e-9)


def test_nobody_called_has_no_p_value() -> None:
    zero = np.zeros(1, np.int64)
    assert np.isnan(hwe_exact(zero, zero, zero)[0])


def test_equals_the_definition_on_small_and_lopsided_counts() -> None:
    rng = np.random.default_rng(3)
    counts = np.concatenate(
        [rng.integers(0, 5, (3, 60)), rng.integers(0, 70, (3, 120)),
         np.array([[0, 150, 3], [80, 0, 80], [1, 0, 160], [90, 120, 20]]).T], axis=1
    )  # fmt: skip
    counts = counts[:, counts.sum(axis=0) > 0]
    expected = [by_definition(*map(int, row)) for row in counts.T]
    assert hwe_exact(*counts) == pytest.approx(expected, rel=1e-8)


def test_tiny_p_values_keep_their_digits() -> None:
    # 800 heterozygotes among 800 people; only "no heterozygote" is rarer still.
    p = hwe_exact(np.array([0]), np.array([800]), np.array([0]))[0]
    logs = np.log10(np.arange(1, 1601))
    every = 800 * np.log10(2) + 2 * logs[:800].sum() - logs.sum()
    none = 3 * logs[:800].sum() - 2 * logs[:400].sum() - logs.sum()
    assert every < -230
    assert np.log10(p) == pytest.approx(every + np.log10(1 + 10 ** (none - every)), abs=1e-6)
