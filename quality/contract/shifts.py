"""How far two deliveries lie apart, beyond what chance does to so many values."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from math import sqrt

from biobraid.quality.contract.profile import MEDIAN, QUANTILES, Numbers

MIN_NUMBERS = 20  # for a median
MIN_TAIL = 200  # for the value that 5 % exceed
# Kolmogorov-Smirnov: 2.0 x sqrt(1/n + 1/m) is passed by chance once in 1,500 times, if values are
# independent. Those of one person are not.
CHANCE = 2.5
MIN_SHIFT = 100  # values, for a distribution: fewer are somebody's persons, not a population
LEAST_MISSING = 0.01  # a missing rate below counts as this: from 0 to 0.5 % is no news
_LOW, _HIGH = QUANTILES.index(0.05), QUANTILES.index(0.95)


def distance(earlier: Numbers, now: Numbers) -> float:
    """Greatest difference of the two distribution functions (0-1) at the known quantiles.

    Where a value is frequent (a tie), the functions are known only to lie in an interval: the
    gap between the intervals counts.
    """
    old, new = _known(earlier), _known(now)
    if not old or not new:
        return 0.0
    greatest = 0.0
    for value in {v for _, v in old} | {v for _, v in new}:
        low_a, high_a = _cdf(old, value)
        low_b, high_b = _cdf(new, value)
        greatest = max(greatest, low_a - high_b, low_b - high_a)
    return greatest


def is_beyond_chance(apart: float, n: int, m: int) -> bool:
    """True if so many values do not lie so far apart by chance."""
    if n <= 0 or m <= 0:
        return False
    step = 1 / min(n, m)  # one value's share in the distribution function
    return apart > CHANCE * sqrt(1 / n + 1 / m) + step


def scale_fold(earlier: Numbers, now: Numbers) -> tuple[float, float, float] | None:
    """By which factor (at least 1) numbers grew or shrank, with the two values that say so.

    The median tells a change of the whole; a part of the numbers (one month, one site) that
    became larger shows in the value that 5 % exceed, one that became smaller in the value that
    5 % fall below. None where there are too few numbers, or they are not positive.
    """
    folds = []
    for at, least in ((MEDIAN, MIN_NUMBERS), (_HIGH, MIN_TAIL), (_LOW, MIN_TAIL)):
        a, b = earlier.quantiles[at], now.quantiles[at]
        middle = earlier.quantiles[MEDIAN]
        if min(earlier.n_used, now.n_used) < least or a is None or b is None or a <= 0 or b <= 0:
            continue
        if (at == _HIGH and b < a) or (at == _LOW and b > a):
            continue
        if at == _LOW and (middle is None or middle / a > 5):
            continue  # numbers near zero: their ratios are noise
        folds.append((max(a / b, b / a), a, b))
    greatest = max(folds, default=None)
    has_median = bool(folds) and (earlier.quantiles[MEDIAN], now.quantiles[MEDIAN]) == folds[0][1:]
    if greatest is not None and has_median and folds[0][0] > 0.9 * greatest[0]:
        return folds[0]  # the median says as much, and is easier to talk about
    return greatest


def share_distance(earlier: Mapping[str, int], now: Mapping[str, int]) -> tuple[float, bool]:
    """Half the sum of differences between shares of codes (0-1), and whether it is beyond chance."""
    n, m = sum(earlier.values()), sum(now.values())
    if min(n, m) < MIN_SHIFT:
        return 0.0, False
    apart = noise = 0.0
    for code in {*earlier, *now}:
        p, q = earlier.get(code, 0) / n, now.get(code, 0) / m
        both = (earlier.get(code, 0) + now.get(code, 0)) / (n + m)
        apart += abs(p - q) / 2
        noise += sqrt(both * (1 - both) * (1 / n + 1 / m)) / 2
    return apart, apart > 3 * noise


def missing_rise(
    missing: tuple[int, int], now: tuple[int, int], least_cells: int, sigmas: float
) -> float:
    """How many times the missing rate it was; 1 where it did not rise beyond chance.

    missing, now: (cells without a value, cells). A rate that rises while few values were there
    counts by how the filled share shrank: from 20 % filled to 10 % is twofold.
    """
    (m0, n0), (m1, n1) = missing, now
    if not n0 or not n1:
        return 1.0
    p0, p1 = m0 / n0, m1 / n1
    both = (m0 + m1) / (n0 + n1)
    spread = sqrt(both * (1 - both) * (1 / n0 + 1 / n1))
    more = m1 - p0 * n1
    if p1 <= p0 or more < least_cells or (p1 - p0) < sigmas * spread:
        return 1.0
    rise = p1 / max(p0, LEAST_MISSING)
    shrink = (1 - p0) / max(1 - p1, 1 / (10 * n1))
    return max(1.0, rise, shrink)


def rate_rise(
    faulty: tuple[int, int], now: tuple[int, int], least_cells: int, sigmas: float
) -> float:
    """How many times a rate of faults it was; 1 where it did not rise beyond chance."""
    (m0, n0), (m1, n1) = faulty, now
    if not n1:
        return 1.0
    p0, p1 = (m0 / n0 if n0 else 0.0), m1 / n1
    both = (m0 + m1) / (n0 + n1)
    spread = sqrt(both * (1 - both) * (1 / n0 + 1 / n1)) if n0 else 0.0
    if p1 <= p0 or m1 - p0 * n1 < least_cells or p1 - p0 < sigmas * spread:
        return 1.0
    return max(1.0, p1 / max(p0, LEAST_MISSING))


def _known(numbers: Numbers) -> list[tuple[float, float]]:
    return [
        (p, q) for p, q in zip(QUANTILES, numbers.quantiles, strict=True) if q is not None
    ]  # fmt: skip


def _cdf(points: Sequence[tuple[float, float]], value: float) -> tuple[float, float]:
    """Bounds of the distribution function at a value."""
    values = [q for _, q in points]
    shares = [p for p, _ in points]
    i, j = bisect_left(values, value), bisect_right(values, value)
    if i == 0 and j == 0:
        return 0.0, shares[0]
    if i == len(values):
        return shares[-1], 1.0
    if i == j:  # between two quantiles
        at = (value - values[i - 1]) / (values[i] - values[i - 1])
        share = shares[i - 1] + at * (shares[i] - shares[i - 1])
        return share, share
    if j - i == 1 and i > 0 and j < len(values):
        return shares[i], shares[i]
    return (shares[i - 1] if i else 0.0), (shares[j] if j < len(shares) else 1.0)
