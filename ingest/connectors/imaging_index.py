"""Connector `imaging_index`: tables about images whose files are not delivered.

Records: rows of the table. Assets: one row of raw.asset each (a series, or an image where the
table is per image), a procedure per study and modality, sex, age and birth as the table states
them; the column that says where the files lie goes to the vault. Features: each declared column
that holds something is a row of raw.value, and raw.detail names the image it was derived from.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.dicom import refuse_delta
from biobraid.ingest.connectors.imaging_index_assets import asset_rows
from biobraid.ingest.connectors.imaging_index_features import feature_rows
from biobraid.ingest.connectors.imaging_index_options import KNOWN, ImagingIndexOptions
from biobraid.ingest.connectors.imaging_index_rows import IndexRows
from biobraid.ingest.connectors.imaging_rows import Told
from biobraid.ingest.connectors.ukb_persons import identities, native_ids
from biobraid.ingest.tabular import (
    Dialect,
    ParquetTable,
    TextTable,
    is_parquet,
    open_parquet_table,
    open_text_table,
)
from biobraid.ingest.tabular.block import TextBlock, reject_table

_NONE = pa.scalar(None, pa.string())


@connector("imaging_index", options=ImagingIndexOptions)
def read_imaging_index(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one table."""
    options = get_connector("imaging_index").check_options(job.source.options)
    if not isinstance(options, ImagingIndexOptions):
        raise TypeError("the connector is registered with other options")
    refuse_delta(job)
    told: set[str] = set()
    facts, seen, done = Told(), set[int](), 0
    with _open(job, options) as table:
        roles = _roles(job, options, table.header)
        yield Counts(columns=tuple(table.header), keys_are_unique=True)
        for block in table:
            counts = Counts(bytes_done=max(block.bytes_done - done, 0), keys_are_unique=True)
            done = block.bytes_done
            counts.records_read = block.n_rows + block.rejects.num_rows
            counts.records_rejected = block.rejects.num_rows
            if block.rejects.num_rows:
                yield Chunk("raw.reject", block.rejects)
            rows, rejects = _good_rows(job, options, roles, block, seen)
            for reject in rejects:
                counts.records_rejected += reject.num_rows
                yield Chunk("raw.reject", reject)
            if rows.n:
                yield from _land(rows, table.header, counts, told, facts)
            yield counts


def _land(
    rows: IndexRows, header: tuple[str, ...], counts: Counts, told: set[str], facts: Told
) -> Iterator[Chunk]:
    ids = native_ids(rows.natives, rows.persons, told)
    if ids is not None:
        yield ids
    made = asset_rows if rows.options.lands == "assets" else feature_rows
    for chunk in made(rows, facts):
        if chunk.table == "raw.reject":
            counts.facts_rejected += chunk.rows.num_rows
        if chunk.table != "identity":
            counts.facts_read += chunk.rows.num_rows
        yield chunk
    for column, kind in rows.job.source.identity.items():
        if column in header and column not in rows.used:
            named = identities(rows.job, kind, rows.column(column), rows.persons, rows.records)
            if named is not None:
                yield named
            rows.to_vault.add(column)
    _count_cells(rows, header, counts)


def _count_cells(rows: IndexRows, header: tuple[str, ...], counts: Counts) -> None:
    """Cells that make no row of their own: keys, to the vault, and what nobody asked for."""
    for rule, n in rows.withheld.items():
        if n:
            counts.facts_read += n
            counts.facts_ignored += n
            counts.ignored[rule] += n
    for name in header:
        n = rows.n_given(name)
        if not n or name in rows.landed:
            continue
        counts.facts_read += n
        if name in rows.to_vault:
            counts.facts_to_vault += n
            continue
        rule = "record-key" if name in rows.keys else "undeclared-column"
        counts.ignored[rule] += n
        counts.facts_ignored += n


def _open(
    job: FileJob, options: ImagingIndexOptions
) -> AbstractContextManager[TextTable | ParquetTable]:
    if job.path.stat().st_size and is_parquet(job.path):
        return open_parquet_table(job.path, null_values=options.null_values, where=job.where)
    dialect = Dialect(delimiter=options.delimiter, null_values=options.null_values)
    return open_text_table(job.path, dialect, where=job.where)


def _roles(job: FileJob, options: ImagingIndexOptions, header: tuple[str, ...]) -> dict[str, str]:
    """Role -> column of this table. Raises SourceFileError if a needed one is missing."""
    roles: dict[str, str] = {}
    for role, names in KNOWN.items():
        found = next((name for name in names if name in header), None)
        if found is not None and found not in roles.values():
            roles[role] = found
    declared = {**options.columns}
    if job.source.person_id:
        declared["person"] = job.source.person_id
    roles |= {str(role): column for role, column in declared.items()}
    faults = [
        Fault(job.where, f"the table has no column '{column}'", f"the column of role {role}")
        for role, column in roles.items()
        if column not in header
    ]
    faults += [
        Fault(
            job.where,
            f"no column is known to hold the {role.replace('_', ' ')}",
            f"one of {', '.join(KNOWN[role])}",
            f"Say the source's options.columns.{role}.",
        )
        for role in ("person", "series_uid")
        if role not in roles
    ]
    if faults:
        raise SourceFileError(faults)
    return roles


def _good_rows(
    job: FileJob,
    options: ImagingIndexOptions,
    roles: dict[str, str],
    block: TextBlock,
    seen: set[int],
) -> tuple[IndexRows, list[pa.Table]]:
    """The rows of a block that name a person and an image, each image once; and the others."""
    natives = _trimmed(block.column(roles["person"]))
    series = _trimmed(block.column(roles["series_uid"]))
    good = np.ones(block.n_rows, dtype=bool)
    rejects = []
    for values, reason, expected in (
        (natives, "missing-person-id", "an id of the person"),
        (series, "missing-uid", "the UID of the series or image"),
    ):
        bad = good & values.is_null().to_numpy(zero_copy_only=False)
        if bad.any():
            rejects.append(reject_table(block.row_numbers[bad], reason, expected))
            good &= ~bad
    rows = IndexRows(job, options, roles, block, natives, series, good)
    twice = rows.seen_before(seen)
    if twice.any():
        rejects.append(reject_table(rows.row_numbers[twice], "duplicate-key", "each image once"))
        rows = rows.without(twice)
    return rows, rejects


def _trimmed(values: pa.StringArray) -> pa.StringArray:
    trimmed = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(trimmed, ""), _NONE, trimmed)
