"""Designs of a logistic regression: dummies of attributes without ever building them, or columns."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from biobraid.quality.bias.frame import Codes, Floats, Ints

BLOCK = 16_384


class Design(Protocol):
    """Columns of a regression, the intercept left out."""

    n: int
    p: int

    def dot(self, beta: Floats) -> Floats:
        """Linear score of every person."""

    def sums(self, r: Floats) -> Floats:
        """Sum of r over the people, per column."""

    def information(self, w: Floats) -> Floats:
        """(p + 1) x (p + 1) weighted cross-products, the intercept first."""


class Dummies:
    """One column per level of each attribute but a left-out one."""

    def __init__(self, codes: Codes, sizes: list[int], left_out: list[int]) -> None:
        self.n = len(codes)
        self._codes = np.asfortranarray(codes)
        self._spots: list[Ints] = []
        self.p = 0
        for size, out in zip(sizes, left_out, strict=True):
            kept = [level for level in range(size) if level != out]
            spot = np.full(size, -1, np.int64)
            spot[kept] = np.arange(self.p, self.p + len(kept))
            self.p += len(kept)
            self._spots.append(spot)

    def dot(self, beta: Floats) -> Floats:
        """Linear score of every person."""
        padded = np.append(beta, 0.0)  # the left-out levels point at the last place
        out = np.zeros(self.n)
        for column, spot in enumerate(self._spots):
            out += padded[spot][self._codes[:, column]]
        return out

    def sums(self, r: Floats) -> Floats:
        """Sum of r over the people, per column."""
        out = np.zeros(self.p + 1)
        for column, spot in enumerate(self._spots):
            by_level = np.bincount(self._codes[:, column], weights=r, minlength=len(spot))
            np.add.at(out, spot, by_level)
        return out[:-1]

    def information(self, w: Floats) -> Floats:
        """Weighted cross-products, in single precision within a block."""
        out = np.zeros((self.p + 1, self.p + 1))
        for start in range(0, self.n, BLOCK):
            rows = slice(start, min(start + BLOCK, self.n))
            hot = np.zeros((rows.stop - start, self.p + 2), np.float32)
            hot[:, 0] = 1
            every = np.arange(len(hot))
            for column, spot in enumerate(self._spots):
                where = np.where(spot < 0, self.p, spot) + 1
                hot[every, where[self._codes[rows, column]]] = 1
            hot = hot[:, :-1]
            out += (hot * w[rows, None].astype(np.float32)).T @ hot
        return out


class Columns:
    """Columns of numbers; the caller has standardised them and filled the gaps."""

    def __init__(self, x: np.ndarray) -> None:
        self.n, self.p = x.shape
        self._x = np.asarray(x, np.float32)

    def dot(self, beta: Floats) -> Floats:
        """Linear score of every person."""
        out: Floats = (self._x @ beta.astype(np.float32)).astype(np.float64)
        return out

    def sums(self, r: Floats) -> Floats:
        """Sum of r over the people, per column."""
        out: Floats = r @ self._x
        return out

    def information(self, w: Floats) -> Floats:
        """Weighted cross-products."""
        out = np.zeros((self.p + 1, self.p + 1))
        for start in range(0, self.n, BLOCK):
            block = self._x[start : start + BLOCK]
            full = np.concatenate([np.ones((len(block), 1), np.float32), block], axis=1)
            out += (full * w[start : start + BLOCK, None].astype(np.float32)).T @ full
        return out
