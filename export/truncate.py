"""Shift and truncate: a shifted date must not say by how much it was shifted.

Whoever was followed until a source closed would otherwise show the shift at once: the closing
date is public, theirs is that date less the shift. So all that a source could have recorded is
cut to the stretch it shows for every possible shift: from its opening day to `window_days`
before its closing day, in shifted time. The price is window_days of follow-up per source.

    shift_window   person_id, study, source, first_day, last_day   days kept, before shifting
    origin_window  person_id, origin, first_day, last_day          all sources of an origin
    record_window  person_id, first_day, last_day                  of tables made of records
    person_window  person_id, first_day, last_day                  null: some source has no end
    outside_fact   fact_id                                         facts that are cut away

By default sources of health records are cut: their ends are administrative. Research visits
are single days; cutting a recruitment of two years by one would cost half of it, and tells
only of the first and last recruits. `truncate: all` cuts those too.
Source: shift-and-truncate (Hripcsak et al. 2016, J Am Med Inform Assoc 23:1040).
"""

from __future__ import annotations

import duckdb

from biobraid.export.project import DatePolicy
from biobraid.export.table_plan import SourceTable

# Tables that models make of health records, which name no source.
_OF_RECORDS = frozenset(
    {"cdm.condition_era", "cdm.drug_era", "cdm.dose_era", "cdm.payer_plan_period", "cdm.death"}
)
# Remade elsewhere, or without a date of an observation.
_EXEMPT = frozenset(
    {"cdm.person", "cdm.observation_period", "mart.participant", "mart.person_attribute"}
)
_DATES = ("DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE")


def find_windows(con: duckdb.DuckDBPyConnection, policy: DatePolicy) -> None:
    """Make the tables above; empty unless the policy shifts and truncates.

    Needs `project_person` and `linked`. A person censored on a public date of their region
    counts by that date; of others the earliest public date of the source counts.
    """
    is_on = policy.kind == "shift" and policy.truncate != "none"
    con.execute("SET VARIABLE window_days = ?", [policy.window_days])
    con.execute("SET VARIABLE truncates_all = ?", [policy.truncate == "all"])
    con.execute(
        """
        CREATE TEMP TABLE shift_window AS
        WITH bound AS (
          SELECT s.study, s.source, s.origin, TRY_CAST(s.covers_from AS DATE) AS opens,
            least(TRY_CAST(s.covers_to AS DATE), min(TRY_CAST(c.covers_to AS DATE))) AS closes
          FROM warehouse.vocab.study_source AS s
          LEFT JOIN warehouse.vocab.study_censoring AS c
            ON c.study = s.study AND c.source = s.source
          WHERE ? AND (getvariable('truncates_all') OR s.modality = 'health_record')
          GROUP BY s.study, s.source, s.origin, s.covers_from, s.covers_to
        ),
        censored AS (
          SELECT person_id, study, source, max(covered_to) AS closes
          FROM warehouse.mart.source_coverage WHERE end_reason = 'administrative-censoring'
          GROUP BY ALL
        )
        SELECT p.person_id, b.study, b.source, b.origin, b.opens - p.shift_days AS first_day,
          coalesce(c.closes, b.closes) - p.shift_days
            - CAST(getvariable('window_days') AS INTEGER) AS last_day
        FROM project_person AS p
        JOIN linked AS l ON l.person_id = p.person_id
        JOIN bound AS b ON b.study = l.study
        LEFT JOIN censored AS c
          ON c.person_id = p.person_id AND c.study = b.study AND c.source = b.source
        WHERE b.opens IS NOT NULL OR coalesce(c.closes, b.closes) IS NOT NULL""",
        [is_on],
    )
    con.execute("""
        CREATE TEMP TABLE origin_window AS
        SELECT person_id, origin, max(first_day) AS first_day, min(last_day) AS last_day
        FROM shift_window GROUP BY ALL""")
    con.execute("""
        CREATE TEMP TABLE record_window AS
        SELECT person_id, min(first_day) AS first_day, max(last_day) AS last_day
        FROM shift_window GROUP BY ALL""")
    con.execute("""
        CREATE TEMP TABLE person_window AS
        SELECT w.person_id,
          CASE WHEN count(*) = count(w.first_day) AND NOT bool_or(o.person_id IS NOT NULL)
            THEN min(w.first_day) END AS first_day,
          CASE WHEN count(*) = count(w.last_day) AND NOT bool_or(o.person_id IS NOT NULL)
            THEN max(w.last_day) END AS last_day
        FROM shift_window AS w
        LEFT JOIN (
          SELECT DISTINCT c.person_id FROM warehouse.mart.source_coverage AS c
          ANTI JOIN shift_window AS x USING (person_id, study, source)
        ) AS o ON o.person_id = w.person_id
        GROUP BY w.person_id""")
    con.execute("""
        CREATE TEMP TABLE outside_fact AS
        SELECT DISTINCT e.fact_id, e.person_id
        FROM warehouse.stem.event AS e
        JOIN shift_window AS w
          ON w.person_id = e.person_id AND w.study = e.study AND w.source = e.source
        WHERE e.cdm_table NOT IN ('person', 'person_attribute')
          AND (e.start_date < w.first_day OR e.start_date > w.last_day)""")


