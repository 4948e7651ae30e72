"""The CDM tables in a delivered file: text, Parquet, a DuckDB file, or a zip of such files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path, PurePath

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.omop_database import DatabaseTable, database_tables
from biobraid.ingest.connectors.omop_names import table_of
from biobraid.ingest.connectors.omop_options import OmopOptions
from biobraid.ingest.connectors.omop_plan import known_columns
from biobraid.ingest.connectors.omop_tables import TABLES
from biobraid.ingest.connectors.omop_unzip import unpacked
from biobraid.ingest.tabular import (
    Dialect,
    ParquetTable,
    TextTable,
    is_parquet,
    open_parquet_table,
    open_text_table,
)

Table = TextTable | ParquetTable | DatabaseTable
_DELIMITERS = (",", "\t", ";", "|")
_PARQUET, _DUCKDB, _ZIP = (".parquet", ".pq", ".parq"), (".duckdb", ".db"), (".zip",)


@dataclass(frozen=True)
class Delivered:
    """One table to read: its name in the CDM, and how to open it; neither where it is no table.

    inside: its name in a database or an archive, for messages; empty for a file by itself.
    """

    name: str | None
    inside: str
    open: AbstractContextManager[Table] | None


def delivered_tables(job: FileJob, options: OmopOptions) -> Iterator[Delivered]:
    """The tables of the file, one after the other; each must be used before the next.

    Raises SourceFileError: an empty, damaged or protected file, or one whose name is that of
    no table.
    """
    if job.path.stat().st_size == 0:
        raise SourceFileError(Fault(job.where, "the file is empty (0 bytes)", "a CDM table"))
    form = form_of(job.path, job.path.name, job.where)
    if form == "duckdb":
        yield from _of_database(job, options, job.path)
    elif form == "zip":
        for member, path in unpacked(job):
            yield from _member(job, options, member, path)
    else:
        name = options.table or table_of(job.path)
        if name is None:
            raise SourceFileError(
                Fault(
                    job.where,
                    "the file's name is that of no CDM table",
                    f"one of {', '.join(TABLES)}, with a prefix or a part number if need be",
                    "Rename the file, or say the source's options.table.",
                )
            )
        yield Delivered(name, "", open_table(job.path, form, name, options, job.where))


def _of_database(job: FileJob, options: OmopOptions, path: Path) -> Iterator[Delivered]:
    for table in database_tables(path, job, options.db_schema):
        yield Delivered(table.name, table.inside, table)


def _member(job: FileJob, options: OmopOptions, name: PurePath, path: Path) -> Iterator[Delivered]:
    """The tables of one file of an archive."""
    inside = table_of(name)
    where = f"{job.where}, {inside or 'one of its files'}"
    form = form_of(path, name.name, where)
    if form == "duckdb":
        yield from _of_database(job, options, path)
    elif inside is not None:
        yield Delivered(inside, inside, open_table(path, form, inside, options, where))
    else:
        yield Delivered(None, "", None)


def form_of(path: Path, name: str, where: str) -> str:
    """parquet, duckdb, zip or text, by the file's first bytes; its name must not contradict."""
    with path.open("rb") as handle:
        head = handle.read(16)
    found = "text"
    if is_parquet(path):
        found = "parquet"
    elif head[8:12] == b"DUCK":
        found = "duckdb"
    elif head[:4] in (b"PK\x03\x04", b"PK\x05\x06"):
        found = "zip"
    for form, endings in (("parquet", _PARQUET), ("duckdb", _DUCKDB), ("zip", _ZIP)):
        if name.lower().endswith(endings) and found != form:
            raise SourceFileError(
                Fault(
                    where,
                    f"the file is called {form} and is none: it is damaged or something else",
                    f"a {form} file",
                    "Ask for the file again.",
                )
            )
    return found


def open_table(
    path: Path, form: str, name: str, options: OmopOptions, where: str
) -> AbstractContextManager[Table]:
    """One table of a file by itself."""
    if form == "parquet":
        return open_parquet_table(path, null_values=options.null_values, where=where)
    return open_text_table(path, _dialect(path, name, options, where), where=where)


def _dialect(path: Path, name: str, options: OmopOptions, where: str) -> Dialect:
    """The declared dialect; an undeclared delimiter is the one that makes known columns.

    Nothing is guessed from the data: the standard says what the header holds.
    """
    made = [
        Dialect(
            delimiter=delimiter,
            quote=options.quote,
            encoding=options.encoding,
            null_values=options.null_values,
        )
        for delimiter in ([options.delimiter] if options.delimiter else _DELIMITERS)
    ]
    if len(made) == 1:
        return made[0]
    return max(made, key=lambda dialect: _n_known(path, dialect, name, options, where))


def _n_known(path: Path, dialect: Dialect, name: str, options: OmopOptions, where: str) -> int:
    with open_text_table(path, dialect, columns=(), where=where) as table:
        return len(known_columns(table.header, name, options.columns))
