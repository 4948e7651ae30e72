"""Everything that is held about one person, gathered from all places that hold people."""

from __future__ import annotations

from typing import Any

import duckdb

from biobraid.core.corrections import CORRECTION, read_corrections
from biobraid.core.errors import KeyFileError
from biobraid.core.holders import HOLDERS, Gone
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import LANDING_TABLES
from biobraid.core.warehouse import connect, parquet_list
from biobraid.export.holdings import holdings
from biobraid.linkage.rights import vault_report
from biobraid.linkage.withdrawal import reach

_SCHEMAS = ("cdm", "omics", "wearable", "mart", "imputed", "audit")


def subject_report(home: Home, source_person_key: str) -> dict[str, Any]:
    """`held`: place -> rows as they stand there; `not_looked_at`: what needs another key.

    Reaches every study that knows the same person. Without the release key the releases and
    exports that hold the person are not found.
    """
    found = reach(home, [source_person_key], "", everywhere=True)
    persons = [*found.gone, *found.touched]
    held: dict[str, list[dict[str, Any]]] = {}
    missing: list[str] = []
    for table, rows in vault_report(home, found.keys).items():
        held[f"vault.{table}"] = rows
    held |= _landed(home, list(found.keys))
    if home.warehouse.is_file() and persons:
        held |= _warehoused(home, persons)
    for name, holder in sorted(HOLDERS.items()):
        if name != "landing":
            counts = holder.find(home, Gone(frozenset(found.keys)))
            held[name] = [{"place": place, "n": n} for place, n in counts.items() if n]
    try:
        held["releases and exports"] = [
            {"project": e.project, "kind": e.kind, "name": e.name, "recipient": e.recipient,
             "purpose": e.purpose, "expires_on": e.expires_on, "project_ids": sorted(ids)}
            for e, ids in holdings(home, persons)
        ]  # fmt: skip
    except KeyFileError:
        missing.append("Releases and exports were not looked at: the release key is missing.")
    return {"held": held, "not_looked_at": missing}


def _landed(home: Home, keys: list[str]) -> dict[str, list[dict[str, Any]]]:
    held = {}
    with Manifest(home) as manifest, duckdb.connect() as con:
        for table in LANDING_TABLES:
            if "source_person_key" not in table.arrow.names:
                continue
            paths = [home.landing / p.path for p in manifest.parts(table.full_name) if p.rows]
            if paths:
                rows = con.execute(
                    f"SELECT * FROM read_parquet({parquet_list(paths)}) "  # noqa: S608  our paths
                    "WHERE source_person_key IN (SELECT unnest(?)) ORDER BY ALL",
                    [keys],
                ).to_arrow_table()
                held[table.full_name] = [_plain(row) for row in rows.to_pylist()]
        made = read_corrections(home, manifest).to_pylist()
        held[CORRECTION.full_name] = [
            _plain(row) for row in made if row["source_person_key"] in keys
        ]
    return held


def _warehoused(home: Home, persons: list[int]) -> dict[str, list[dict[str, Any]]]:
    held = {}
    con = connect(home, read_only=True)
    try:
        tables = con.execute(
            "SELECT DISTINCT schema_name, table_name FROM duckdb_columns() "
            "WHERE column_name = 'person_id' AND schema_name IN (SELECT unnest(?)) ORDER BY ALL",
            [list(_SCHEMAS)],
        ).fetchall()
        for schema, table in tables:
            rows = con.execute(
                f'SELECT * FROM "{schema}"."{table}" '  # noqa: S608  names of the catalogue
                "WHERE person_id IN (SELECT unnest(?)) ORDER BY ALL",
                [persons],
            ).to_arrow_table()
            held[f"{schema}.{table}"] = [_plain(row) for row in rows.to_pylist()]
    finally:
        con.close()
    return held


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if value is not None}
