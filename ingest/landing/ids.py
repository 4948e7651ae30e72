"""Ids that stand in Parquet parts more than once, found by sorting within bounded memory.

Reads one BIGINT column, once. Ids are uniformly random, so those of parts too large for the
memory are put on disk by their leading bits, and looked at one bucket after the other.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.files import disk_errors

Ids = npt.NDArray[np.int64]
NO_IDS: Ids = np.empty(0, np.int64)
_BYTES_PER_ID = 24  # the id, its copy while parts are joined, and the sort's room
_ID_BITS = 63
_MOST_BITS = 12
_SAMPLE, _MANY_REPEATED = 1 << 16, 0.9  # ids looked at; share of different ones among them
_MANY = 1 << 20  # ids from which polars sorts them


def repeated_ids(paths: Sequence[Path], column: str, memory_bytes: int) -> Ids:
    """Sorted ids that stand in more than one row of the parts; nulls do not count."""
    buckets = _buckets(_columns(paths, column), paths, memory_bytes)
    return _joined(_repeated(arrays) for arrays in buckets)


def ids_in_several(groups: Sequence[Sequence[Path]], column: str, memory_bytes: int) -> Ids:
    """Sorted ids that stand in the parts of more than one group."""
    group_of: list[int] = []  # of each array

    def arrays_of_groups() -> Iterator[Ids]:
        for i, group in enumerate(groups):
            for ids in _distinct(group, column):
                group_of.append(i)
                yield ids

    found = []
    paths = [p for group in groups for p in group]
    for arrays in _buckets(arrays_of_groups(), paths, memory_bytes):
        by_group: dict[int, list[Ids]] = {}
        for i, ids in zip(group_of, arrays, strict=True):
            by_group.setdefault(i, []).append(ids)
        found.append(_repeated(np.unique(_joined(listed)) for listed in by_group.values()))
    return _joined(found)


def n_distinct_ids(paths: Sequence[Path], column: str, memory_bytes: int) -> int:
    """How many different ids the parts hold together."""
    buckets = _buckets(_distinct(paths, column), paths, memory_bytes)
    return sum(_n_distinct(arrays) for arrays in buckets)


def _n_distinct(arrays: Iterable[Ids]) -> int:
    """Sorted in place: np.unique would hash, which takes several times the memory."""
    ids = _joined(arrays)
    ids.sort()
    return int(np.count_nonzero(ids[1:] != ids[:-1])) + bool(len(ids))


def _repeated(arrays: Iterable[Ids]) -> Ids:
    ids = _joined(arrays)
    if len(ids) < _MANY:
        ids = np.sort(ids)
    else:  # on all cores, twice as fast as numpy; its import takes 0.2 s
        import polars as pl

        ids = pl.Series(ids).sort().to_numpy()
    return np.unique(ids[1:][ids[1:] == ids[:-1]])


def _columns(paths: Iterable[Path], column: str) -> Iterator[Ids]:
    for values in _arrow_columns(paths, column):
        yield values.drop_null().to_numpy(zero_copy_only=False)


def _distinct(paths: Iterable[Path], column: str) -> Iterator[Ids]:
    """Distinct ids of each batch; a wide table repeats its record ids thousands of times.

    By hashing where many are repeated; by sorting where few are, because the hash table of a
    million different ids takes 250 MB.
    """
    for ids in _columns(paths, column):
        sample = ids[:: max(len(ids) // _SAMPLE, 1)]
        if _n_distinct([sample]) < _MANY_REPEATED * len(sample):
            yield pc.unique(pa.array(ids)).to_numpy(zero_copy_only=False)
            continue
        ids = np.sort(ids)
        yield ids[np.append(True, ids[1:] != ids[:-1])] if len(ids) else ids


def _arrow_columns(paths: Iterable[Path], column: str) -> Iterator[pa.Array]:
    for path in paths:
        # Without pre_buffer: it would hold the column of all row groups at once.
        with pq.ParquetFile(path, pre_buffer=False) as file:
            for batch in file.iter_batches(batch_size=1 << 20, columns=[column]):
                yield batch.column(0)


def _buckets(
    arrays: Iterable[Ids], paths: Sequence[Path], memory_bytes: int
) -> Iterator[list[Ids]]:
    """The arrays by the leading bits of their ids, one bucket of all arrays after the other.

    If all ids fit the memory there is one bucket, else the others wait in a file without a
    name beside the parts. Ids of a bucket are greater than those of the one before it.
    """
    n_rows = sum(pq.read_metadata(p).num_rows for p in paths)
    bits = 0
    while (n_rows * _BYTES_PER_ID) >> bits > memory_bytes and bits < _MOST_BITS:
        bits += 1
    if bits == 0:
        yield list(arrays)
        return
    with disk_errors("landing"), tempfile.TemporaryFile(dir=paths[0].parent) as file:
        counts = []
        for ids in arrays:
            bucket = (ids >> np.int64(_ID_BITS - bits)).astype(np.uint16)
            file.write(ids[np.argsort(bucket, kind="stable")].tobytes())
            counts.append(np.bincount(bucket, minlength=1 << bits))
        file.flush()
        sizes = np.array(counts, dtype=np.int64).reshape(-1, 1 << bits) * 8
        starts = (np.cumsum(sizes) - sizes.ravel()).reshape(sizes.shape)
        for i in range(1 << bits):
            yield [
                np.frombuffer(os.pread(file.fileno(), size, start), dtype=np.int64)
                for size, start in zip(sizes[:, i].tolist(), starts[:, i].tolist(), strict=True)
            ]


def _joined(arrays: Iterable[Ids]) -> Ids:
    listed = list(arrays)
    return np.concatenate(listed) if listed else NO_IDS.copy()
