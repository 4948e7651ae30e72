"""The values of one variant of a .bgen, from its bytes: dosages of one allele.

Format: www.well.ox.ac.uk/~gav/bgen_format/spec/latest.html (layouts 1 and 2).
"""

from __future__ import annotations

import struct
import zlib
from functools import lru_cache
from itertools import combinations_with_replacement
from math import comb

import numpy as np
import numpy.typing as npt
import zstandard

F64 = npt.NDArray[np.float64]
U8 = npt.NDArray[np.uint8]
ZLIB, ZSTD = 1, 2
_MISSING, _PLOIDY = 0x80, 0x3F


class BrokenBlock(ValueError):
    """The bytes are not the values of a variant."""


def bgen_dosages(
    data: bytes, *, layout: int, compression: int, n_samples: int, n_alleles: int, allele: int
) -> F64:
    """Dosages of one allele on the diploid scale 0 to 2, NaN where missing.

    data: what follows a variant's alleles, its length included. allele: in the file's order.
    Samples of more than two alleles, or whose probabilities sum to more than rounding explains,
    are missing, as in landing. Raises BrokenBlock.
    """
    try:
        if layout == 1:
            return _layout_1(data, compression, n_samples, allele)
        return _layout_2(data, compression, n_samples, n_alleles, allele)
    except (struct.error, zlib.error, zstandard.ZstdError, ValueError, IndexError) as error:
        raise BrokenBlock(str(error)) from None


def spare_units(n_stored: int) -> int:
    """Units of the last bit that n_stored rounded probabilities may sum to beyond 1."""
    return 2 + n_stored // 2


def stored_bits(record: bytes, compression: int) -> int:
    """Bits of a stored probability, from a whole record of layout 2. Raises BrokenBlock."""
    try:
        at = 0
        for _ in range(3):  # id, label, chromosome
            at += 2 + int(struct.unpack_from("<H", record, at)[0])
        (n_alleles,) = struct.unpack_from("<H", record, at + 4)
        at += 6
        for _ in range(n_alleles):
            at += 4 + int(struct.unpack_from("<I", record, at)[0])
        body = _unpacked(record[at + (8 if compression else 4) :], compression)
        (n,) = struct.unpack_from("<I", body)
        return int(body[8 + n + 1])
    except (struct.error, zlib.error, zstandard.ZstdError, ValueError, IndexError) as error:
        raise BrokenBlock(str(error)) from None


def _unpacked(data: bytes, compression: int) -> bytes:
    if compression == ZLIB:
        return zlib.decompress(data)
    if compression == ZSTD:
        return zstandard.ZstdDecompressor().decompress(data)
    return data


def _layout_1(data: bytes, compression: int, n_samples: int, allele: int) -> F64:
    body = data[4:] if compression else data
    raw = np.frombuffer(_unpacked(body, compression), "<u2", 3 * n_samples).reshape(n_samples, 3)
    given = raw / 32768.0
    copies = np.array([2.0, 1.0, 0.0]) if allele == 0 else np.array([0.0, 1.0, 2.0])
    total = given.sum(axis=1)
    out: F64 = given @ copies
    out[(total == 0) | (raw.sum(axis=1, dtype=np.int64) > 32768 + spare_units(3))] = np.nan
    return out


def _layout_2(data: bytes, compression: int, n_samples: int, n_alleles: int, allele: int) -> F64:
    body = _unpacked(data[8:] if compression else data[4:], compression)
    n, k, _, _ = struct.unpack_from("<IHBB", body)
    if n != n_samples or k != n_alleles:
        raise BrokenBlock("other numbers of samples or alleles than the file states")
    flags = np.frombuffer(body, np.uint8, n, 8)
    is_phased, bits = struct.unpack_from("<BB", body, 8 + n)
    ploidy = flags & _PLOIDY
    if bits == 8 and k == 2 and not is_phased and (ploidy == 2).all():
        pairs = np.frombuffer(body, "<u2", n, 10 + n)  # what imputed files nearly always hold
        common: F64 = _pair_table(allele)[pairs]
        common[(flags & _MISSING) != 0] = np.nan
        return common
    numbers = _numbers(np.frombuffer(body, np.uint8, offset=10 + n), bits)
    sizes = np.array([_n_stored(int(p), k, bool(is_phased)) for p in range(_PLOIDY + 1)])
    stored = sizes[ploidy]
    out = np.full(n, np.nan)
    starts = np.cumsum(stored) - stored
    for of_ploidy in (1, 2):
        copies = _copies(of_ploidy, k, allele, bool(is_phased))
        width = int(sizes[of_ploidy])
        rows = np.flatnonzero(ploidy == of_ploidy)
        if not len(rows):
            continue
        if len(rows) == n:
            given = numbers[: n * width].reshape(n, width)
        else:
            given = numbers[starts[rows][:, None] + np.arange(width)]
        out[rows] = _dosages(given, copies, 2.0 / of_ploidy, float((1 << bits) - 1))
    out[(flags & _MISSING) != 0] = np.nan
    return out


@lru_cache
def _pair_table(allele: int) -> F64:
    """Dosage for every pair of 8-bit probabilities (none, one) of a diploid, biallelic sample."""
    both = np.arange(1 << 16, dtype=np.uint16).view(np.uint8).reshape(-1, 2)
    return _dosages(both, _copies(2, 2, allele, False), 1.0, 255.0)


def _dosages(given: npt.NDArray[np.unsignedinteger], copies: F64, factor: float, top: float) -> F64:
    """Stored probabilities, the last of each group left out, as dosages.

    copies: (stored + 1 of one group) per genotype, or (haplotypes, alleles) for phased values.
    """
    groups = np.atleast_2d(copies)
    width = groups.shape[1] - 1
    total: F64 = np.zeros(len(given))
    most = top + spare_units(width)
    for g, row in enumerate(groups):
        part = given[:, g * width : (g + 1) * width]
        # sum of p x copies, with the last p = 1 - the others
        total += row[-1] + (part @ (row[:-1] - row[-1])) / top
        if width > 1:
            total[part.sum(axis=1, dtype=np.float64) > most] = np.nan
    dosages: F64 = total * factor
    return dosages


def _copies(ploidy: int, n_alleles: int, allele: int, is_phased: bool) -> F64:
    alone: F64 = (np.arange(n_alleles) == allele).astype(np.float64)
    if is_phased:
        return np.tile(alone, (ploidy, 1))
    if ploidy == 1:
        return alone
    pairs = sorted(combinations_with_replacement(range(n_alleles), 2), key=lambda p: p[::-1])
    return np.array([(i == allele) + (j == allele) for i, j in pairs], np.float64)


def _n_stored(ploidy: int, n_alleles: int, is_phased: bool) -> int:
    if is_phased:
        return ploidy * (n_alleles - 1)
    return comb(ploidy + n_alleles - 1, n_alleles - 1) - 1


def _numbers(raw: U8, bits: int) -> npt.NDArray[np.unsignedinteger]:
    """Little-endian numbers of 1 to 32 bits."""
    if bits == 8:
        return raw
    if bits in (16, 32):
        whole = len(raw) - len(raw) % (bits // 8)
        return raw[:whole].view(f"<u{bits // 8}")
    flat = np.unpackbits(raw, bitorder="little")
    rows = flat[: len(flat) - len(flat) % bits].reshape(-1, bits)
    out: npt.NDArray[np.uint64] = rows.astype(np.uint64) @ (1 << np.arange(bits, dtype=np.uint64))
    return out
