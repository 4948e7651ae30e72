"""Tables of wearable vendors and platforms as samples: what a table's columns mean, and reading it.

A TableSpec is data; connectors hold lists of them and recognise a file by its header.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SettingsError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.wearable_rows import (
    SampleWriter,
)
from biobraid.ingest.connectors.wearable_spec import TableSpec, recognise
from biobraid.ingest.connectors.wearable_table_rows import TableRows
from biobraid.ingest.connectors.wearable_times import (
    NO_OFFSET,
    Bools,
    Clock,
    from_utc,
    read_times,
    to_zone,
)
from biobraid.ingest.tabular import (
    Dialect,
    TextBlock,
    is_parquet,
    open_parquet_table,
    open_text_table,
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
    person = block.column(spec.person)
    rows = TableRows(writer, spec, block, _clock(writer, spec, block, header), person)
    good: Bools = np.ones(n, dtype=np.bool_)
    for reason, is_bad, expected in (
        ("missing-person-id", person.is_null().to_numpy(zero_copy_only=False), "a participant id"),
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
    if spec.key and writer.job.source.delivery == "delta":
        yield rows.versions()
    if spec.deleted:
        n_good = int(good.sum())
        counts.records_ignored += n_good
        counts.ignored["deletion-record"] += n_good
        yield counts
        return
    taken = set(spec.used)
    for chunk, columns, n_facts, n_bad in rows.samples(header):
        taken |= set(columns)
        counts.facts_read += n_facts + n_bad
        counts.facts_rejected += n_bad
        if chunk is not None:
            yield chunk
    rest = [c for c in header if c not in taken]
    n_ignored = Counter({f"column:{c}": _filled(block.column(c), good) for c in rest})
    counts.ignored.update({c: k for c, k in n_ignored.items() if k})
    counts.facts_read += n_ignored.total()
    counts.facts_ignored += n_ignored.total()
    yield counts


def _filled(column: pa.Array, good: Bools) -> int:
    return int((column.is_valid().to_numpy(zero_copy_only=False) & good).sum())


def _clock(writer: SampleWriter, spec: TableSpec, block: TextBlock, header: Sequence[str]) -> Clock:
    """Start times in the zone the row names, else as delivered, else in the source's zone."""
    clock = read_times(block.column(spec.time).fill_null(""), spec.order)
    if spec.is_utc:
        clock = from_utc(clock, writer.zone)
    if spec.zone and spec.zone in header:
        clock = in_named_zones(clock, block.column(spec.zone).to_pylist())
    return clock


def in_named_zones(clock: Clock, zones: Sequence[str | None]) -> Clock:
    """Times with an offset, each on the clock of the zone its row names, where we know it."""
    local, offset = clock.local.copy(), clock.offset.copy()
    for zone in sorted({z for z in zones if z}):
        at = np.array([z == zone for z in zones]) & (clock.offset != NO_OFFSET)
        try:
            moved = to_zone(Clock(local[at], offset[at], clock.flag[at], clock.is_valid[at]), zone)
        except pa.ArrowInvalid:
            continue
        local[at], offset[at] = moved.local, moved.offset
    return Clock(local, offset, clock.flag, clock.is_valid)
