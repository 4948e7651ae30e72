"""Keeping the vault's edges and conflicts as they stand now, with the run that saw them first."""

from __future__ import annotations

import duckdb

_EDGE = "key_l, key_r, method, rule_id, match_weight, match_probability, decision, reason"
_CONFLICT = "conflict_id, rule_id, severity, source_person_key"


def store_evidence(con: duckdb.DuckDBPyConnection, run_id: int) -> set[str]:
    """Bring `edge` and `conflict` up to what was found; returns the vault tables changed."""
    con.execute("""
        CREATE TEMP TABLE named_conflict AS
        SELECT DISTINCT c.rule_id, c.severity, c.source_person_key, g.conflict_id
        FROM found_conflict AS c
        INNER JOIN (
          SELECT rule_id, evidence,
            md5(rule_id || ':' || string_agg(DISTINCT source_person_key, ',' ORDER BY source_person_key))
              AS conflict_id
          FROM found_conflict GROUP BY rule_id, evidence
        ) AS g USING (rule_id, evidence)""")
    changed = set()
    if _replace(con, "edge", "found_edge", _EDGE, run_id):
        changed.add("edge")
    if _replace(con, "conflict", "named_conflict", _CONFLICT, run_id):
        changed.add("conflict")
    con.execute("DROP TABLE named_conflict")
    return changed


def _replace(
    con: duckdb.DuckDBPyConnection, table: str, found: str, columns: str, run_id: int
) -> bool:
    """Add what is new under this run, drop what no longer holds; table names are constants."""
    con.execute(f"""
        CREATE TEMP TABLE fresh AS
        SELECT {columns} FROM {found} EXCEPT SELECT {columns} FROM {table}""")  # noqa: S608
    con.execute(f"""
        CREATE TEMP TABLE gone AS
        SELECT {columns} FROM {table} EXCEPT SELECT {columns} FROM {found}""")  # noqa: S608
    counts = con.execute("SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM gone)")
    n_fresh, n_gone = counts.fetchone() or (0, 0)
    if n_gone:
        same = " AND ".join(
            f"gone.{c} IS NOT DISTINCT FROM {table}.{c}" for c in columns.split(", ")
        )
        con.execute(f"DELETE FROM {table} USING gone WHERE {same}")  # noqa: S608
    if n_fresh:
        con.execute(f"INSERT INTO {table} BY NAME SELECT {run_id} AS run_id, * FROM fresh")  # noqa: S608
    con.execute("DROP TABLE fresh; DROP TABLE gone")
    return bool(n_fresh or n_gone)
