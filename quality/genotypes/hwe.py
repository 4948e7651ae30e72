"""The exact test of Hardy-Weinberg equilibrium, for many variants at once.

The probability of k heterozygotes among N samples with n copies of the minor allele has a
closed form, so no variant needs its whole distribution: probabilities are summed outwards from
the observed count (rare outcomes) or inwards to the peak (common ones), by the recurrence of
Wigginton, Cutler and Abecasis 2005 (Am J Hum Genet 76:887).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_TIE = 1e-7  # log probabilities this close are equal
_NEGLIGIBLE = 1e-17
_CENTRAL_SD = 3.0  # within it the sum goes inwards


def hwe_exact(n_hom_ref: Ints, n_het: Ints, n_hom_alt: Ints) -> F64:
    """Two-sided exact p-values; NaN where nobody is called, 1 where one allele is absent.

    The sum of the probabilities of all heterozygote counts that are no likelier than the
    observed one, given the allele counts; no mid-p correction (plink2 --hardy).
    """
    table = np.stack([np.asarray(a, dtype=np.int64) for a in (n_hom_ref, n_het, n_hom_alt)])
    unique, place = np.unique(table, axis=1, return_inverse=True)
    found = _exact(unique[0], unique[1], unique[2])
    out: F64 = found[place.reshape(-1)]
    return out


def _exact(hom_ref: Ints, het: Ints, hom_alt: Ints) -> F64:
    n = hom_ref + het + hom_alt
    minor = 2 * np.minimum(hom_ref, hom_alt) + het
    p = np.where(n > 0, 1.0, np.nan)
    rows = np.flatnonzero((n > 0) & (minor > 1))
    if len(rows):
        p[rows] = _Law(n[rows], minor[rows]).two_sided(het[rows])
    return p


_SMALL = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, 16.0)))])


def _log_factorial(n: Ints) -> F64:
    """ln n!, by Stirling's series from 16 on, to the last digit or two of a double."""
    x = np.maximum(n, 16).astype(np.float64)
    inverse = 1.0 / x
    series = inverse * (1 / 12 - inverse**2 * (1 / 360 - inverse**2 * (1 / 1260)))
    large = x * np.log(x) - x + 0.5 * np.log(2.0 * np.pi * x) + series
    out: F64 = np.where(n < 16, _SMALL[np.clip(n, 0, 15)], large)
    return out


class _Law:
    """Distribution of the heterozygote count k, one per variant; k has the parity of `minor`."""

    def __init__(self, n: Ints, minor: Ints) -> None:
        self.n, self.minor = n, minor
        self._constant = (
            _log_factorial(n)
            + _log_factorial(minor)
            + _log_factorial(2 * n - minor)
            - _log_factorial(2 * n)
        )
        expected = minor * (2.0 * n - minor) / (2.0 * n)
        self.spread = np.maximum(expected / np.sqrt(n), 1.0)  # standard deviation
        peak = np.rint(expected).astype(np.int64)
        peak += (peak ^ minor) & 1
        peak = np.minimum(peak, minor)
        for step in (2, -2):  # the mean is within a step or two of the peak
            for _ in range(4):
                to = np.clip(peak + step, minor & 1, minor)
                peak = np.where(self.log(to) > self.log(peak), to, peak)
        self.peak = peak

    def log(self, k: Ints) -> F64:
        """Log probability of k heterozygotes."""
        out: F64 = (
            self._constant
            - _log_factorial((self.minor - k) // 2)
            - _log_factorial(k)
            - _log_factorial(self.n - (self.minor + k) // 2)
            + k * np.log(2.0)
        )
        return out

    def two_sided(self, observed: Ints) -> F64:
        """Probability of all outcomes no likelier than the observed one."""
        limit = self.log(observed) + _TIE
        is_left = observed <= self.peak
        low = np.where(is_left, observed, self._other_side(limit, -2))
        high = np.where(is_left, self._other_side(limit, 2), observed)
        high = np.where(high == low, high + 2, high)  # the peak itself was observed
        central = np.abs(observed - self.peak) < _CENTRAL_SD * self.spread
        out = np.empty(len(observed))
        inside = np.flatnonzero(central)
        between = self._sum(inside, low[inside] + 2, 2, high[inside])
        out[inside] = 1.0 - between
        rare = np.flatnonzero(~central)
        out[rare] = self._sum(rare, low[rare], -2, None) + self._sum(rare, high[rare], 2, None)
        return np.clip(out, 0.0, 1.0)

    def _other_side(self, limit: F64, step: int) -> Ints:
        """First k from the peak in direction `step` that is no likelier than `limit`.

        Beyond the possible counts where there is none.
        """
        room = (self.minor - self.peak if step > 0 else self.peak - (self.minor & 1)) // 2
        low, high = np.zeros_like(room), room + 1  # the answer is in (low, high]
        while (high - low > 1).any():
            middle = (low + high) // 2
            k = np.clip(self.peak + step * middle, self.minor & 1, self.minor)
            rare = self.log(k) <= limit
            high, low = np.where(rare, middle, high), np.where(rare, low, middle)
        out: Ints = self.peak + step * high
        return out

    def _sum(self, rows: Ints, start: Ints, step: int, end: Ints | None) -> F64:
        """Sum of probabilities from `start` on: to before `end`, or to where they vanish."""
        total = np.zeros(len(rows))
        n, minor, k = self.n[rows], self.minor[rows], start.copy()
        possible = (k >= 0) & (k <= minor)
        term = np.zeros(len(rows))
        term[possible] = np.exp(_log_at(self, rows[possible], k[possible]))
        at = np.flatnonzero(possible if end is None else possible & (k < end))
        term, k_at = term[at], k[at].astype(np.float64)
        n_at, minor_at = n[at].astype(np.float64), minor[at].astype(np.float64)
        stop = None if end is None else end[at]
        while len(at):
            for _ in range(16):
                total[at] += term
                none, one = (minor_at - k_at) / 2, n_at - (minor_at + k_at) / 2
                if step > 0:
                    term = term * (4.0 * none * one / ((k_at + 2.0) * (k_at + 1.0)))
                else:
                    term = term * (k_at * (k_at - 1.0) / (4.0 * (none + 1.0) * (one + 1.0)))
                k_at = k_at + step
                if stop is not None:
                    term = np.where(k_at < stop, term, 0.0)
            keep = term > _NEGLIGIBLE * total[at] if stop is None else term > 0.0
            at, term, k_at, n_at, minor_at = (
                at[keep],
                term[keep],
                k_at[keep],
                n_at[keep],
                minor_at[keep],
            )
            stop = None if stop is None else stop[keep]
        return total


def _log_at(law: _Law, rows: Ints, k: Ints) -> F64:
    part = object.__new__(_Law)
    part.n, part.minor, part._constant = law.n[rows], law.minor[rows], law._constant[rows]
    return part.log(k)
