"""Counting all checks of a database, scan by scan."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Protocol

import duckdb

from biobraid.quality.checks.applicable import why_not
from biobraid.quality.checks.concepts import (
    REFERENCE,
    count_references,
    count_sexes,
    count_units,
)
from biobraid.quality.checks.numbers import (
    NUMBERS,
    count_change,
    count_ranges,
    find_coherence,
    find_scales,
)
from biobraid.quality.checks.place import CONCEPT, Place
from biobraid.quality.checks.predicates import Predicate, Setting, predicate
from biobraid.quality.checks.rules import Rule
from biobraid.quality.checks.scan import (
    Counts,
    by_table,
    count_dangling,
    count_repeated,
    count_rows,
    count_values,
)
from biobraid.quality.checks.tables import count_persons, count_source_values

Progress = Callable[[str, float | None], None]
_SEX = ("plausibleGender", "plausibleGenderUseDescendants")
_PARENT = f"{CONCEPT}.concept_id"


class _Counter(Protocol):
    def __call__(
        self, con: duckdb.DuckDBPyConnection, place: Place, rules: Sequence[Rule], counts: Counts
    ) -> None: ...


_BY_COLUMN: Mapping[tuple[str, ...], _Counter] = {
    _SEX: count_sexes,
    ("plausibleUnitConceptIds",): count_units,
    ("plausibleRange",): count_ranges,
}


def count_all(
    con: duckdb.DuckDBPyConnection,
    setting: Setting,
    rules: Iterable[Rule],
    origins: Callable[[str], str | None],
    on_progress: Progress,
) -> tuple[list[Rule], Counts]:
    """Count every rule; those that the data make (coherence of units and scale) are added.

    check_person must be there (people.py). origins: SQL of fact_id, study and source of a
    table's rows, or None.
    """
    counts = Counts()
    place = setting.place
    made: list[Rule] = []
    tables = by_table(rules)
    for name in {*tables, "condition_occurrence"} & set(place.tables):
        count_values(con, place.tables[name], counts)
    for done, (table, members) in enumerate(tables.items()):
        on_progress(table, done / len(tables))
        asked = _applicable(members, setting, counts)
        _count_table(con, setting, table, asked, counts)
        if table in NUMBERS and counts.n_rows.get(table):
            made += find_coherence(con, place, table, counts)
            made += find_scales(con, place, table, origins(table), counts)
    return [*(r for members in tables.values() for r in members), *made], counts


def _applicable(members: Sequence[Rule], setting: Setting, counts: Counts) -> list[Rule]:
    asked = []
    for rule in members:
        is_there = setting.place.has(rule.table)
        if rule.check == "cdmTable" and not is_there and rule.table in setting.left_out:
            counts.skip([rule], "the release leaves the table out")
        elif rule.check == "cdmTable":
            counts.put(rule, not is_there, 1)
        elif rule.check == "cdmField" and is_there:
            counts.put(rule, not setting.place.has(rule.table, rule.field), 1)
        elif reason := why_not(rule, setting, counts):
            counts.skip([rule], reason)
        else:
            asked.append(rule)
    return asked


def _count_table(
    con: duckdb.DuckDBPyConnection, setting: Setting, table: str, asked: Sequence[Rule],
    counts: Counts,
) -> None:  # fmt: skip
    place = setting.place
    rows: list[tuple[Rule, Predicate]] = []
    keys: list[tuple[Rule, Predicate]] = []
    references: dict[str, list[Rule]] = {}
    columns: dict[tuple[tuple[str, ...], str], list[Rule]] = {}
    for rule in asked:
        group = next((g for g in _BY_COLUMN if rule.check in g), None)
        if rule.type.level == "table":
            count_persons(con, place, rule, counts)
        elif rule.check == "sourceValueCompleteness":
            count_source_values(con, place, rule, counts)
        elif rule.check == "isPrimaryKey":
            count_repeated(con, place, [rule], counts)
        elif rule.check == "plausibleChange":
            count_change(con, place, rule, counts)
        elif group is not None:
            columns.setdefault((group, rule.field), []).append(rule)
        elif rule.check in REFERENCE and (rule.check != "isForeignKey" or rule.argument == _PARENT):
            references.setdefault(rule.field, []).append(rule)
        elif (one := predicate(rule, setting)) is not None:
            (keys if one.parent else rows).append((rule, one))
    for members in references.values():
        count_references(con, place, members, counts)
    for (group, _), members in columns.items():
        _BY_COLUMN[group](con, place, members, counts)
    count_dangling(con, place, table, keys, counts)
    count_rows(con, place, table, _known_nulls(rows, counts), counts)


def _known_nulls(
    asked: Sequence[tuple[Rule, Predicate]], counts: Counts
) -> list[tuple[Rule, Predicate]]:
    """Put nulls, which the first scan has counted already; the others come back."""
    left = []
    for rule, one in asked:
        if rule.check in ("isRequired", "measureValueCompleteness"):
            total = counts.n_rows[rule.table]
            counts.put(rule, total - counts.n_values[rule.table, rule.field], total)
        else:
            left.append((rule, one))
    return left
