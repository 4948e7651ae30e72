"""Opening DuckDB files: one configuration per process and file, UTC, bounded memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from biobraid.core.errors import BusyError, Fault, SourceFileError
from biobraid.core.files import is_disk_error
from biobraid.core.home import Home, Settings


def duckdb_settings(settings: Settings, tmp: Path) -> dict[str, str]:
    """Configuration every connection to the warehouse uses, SQLMesh's included."""
    return {
        "memory_limit": f"{settings.memory_limit_gb:.2f}GB",
        "threads": str(settings.threads),
        "temp_directory": str(tmp),
        "preserve_insertion_order": "false",
    }


def connect(home: Home, read_only: bool = False) -> duckdb.DuckDBPyConnection:
    """The home's warehouse; BusyError if another process holds it."""
    home.tmp.mkdir(exist_ok=True)
    con = open_duckdb(home.warehouse, duckdb_settings(home.settings, home.tmp), read_only)
    con.execute("SET TimeZone = 'UTC'")
    return con


def open_duckdb(
    path: Path, config: dict[str, str], read_only: bool = False
) -> duckdb.DuckDBPyConnection:
    """Open a DuckDB file; a held lock is a BusyError, a foreign file a SourceFileError."""
    try:
        con = duckdb.connect(str(path), read_only=read_only, config=dict(config))
        con.execute("SET enable_progress_bar = false")  # it would print into --json
        return con
    except duckdb.IOException as error:
        if is_disk_error(error):
            raise
        if "lock" in str(error).lower():
            raise BusyError(
                Fault(
                    path.name,
                    "another process holds it",
                    "no other writer",
                    "Wait for the other command to end, then run this one again.",
                )
            ) from None
        raise SourceFileError(
            Fault(path.name, "cannot be opened as a DuckDB file", "a DuckDB 1.5 file")
        ) from None


@contextmanager
def transaction(con: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All that the block writes, or, if it fails or is killed, nothing."""
    con.execute("BEGIN")
    try:
        yield
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")


def literal(path: Path | str) -> str:
    """A path as an SQL string literal, for places where DuckDB takes no parameter."""
    return "'" + str(path).replace("'", "''") + "'"


def parquet_list(paths: Iterable[Path]) -> str:
    """SQL list literal of Parquet paths."""
    return "[" + ", ".join(literal(p) for p in paths) + "]"
