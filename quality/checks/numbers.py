"""Plausibility of numbers with their units: ranges, coherence of units and scale, change over time."""

from __future__ import annotations

import math
from collections.abc import Sequence

import duckdb
import pyarrow as pa

from biobraid.quality.checks.people import TABLE as PEOPLE
from biobraid.quality.checks.place import Place, quoted
from biobraid.quality.checks.predicates import day
from biobraid.quality.checks.rules import Rule
from biobraid.quality.checks.scan import Counts

# table -> concept column and day of the numbers
NUMBERS = {
    "measurement": ("measurement_concept_id", "measurement_date"),
    "observation": ("observation_concept_id", "observation_date"),
}
MIN_NUMBERS = 20  # of a concept, or of a source's month, before it is judged
MAX_FACTOR = 4.0  # between a month's mean and the concept's: a wrong unit, not a season
NOT_COHERENT = 0.05  # share of numbers in other units that is let pass


def count_ranges(
    con: duckdb.DuckDBPyConnection, place: Place, rules: Sequence[Rule], counts: Counts
) -> None:
    """Numbers outside the range of their concept and unit, in one scan of the table."""
    table, column = rules[0].table, quoted(rules[0].field)
    limits = [r.argument.partition("..") for r in rules]
    con.register("check_range", pa.table({
        "rule_no": pa.array([n for n, r in enumerate(rules) for _ in r.concept_ids], pa.int32()),
        "concept_id": pa.array([c for r in rules for c in r.concept_ids], pa.int64()),
        "unit": pa.array([r.unit_concept_id for r in rules for _ in r.concept_ids], pa.int64()),
        "low": pa.array([_number(low) for r, (low, _, _) in zip(rules, limits, strict=True)
                         for _ in r.concept_ids], pa.float64()),
        "high": pa.array([_number(high) for r, (_, _, high) in zip(rules, limits, strict=True)
                          for _ in r.concept_ids], pa.float64()),
    }))  # fmt: skip
    try:
        rows = con.execute(
            f"SELECT r.rule_no, count(*) FILTER (WHERE t.value_as_number < r.low "  # noqa: S608
            f"OR t.value_as_number > r.high), count(*) FROM {place.sql(table)} t JOIN check_range r "
            f"ON t.{column} = r.concept_id AND (r.unit IS NULL OR t.unit_concept_id = r.unit) "
            f"WHERE t.value_as_number IS NOT NULL GROUP BY 1"
        ).fetchall()
    except duckdb.Error as error:
        counts.fail(rules, error)
        return
    finally:
        con.unregister("check_range")
    found = {n: (violated, total) for n, violated, total in rows}
    for n, rule in enumerate(rules):
        if n in found:
            counts.put(rule, *found[n])
        else:
            counts.skip([rule], "no number of the concept in the unit")


def _number(text: str) -> float | None:
    return float(text) if text else None


def find_coherence(
    con: duckdb.DuckDBPyConnection, place: Place, table: str, counts: Counts
) -> list[Rule]:
    """One check per concept with numbers: those not in its commonest unit. Rules come back.

    The data make these checks, so their number differs between warehouses.
    """
    concept, _ = NUMBERS[table]
    fields = (concept, "value_as_number", "unit_concept_id")
    if not place.has(table, *fields) or not counts.n_values.get((table, "value_as_number")):
        return []
    rows = con.execute(
        f"SELECT {concept}, arg_max(unit_concept_id, n) FILTER (WHERE unit_concept_id IS NOT NULL), "  # noqa: S608
        f"coalesce(max(n) FILTER (WHERE unit_concept_id IS NOT NULL), 0), sum(n) FROM (SELECT "
        f"{concept}, unit_concept_id, count(*) AS n FROM {place.sql(table)} WHERE "
        f"value_as_number IS NOT NULL AND {concept} <> 0 GROUP BY ALL ORDER BY ALL) "
        f"GROUP BY 1 HAVING sum(n) >= {MIN_NUMBERS} ORDER BY 1"
    ).fetchall()
    rules = []
    for concept_id, unit, n_common, n in rows:
        if unit is None:  # a number without a unit everywhere is one
            continue
        rule = Rule("unitCoherence", table, concept, (concept_id,), None, str(unit), NOT_COHERENT)
        counts.put(rule, n - n_common, n)
        rules.append(rule)
    return rules


SCALE_SQL = """
SELECT t.{concept} AS concept_id, t.unit_concept_id AS unit, o.study, o.source,
  date_trunc('month', {day}) AS month, count(*) AS n, avg(ln(t.value_as_number)) AS level
FROM {table} t LEFT JOIN ({origin}) o ON t.{key} = o.fact_id
WHERE t.value_as_number > 0 AND t.{concept} <> 0 AND t.unit_concept_id <> 0
GROUP BY ALL HAVING count(*) >= {n}
"""
NO_ORIGIN = "SELECT NULL::BIGINT AS fact_id, NULL AS study, NULL AS source WHERE FALSE"


