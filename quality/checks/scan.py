"""Counting: one scan of a table for all checks that read it with the same joins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import duckdb

from biobraid.quality.checks.people import TABLE as PEOPLE
from biobraid.quality.checks.people import VISITS
from biobraid.quality.checks.place import Place, TablePlace, quoted
from biobraid.quality.checks.predicates import Predicate
from biobraid.quality.checks.rules import Rule

MAX_AGGREGATES = 120  # of one query; more only makes the plan slow


@dataclass(frozen=True)
class Count:
    """What a check counted, or why it did not.

    error: kind of the database's error, without its message where that could quote data.
    not_applicable: why the check says nothing here.
    """

    n_violated: int | None = None
    n_denominator: int | None = None
    error: str = ""
    not_applicable: str = ""


@dataclass
class Counts:
    """Counts by check_id, with what is known of tables: rows, and values per column."""

    found: dict[str, Count] = field(default_factory=dict)
    n_rows: dict[str, int] = field(default_factory=dict)
    n_values: dict[tuple[str, str], int] = field(default_factory=dict)

    def put(self, rule: Rule, violated: int | None, denominator: int | None) -> None:
        """Keep the counts of one check."""
        self.found[rule.check_id] = Count(int(violated or 0), int(denominator or 0))

    def fail(self, rules: Iterable[Rule], error: duckdb.Error) -> None:
        """Keep an error of the checks."""
        for rule in rules:
            self.found[rule.check_id] = Count(error=error_text(error))

    def skip(self, rules: Iterable[Rule], reason: str) -> None:
        """Keep why the checks do not apply."""
        for rule in rules:
            self.found[rule.check_id] = Count(not_applicable=reason)


def error_text(error: duckdb.Error) -> str:
    """The kind of an error; the message too where it can only quote SQL, never data."""
    kind = type(error).__name__
    if isinstance(error, duckdb.ParserException | duckdb.BinderException | duckdb.CatalogException):
        return f"{kind}: {' '.join(str(error).split())[:200]}"
    return kind


def count_values(con: duckdb.DuckDBPyConnection, table: TablePlace, counts: Counts) -> None:
    """Rows of the table and values of each of its columns, in one scan."""
    columns = list(table.columns)
    asked = ", ".join(["count(*)", *(f"count({quoted(c)})" for c in columns)])
    row = con.execute(f"SELECT {asked} FROM {table.sql}").fetchone() or ()  # noqa: S608
    counts.n_rows[table.name] = row[0]
    counts.n_values.update({(table.name, c): n for c, n in zip(columns, row[1:], strict=True)})


def relation(place: Place, table: str, one: Predicate, field: str = "") -> str:
    """FROM clause of a predicate: the table as t with what the predicate joins.

    field: of the rule, where the predicate joins referred keys (k).
    """
    parts = [f"{place.sql(table)} t"]
    if "p" in one.joins:
        parts.append(f"LEFT JOIN {PEOPLE} p ON t.person_id = p.person_id")
    if "v" in one.joins:
        parts.append(f"LEFT JOIN {VISITS} v ON t.visit_occurrence_id = v.visit_occurrence_id")
    if one.parent is not None:
        parent, key = one.parent
        keys = f"SELECT DISTINCT {quoted(key)} AS id FROM {place.sql(parent)}"  # noqa: S608
        parts.append(f"LEFT JOIN ({keys}) k ON t.{quoted(field)} = k.id")
    return " ".join(parts)


def count_rows(
    con: duckdb.DuckDBPyConnection,
    place: Place,
    table: str,
    asked: Sequence[tuple[Rule, Predicate]],
    counts: Counts,
) -> None:
    """Count all checks of a table that need no referred keys, one scan per set of joins."""
    groups: dict[frozenset[str], list[tuple[Rule, Predicate]]] = {}
    for rule, one in asked:
        groups.setdefault(one.joins, []).append((rule, one))
    for members in groups.values():
        for start in range(0, len(members), MAX_AGGREGATES):
            _count_group(con, place, table, members[start : start + MAX_AGGREGATES], counts)


def _count_group(
    con: duckdb.DuckDBPyConnection,
    place: Place,
    table: str,
    members: Sequence[tuple[Rule, Predicate]],
    counts: Counts,
) -> None:
    """One scan; where it fails, its halves, so that only the check at fault is an error."""
    conditions = list(dict.fromkeys(c for _, p in members for c in (p.violated, p.denominator)))
    aggregates = ", ".join(f"count(*) FILTER (WHERE {c})" for c in conditions)
    try:
        row = con.execute(
            f"SELECT {aggregates} FROM {relation(place, table, members[0][1])}"  # noqa: S608
        ).fetchone()
    except duckdb.Error as error:
        if len(members) == 1:
            counts.fail([members[0][0]], error)
            return
        half = len(members) // 2
        _count_group(con, place, table, members[:half], counts)
        _count_group(con, place, table, members[half:], counts)
        return
    by_condition = dict(zip(conditions, row or (), strict=True))
    for rule, one in members:
        counts.put(rule, by_condition[one.violated], by_condition[one.denominator])


def count_dangling(
    con: duckdb.DuckDBPyConnection,
    place: Place,
    table: str,
    asked: Sequence[tuple[Rule, Predicate]],
    counts: Counts,
) -> None:
    """Count references to rows that are not there: distinct keys against distinct keys."""
    for rule, one in asked:
        parent, key = one.parent or ("", "")
        column = quoted(rule.field)
        try:
            row = con.execute(
                f"SELECT sum(h.n) FROM (SELECT {column} AS id, count(*) AS n FROM "  # noqa: S608
                f"{place.sql(table)} WHERE {column} IS NOT NULL GROUP BY 1) h "
                f"ANTI JOIN {place.sql(parent)} k ON h.id = k.{quoted(key)}"
            ).fetchone()
        except duckdb.Error as error:
            counts.fail([rule], error)
            continue
        counts.put(rule, row[0] if row else 0, counts.n_rows[table])


def count_repeated(
    con: duckdb.DuckDBPyConnection,
    place: Place,
    rules: Sequence[Rule],
    counts: Counts,
) -> None:
    """Count rows whose key stands in another row."""
    for rule in rules:
        column = quoted(rule.field)
        try:
            row = con.execute(
                f"SELECT sum(n) FROM (SELECT count(*) AS n FROM {place.sql(rule.table)} "  # noqa: S608
                f"WHERE {column} IS NOT NULL GROUP BY {column} HAVING count(*) > 1)"
            ).fetchone()
        except duckdb.Error as error:
            counts.fail([rule], error)
            continue
        counts.put(rule, row[0] if row else 0, counts.n_rows[rule.table])


def by_table(rules: Iterable[Rule]) -> Mapping[str, list[Rule]]:
    """Rules by their table, tables in the order of the first rule."""
    found: dict[str, list[Rule]] = {}
    for rule in rules:
        found.setdefault(rule.table, []).append(rule)
    return found
