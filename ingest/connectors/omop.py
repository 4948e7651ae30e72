"""Connector `omop`: tables of the OMOP CDM (5.3, 5.4) as text, Parquet, DuckDB, or a zip of them.

Records: every record of a table that lands is landed or rejected; those of vocabulary tables,
cohorts, extensions and (unless kept) eras are ignored by a rule. Facts: each landed row
(raw.event, raw.record, each field of raw.detail, each attribute of a person), and each cell
that is a key, ignored by a rule, rejected, or goes to the vault.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import (
    VERSION,
    Chunk,
    Counts,
    FileJob,
    connector,
    get_connector,
)
from biobraid.ingest.connectors.omop_columns import ERAS, IGNORED_TABLES
from biobraid.ingest.connectors.omop_files import Delivered, Table, delivered_tables
from biobraid.ingest.connectors.omop_frame import Bools, Frame, make_frame
from biobraid.ingest.connectors.omop_names import is_extension
from biobraid.ingest.connectors.omop_options import OmopOptions
from biobraid.ingest.connectors.omop_person import read_persons, withheld
from biobraid.ingest.connectors.omop_plan import Fate, make_plan
from biobraid.ingest.connectors.omop_rows import read_rows, to_vault
from biobraid.ingest.connectors.omop_tables import TABLES
from biobraid.ingest.connectors.ukb_persons import native_ids
from biobraid.ingest.hashing import positive

FACT_TABLES = ("raw.value", "raw.event", "raw.record", "raw.detail")


@connector("omop", options=OmopOptions)
def read_omop(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, table by table and block by block."""
    options = get_connector("omop").check_options(job.source.options)
    if not isinstance(options, OmopOptions):
        raise TypeError("the connector is registered with other options")
    told: set[str] = set()
    done = 0
    for delivered in delivered_tables(job, options):
        if delivered.open is None:
            yield Counts(warnings=Counter({"file-not-recognised": 1}))
            continue
        with delivered.open as rows:
            for item in _read_table(job, options, delivered, rows, told):
                if isinstance(item, Counts) and item.bytes_done:
                    item.bytes_done, done = max(item.bytes_done - done, 0), item.bytes_done
                yield item


def _read_table(
    job: FileJob,
    options: OmopOptions,
    delivered: Delivered,
    rows: Table,
    told: set[str],
) -> Iterator[Chunk | Counts]:
    name = delivered.name
    rule = _ignored_by(name, options)
    # The same names whatever form the next delivery takes.
    prefix = f"{name or delivered.inside}."
    columns = tuple(f"{prefix}{column.lower()}" for column in rows.header)
    if name is None or rule is not None:
        yield Counts(columns=columns, may_be_empty=True)
        for block in rows:
            n = block.n_rows + block.rejects.num_rows
            ignored = Counter({rule or "unknown-table": n})
            yield Counts(records_read=n, records_ignored=n, ignored=ignored)
        return
    where = f"{job.where}, table {delivered.inside}" if delivered.inside else job.where
    plan = make_plan(job, options, TABLES[name], rows.header, where)
    nested = getattr(rows, "nested", ())
    warnings = Counter({f"nested-column:{prefix}{column}": 1 for column in nested})
    yield Counts(columns=columns, warnings=warnings, may_be_empty=name != "person")
    for block in rows:
        frame = make_frame(job, options, plan, block, delivered.inside)
        counts = Counts(bytes_done=block.bytes_done)
        counts.records_read = block.n_rows + block.rejects.num_rows
        yield from _read_block(frame, counts, told)
        yield counts


def _ignored_by(name: str | None, options: OmopOptions) -> str | None:
    """Rule by which a table's records are ignored; None where they land."""
    if name is None:
        return "unknown-table"
    if is_extension(name):
        return "extension-table"
    if name in ERAS and options.eras == "derive":
        return "era-derived"
    return IGNORED_TABLES.get(name)


def _read_block(frame: Frame, counts: Counts, told: set[str]) -> Iterator[Chunk]:
    table = frame.plan.table
    versions = _deletions(frame, counts)
    if table.has_person:
        identities = native_ids(frame.natives, frame.persons, told)
        if identities is not None:
            yield identities
    made = read_persons(frame) if table.shape == "person" else read_rows(frame)
    for chunk in made:
        if chunk.table in FACT_TABLES:
            counts.facts_read += chunk.rows.num_rows
        if chunk.rows.num_rows:
            yield chunk
    yield from to_vault(frame)
    _count_cells(frame, counts)
    if frame.job.source.delivery == "delta":
        versions.append(_version_rows(frame, np.ones(len(frame), dtype=bool), is_deleted=False))
        yield Chunk("version", pa.concat_tables(versions))
    if frame.rejects:
        yield Chunk("raw.reject", pa.concat_tables(frame.rejects))
    counts.records_rejected = frame.n_rejected
    counts.warnings.update(frame.warnings)


def _count_cells(frame: Frame, counts: Counts) -> None:
    """Every cell that lands in no row of its own: keys, rules, rejects, the vault."""
    plan = frame.plan

    def ignore(rule: str, n: int) -> None:
        if n:
            counts.ignored[rule] += n
            counts.facts_ignored += n
            counts.facts_read += n

    for name in plan.of(Fate.KEY):
        ignore("record-key", int(frame.given(name).sum()))
    for name in plan.of(Fate.RULE):
        ignore(plan.words[name], int(frame.given(name).sum()))
    ignore("pointer-without-table", sum(frame.lost_pointers.values()))
    vault = [frame.given(name) for name in plan.of(Fate.VAULT)]
    if plan.table.shape == "person":
        vault += withheld(frame).values()
    n_vault = sum(int(cells.sum()) for cells in vault)
    counts.facts_to_vault += n_vault
    counts.facts_rejected += frame.n_bad_cells
    counts.facts_read += n_vault + frame.n_bad_cells


def _deletions(frame: Frame, counts: Counts) -> list[pa.Table]:
    """Leave deletion records out; their version rows, if the source is a delta."""
    is_deleted = np.zeros(len(frame), dtype=bool)
    for column, mark in frame.job.source.deleted.items():
        if column in frame.plan.files:
            same = pc.fill_null(pc.equal(frame.text(column), mark), False)
            is_deleted |= same.to_numpy(zero_copy_only=False)
    if not is_deleted.any():
        return []
    rows = _version_rows(frame, is_deleted, is_deleted=True)
    frame.drop(~is_deleted)
    counts.records_ignored += rows.num_rows
    counts.ignored["deletion-record"] += rows.num_rows
    return [rows]


def _version_rows(frame: Frame, mask: Bools, *, is_deleted: bool) -> pa.Table:
    version = frame.job.source.version
    if version is None or version not in frame.plan.files:
        text = pa.nulls(int(mask.sum()), pa.string())
    else:
        text = frame.text(version).filter(pa.array(mask))
    return pa.table(
        {
            "record_id": positive(frame.records[mask]),
            "version": text,
            "is_deleted": pa.array(np.full(int(mask.sum()), is_deleted)),
            "row_number": pa.array(frame.row_numbers[mask]),
        },
        schema=VERSION,
    )