def scale_sql(place: Place, table: str, origin: str | None) -> str:
    """SQL: concept, unit, study, source, month, n and is_off of each group that can be judged."""
    concept, date_column = NUMBERS[table]
    found = place.tables[table]
    groups = SCALE_SQL.format(
        concept=concept, day=day(f"t.{date_column}", found.columns[date_column]),
        table=found.sql, origin=origin or NO_ORIGIN, key=found.key, n=MIN_NUMBERS,
    )  # fmt: skip
    return (
        f"SELECT g.* EXCLUDE (level), abs(g.level - median(g.level) OVER "  # noqa: S608
        f"(PARTITION BY concept_id, unit)) > {math.log(MAX_FACTOR)!r} AS is_off, "
        f"count(*) OVER (PARTITION BY concept_id, unit) AS n_groups FROM ({groups}) g"
    )


def find_scales(
    con: duckdb.DuckDBPyConnection, place: Place, table: str, origin: str | None, counts: Counts
) -> list[Rule]:
    """One check per concept and unit: numbers of months (of a source) on another scale.

    Compares geometric means with the median of all groups, so that the odd one out is found
    and not the rest. Concepts with fewer than three groups are left out.
    """
    concept, date_column = NUMBERS[table]
    fields = (concept, date_column, "value_as_number", "unit_concept_id")
    if not place.has(table, *fields) or not counts.n_values.get((table, "value_as_number")):
        return []
    rows = con.execute(
        f"SELECT concept_id, unit, sum(n) FILTER (WHERE is_off), sum(n) "  # noqa: S608
        f"FROM ({scale_sql(place, table, origin)}) WHERE n_groups >= 3 GROUP BY 1, 2 ORDER BY 1, 2"
    ).fetchall()
    rules = []
    for concept_id, unit, n_off, n in rows:
        rule = Rule("coherentScale", table, concept, (concept_id,), unit, f"{MAX_FACTOR:g}", 0.0)
        counts.put(rule, n_off, n)
        rules.append(rule)
    return rules


def change_sql(place: Place, rule: Rule, columns: str) -> str:
    """SQL over consecutive numbers of a person: `columns` of t, with is_pair and is_off.

    argument: delta=D and/or ratio=R, within days=N of each other, from age=A years on.
    """
    given = dict(part.split("=", 1) for part in rule.argument.split())
    concept, date_column = NUMBERS[rule.table]
    found = place.tables[rule.table]
    own = day(f"t.{date_column}", found.columns[date_column])
    pair = ["before IS NOT NULL"]
    if "days" in given:
        pair.append(f"day - day_before <= {int(given['days'])}")
    if "age" in given:
        pair.append(f"day_before >= birth_date + INTERVAL {int(given['age'])} YEAR")
    off = []
    if "delta" in given:
        off.append(f"abs(number - before) > {float(given['delta'])!r}")
    if "ratio" in given:
        off.append(f"greatest(number, before) > {float(given['ratio'])!r} * least(number, before)")
    ids = ", ".join(str(c) for c in rule.concept_ids)
    unit = "" if rule.unit_concept_id is None else f"AND t.unit_concept_id = {rule.unit_concept_id}"
    return (
        f"SELECT *, ({' AND '.join(pair)}) AS is_pair, ({' OR '.join(off)}) AS is_off FROM ("  # noqa: S608
        f"SELECT {columns}, p.birth_date, t.value_as_number AS number, {own} AS day, "
        f"lag(t.value_as_number) OVER w AS before, lag({own}) OVER w AS day_before "
        f"FROM {found.sql} t LEFT JOIN {PEOPLE} p ON t.person_id = p.person_id "
        f"WHERE t.{concept} IN ({ids}) {unit} AND t.value_as_number IS NOT NULL "
        f"WINDOW w AS (PARTITION BY t.person_id ORDER BY {own}, t.{found.key}))"
    )


def count_change(con: duckdb.DuckDBPyConnection, place: Place, rule: Rule, counts: Counts) -> None:
    """Numbers that cannot follow the one before them, of numbers that have one before them."""
    try:
        row = con.execute(
            f"SELECT count(*) FILTER (WHERE is_pair AND is_off), count(*) FILTER (WHERE is_pair), "  # noqa: S608
            f"count(*) FROM ({change_sql(place, rule, 't.person_id')})"
        ).fetchone()
    except duckdb.Error as error:
        counts.fail([rule], error)
        return
    violated, pairs, n = row or (0, 0, 0)
    if not pairs:
        reason = (
            "nobody has two numbers to compare" if n else "no number of the concept in the unit"
        )
        counts.skip([rule], reason)
        return
    counts.put(rule, violated, pairs)
