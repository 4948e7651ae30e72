"""Keyed ids for whole columns at once: every distinct value is HMACed once, rows are mixed.

A record's id folds the HMACs of its key columns with splitmix64's finalizer (Steele, Lea,
Flood 2014). Without the key neither part can be computed; the fold itself is a bijection in
each argument, so it adds no clash beyond that of 63-bit ids.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.keys import IngestKeys

U64 = npt.NDArray[np.uint64]
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_M1 = np.uint64(0xBF58476D1CE4E5B9)
_M2 = np.uint64(0x94D049BB133111EB)
_POSITIVE = np.uint64(0x7FFF_FFFF_FFFF_FFFF)


def person_keys(keys: IngestKeys, namespace: str, native_ids: pa.Array) -> pa.DictionaryArray:
    """source_person_key of each native id, dictionary-encoded; null where the id is null or ''.

    native_ids: strings, already trimmed. Each distinct id is hashed once.
    """
    encoded = _dictionary(native_ids)
    hashed = [keys.person_key(namespace, v) if v else None for v in encoded.dictionary.to_pylist()]
    return pa.DictionaryArray.from_arrays(encoded.indices, pa.array(hashed, pa.string()))


def value_hashes(keys: IngestKeys, label: str, values: pa.Array) -> U64:
    """64-bit HMAC of each value under a column label; null has a hash of its own."""
    encoded = _dictionary(values)
    table = np.fromiter(
        (value_hash(keys, label, v) for v in encoded.dictionary.to_pylist()),
        dtype=np.uint64,
        count=len(encoded.dictionary),
    )
    table = np.append(table, np.uint64(value_hash(keys, label, None)))
    indices = encoded.indices.fill_null(len(table) - 1).to_numpy(zero_copy_only=False)
    hashes: U64 = table[indices]
    return hashes


def value_hash(keys: IngestKeys, label: str, value: str | None) -> int:
    """64-bit HMAC of one value under a label."""
    body = b"\x00" if value is None else b"\x01" + value.encode()
    message = label.encode() + b"\x00" + body
    return int.from_bytes(hmac.digest(keys.row, message, "sha256")[:8], "big")


def mix(left: U64, right: U64 | np.uint64) -> U64:
    """Fold `right` into `left`; order matters; vectorised."""
    with np.errstate(over="ignore"):
        x = (left + _GOLDEN) ^ (right * _M1)
        x = (x ^ (x >> np.uint64(30))) * _M1
        x = (x ^ (x >> np.uint64(27))) * _M2
        mixed: U64 = x ^ (x >> np.uint64(31))
    return mixed


def positive(ids: U64) -> pa.Int64Array:
    """63-bit positive ids (0 becomes 1) as Arrow int64."""
    cut = ids & _POSITIVE
    cut[cut == 0] = 1
    return pa.array(cut.astype(np.int64))


def record_ids(keys: IngestKeys, scope: str, parts: Sequence[tuple[str, pa.Array]]) -> U64:
    """Full 64-bit ids of records from their natural key's columns; `positive` makes them final.

    scope: study, source and table the key is unique in ("ukb/hesin/hesin_diag"). Keep the
    64-bit form to derive row ids from: row id = positive(mix(record id, fact hash)).
    """
    length = len(parts[0][1])
    ids = np.full(length, value_hash(keys, "scope", scope), dtype=np.uint64)
    for label, values in parts:
        ids = mix(ids, value_hashes(keys, label, values))
    return ids


def _dictionary(values: pa.Array) -> pa.DictionaryArray:
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        return values
    if not pa.types.is_string(values.type):
        values = pc.cast(values, pa.string())
    return values.dictionary_encode()
