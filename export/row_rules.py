"""Which rows of a person's table a release may hold, given `kept` and what is denied.

`limited` holds the persons of whom some sources or facts may not go. Tables that are
computed from many facts cannot be filtered row by row; for limited persons they are made
again from what is left, or left empty.
"""

from __future__ import annotations

import duckdb

from biobraid.export.table_plan import SourceTable

# Tables of cdm whose one id column is the fact id of stem.event.
FACT_TABLES = {
    "visit_occurrence": "visit_start_date",
    "condition_occurrence": "condition_start_date",
    "drug_exposure": "drug_exposure_start_date",
    "procedure_occurrence": "procedure_date",
    "device_exposure": "device_exposure_start_date",
    "measurement": "measurement_date",
    "observation": "observation_date",
}


def find_limited(con: duckdb.DuckDBPyConnection) -> int:
    """Make `limited` (person_id); returns how many there are."""
    con.execute("""
        CREATE TEMP TABLE limited AS
        SELECT person_id FROM denied_source
        UNION
        SELECT e.person_id FROM warehouse.stem.event AS e
        JOIN denied_fact AS d ON d.fact_id = e.fact_id""")
    row = con.execute("SELECT count(*) FROM limited").fetchone()
    return int(row[0]) if row else 0


def row_filter(table: SourceTable) -> str:
    """SQL condition on `t` beside being of a kept person."""
    names = {c.name for c in table.columns}
    if not table.is_by_person:
        return "TRUE"
    if table.schema == "cdm" and table.name in FACT_TABLES and table.key:
        return f"NOT EXISTS (SELECT 1 FROM denied_fact AS d WHERE d.fact_id = t.{table.key})"
    if {"study", "source"} <= names:
        return (
            "NOT EXISTS (SELECT 1 FROM denied_source AS d WHERE d.person_id = t.person_id "
            "AND d.study = t.study AND d.source = t.source)"
        )
    if table.full_name in ("cdm.person",):
        return "TRUE"
    return "NOT EXISTS (SELECT 1 FROM limited AS d WHERE d.person_id = t.person_id)"
