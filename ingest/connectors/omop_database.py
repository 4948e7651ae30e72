"""The tables of a delivered DuckDB file, as blocks of text cells; read-only, never attached."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.omop_names import table_of
from biobraid.ingest.tabular.block import ArrowBlock, TextBlock
from biobraid.ingest.tabular.parquet_table import BLOCK_CELLS, as_text

_TEXT_TYPES = ("LIST", "STRUCT", "MAP", "UNION", "ARRAY", "BLOB", "BIT")


def database_tables(path: Path, job: FileJob, schema: str | None) -> Iterator[DatabaseTable]:
    """Every table of the file, the smallest first; the file stays open meanwhile.

    Views are no delivered data. Raises SourceFileError: a damaged file, one of a newer DuckDB,
    one that another process writes, a table that stands in two schemas.
    """
    try:
        con = duckdb.connect(
            str(path),
            read_only=True,
            config={
                "enable_external_access": "false",
                "memory_limit": f"{max(job.memory_gb / 2, 0.1):.2f}GB",
                "threads": str(job.threads),
            },
        )
    except duckdb.Error:
        raise _damaged(job.where) from None
    with con:
        yield from _tables(con, path, job, schema)


def _tables(
    con: duckdb.DuckDBPyConnection, path: Path, job: FileJob, schema: str | None
) -> Iterator[DatabaseTable]:
    try:
        found = con.execute(
            "SELECT schema_name, table_name, estimated_size FROM duckdb_tables() "
            "WHERE NOT internal AND ($schema IS NULL OR schema_name = $schema) "
            "ORDER BY estimated_size, schema_name, table_name",
            {"schema": schema},
        ).fetchall()
    except duckdb.Error:
        raise _damaged(job.where) from None
    names = Counter(table_of(table) or table for _, table, _ in found)
    twice = sorted(name for name, n in names.items() if n > 1)
    if twice or not found:
        what = f"{', '.join(twice)}: more than one table of that name" if twice else "no table"
        raise SourceFileError(
            Fault(
                job.where,
                f"the database holds {what}",
                "each CDM table once",
                "Say the schema in the source's options.db_schema.",
            )
        )
    n_rows = max(sum(size for _, _, size in found), 1)
    done = 0
    for schema_name, table, size in found:
        share = (
            done * path.stat().st_size // n_rows,
            (done + size) * path.stat().st_size // n_rows,
        )
        yield DatabaseTable(con, job, schema_name, table, share)
        done += size


class DatabaseTable:
    """One table of an open DuckDB file."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        job: FileJob,
        schema: str,
        table: str,
        bytes_share: tuple[int, int],
    ) -> None:
        self._con, self._relation = con, f"{_quoted(schema)}.{_quoted(table)}"
        self._bytes = bytes_share
        self.name = table_of(table)
        self.inside = table.lower()
        self.where = f"{job.where}, table {self.inside}"
        self.n_records = 0
        columns = con.execute(
            "SELECT column_name, data_type FROM duckdb_columns() "
            "WHERE schema_name = $schema AND table_name = $table ORDER BY column_index",
            {"schema": schema, "table": table},
        ).fetchall()
        self.nested = tuple(
            name for name, kind in columns if kind.startswith(_TEXT_TYPES) or kind.endswith("]")
        )
        self.header = tuple(name for name, _ in columns if name not in self.nested)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to do: the connection is its file's."""

    def __iter__(self) -> Iterator[TextBlock]:
        columns = ", ".join(_quoted(name) for name in self.header)
        n_rows = max(BLOCK_CELLS // max(len(self.header), 1), 1)
        try:
            batches = self._con.execute(
                f"SELECT {columns} FROM {self._relation}"  # noqa: S608  names are quoted
            ).to_arrow_reader(n_rows)
            for batch in batches:
                yield self._block(batch)
        except (duckdb.Error, pa.ArrowException, OSError):
            raise _damaged(self.where) from None

    def _block(self, batch: pa.RecordBatch) -> ArrowBlock:
        rows = pa.table([_text(column) for column in batch.columns], list(self.header))
        first = self.n_records + 1
        self.n_records += batch.num_rows
        numbers = np.arange(first, self.n_records + 1, dtype=np.int64)
        return ArrowBlock(rows, numbers, self._bytes[1], self.header)


def _text(values: pa.Array) -> pa.StringArray:
    text = as_text(values)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _damaged(where: str) -> SourceFileError:
    return SourceFileError(
        Fault(
            where,
            "the DuckDB file cannot be read: it is damaged, in use, or of a newer DuckDB",
            "a whole DuckDB file, closed by the program that wrote it",
            "Ask for the file again.",
        )
    )
