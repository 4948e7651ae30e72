"""A new warehouse file without what the old one remembers.

DuckDB keeps deleted rows in the file's bytes, so people are not deleted from a warehouse: what
Python wrote (imputed values, audits) is copied without them into a new file that replaces the
old, SQLMesh's state and cache go, and the next build makes every model there.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from biobraid.core.files import PARTIAL, atomic_path
from biobraid.core.home import Home
from biobraid.core.warehouse import duckdb_settings, literal, open_duckdb

# Made by models, or anew by every build.
_REMADE = ("staging", "stem", "cdm", "omics", "wearable", "mart", "raw", "vocab", "link", "meta")


def begin_afresh(home: Home, persons: Sequence[int]) -> int:
    """Replace the warehouse by one with only what Python wrote, less these persons.

    Returns how many rows of theirs were left out. Killed anywhere, the old file or the new one
    opens, and the build that must follow starts from nothing: SQLMesh's state goes before the
    tables it speaks of, and no log of the old file is left to be replayed on the new one.
    """
    for left in home.root.glob(f"{home.warehouse.name}.*{PARTIAL}*"):
        left.unlink(missing_ok=True)  # of one that was killed, with whoever withdrew since
    if home.warehouse.with_name(f"{home.warehouse.name}.wal").exists():
        con = open_duckdb(home.warehouse, duckdb_settings(home.settings, home.tmp))
        try:
            con.execute("CHECKPOINT")
        finally:
            con.close()
    with atomic_path(home.warehouse) as partial:
        con = open_duckdb(partial, duckdb_settings(home.settings, home.tmp))
        try:
            con.execute(f"ATTACH {literal(home.warehouse)} AS old (READ_ONLY)")
            con.register("gone", pa.table({"person_id": pa.array(sorted(persons), pa.int64())}))
            n = sum(_copy(con, schema, table, sql) for schema, table, sql in _tables(con))
            con.execute("CHECKPOINT")
        finally:
            con.close()
            partial.with_name(f"{partial.name}.wal").unlink(missing_ok=True)
        home.state.unlink(missing_ok=True)
        home.state.with_name(f"{home.state.name}.wal").unlink(missing_ok=True)
    home.warehouse.with_name(f"{home.warehouse.name}.wal").unlink(missing_ok=True)
    shutil.rmtree(home.cache, ignore_errors=True)
    return n


def _tables(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, str]]:
    found: list[tuple[str, str, str]] = con.execute(
        "SELECT schema_name, table_name, sql FROM duckdb_tables() WHERE database_name = 'old' "
        "AND schema_name NOT IN (SELECT unnest(?)) AND schema_name NOT LIKE 'sqlmesh%' "
        "AND NOT internal ORDER BY ALL",
        [list(_REMADE)],
    ).fetchall()
    return found


def _copy(con: duckdb.DuckDBPyConnection, schema: str, table: str, sql: str) -> int:
    """One table with its comments, less the rows of the gone; returns how many those were."""
    con.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
    con.execute(sql)
    name = f'"{schema}"."{table}"'
    columns = con.execute(
        "SELECT column_name, comment FROM duckdb_columns() WHERE database_name = 'old' "
        "AND schema_name = ? AND table_name = ?",
        [schema, table],
    ).fetchall()
    theirs = "person_id IN (SELECT person_id FROM gone)"
    rows = f"FROM old.{name}"
    n = 0
    if "person_id" in {column for column, _ in columns}:
        row = con.execute(f"SELECT count(*) {rows} WHERE {theirs}").fetchone()
        n = int(row[0]) if row else 0
        rows += f" WHERE NOT coalesce({theirs}, FALSE)"
    con.execute(f"INSERT INTO {name} {rows}")
    for column, text in columns:
        if text:
            con.execute(f'COMMENT ON COLUMN {name}."{column}" IS {literal(text)}')
    return n
