"""audit.check_*: runs, results, parts and coverage, kept so that runs can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from biobraid.core.schemas.table import Table, columns_of
from biobraid.core.warehouse import literal
from biobraid.quality.checks.evaluate import Result, totals
from biobraid.quality.checks.rules import Rule
from biobraid.quality.checks.run import Checked

CHECK_RUN = Table("audit", "check_run", "run of `biobraid check`", ("run_id",), columns_of("""
run_id VARCHAR Run
run_no BIGINT Number of the run in this warehouse, from 1
started_at VARCHAR UTC time the run began
subject VARCHAR What was checked
code_version VARCHAR Version of biobraid with a hash of its code
vocabulary_version VARCHAR Vocabulary in force; null if the database does not say
thresholds VARCHAR Name of the thresholds file; null for the shipped ones
counted_in VARCHAR Run whose counts were judged anew; null where the run counted itself
compared_with VARCHAR Run whose counts n_violated_before holds; null if there was none
n_checks BIGINT Checks
n_passed BIGINT Of these, passed
n_failed BIGINT Of these, failed: more violations than the threshold allows
n_error BIGINT Of these, not counted because of an error
n_not_applicable BIGINT Of these, saying nothing here, as their table, column or concept has no rows
n_fatal_failed BIGINT Failed checks of severity fatal
n_grown BIGINT Checks with more violations than in the run compared with
"""))  # fmt: skip
CHECK_RESULT = Table("audit", "check_result", "run and check", ("run_id", "check_id"), columns_of("""
run_id VARCHAR Run
place BIGINT Place of the check in the run, from 0
check_id VARCHAR Name of the check, the same in every run
check_name VARCHAR Type of the check
level VARCHAR table, field, concept or custom
origin VARCHAR ohdsi, biobraid or custom
context VARCHAR Kahn's context: verification or validation
category VARCHAR Kahn's category: conformance, completeness or plausibility
subcategory VARCHAR Kahn's subcategory; empty where he has none
severity VARCHAR fatal, convention or characterization
table_name VARCHAR Table of the CDM
field_name VARCHAR Column; empty for checks of tables
concept_ids VARCHAR Concepts joined by +; empty where the check is not about concepts
unit_concept_id BIGINT Unit; null where the check is not about one
argument VARCHAR Limit, domain or referred column
threshold DOUBLE Share (0-1) of violations that is let pass
state VARCHAR passed, failed, error or not_applicable
reason VARCHAR The error, or why the check does not apply; else empty
n_violated BIGINT Violating rows, persons or source values; null where nothing was counted
n_denominator BIGINT Rows, persons or source values the check is about; null where nothing was counted
violated_share DOUBLE n_violated / n_denominator (0-1); null where nothing was counted
n_violated_before BIGINT n_violated of the run compared with; null if there is none
description VARCHAR What violates the check
"""))  # fmt: skip
CHECK_PART = Table("audit", "check_part", "run, check and source or site",
                   ("run_id", "check_id", "kind", "study", "source", "care_site_id"), columns_of("""
run_id VARCHAR Run
check_id VARCHAR Check that found violations
kind VARCHAR source or site: what the rows are divided by
study VARCHAR Study; null for sites and for rows whose source is not known
source VARCHAR Source within the study; null as above
care_site_id BIGINT Care site; null for sources and for rows without one
n_violated BIGINT Violating rows of the part
n_denominator BIGINT Rows of the part the check is about
"""))  # fmt: skip
CHECK_COVERAGE = Table("audit", "check_coverage", "run, source and domain",
                       ("run_id", "study", "source", "domain"), columns_of("""
run_id VARCHAR Run
study VARCHAR Study
source VARCHAR Source within the study
domain VARCHAR Table of cdm the facts go to
n_rows BIGINT Facts
n_rows_mapped BIGINT Of these, with a standard concept
n_persons BIGINT Persons with facts
n_persons_mapped BIGINT Persons with at least one mapped fact
n_variables BIGINT Variables or codes
n_variables_mapped BIGINT Of these, those of which every fact is mapped
"""))  # fmt: skip
CHECK_UNMAPPED = Table("audit", "check_unmapped", "run and unmapped code",
                       ("run_id", "study", "source", "variable", "source_code"), columns_of("""
