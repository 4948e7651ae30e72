"""Which rows violate a check, by key; and how many of them come from which source and site."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import duckdb

from biobraid.core.errors import Fault, SettingsError
from biobraid.quality.checks.evaluate import Result
from biobraid.quality.checks.numbers import NUMBERS, change_sql, scale_sql
from biobraid.quality.checks.place import VISIT, Place, quoted
from biobraid.quality.checks.predicates import Predicate, Setting, day, predicate
from biobraid.quality.checks.rules import Rule
from biobraid.quality.checks.scan import error_text, relation
from biobraid.quality.checks.tables import person_keys

Origins = Callable[[str], str | None]  # table -> SQL of fact_id, study, source; None if unknown
MAX_AGGREGATES = 40


@dataclass(frozen=True)
class Part:
    """Counts of one check within one source (study and source) or one site (care_site_id)."""

    check_id: str
    kind: str  # source or site
    study: str | None
    source: str | None
    care_site_id: int | None
    n_violated: int
    n_denominator: int


def violating_keys(
    con: duckdb.DuckDBPyConnection, setting: Setting, rule: Rule, origins: Origins, limit: int
) -> tuple[str, list[int | str]]:
    """(name of the key, keys of up to `limit` violating rows in their order).

    Keys are ids of the warehouse: of the row, or of the person for checks of persons. Raises
    SettingsError for checks that have no rows: tables, columns and source values.
    """
    place = setting.place
    if rule.table in place.tables and (persons := person_keys(rule, place)):
        sql, key = f"SELECT person_id AS key FROM ({persons})", "person_id"  # noqa: S608
    elif place.has(rule.table, rule.field) and (rows := _rows_sql(setting, rule, origins)):
        sql, key = rows, place.tables[rule.table].key
    else:
        raise SettingsError(
            Fault(rule.check_id, "has no rows to list", "a check that counts rows or persons")
        )
    try:
        found = con.execute(f"SELECT key FROM ({sql}) ORDER BY 1 LIMIT ?", [limit]).fetchall()  # noqa: S608
    except duckdb.Error as error:
        raise SettingsError(Fault(rule.check_id, error_text(error))) from None
    return key, [row[0] for row in found]


def _rows_sql(setting: Setting, rule: Rule, origins: Origins) -> str | None:
    place = setting.place
    key = f"t.{quoted(place.tables[rule.table].key)}"
    if rule.check == "plausibleChange":
        rows = change_sql(place, rule, f"{key} AS key")
        return f"SELECT key FROM ({rows}) WHERE is_pair AND is_off"  # noqa: S608
    if rule.check == "coherentScale":
        return _off_scale(place, rule, origins(rule.table), key)
    one = predicate(rule, setting)
    if one is None:
        return None
    return (
        f"SELECT {key} AS key FROM {relation(place, rule.table, one, rule.field)} "  # noqa: S608
        f"WHERE {one.violated}"
    )


def _off_scale(place: Place, rule: Rule, origin: str | None, key: str) -> str:
    concept, date_column = NUMBERS[rule.table]
    own = day(f"t.{date_column}", place.tables[rule.table].columns[date_column])
    joined = f"LEFT JOIN ({origin}) o ON {key} = o.fact_id" if origin else ""
    study, source = ("o.study", "o.source") if origin else ("NULL", "NULL")
    ids = ", ".join(str(c) for c in rule.concept_ids)
    return (
        f"SELECT {key} AS key FROM {place.sql(rule.table)} t {joined} "  # noqa: S608
        f"JOIN ({scale_sql(place, rule.table, origin)}) g ON g.is_off AND g.concept_id = t.{concept} "
        f"AND g.unit = t.unit_concept_id AND g.month = date_trunc('month', {own}) "
        f"AND g.study IS NOT DISTINCT FROM {study} AND g.source IS NOT DISTINCT FROM {source} "
        f"WHERE t.value_as_number > 0 AND t.{concept} IN ({ids}) "
        f"AND t.unit_concept_id = {rule.unit_concept_id}"
    )


def break_down(
    con: duckdb.DuckDBPyConnection, setting: Setting, results: Iterable[Result], origins: Origins
) -> list[Part]:
    """Counts by source and by site of every check that found violating rows.

    One scan per table, set of joins and kind of part serves all of its checks.
    """
    groups: dict[tuple[str, frozenset[str], str], list[tuple[Rule, Predicate]]] = {}
    for result in results:
        rule = result.rule
        if not result.n_violated or not setting.place.has(rule.table, rule.field):
            continue
        one = predicate(rule, setting)
        if one is not None:
            field = rule.field if one.parent else ""
            groups.setdefault((rule.table, one.joins, field), []).append((rule, one))
    parts: list[Part] = []
    for (table, _, _), members in groups.items():
        for by, joined, columns in _kinds(setting.place, table, origins):
            for start in range(0, len(members), MAX_AGGREGATES):
                some = members[start : start + MAX_AGGREGATES]
                parts += _count_parts(con, setting.place, table, some, (by, joined, columns))
    return parts


def _kinds(place: Place, table: str, origins: Origins) -> list[tuple[str, str, str]]:
    """(by, join, columns) of the parts that the rows of a table can be told apart by."""
    found = []
    origin = origins(table)
    if origin:
        key = quoted(place.tables[table].key)
        joined = f"LEFT JOIN ({origin}) o ON t.{key} = o.fact_id"
        found.append(("source", joined, "o.study, o.source, NULL"))
    if place.has(table, "care_site_id"):
        found.append(("site", "", "NULL, NULL, t.care_site_id"))
    elif place.has(table, "visit_occurrence_id") and place.has(VISIT, "care_site_id"):
        joined = f"LEFT JOIN {place.sql(VISIT)} s ON t.visit_occurrence_id = s.visit_occurrence_id"
        found.append(("site", joined, "NULL, NULL, s.care_site_id"))
    return found


def _count_parts(
    con: duckdb.DuckDBPyConnection,
    place: Place,
    table: str,
    members: list[tuple[Rule, Predicate]],
    kind: tuple[str, str, str],
) -> list[Part]:
    by, joined, columns = kind
    rule, one = members[0]
    aggregates = ", ".join(
        f"count(*) FILTER (WHERE {c})" for _, p in members for c in (p.violated, p.denominator)
    )
    rows = con.execute(
        f"SELECT {columns}, {aggregates} FROM {relation(place, table, one, rule.field)} {joined} "  # noqa: S608
        "GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
    ).fetchall()
    return [
        Part(member.check_id, by, row[0], row[1], row[2], row[3 + 2 * n], row[4 + 2 * n])
        for row in rows
        for n, (member, _) in enumerate(members)
        if row[4 + 2 * n] or row[3 + 2 * n]
    ]


def worst_parts(parts: Iterable[Part]) -> Mapping[tuple[str, str], Part]:
    """The part with the most violating rows, by check_id and kind."""
    found: dict[tuple[str, str], Part] = {}
    for part in parts:
        key = (part.check_id, part.kind)
        if key not in found or part.n_violated > found[key].n_violated:
            found[key] = part
    return found
