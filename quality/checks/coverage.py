"""Coverage of the mapping: how much of each source and domain has a standard concept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb

Row = dict[str, Any]
TOP_UNMAPPED = 100

# A variable is what a source calls a fact; it counts as mapped if all of its facts are.
_MAPPED = """
WITH fact AS (
  SELECT study, source, cdm_table AS domain, source_code, person_id, concept_id <> 0 AS is_mapped
  FROM stem.event WHERE cdm_table NOT IN ('person', 'person_attribute')
), variable AS (
  SELECT study, source, domain, count(*) AS n_variables,
    count(*) FILTER (WHERE n_left = 0) AS n_variables_mapped
  FROM (SELECT study, source, domain, source_code, count(*) FILTER (WHERE NOT is_mapped) AS n_left
        FROM fact GROUP BY ALL) GROUP BY ALL
), fact_count AS (
  SELECT study, source, domain, count(*) AS n_rows,
    count(*) FILTER (WHERE is_mapped) AS n_rows_mapped,
    count(DISTINCT person_id) AS n_persons,
    count(DISTINCT person_id) FILTER (WHERE is_mapped) AS n_persons_mapped
  FROM fact GROUP BY ALL
)
SELECT study, source, domain, n_rows, n_rows_mapped, n_persons, n_persons_mapped, n_variables,
  n_variables_mapped
FROM fact_count JOIN variable USING (study, source, domain) ORDER BY ALL
"""
_UNMAPPED = """
SELECT study, source, variable, source_code, label, reason, n_facts, n_persons FROM stem.unmapped
WHERE reason IN ('unmapped', 'no-standard-concept')
ORDER BY n_facts DESC, study, source, variable, source_code LIMIT ?
"""
_VERSION = "SELECT max(vocabulary_version) FROM {} WHERE vocabulary_id = 'None'"


@dataclass
class Coverage:
    """Rows of audit.check_coverage and audit.check_unmapped, and the vocabulary in force."""

    mapped: Sequence[Row] = field(default_factory=list)
    unmapped: Sequence[Row] = field(default_factory=list)
    vocabulary_version: str | None = None


def read_coverage(con: duckdb.DuckDBPyConnection) -> Coverage:
    """Coverage of the warehouse; empty where there is no stem (another database)."""
    found = con.execute(
        "SELECT schema_name || '.' || name FROM ("
        "SELECT database_name, schema_name, table_name AS name FROM duckdb_tables() "
        "UNION ALL SELECT database_name, schema_name, view_name FROM duckdb_views()) "
        "WHERE database_name = current_database() AND (schema_name = 'stem' "
        "AND name IN ('event', 'unmapped') OR name = 'vocabulary') ORDER BY 1"
    ).fetchall()
    names = [name for (name,) in found]
    version = None
    place = next((n for n in names if n.endswith(".vocabulary")), None)
    if place:
        row = con.execute(_VERSION.format(place)).fetchone()
        version = row[0] if row else None
    mapped = _rows(con, _MAPPED) if "stem.event" in names else []
    unmapped = _rows(con, _UNMAPPED, [TOP_UNMAPPED]) if "stem.unmapped" in names else []
    return Coverage(mapped, unmapped, version)


def _rows(con: duckdb.DuckDBPyConnection, sql: str, given: Sequence[Any] = ()) -> list[Row]:
    result = con.execute(sql, list(given))
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
