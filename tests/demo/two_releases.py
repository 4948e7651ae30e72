"""The releases of the demo's two projects, side by side."""

from __future__ import annotations

import json
from typing import Any

import duckdb

from biobraid.core.home import Home

PROJECTS = ("heart_study", "second")
# Names of what is measured, the same in every biobank; they name no person and no row.
NAMES_OF_THINGS = {
    "variant_id", "other_variant_id", "feature_id", "genotype_set_id", "other_genotype_set_id",
}  # fmt: skip


def both(home: Home) -> duckdb.DuckDBPyConnection:
    """Both projects' releases, as a and b."""
    con = duckdb.connect()
    for alias, project in zip("ab", PROJECTS, strict=True):
        path = home.releases / project / "r1" / "release.duckdb"
        con.execute(f"ATTACH '{path}' AS {alias} (READ_ONLY)")
    return con


def manifest_of(home: Home, project: str) -> dict[str, Any]:
    """The manifest of a project's release."""
    path = home.releases / project / "r1" / "manifest.json"
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def columns_where(con: duckdb.DuckDBPyConnection, where: str) -> list[tuple[str, str, str]]:
    """Schema, table and name of the columns of a release (a) that the condition picks."""
    found: list[tuple[str, str, str]] = con.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        f"WHERE database_name = 'a' AND schema_name <> 'vocab' AND {where} ORDER BY ALL"
    ).fetchall()
    return found
