"""Ids that stand in Parquet parts more than once, found by sorting within bounded memory.

Reads one BIGINT column. Ids are uniformly random, so a file too large for the memory is
gone through several times, each time for the ids with other leading bits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

Ids = npt.NDArray[np.int64]
NO_IDS: Ids = np.empty(0, np.int64)
_BYTES_PER_ID = 24  # the id, its copy while parts are joined, and the sort's room
_ID_BITS = 63


def repeated_ids(paths: Sequence[Path], column: str, memory_bytes: int) -> Ids:
    """Sorted ids that stand in more than one row of the parts; nulls do not count."""
    found = []
    for pass_number, n_passes in _passes(paths, memory_bytes):
        arrays = [_cut(a, pass_number, n_passes) for a in _columns(paths, column)]
        found.append(_repeated(arrays))
    return _joined(found)


def ids_in_several(groups: Sequence[Sequence[Path]], column: str, memory_bytes: int) -> Ids:
    """Sorted ids that stand in the parts of more than one group."""
    found = []
    paths = [p for group in groups for p in group]
    for pass_number, n_passes in _passes(paths, memory_bytes):
        arrays = [
            np.unique(_joined(_cut(a, pass_number, n_passes) for a in _distinct(group, column)))
            for group in groups
        ]
        found.append(_repeated(arrays))
    return _joined(found)


def n_distinct_ids(paths: Sequence[Path], column: str, memory_bytes: int) -> int:
    """How many different ids the parts hold together."""
    n = 0
    for pass_number, n_passes in _passes(paths, memory_bytes):
        arrays = [_cut(a, pass_number, n_passes) for a in _distinct(paths, column)]
        n += len(np.unique(_joined(arrays)))
    return n


def _repeated(arrays: Iterable[Ids]) -> Ids:
    ids = pl.Series(_joined(arrays)).sort().to_numpy()  # on all cores, twice as fast as numpy
    return np.unique(ids[1:][ids[1:] == ids[:-1]])


def _columns(paths: Iterable[Path], column: str) -> Iterator[Ids]:
    for values in _arrow_columns(paths, column):
        yield values.drop_null().to_numpy(zero_copy_only=False)


def _distinct(paths: Iterable[Path], column: str) -> Iterator[Ids]:
    """Distinct ids of each batch; a wide table repeats its record ids thousands of times."""
    for values in _arrow_columns(paths, column):
        yield pc.unique(values).drop_null().to_numpy(zero_copy_only=False)


def _arrow_columns(paths: Iterable[Path], column: str) -> Iterator[pa.Array]:
    for path in paths:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1 << 20, columns=[column]):
                yield batch.column(0)


def _passes(paths: Sequence[Path], memory_bytes: int) -> list[tuple[int, int]]:
    n_rows = sum(pq.read_metadata(p).num_rows for p in paths)
    bits = 0
    while (n_rows * _BYTES_PER_ID) >> bits > memory_bytes:
        bits += 1
    return [(i, 1 << bits) for i in range(1 << bits)]


def _cut(ids: Ids, pass_number: int, n_passes: int) -> Ids:
    if n_passes == 1:
        return ids
    shift = _ID_BITS - (n_passes.bit_length() - 1)
    part: Ids = ids[(ids >> np.int64(shift)) == pass_number]
    return part


def _joined(arrays: Iterable[Ids]) -> Ids:
    listed = list(arrays)
    return np.concatenate(listed) if listed else NO_IDS.copy()