def truncated(table: SourceTable, rows: str, is_fact_table: bool) -> str:
    """FROM clause that gives `rows` (a query) as `t` without what lies outside the window.

    Of a span what overlaps stays, with its ends cut; a single day stays or goes. Rows of facts
    are cut away by fact; here only their ends are.
    """
    if table.full_name in _EXEMPT:
        return f"({rows}) AS t"
    start, end, ends = _span(table)
    if start is None:
        return f"({rows}) AS t"
    window, on = _window(table)
    first, last = f"CAST({start} AS DATE)", f"CAST({end or start} AS DATE)"
    condition = (
        f"NOT coalesce({first} > w.last_day OR coalesce({last}, {first}) < w.first_day, FALSE)"
    )
    if is_fact_table:
        condition = "TRUE"
    replaced = []
    for column in table.columns:
        own = f"t.{column.quoted}"
        if column.type not in _DATES or column.name.startswith("birth"):
            continue
        if own in ends:
            replaced.append(
                f"CASE WHEN CAST({own} AS DATE) > w.last_day AND {first} <= w.last_day "
                f"THEN CAST(w.last_day AS {column.type}) ELSE {own} END AS {column.quoted}"
            )
        elif end is not None and not is_fact_table and own in _like(table, start):
            replaced.append(
                f"CASE WHEN CAST({own} AS DATE) < w.first_day AND {last} >= w.first_day "
                f"THEN CAST(w.first_day AS {column.type}) ELSE {own} END AS {column.quoted}"
            )
    cut = f"coalesce({last} > w.last_day, FALSE)"
    names = {c.name for c in table.columns}
    for name, value in (("end_reason", "'administrative-censoring'"), ("end_detail", "NULL")):
        if name in names:
            replaced.append(f"CASE WHEN {cut} THEN {value} ELSE t.{name} END AS {name}")
    columns = f"t.* REPLACE ({', '.join(replaced)})" if replaced else "t.*"
    return (
        f"(SELECT {columns} FROM ({rows}) AS t LEFT JOIN {window} AS w ON {on} "  # noqa: S608
        f"WHERE {condition}) AS t"
    )


def _window(table: SourceTable) -> tuple[str, str]:
    """Which window holds for a table's rows, and how it is joined."""
    names = {c.name for c in table.columns}
    by_person = "w.person_id = t.person_id"
    if {"study", "source"} <= names:
        return "shift_window", f"{by_person} AND w.study = t.study AND w.source = t.source"
    if "origin" in names:
        return "origin_window", f"{by_person} AND w.origin = t.origin"
    return ("record_window" if table.full_name in _OF_RECORDS else "person_window"), by_person


def _span(table: SourceTable) -> tuple[str | None, str | None, set[str]]:
    """First and last dated column of a row as `t."name"`, and every column that is an end.

    The last is None where a row is of a single day.
    """
    dated = [c for c in table.columns if c.type in _DATES and not c.name.startswith("birth")]
    ends = [c for c in dated if c.name.endswith("_to") or "_end_" in f"_{c.name}_"]
    starts = [c for c in dated if c not in ends]
    by_day = sorted(starts, key=lambda c: c.type != "DATE")
    last = sorted(ends, key=lambda c: c.type != "DATE")
    return (
        f"t.{by_day[0].quoted}" if by_day else None,
        f"t.{last[0].quoted}" if last else None,
        {f"t.{c.quoted}" for c in ends},
    )


def _like(table: SourceTable, column: str) -> set[str]:
    """The column, and its twin with the time of day (visit_end_date, visit_end_datetime)."""
    name = column.removeprefix('t."').removesuffix('"')
    twins = {name, name.replace("_date", "_datetime")}
    return {f"t.{c.quoted}" for c in table.columns if c.name in twins}
