"""Random numbers that depend on seed, name and person only: never on order or block size.

Each draw is splitmix64's finalizer (Steele, Lea, Flood 2014) over (seed and name, person
number, k), so the same person has the same life however the work is cut into blocks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)


class Draws:
    """Draws for one block of persons; one element per person, or per entry of `numbers`."""

    def __init__(self, seed: int, numbers: Ints) -> None:
        self.seed = seed
        self.numbers = numbers

    def at(self, rows: Ints) -> Draws:
        """Draws for some rows of the block, repeated rows allowed (one person, many events)."""
        return Draws(self.seed, self.numbers[rows])

    def uniform(self, name: str, k: Ints | int = 0) -> Floats:
        """Uniform in [0, 1). k tells the repeats of one name within a person apart."""
        digest = hashlib.blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        start = np.uint64(int.from_bytes(digest, "big"))
        with np.errstate(over="ignore"):
            x = _mixed(start + self.numbers.astype(np.uint64) * _GOLDEN)
            x = _mixed(x + (np.asarray(k).astype(np.uint64) + np.uint64(1)) * _M1)
        out: Floats = (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
        return out

    def normal(self, name: str, k: Ints | int = 0) -> Floats:
        """Standard normal (Box and Muller 1958)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(f"{name}/r", k)))
        out: Floats = radius * np.cos(2.0 * np.pi * self.uniform(f"{name}/a", k))
        return out

    def chance(self, name: str, p: Floats | float, k: Ints | int = 0) -> Flags:
        """True with probability p."""
        out: Flags = self.uniform(name, k) < p
        return out

    def below(self, name: str, n: Ints | int, k: Ints | int = 0) -> Ints:
        """Integer in [0, n)."""
        return np.floor(self.uniform(name, k) * n).astype(np.int64)

    def choose(self, name: str, weights: Sequence[float], k: Ints | int = 0) -> Ints:
        """Position in `weights`, drawn in proportion to them."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        found = np.searchsorted(edges / edges[-1], self.uniform(name, k), side="right")
        return np.minimum(found, len(weights) - 1).astype(np.int64)


def logistic(x: Floats) -> Floats:
    """Probability of log odds x."""
    out: Floats = 1.0 / (1.0 + np.exp(-x))
    return out


def expand(counts: Ints) -> tuple[Ints, Ints]:
    """Row and ordinal of each event: counts (2, 0, 1) give rows (0, 0, 2), ordinals (0, 1, 0)."""
    rows = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    return rows, np.arange(len(rows), dtype=np.int64) - starts


def _mixed(x: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    x = (x ^ (x >> np.uint64(30))) * _M1
    x = (x ^ (x >> np.uint64(27))) * _M2
    out: npt.NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return out
