"""Landing Parquet: names, layout, writing parts under names nobody reads, rewriting them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.files import PARTIAL, disk_errors
from biobraid.core.genotypes import rows_of_group
from biobraid.core.manifest import Part
from biobraid.core.schemas import LANDING_TABLES
from biobraid.core.warehouse import literal
from biobraid.ingest.connectors.contract import VERSION

ROW_GROUP_ROWS = 1 << 20
PART_ROWS = 16 * ROW_GROUP_ROWS  # a rewrite touches whole parts, so they stay moderate
PACKED = "genotypes"  # the column of raw.genotype that holds packed values
PACKED_GROUP_BYTES = 4 << 20
VERSION_TABLE = "internal.version"
ROW_NUMBER = "row_number"
_ORIGIN = [("study", pa.string()), ("source", pa.string()), ("batch", pa.string())]

SCHEMAS: dict[str, pa.Schema] = {t.full_name: t.arrow for t in LANDING_TABLES} | {
    VERSION_TABLE: pa.schema([*_ORIGIN, *(VERSION.field(i) for i in range(3))])
}
# Tables whose rows are facts, as against counts (raw.reject) and our own books.
FACT_TABLES = tuple(name for name, schema in SCHEMAS.items() if "row_id" in schema.names)
JOIN_COLUMNS = (
    "record_id",
    "row_id",
    "row_number",
    "variable",
    "source_person_key",
    "file_row_number",
)


@dataclass(frozen=True)
class PartFile:
    """One Parquet file, staged or in force, wherever it lies."""

    table: str
    path: Path
    batch: str
    number: int
    rows: int


def part_folder(root: Path, table: str, study: str, source: str, batch: str) -> Path:
    """Folder of one file's parts of one table."""
    short = table.removeprefix("raw.").replace(".", "_")
    return root / short / f"study={study}" / f"source={source}" / f"batch={batch}"


def in_force(landing: Path, part: Part) -> PartFile:
    """A part of the manifest as a file."""
    path = landing / part.path
    number = int(path.name.split("-")[1])
    return PartFile(part.table, path, part.batch, number, part.rows)


def file_schema(table: str, with_row_number: bool = False) -> pa.Schema:
    """The schema parts are written with: text as dictionaries, which is how it arrives."""
    fields = [
        f.with_type(pa.dictionary(pa.int32(), pa.string())) if pa.types.is_string(f.type) else f
        for f in SCHEMAS[table]
    ]
    # raw.reject has a row_number of its own: a second one would make readers stumble.
    if with_row_number and ROW_NUMBER not in {f.name for f in fields}:
        fields.append(pa.field(ROW_NUMBER, pa.int64()))
    return pa.schema(fields)


def row_group_rows(rows: pa.Table) -> int:
    """Rows of a row group: a million, or about 4 MB of packed genotypes.

    One variant is read by reading its row group.
    """
    if PACKED not in rows.column_names or not rows.num_rows:
        return ROW_GROUP_ROWS
    row_bytes: int = rows.column(PACKED).nbytes // rows.num_rows
    return rows_of_group(row_bytes, PACKED_GROUP_BYTES)


