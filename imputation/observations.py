"""Observations out of DuckDB, concept by concept, as sorted arrays.

The table read here is made by the plan (`prepare.py`) or by a user:

  observation(concept_id BIGINT, group_no BIGINT, minute BIGINT, value DOUBLE)

with at most one row per concept, group and minute; group_no numbers a person's stretches of
follow-up from 0 (`follow_up(group_no, person_id, ...)`). It is read in one ordered stream, so
memory holds the largest concept, never the table.
"""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import numpy as np
import pyarrow as pa

from biobraid.imputation.panel import Cells

_BATCH_ROWS = 1 << 20
_COLUMNS = ("group_no", "minute", "value")


def stream_concepts(
    con: duckdb.DuckDBPyConnection, relation: str, *, is_sorted: bool = False
) -> Iterator[tuple[int, Cells]]:
    """(concept, cells) of a table or view with the columns above, in the order of concepts.

    relation: its name, one of ours. is_sorted: it was written in order of concept, group and
    minute on a connection that preserves insertion order. value may be null (NaN) for targets.
    """
    order = "" if is_sorted else " ORDER BY concept_id, group_no, minute"
    query = f"SELECT concept_id, group_no, minute, value FROM {relation}{order}"  # noqa: S608
    reader = con.execute(query).to_arrow_reader(_BATCH_ROWS)
    held: list[pa.RecordBatch] = []
    concept: int | None = None
    for batch in reader:
        for part, of in _runs(batch):
            if of != concept and held and concept is not None:
                yield concept, _cells(held)
                held = []
            concept = of
            held.append(part)
    if held and concept is not None:
        yield concept, _cells(held)


def _runs(batch: pa.RecordBatch) -> Iterator[tuple[pa.RecordBatch, int]]:
    """Stretches of one concept within a batch."""
    concepts = batch.column("concept_id").to_numpy()
    if not len(concepts):
        return
    starts = np.flatnonzero(np.concatenate(([True], concepts[1:] != concepts[:-1])))
    for start, end in zip(starts, np.append(starts[1:], len(concepts)), strict=True):
        yield batch.slice(int(start), int(end - start)), int(concepts[start])


def _cells(parts: list[pa.RecordBatch]) -> Cells:
    table = pa.Table.from_batches(parts).select(_COLUMNS)
    group, minute, value = (table.column(name).combine_chunks() for name in _COLUMNS)
    return Cells(
        group.to_numpy(zero_copy_only=False),
        minute.to_numpy(zero_copy_only=False),
        value.to_numpy(zero_copy_only=False).astype(np.float64, copy=False),
    )
