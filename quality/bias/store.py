"""Where audits are kept: exact in audit.* of the warehouse, suppressed in audit_shown.* and JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import atomic_path, write_text
from biobraid.core.schemas.table import Table
from biobraid.core.warehouse import literal, transaction
from biobraid.quality.bias.audit import Audited
from biobraid.quality.bias.frame import Floats, Frame
from biobraid.quality.bias.suppression import Row
from biobraid.quality.bias.tables import PERSON_WEIGHT, TABLES

AUDIT_JSON = "audit.json"
FORMAT_VERSION = 1


def keep_in_warehouse(
    con: duckdb.DuckDBPyConnection, done: Audited, kept_sets: Sequence[str]
) -> None:
    """Add the run's rows to audit.*, replace audit_shown.* by their suppressed form.

    kept_sets: sets whose weights go to audit.person_weight. One transaction.
    """
    with transaction(con):
        for schema, tables in (("audit", done.tables), ("audit_shown", done.shown())):
            con.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            for name, rows in tables.items():
                _create(con, schema, TABLES[name])
                if schema == "audit_shown":
                    con.execute(f"DELETE FROM {schema}.{name}")  # noqa: S608
                _insert(con, f"{schema}.{name}", pa.Table.from_pylist(rows, TABLES[name].arrow))
        _create(con, "audit", PERSON_WEIGHT)
        con.execute(  # nothing of people who withdrew
            "DELETE FROM audit.person_weight WHERE person_id NOT IN "
            "(SELECT person_id FROM mart.participant)"
        )
        for name in kept_sets:
            if name in done.weights:
                _insert(con, "audit.person_weight", weight_table(done, name))
    con.execute("CHECKPOINT")


def weight_table(done: Audited, set_name: str) -> pa.Table:
    """Weights of one set as audit.person_weight, sorted by person."""
    frame, weights = done.weights[set_name]
    return _weights(frame, weights, f"{done.asked.run_id}:{set_name}")


def _weights(frame: Frame, weights: Floats, name: str) -> pa.Table:
    order = np.argsort(frame.person_id)
    return pa.table(
        {
            "person_id": frame.person_id[order],
            "weight_set_id": pa.array([name] * frame.n, pa.string()),
            "weight": weights[order],
        },
        PERSON_WEIGHT.arrow,
    )


def write_weights(done: Audited, set_name: str, path: Path) -> None:
    """Weights of one set as Parquet: they go with the export they belong to."""
    with atomic_path(path) as partial:
        pq.write_table(weight_table(done, set_name), partial)


def payload(done: Audited) -> dict[str, Any]:
    """The suppressed form as one JSON object: the same for the same audit, ids aside."""
    return {
        "format_version": FORMAT_VERSION,
        "subject": done.asked.subject,
        "reference_id": done.reference_id,
        "min_cell": done.asked.min_cell,
        "verdicts": done.verdicts(),
        "not_assessed": done.not_assessed,
        "tables": {name: [_plain(r) for r in rows] for name, rows in done.shown().items()},
    }


def write_payload(folder: Path, content: Mapping[str, Any]) -> Path:
    """Write audit.json into a folder of reports."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / AUDIT_JSON
    write_text(path, json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")
    return path


def read_payload(folder: Path) -> dict[str, Any]:
    """audit.json of a folder; SettingsError if there is none."""
    path = folder / AUDIT_JSON
    if not path.is_file():
        raise SettingsError(
            Fault(f"{folder.name}/{AUDIT_JSON}", "there is no audit here yet", "a finished audit",
                  "Run: biobraid audit run")
        )  # fmt: skip
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _plain(row: Row) -> Row:
    """Without the run's random id; numbers that JSON cannot hold become null."""
    return {
        name: None if isinstance(value, float) and not np.isfinite(value) else value
        for name, value in row.items()
        if name not in ("run_id", "reference_id")
    }


def _create(con: duckdb.DuckDBPyConnection, schema: str, table: Table) -> None:
    columns = ", ".join(f"{c.name} {c.type}" for c in table.columns)
    con.execute(f"CREATE TABLE IF NOT EXISTS {schema}.{table.name} ({columns})")
    con.execute(
        f"COMMENT ON TABLE {schema}.{table.name} IS {literal('One row per ' + table.grain)}"
    )
    for c in table.columns:
        con.execute(f"COMMENT ON COLUMN {schema}.{table.name}.{c.name} IS {literal(c.description)}")


def _insert(con: duckdb.DuckDBPyConnection, name: str, rows: pa.Table) -> None:
    if not rows.num_rows:
        return
    con.register("audit_rows", rows)
    columns = ", ".join(rows.column_names)
    con.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM audit_rows")  # noqa: S608
    con.unregister("audit_rows")