def open_part(path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    """A writer with the layout all landing parts share."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = [f.name for f in schema if pa.types.is_dictionary(f.type)]
    places = ["chromosome", "position"] if PACKED in schema.names else False
    # A series of instants is sorted and its ids count up: differences take next to nothing.
    differences = series_columns(schema)
    # Random ids do not repeat; a dictionary of them only costs time.
    repeated = {"record_id"} if not differences else {"value", "duration_seconds"}
    repeated |= {"start_offset_minutes"} if differences else set()
    return pq.ParquetWriter(
        path,
        schema,
        compression="zstd",
        compression_level=1,
        use_dictionary=[*text, *(repeated & set(schema.names))],
        column_encoding=dict.fromkeys(differences, "DELTA_BINARY_PACKED") or None,
        # Rows come in the file's order, so no filter gains from minima and maxima; they would
        # double the time of writing and leave values in the footer. Genotypes come by place.
        write_statistics=places,
        store_schema=False,
    )


def series_columns(schema: pa.Schema) -> list[str]:
    """Columns that count up in a table of instants (raw.wearable_sample); none in any other."""
    times = [f.name for f in schema if pa.types.is_timestamp(f.type)]
    return [*times, "row_id", "record_id"] if times and "row_id" in schema.names else []


def fitted(table: pa.Table, schema: pa.Schema) -> pa.Table:
    """The table with exactly the schema's columns; those it lacks are null."""
    columns = []
    for f in schema:
        if f.name not in table.column_names:
            columns.append(pa.chunked_array([pa.nulls(table.num_rows, f.type)]))
            continue
        column = table.column(f.name)
        if column.type != f.type:
            column = _as_dictionary(column) if pa.types.is_dictionary(f.type) else column
            column = column.cast(f.type)
        columns.append(column)
    return pa.table(columns, schema=schema)


def _as_dictionary(column: pa.ChunkedArray) -> pa.ChunkedArray:
    if pa.types.is_dictionary(column.type):
        return column
    return pc.dictionary_encode(column.cast(pa.string()))


def finish_part(writer: pq.ParquetWriter, path: Path) -> None:
    """Write the footer and flush the file to the disk."""
    writer.close()
    with path.open("rb+") as handle:
        os.fsync(handle.fileno())


def rewrite_part(
    con: duckdb.DuckDBPyConnection,
    part: PartFile,
    schema: pa.Schema,
    losers: str | None = None,
    on: Sequence[str] = (),
    new_ids: str | None = None,
    folder: Path | None = None,
    blank: tuple[Sequence[str], str] = ((), ""),
) -> PartFile | None:
    """Copy a part without the rows that match `losers`; returns None if no row is left.

    losers: name of a relation of `con` with the columns `on` (of JOIN_COLUMNS); a null never
    matches. new_ids: name of a relation (file_row_number, row_id, record_id): the rows at
    these places get these ids. blank: columns, and a relation of one column: where such a column
    holds a value of the relation, it becomes null. The copy is staged under a partial name, beside the part or in
    `folder`.
    """
    if bad := [c for c in on if c not in JOIN_COLUMNS]:
        raise ValueError(f"parts cannot be joined on {bad}")
    ids = {"row_id", "record_id"} if new_ids else set()
    emptied, holding = blank

    def made(name: str) -> str:
        if name in ids:
            return f"coalesce(n.{name}, p.{name}) AS {name}"
        if name in emptied:
            return f"CASE WHEN p.{name} IN (FROM {holding}) THEN NULL ELSE p.{name} END AS {name}"
        return f"p.{name}"

    columns = ", ".join(made(f.name) for f in schema)
    query = f"SELECT {columns} FROM read_parquet(?, file_row_number = true) AS p"  # noqa: S608
    if new_ids:
        query += f" LEFT JOIN {new_ids} AS n ON p.file_row_number = n.file_row_number"
    if losers:
        matches = " AND ".join(f"p.{c} = l.{c}" for c in on)
        query += f" WHERE NOT EXISTS (SELECT 1 FROM {losers} AS l WHERE {matches})"  # noqa: S608
    name = f"part-{part.number}.parquet.{os.getpid()}.new{PARTIAL}"
    if folder is not None:
        name = f"{part.table}-{part.batch}-{name}"
    target = (folder or part.path.parent) / name
    n_rows = 0
    with disk_errors("landing"):
        reader = con.execute(query, [str(part.path)]).to_arrow_reader(ROW_GROUP_ROWS)
        writer = open_part(target, schema)
        try:
            for batch in reader:
                table = fitted(pa.Table.from_batches([batch]), schema).unify_dictionaries()
                writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
                n_rows += table.num_rows
            finish_part(writer, target)
        except BaseException:
            target.unlink(missing_ok=True)
            raise
    if n_rows == 0:
        target.unlink(missing_ok=True)
        return None
    return PartFile(part.table, target, part.batch, part.number, n_rows)


def put_in_place(landing: Path, part: PartFile, study: str, source: str, origin: str) -> Part:
    """Give a staged part its final name; returns it as the manifest's entry.

    origin: what the rows came from (token, delivery, earlier fingerprint and what was taken
    out); the fingerprint is its hash.
    """
    text = "\x1f".join((part.table, study, source, part.batch, str(part.number), origin))
    fingerprint = hashlib.sha256(text.encode()).hexdigest()
    folder = part_folder(landing, part.table, study, source, part.batch)
    final = folder / f"part-{part.number}-{fingerprint[:12]}.parquet"
    folder.mkdir(parents=True, exist_ok=True)
    part.path.replace(final)
    relative = final.relative_to(landing).as_posix()
    return Part(relative, part.table, study, source, part.batch, part.rows, fingerprint)


def read_parts(parts: Iterable[PartFile]) -> str:
    """SQL table function over the parts."""
    return f"read_parquet([{', '.join(literal(p.path) for p in parts)}])"


def by_table(parts: Sequence[PartFile]) -> list[list[PartFile]]:
    """The parts of each table together; tables differ in their columns."""
    tables = sorted({p.table for p in parts})
    return [[p for p in parts if p.table == t] for t in tables]
