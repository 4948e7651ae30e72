"""Counting calls on their packed bytes: per variant by popcount, per sample by carrying adders.

Words are uint64 with 32 samples each, two bits a sample (call2 of core.genotypes). A mask
holds the low bit of each sample that counts; samples outside it, and padding, count nowhere.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
F64 = npt.NDArray[np.float64]

_LOW = np.uint64(0x5555_5555_5555_5555)
_TWO = np.uint64(0x3333_3333_3333_3333)
_FOUR = np.uint64(0x0F0F_0F0F_0F0F_0F0F)
_ONE = np.uint64(1)
_CACHED_WORDS = 1 << 14  # what is worked on stays in the processor's cache


def words_of(packed: U8) -> Words:
    """(variants, bytes) of call2 as (variants, words); the last word is padded with zeros."""
    n_variants, n_bytes = packed.shape
    if n_bytes % 8 == 0 and packed.flags.c_contiguous:
        return packed.view(np.uint64)
    padded = np.zeros((n_variants, -(-n_bytes // 8) * 8), np.uint8)
    padded[:, :n_bytes] = packed
    return padded.view(np.uint64)


def sample_mask(included: npt.NDArray[np.bool_]) -> Words:
    """Mask of the samples that count, one flag per place of the block."""
    lanes = np.zeros(-(-len(included) // 32) * 32, np.uint8)
    lanes[: len(included)] = included
    shifts = np.array([0, 2, 4, 6], dtype=np.uint8)
    packed: U8 = np.bitwise_or.reduce(lanes.reshape(-1, 4) << shifts, axis=1)
    return packed.view(np.uint64)


def count_calls(packed: U8, mask: Words) -> Ints:
    """(variants, 4): samples of the mask with 0, 1, 2 copies, and missing."""
    n_low, n_high, n_both = np.zeros((3, len(packed)), np.int64)
    step = max(1, _CACHED_WORDS // max(len(mask), 1))
    for first in range(0, len(packed), step):
        here = slice(first, first + step)
        words = words_of(packed[here])
        high = words >> _ONE
        high &= mask
        low = words & mask
        np.bitwise_count(low).sum(axis=1, dtype=np.int64, out=n_low[here])
        np.bitwise_count(high).sum(axis=1, dtype=np.int64, out=n_high[here])
        low &= high
        np.bitwise_count(low).sum(axis=1, dtype=np.int64, out=n_both[here])
    n = int(np.bitwise_count(mask).sum())
    return np.stack([n - n_low - n_high + n_both, n_low - n_both, n_high - n_both, n_both], axis=1)


def heterozygous(words: Words, mask: Words) -> Words:
    """Low bits of the samples with one copy."""
    out = words >> _ONE
    np.invert(out, out=out)
    out &= words
    out &= mask
    return out


def missing(words: Words, mask: Words) -> Words:
    """Low bits of the samples without a call."""
    out = words >> _ONE
    out &= words
    out &= mask
    return out


def sum_by_sample(bits: Words) -> Ints:
    """How many variants have the sample's low bit set; one count per lane, 32 a word.

    255 rows at a time are added in lanes of two, four and eight bits, so that no call is
    unpacked.
    """
    n_rows, n_words = bits.shape
    counts = np.zeros((n_words, 8, 4), np.int64)
    for first in range(0, n_rows, 255):
        part = bits[first : first + 255]
        pairs = _sum_groups(part, 3)
        for odd_pair in (0, 1):
            nibbles = _sum_groups((pairs >> np.uint64(2 * odd_pair)) & _TWO, 5)
            for odd_nibble in (0, 1):
                lanes = (nibbles >> np.uint64(4 * odd_nibble)) & _FOUR
                total = lanes.sum(axis=0, dtype=np.uint64)
                counts[:, :, 2 * odd_nibble + odd_pair] += total.view(np.uint8).reshape(n_words, 8)
    return counts.reshape(-1)


def _sum_groups(rows: Words, size: int) -> Words:
    """Sums of up to `size` rows each; the caller knows that the lanes hold them."""
    n = -(-len(rows) // size)
    total = rows[:n].copy()
    for k in range(1, size):
        more = rows[k * n : (k + 1) * n]
        total[: len(more)] += more
    return total


def weigh_by_sample(bits: Words, weights: F64, n_places: int) -> F64:
    """Sum of the variants' weights over the set low bits of each sample."""
    out = np.zeros(n_places)
    row, column = np.nonzero(bits)
    left = bits[row, column]
    weight, first = weights[row], column * 32
    while len(left):
        lowest = left & (~left + _ONE)
        place = first + (np.bitwise_count(lowest - _ONE) >> 1)
        out += np.bincount(place, weight, n_places)[:n_places]
        left ^= lowest
        keep = left != 0
        left, weight, first = left[keep], weight[keep], first[keep]
    return out
