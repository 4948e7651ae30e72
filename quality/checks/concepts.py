"""Checks of concepts: each column is grouped by its concept once, for all checks that ask."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from biobraid.core.warehouse import literal
from biobraid.quality.checks.people import TABLE as PEOPLE
from biobraid.quality.checks.place import CONCEPT, Place, quoted
from biobraid.quality.checks.predicates import CLASS, DOMAIN, STANDARD
from biobraid.quality.checks.rules import Rule
from biobraid.quality.checks.scan import Counts

REFERENCE = ("isForeignKey", "fkDomain", "fkClass", "isStandardValidConcept")
_CONDITION = {
    "isForeignKey": "c.concept_id IS NULL",
    "fkDomain": f"c.concept_id <> 0 AND ({DOMAIN})",
    "fkClass": f"c.concept_id <> 0 AND ({CLASS})",
    "isStandardValidConcept": f"c.concept_id <> 0 AND ({STANDARD})",
}


def count_references(
    con: duckdb.DuckDBPyConnection, place: Place, rules: Sequence[Rule], counts: Counts
) -> None:
    """Existence, domain, class and standard flag of the concepts of one column, in one scan."""
    table, column = rules[0].table, quoted(rules[0].field)
    aggregates = ", ".join(
        f"sum(h.n) FILTER (WHERE {_CONDITION[r.check].format(argument=literal(r.argument))})"
        for r in rules
    )
    try:
        row = con.execute(
            f"SELECT {aggregates} FROM (SELECT {column} AS id, count(*) AS n "  # noqa: S608
            f"FROM {place.sql(table)} WHERE {column} IS NOT NULL GROUP BY 1) h LEFT JOIN "
            f"(SELECT concept_id, any_value(domain_id) AS domain_id, any_value(concept_class_id) "
            f"AS concept_class_id, any_value(standard_concept) AS standard_concept, "
            f"any_value(invalid_reason) AS invalid_reason FROM {place.sql(CONCEPT)} "
            f"WHERE concept_id IN (SELECT {column} FROM {place.sql(table)}) GROUP BY 1) c "
            f"ON h.id = c.concept_id"
        ).fetchone()
    except duckdb.Error as error:
        counts.fail(rules, error)
        return
    for rule, violated in zip(rules, row or (), strict=True):
        is_standard = rule.check == "isStandardValidConcept"
        total = counts.n_values[table, rule.field] if is_standard else counts.n_rows[table]
        counts.put(rule, violated, total)


def count_sexes(
    con: duckdb.DuckDBPyConnection, place: Place, rules: Sequence[Rule], counts: Counts
) -> None:
    """Rows of sex-specific concepts by the person's sex, in one scan of a column."""
    table, column = rules[0].table, quoted(rules[0].field)
    families = [r for r in rules if r.check != "plausibleGender"]
    pairs = [(n, c) for n, r in enumerate(rules) for c in r.concept_ids]
    con.register("check_pair", pa.table({
        "rule_no": pa.array([n for n, _ in pairs], pa.int32()),
        "concept_id": pa.array([c for _, c in pairs], pa.int64()),
        "is_family": pa.array([rules[n] in families for n, _ in pairs], pa.bool_()),
    }))  # fmt: skip
    family = ""
    if families and place.has("concept_ancestor", "ancestor_concept_id"):
        family = (
            f" UNION SELECT DISTINCT r.rule_no, a.descendant_concept_id FROM check_pair r "  # noqa: S608
            f"JOIN {place.sql('concept_ancestor')} a ON r.is_family "
            f"AND a.ancestor_concept_id = r.concept_id"
        )
    sexes = ", ".join(str(int(r.argument)) for r in rules)
    try:
        rows = con.execute(
            f"WITH wanted AS (SELECT rule_no, concept_id FROM check_pair WHERE NOT is_family{family}),"  # noqa: S608
            f" h AS (SELECT t.{column} AS id, p.gender_concept_id AS sex, count(*) AS n "
            f"FROM {place.sql(table)} t LEFT JOIN {PEOPLE} p ON t.person_id = p.person_id "
            f"WHERE t.{column} IN (SELECT concept_id FROM wanted) GROUP BY ALL) "
            f"SELECT rule_no, sum(n) FILTER (WHERE sex <> [{sexes}][rule_no + 1]), sum(n) "
            f"FROM wanted JOIN h ON wanted.concept_id = h.id GROUP BY 1"
        ).fetchall()
    except duckdb.Error as error:
        counts.fail(rules, error)
        return
    finally:
        con.unregister("check_pair")
    _put_found(rows, rules, counts, "no row has the concept")
    if families and not _has_rows(con, place, "concept_ancestor"):
        counts.skip(families, "concept_ancestor is empty")


def count_units(
    con: duckdb.DuckDBPyConnection, place: Place, rules: Sequence[Rule], counts: Counts
) -> None:
    """Rows of concepts by unit, in one scan: a missing unit passes, unit 0 is another check's."""
    table, column = rules[0].table, quoted(rules[0].field)
    pairs = [(n, c) for n, r in enumerate(rules) for c in r.concept_ids]
    units = [[int(u) for u in r.argument.split()] for r in rules]
    con.register("check_pair", pa.table({
        "rule_no": pa.array([n for n, _ in pairs], pa.int32()),
        "concept_id": pa.array([c for _, c in pairs], pa.int64()),
        "units": pa.array([units[n] for n, _ in pairs], pa.list_(pa.int64())),
    }))  # fmt: skip
    try:
        rows = con.execute(
            f"WITH h AS (SELECT {column} AS id, unit_concept_id AS unit, count(*) AS n "  # noqa: S608
            f"FROM {place.sql(table)} WHERE {column} IN (SELECT concept_id FROM check_pair) "
            f"AND unit_concept_id IS DISTINCT FROM 0 GROUP BY ALL) "
            f"SELECT rule_no, sum(n) FILTER (WHERE unit IS NOT NULL AND NOT "
            f"list_contains(units, unit)), sum(n) FROM check_pair r JOIN h ON h.id = r.concept_id "
            f"GROUP BY 1"
        ).fetchall()
    except duckdb.Error as error:
        counts.fail(rules, error)
        return
    finally:
        con.unregister("check_pair")
    _put_found(rows, rules, counts, "no row has the concept with a unit other than 0")


def _put_found(
    rows: Sequence[tuple[int, int | None, int]], rules: Sequence[Rule], counts: Counts, reason: str
) -> None:
    found = {n: (violated, total) for n, violated, total in rows}
    for n, rule in enumerate(rules):
        if n in found:
            counts.put(rule, *found[n])
        else:
            counts.skip([rule], reason)


def _has_rows(con: duckdb.DuckDBPyConnection, place: Place, table: str) -> bool:
    if not place.has(table):
        return False
    return con.execute(f"SELECT 1 FROM {place.sql(table)} LIMIT 1").fetchone() is not None  # noqa: S608
