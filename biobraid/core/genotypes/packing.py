"""Packed genotypes: bytes of raw.genotype and the codes they hold.

call2     2 bits a sample, four samples a byte, the first in the lowest bits: 0, 1, 2 copies,
          3 missing; unused bits are 0. These are the codes of .pgen.
dosage8   one byte a sample, 255 missing.
dosage16  two bytes a sample, little-endian, 65535 missing.

Dosage = code / scale. Scales are chosen so that what the format can express comes back exactly
(docs/decisions/0010-genotype-layout.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
F32 = npt.NDArray[np.float32]
Codes = npt.NDArray[np.uint8] | npt.NDArray[np.uint16]

BLOCK_SAMPLES = 1 << 17
MISSING_CODE = {"call2": 3, "dosage8": 255, "dosage16": 65535}
_LOW = np.uint64(0x5555_5555_5555_5555)
_HIGH = ~_LOW
_LEAST_ROWS, _MOST_GROUP_BYTES = 32, 4 << 20
_CACHED_BYTES = 1 << 18  # what is worked on stays in the processor's cache
# The four codes of every byte, as one number of four bytes.
_UNPACKED = np.array(
    [[byte >> shift & 3 for shift in (0, 2, 4, 6)] for byte in range(256)], dtype=np.uint8
).view("<u4")[:, 0]


def packed_size(encoding: str, n_samples: int) -> int:
    """Bytes of one block."""
    return {"call2": -(-n_samples // 4), "dosage8": n_samples, "dosage16": 2 * n_samples}[encoding]


def pack_calls(calls: U8) -> U8:
    """(variants, samples) codes 0 to 3 packed into (variants, bytes)."""
    n_variants, n_samples = calls.shape
    padded = calls
    if n_samples % 4:
        padded = np.zeros((n_variants, -(-n_samples // 4) * 4), np.uint8)
        padded[:, :n_samples] = calls
    packed = padded[:, 0::4].copy()
    for place in (1, 2, 3):
        packed |= padded[:, place::4] << np.uint8(2 * place)
    return packed


def unpack_calls(packed: U8, n_samples: int) -> U8:
    """(variants, bytes) or (bytes,) unpacked into codes 0 to 3 along the last axis."""
    flat = np.ascontiguousarray(packed)
    codes = np.take(_UNPACKED, flat).view(np.uint8)
    unpacked: U8 = codes.reshape(*flat.shape[:-1], flat.shape[-1] * 4)[..., :n_samples]
    return unpacked


def rows_of_group(row_bytes: int, n_bytes: int) -> int:
    """Variants of a Parquet row group of about n_bytes; 32 where they need more, up to 4 MB.

    A look-up reads whole row groups; too many of them would swell the footer of a large file.
    """
    size = min(max(n_bytes, _LEAST_ROWS * row_bytes), max(n_bytes, _MOST_GROUP_BYTES))
    return max(1, size // max(1, row_bytes))


def calls_from_bed(packed: U8, n_samples: int, alt_is_first: bool = True) -> U8:
    """Rows of a .bed file as call2 rows; .bed has 00 hom A1, 01 missing, 10 het, 11 hom A2.

    packed: (variants, bytes), left as it is. alt_is_first: the alternate allele is A1.
    """
    n_variants, n_bytes = packed.shape
    room = -(-n_bytes // 8) * 8
    out: U8 = np.empty((n_variants, n_bytes), np.uint8)
    step = max(1, _CACHED_BYTES // max(room, 1))
    words = np.zeros((min(step, n_variants), room), np.uint8)
    calls = np.empty((len(words), room // 8), np.uint64)
    for first in range(0, n_variants, step):
        rows = packed[first : first + step]
        words[: len(rows), :n_bytes] = rows
        pairs, here = words[: len(rows)].view(np.uint64), calls[: len(rows)]
        np.right_shift(pairs, np.uint64(1), out=here)
        here ^= pairs
        here &= _LOW  # missing or heterozygous: 1 or 3
        if alt_is_first:  # 00 -> 2, 01 -> 3, 10 -> 1, 11 -> 0
            np.invert(pairs, out=pairs)
        else:  # 00 -> 0, 01 -> 3, 10 -> 1, 11 -> 2
            np.left_shift(pairs, np.uint64(1), out=pairs)
        pairs &= _HIGH
        here |= pairs
        out[first : first + step] = here.view(np.uint8)[:, :n_bytes]
    if n_samples % 4:
        out[:, -1] &= np.uint8((1 << 2 * (n_samples % 4)) - 1)
    return out


def codes_of_dosages(dosages: npt.NDArray[np.floating], scale: int, encoding: str) -> Codes:
    """Dosages (0 to 2, NaN missing) as the nearest codes of dosage8 or dosage16."""
    missing = MISSING_CODE[encoding]
    known = np.nan_to_num(dosages.astype(np.float64), nan=0.0)
    codes = np.clip(np.rint(known * scale), 0, 2 * scale)
    whole = np.where(np.isnan(dosages), missing, codes)
    return whole.astype(np.uint8) if encoding == "dosage8" else whole.astype("<u2")


def codes_of_row(genotypes: bytes | U8, encoding: str, n_samples: int) -> Codes:
    """Codes of one row of raw.genotype, one per sample of its block."""
    raw = np.frombuffer(genotypes, np.uint8)
    if encoding == "call2":
        return unpack_calls(raw, n_samples)
    return raw[:n_samples] if encoding == "dosage8" else raw.view("<u2")[:n_samples]


def dosages_of_codes(codes: Codes, encoding: str, scale: int) -> F32:
    """Dosages of codes, NaN where missing."""
    dosages = codes.astype(np.float32) / np.float32(scale)
    dosages[codes == MISSING_CODE[encoding]] = np.nan
    return dosages


def mask_samples(packed: U8, encoding: str, places: npt.NDArray[np.integer]) -> U8:
    """Rows (variants, bytes) with the values of samples at these places set to missing."""
    masked = packed.copy()
    if encoding == "call2":
        row = np.zeros(packed.shape[1], np.uint8)
        np.bitwise_or.at(row, places // 4, np.uint8(3) << (2 * (places % 4)).astype(np.uint8))
        masked |= row
    elif encoding == "dosage8":
        masked[:, places] = 255
    else:
        masked.view("<u2")[:, places] = 65535
    return masked


def call_counts(packed: U8, n_samples: int) -> npt.NDArray[np.int64]:
    """(variants, 4): samples with 0, 1, 2 copies and missing, counted on the packed bytes."""
    n_variants, n_bytes = packed.shape
    words = np.zeros((n_variants, -(-n_bytes // 8) * 8), np.uint8)
    words[:, :n_bytes] = packed
    pairs = words.view(np.uint64)
    low, high = pairs & _LOW, (pairs >> np.uint64(1)) & _LOW
    n_low, n_high, n_both = (
        np.bitwise_count(bits).sum(axis=1, dtype=np.int64) for bits in (low, high, low & high)
    )
    counts = np.stack([np.zeros_like(n_both), n_low - n_both, n_high - n_both, n_both], axis=1)
    counts[:, 0] = n_samples - counts.sum(axis=1)
    return counts