run_id VARCHAR Run
study VARCHAR Study
source VARCHAR Source within the study
variable VARCHAR Variable, or code system of an event
source_code VARCHAR Code; null for numbers, dates and texts
label VARCHAR Label of the variable or code; null if not known
reason VARCHAR unmapped or no-standard-concept
n_facts BIGINT Values or events with the code
n_persons BIGINT Persons with at least one of them
"""))  # fmt: skip
TABLES = (CHECK_RUN, CHECK_RESULT, CHECK_PART, CHECK_COVERAGE, CHECK_UNMAPPED)


def result_row(result: Result) -> dict[str, Any]:
    """A result with the columns of audit.check_result, run_id apart."""
    rule, kind = result.rule, result.rule.type
    return {
        "check_id": rule.check_id, "check_name": rule.check, "level": kind.level,
        "origin": kind.origin, "context": kind.context, "category": result.category,
        "subcategory": kind.subcategory, "severity": result.severity, "table_name": rule.table,
        "field_name": rule.field, "concept_ids": "+".join(map(str, rule.concept_ids)),
        "unit_concept_id": rule.unit_concept_id, "argument": rule.argument,
        "threshold": rule.threshold, "state": result.state, "reason": result.reason,
        "n_violated": result.n_violated, "n_denominator": result.n_denominator,
        "violated_share": result.violated_share, "n_violated_before": result.n_violated_before,
        "description": rule.description or kind.description,
    }  # fmt: skip


def keep(
    con: duckdb.DuckDBPyConnection, done: Checked, started_at: str, code_version: str,
    counted_in: str | None = None,
) -> None:  # fmt: skip
    """Add the run to audit.check_*; one transaction."""
    asked = done.asked
    head = {
        "run_id": asked.run_id, "started_at": started_at, "subject": asked.subject,
        "code_version": code_version, "vocabulary_version": done.coverage.vocabulary_version,
        "thresholds": asked.thresholds_name or None, "counted_in": counted_in,
        "compared_with": done.compared_with, **totals(done.results),
    }  # fmt: skip
    rows: Mapping[str, Sequence[dict[str, Any]]] = {
        "check_run": [head],
        "check_result": [{"place": n, **result_row(r)} for n, r in enumerate(done.results)],
        "check_part": [p.__dict__ for p in done.parts],
        "check_coverage": done.coverage.mapped,
        "check_unmapped": done.coverage.unmapped,
    }
    con.execute("BEGIN")
    try:
        con.execute("CREATE SCHEMA IF NOT EXISTS audit")
        for table in TABLES:
            _create(con, table)
        head["run_no"] = _next_no(con)
        for table in TABLES:
            _insert(con, table, asked.run_id, rows[table.name])
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")
    con.execute("CHECKPOINT")


def _create(con: duckdb.DuckDBPyConnection, table: Table) -> None:
    columns = ", ".join(f'"{c.name}" {c.type}' for c in table.columns)
    con.execute(f"CREATE TABLE IF NOT EXISTS {table.full_name} ({columns})")
    con.execute(f"COMMENT ON TABLE {table.full_name} IS {literal('One row per ' + table.grain)}")
    for c in table.columns:
        con.execute(f'COMMENT ON COLUMN {table.full_name}."{c.name}" IS {literal(c.description)}')


def _next_no(con: duckdb.DuckDBPyConnection) -> int:
    row = con.execute("SELECT coalesce(max(run_no), 0) + 1 FROM audit.check_run").fetchone()
    return int(row[0]) if row else 1


def _insert(
    con: duckdb.DuckDBPyConnection, table: Table, run_id: str, rows: Sequence[dict[str, Any]]
) -> None:
    if not rows:
        return
    data = pa.Table.from_pylist([{**row, "run_id": run_id} for row in rows], table.arrow)
    con.register("check_rows", data)
    names = ", ".join(f'"{c}"' for c in data.column_names)
    con.execute(f"INSERT INTO {table.full_name} ({names}) SELECT {names} FROM check_rows")  # noqa: S608
    con.unregister("check_rows")


def has_runs(con: duckdb.DuckDBPyConnection) -> bool:
    """True if `check` has been run on the warehouse."""
    return con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE schema_name = 'audit' AND table_name = 'check_run' "
        "AND database_name = current_database()"
    ).fetchone() is not None  # fmt: skip


def run_before(con: duckdb.DuckDBPyConnection, until: str | None) -> str | None:
    """The last run that counted, of those begun at `until` (UTC) or earlier if that is given."""
    if not has_runs(con):
        return None
    row = con.execute(
        "SELECT run_id FROM audit.check_run WHERE counted_in IS NULL AND started_at <= coalesce(?, '9999') "
        "ORDER BY run_no DESC LIMIT 1",
        [until],
    ).fetchone()
    return str(row[0]) if row else None


def read_results(con: duckdb.DuckDBPyConnection, run_id: str) -> list[Result]:
    """Results of an earlier run, in their order."""
    rows = con.execute(
        "SELECT check_name, table_name, field_name, concept_ids, unit_concept_id, argument, "
        "threshold, severity, category, description, state, n_violated, n_denominator, reason "
        "FROM audit.check_result WHERE run_id = ? ORDER BY place",
        [run_id],
    ).fetchall()
    found = []
    for name, table, field, concepts, unit, argument, threshold, *words in rows:
        severity, category, description, state, violated, total, reason = words
        ids = tuple(int(c) for c in concepts.split("+") if c)
        rule = Rule(name, table, field, ids, unit, argument, threshold, severity, category,
                    description)  # fmt: skip
        found.append(Result(rule, state, violated, total, reason))
    return found
