"""Tables of wearable vendors and platforms as samples: what a table's columns mean, and reading it.

A TableSpec is data; connectors hold lists of them and recognise a file by its header.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.wearable_rows import SampleWriter
from biobraid.ingest.connectors.wearable_spec import TableSpec, recognise
from biobraid.ingest.connectors.wearable_table_rows import TableRows
from biobraid.ingest.connectors.wearable_times import Bools
from biobraid.ingest.tabular import (
    Dialect,
    TextBlock,
    is_parquet,
    open_parquet_table,
    open_text_table,
    trimmed,
)
from biobraid.ingest.tabular.block import reject_table


def read_table(job: FileJob, specs: Sequence[TableSpec]) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one delivered table, CSV (also gzip) or Parquet."""
    opened = (
        open_parquet_table(job.path, where=job.where)
        if is_parquet(job.path)
        else open_text_table(job.path, Dialect(encoding="utf-8-sig"), where=job.where)
    )
    writer = SampleWriter(job)
    with opened as table:
        spec = recognise(specs, table.header, job.where)
        _check(job, spec)
        yield Counts(columns=tuple(table.header), may_be_empty=True)
        done = 0
        for block in table:
            yield from _read_block(writer, spec, block, table.header)
            yield Counts(bytes_done=max(block.bytes_done - done, 0))
            done = block.bytes_done


def _check(job: FileJob, spec: TableSpec) -> None:
    if spec.deleted and job.source.delivery != "delta":
        raise SettingsError(
            Fault(
                f"studies/{job.study.id}/study.yaml, sources.{job.source_id}.delivery",
                f"'{job.source.delivery}', but a table of deletions ({spec.name}) is delivered",
                "delta",
                "Declare `delivery: delta` for the tables it takes records back from, and for it.",
            )
        )


def _read_block(
    writer: SampleWriter, spec: TableSpec, block: TextBlock, header: Sequence[str]
) -> Iterator[Chunk | Counts]:
    n = block.n_rows
    counts = Counts(
        records_read=n + block.rejects.num_rows, records_rejected=block.rejects.num_rows
    )
    if block.rejects.num_rows:
        yield Chunk("raw.reject", block.rejects)
    person = trimmed(block.column(spec.person))
    rows = TableRows(writer, spec, block, person)
    good: Bools = np.ones(n, dtype=np.bool_)
    for reason, is_bad, expected in (
        ("missing-person-id", person.is_null().to_numpy(zero_copy_only=False), "a participant id"),
        ("missing-record-key", _lacks_key(spec, block), "the key of the record"),
        ("invalid-date", ~rows.clock.is_valid, "a date and time"),
        ("end-before-start", rows.duration < 0, "an end that is not before the start"),
    ):
        bad = good & is_bad
        good &= ~is_bad
        if bad.any():
            yield Chunk("raw.reject", reject_table(block.row_numbers[bad], reason, expected))
            counts.records_rejected += int(bad.sum())
    rows.good = good
    yield from writer.name(pc.unique(person.filter(pa.array(good))).to_pylist())
    if spec.deleted:
        counts.records_ignored += int(good.sum())
        counts.ignored["deletion-record"] += int(good.sum())
    else:
        # A record that says nothing is no version of another one.
        rows.good = yield from _facts(rows, spec, block, header, counts)
    if spec.key and writer.job.source.delivery == "delta":
        yield rows.versions()
    yield counts


def _facts(
    rows: TableRows, spec: TableSpec, block: TextBlock, header: Sequence[str], counts: Counts
) -> Generator[Chunk, None, Bools]:
    """Samples and rejected cells; returns the rows that hold a cell which is a fact."""
    taken, is_held = set(spec.used), np.zeros(block.n_rows, dtype=np.bool_)
    for found in rows.samples(header):
        taken.add(found.column)
        is_held |= found.is_value | found.is_wrong
        n_wrong = int(found.is_wrong.sum())
        counts.facts_read += int(found.is_value.sum()) + n_wrong
        counts.facts_rejected += n_wrong
        if n_wrong:
            lines = block.row_numbers[found.is_wrong]
            yield Chunk(
                "raw.reject", reject_table(lines, found.reason, found.expected, found.column)
            )
        if found.chunk is not None:
            yield found.chunk
    n_ignored = Counter[str]()
    for column in (c for c in header if c not in taken):
        is_filled = block.column(column).is_valid().to_numpy(zero_copy_only=False) & rows.good
        n_ignored[f"column:{column}"] += int(is_filled.sum())
        is_held |= is_filled
    counts.ignored.update(+n_ignored)
    counts.facts_read += n_ignored.total()
    counts.facts_ignored += n_ignored.total()
    n_empty = int((rows.good & ~is_held).sum())
    if n_empty:
        counts.records_ignored += n_empty
        counts.ignored["empty-record"] += n_empty
    n_continued = rows.n_continued(rows.good & is_held)
    if n_continued:
        counts.records_ignored += n_continued
        counts.ignored["continued-record"] += n_continued
    return rows.good & is_held


def _lacks_key(spec: TableSpec, block: TextBlock) -> Bools:
    """Rows without a key would all be versions of one record."""
    if not spec.key:
        return np.zeros(block.n_rows, dtype=np.bool_)
    is_null: Bools = block.column(spec.key[0]).is_null().to_numpy(zero_copy_only=False)
    return is_null
