"""The warehouse's view of what Python wrote: raw.*, vocab.*, link.* over the Parquet in force."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pyarrow as pa

import biobraid
from biobraid.core.corrections import correction_path, landed_query
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.omop import VOCABULARY_TABLES, vocabulary_table
from biobraid.core.schemas import LANDING_TABLES, RAW_FILE, TABLES, Table
from biobraid.core.schemas.table import columns_of
from biobraid.core.warehouse import transaction

META_BIOBANK = Table(
    "meta",
    "biobank",
    "the warehouse (one row)",
    ("name",),
    columns_of(
        """
name VARCHAR name of the biobank, from biobraid.toml
version VARCHAR version of biobraid that built the warehouse
"""
    ),
)
META_RUN = Table(
    "meta",
    "run",
    "command that ran",
    ("run_id",),
    columns_of(
        """
run_id VARCHAR random id of the run
verb VARCHAR command
code_version VARCHAR version and hash of the installed code
started_at VARCHAR UTC time
ended_at VARCHAR UTC time; null while running or after a kill
status VARCHAR running, ok or failed
"""
    ),
)


def external_tables() -> tuple[Table, ...]:
    """Every table that SQL models may read and no model makes, by schema and name."""
    vocabulary = tuple(vocabulary_table(name) for name in VOCABULARY_TABLES)
    every = (*TABLES.values(), *vocabulary, META_BIOBANK)
    return tuple(sorted(every, key=lambda t: (t.schema, t.name)))


def external_fingerprints(manifest: Manifest) -> dict[str, str]:
    """One mark per external table; it changes when the table's content does."""
    marks = manifest.fingerprints()
    marks["meta.biobank"] = f"{manifest.home.settings.name} {biobraid.__version__}"
    return {table.full_name: marks.get(table.full_name, "") for table in external_tables()}


def refresh_views(con: duckdb.DuckDBPyConnection, home: Home, manifest: Manifest) -> None:
    """Point raw.*, vocab.* and link.* at the Parquet in force; write raw.file and meta.*.

    A table that nothing was landed for yet is an empty view of the right columns. One
    transaction: a killed process leaves the old views or the new ones. The views name
    absolute paths, so they are made anew whenever the warehouse is opened for building
    (a home may have been moved).
    """
    with transaction(con):
        for schema in ("raw", "vocab", "link", "meta"):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        landed = {table.full_name for table in LANDING_TABLES}
        objects = manifest.objects()
        corrections = correction_path(home, manifest)
        for table in external_tables():
            if table in (RAW_FILE, META_BIOBANK):
                continue
            if table.full_name in landed:
                paths = [home.landing / part.path for part in manifest.parts(table.full_name)]
            else:
                found = objects.get(table.full_name)
                paths = [home.landing / found[0]] if found else []
            con.execute(
                f"CREATE OR REPLACE VIEW {table.full_name} AS "
                f"{_view_query(table, paths, corrections)}"
            )
        _replace_table(con, RAW_FILE, [dict(books.row) for books in manifest.files()])
        _replace_table(con, META_RUN, manifest.runs())
        _replace_table(
            con,
            META_BIOBANK,
            [{"name": home.settings.name, "version": biobraid.__version__}],
        )


def _view_query(table: Table, paths: list[Path], corrections: Path | None) -> str:
    """Select the declared columns, cast, so that the view's shape never depends on the files."""
    if not paths:
        columns = ", ".join(f"CAST(NULL AS {c.type}) AS {c.name}" for c in table.columns)
        return f"SELECT {columns} WHERE FALSE"
    return landed_query(table, paths, corrections)


def _replace_table(
    con: duckdb.DuckDBPyConnection, table: Table, rows: list[dict[str, object]]
) -> None:
    columns = ", ".join(f"{c.name} {c.type}" for c in table.columns)
    con.execute(f"CREATE OR REPLACE TABLE {table.full_name} ({columns})")
    if rows:
        names = [c.name for c in table.columns]
        given = pa.Table.from_pylist([{n: row.get(n) for n in names} for row in rows], table.arrow)
        con.register("given_rows", given)
        con.execute(f"INSERT INTO {table.full_name} SELECT {', '.join(names)} FROM given_rows")  # noqa: S608
        con.unregister("given_rows")
