"""Checks of whole tables, and those that count persons or source values instead of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import duckdb

from biobraid.quality.checks.place import PERSON, Place, quoted
from biobraid.quality.checks.rules import Rule
from biobraid.quality.checks.scan import Counts

ERAS = "condition_occurrence"


def person_keys(rule: Rule, place: Place) -> str | None:
    """SQL of the persons (person_id) that violate a check of persons; None for other checks."""
    build = _PERSONS.get(rule.check)
    return build(rule, place) if build else None


def count_persons(con: duckdb.DuckDBPyConnection, place: Place, rule: Rule, counts: Counts) -> None:
    """Count a check of persons against the persons it is about."""
    keys = person_keys(rule, place)
    about = {
        "measurePersonCompleteness": f"SELECT count(*) FROM {place.sql(PERSON)}",  # noqa: S608
        "measureConditionEraCompleteness": "SELECT count(DISTINCT person_id) FROM "  # noqa: S608
        f"{place.sql(ERAS) if place.has(ERAS) else ''} WHERE condition_concept_id <> 0",
        "measureObservationPeriodOverlap": f"SELECT count(DISTINCT person_id) FROM {place.sql(rule.table)}",  # noqa: S608
    }[rule.check]
    try:
        row = con.execute(f"SELECT (SELECT count(*) FROM ({keys})), ({about})").fetchone()  # noqa: S608
    except duckdb.Error as error:
        counts.fail([rule], error)
        return
    violated, total = row or (0, 0)
    counts.put(rule, violated, total)


def count_source_values(
    con: duckdb.DuckDBPyConnection, place: Place, rule: Rule, counts: Counts
) -> None:
    """Count distinct source values (null is one) with a row whose standard concept is 0."""
    try:
        row = con.execute(
            f"SELECT count(*) FILTER (WHERE is_unmapped), count(*) FROM (SELECT "  # noqa: S608
            f"coalesce(bool_or({quoted(rule.argument)} = 0), FALSE) AS is_unmapped "
            f"FROM {place.sql(rule.table)} GROUP BY {quoted(rule.field)})"
        ).fetchone()
    except duckdb.Error as error:
        counts.fail([rule], error)
        return
    violated, total = row or (0, 0)
    counts.put(rule, violated, total)


def _without_rows(rule: Rule, place: Place) -> str:
    return (
        f"SELECT a.person_id FROM {place.sql(PERSON)} a ANTI JOIN (SELECT DISTINCT person_id "  # noqa: S608
        f"FROM {place.sql(rule.table)}) b ON a.person_id = b.person_id"
    )


def _without_era(rule: Rule, place: Place) -> str:
    return (
        f"SELECT a.person_id FROM (SELECT DISTINCT person_id FROM {place.sql(ERAS)} "  # noqa: S608
        f"WHERE condition_concept_id <> 0) a ANTI JOIN (SELECT DISTINCT person_id "
        f"FROM {place.sql(rule.table)}) b ON a.person_id = b.person_id"
    )


def _overlapping(rule: Rule, place: Place) -> str:
    start, end = "observation_period_start_date", "observation_period_end_date"
    return (
        f"SELECT DISTINCT person_id FROM (SELECT person_id, CAST({start} AS DATE) AS a, "  # noqa: S608
        f"max(CAST({end} AS DATE)) OVER (PARTITION BY person_id ORDER BY {start}, {end}, "
        f"observation_period_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS last_day "
        f"FROM {place.sql(rule.table)}) WHERE a <= last_day + 1"
    )


_PERSONS: Mapping[str, Callable[[Rule, Place], str]] = {
    "measurePersonCompleteness": _without_rows,
    "measureConditionEraCompleteness": _without_era,
    "measureObservationPeriodOverlap": _overlapping,
}
