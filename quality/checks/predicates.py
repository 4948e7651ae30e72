"""What a row must be like to be counted by a check, as SQL over t (the row), p, v and k.

t is the checked table, p the person (check_person, see people.py), v the visit, k the distinct
keys of the table that is referred to. One predicate serves counting, breaking down by source and
site, and listing the rows.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

from biobraid.core.warehouse import literal
from biobraid.quality.checks.place import CONCEPT, INTEGERS, PERSON, Place, quoted
from biobraid.quality.checks.rules import Rule, limit_value

GRACE_DAYS = 60  # after death: OHDSI's dashboard lets results and certificates arrive
VISIT_DAYS = 7


@dataclass(frozen=True)
class Predicate:
    """Two conditions on a row; both are NULL-safe only inside FILTER and WHERE.

    joins: the letters of what is joined. parent: table and column of k.
    """

    violated: str
    denominator: str = "TRUE"
    joins: frozenset[str] = frozenset()
    parent: tuple[str, str] | None = None


@dataclass(frozen=True)
class Setting:
    """What predicates depend on besides the rule."""

    place: Place
    today: date
    extracted_on: date | None = None  # last day that the data can speak of
    left_out: frozenset[str] = frozenset()  # tables that the database leaves out on purpose


def day(column: str, kind: str) -> str:
    """SQL of a column as a date; text that is none is null."""
    return (
        f"CAST({column} AS DATE)" if kind[:4] in ("DATE", "TIME") else f"TRY_CAST({column} AS DATE)"
    )


def sql_value(value: float | date) -> str:
    """SQL of a typed limit."""
    return f"DATE '{value.isoformat()}'" if isinstance(value, date) else repr(float(value))


def predicate(rule: Rule, setting: Setting) -> Predicate | None:
    """The predicate of a rule; None for checks that do not count rows of their table."""
    build = _BUILDERS.get(rule.check)
    return build(rule, setting) if build else None


def _column(rule: Rule, field: str | None = None) -> str:
    return f"t.{quoted(field or rule.field)}"


def _kind(rule: Rule, setting: Setting, field: str | None = None) -> str:
    return setting.place.tables[rule.table].columns[field or rule.field]


def _day(rule: Rule, setting: Setting, field: str | None = None) -> str:
    return day(_column(rule, field), _kind(rule, setting, field))


def _null(rule: Rule, _setting: Setting) -> Predicate:
    return Predicate(f"{_column(rule)} IS NULL")


def _whole_number(rule: Rule, setting: Setting) -> Predicate:
    column = _column(rule)
    if _kind(rule, setting) in INTEGERS:
        return Predicate(f"{column} < 0")
    return Predicate(f"NOT regexp_full_match(CAST({column} AS VARCHAR), '[0-9]+')")


def _repeated(rule: Rule, setting: Setting) -> Predicate:
    column, table = quoted(rule.field), setting.place.sql(rule.table)
    return Predicate(
        f"t.{column} IN (SELECT {column} FROM {table} GROUP BY 1 HAVING count(*) > 1)"  # noqa: S608
    )


def _dangling(rule: Rule, _setting: Setting) -> Predicate:
    parent, _, key = rule.argument.partition(".")
    column = _column(rule)
    if rule.field == "person_id" and parent == PERSON:
        return Predicate(f"{column} IS NOT NULL AND p.person_id IS NULL", joins=frozenset("p"))
    return Predicate(
        f"{column} IS NOT NULL AND k.id IS NULL", joins=frozenset("k"), parent=(parent, key)
    )


def _concept(condition: str) -> Callable[[Rule, Setting], Predicate]:
    def build(rule: Rule, setting: Setting) -> Predicate:
        concept = setting.place.sql(CONCEPT)
        which = condition.format(argument=literal(rule.argument))
        return Predicate(
            f"{_column(rule)} IN (SELECT c.concept_id FROM {concept} c "  # noqa: S608
            f"WHERE c.concept_id <> 0 AND ({which}))"
        )

    return build


DOMAIN = "c.domain_id <> {argument}"
CLASS = "c.concept_class_id <> {argument}"
STANDARD = "c.standard_concept IS DISTINCT FROM 'S' OR c.invalid_reason IS NOT NULL"


def _unmapped(rule: Rule, setting: Setting) -> Predicate:
    column = _column(rule)
    if rule.argument and setting.place.has(rule.table, rule.argument):
        source = _column(rule, rule.argument)
        return Predicate(
            f"{column} = 0 OR ({column} IS NULL AND {source} IS NOT NULL)",
            f"{column} IS NOT NULL OR {source} IS NOT NULL",
        )
    return Predicate(f"{column} = 0", f"{column} IS NOT NULL")


def _limited(sign: str) -> Callable[[Rule, Setting], Predicate]:
    def build(rule: Rule, setting: Setting) -> Predicate:
        limit = limit_value(rule.argument, setting.today)
        column = _column(rule)
        if _kind(rule, setting) == "VARCHAR":
            column = f"TRY_CAST({column} AS {'DATE' if isinstance(limit, date) else 'DOUBLE'})"
        return Predicate(f"{column} {sign} {sql_value(limit)}", f"{_column(rule)} IS NOT NULL")

    return build


def _after(rule: Rule, setting: Setting) -> Predicate:
    table, _, field = rule.argument.partition(".")
    if table == PERSON:
        birth = "p.birth_or_june"
        return Predicate(f"{birth} > {_day(rule, setting)}", joins=frozenset("p"))
    return Predicate(f"{_day(rule, setting, field)} > {_day(rule, setting)}")


def _before_death(rule: Rule, setting: Setting) -> Predicate:
    found = "p.death_date IS NOT NULL"
    if rule.check == "plausibleBeforeDeath":
        found += f" AND {_column(rule)} IS NOT NULL"
    return Predicate(f"{_day(rule, setting)} > p.death_date + {GRACE_DAYS}", found, frozenset("p"))


def _after_birth(rule: Rule, setting: Setting) -> Predicate:
    return Predicate(
        f"{_day(rule, setting)} < p.birth_date", f"{_column(rule)} IS NOT NULL", frozenset("p")
    )


def _before_end(rule: Rule, setting: Setting) -> Predicate:
    end = _column(rule, rule.argument)
    return Predicate(
        f"{_day(rule, setting)} > {_day(rule, setting, rule.argument)}",
        f"{_column(rule)} IS NOT NULL AND {end} IS NOT NULL",
    )


def _within_visit(rule: Rule, setting: Setting) -> Predicate:
    own = _day(rule, setting)
    return Predicate(
        f"{own} < v.visit_start_date - {VISIT_DAYS} OR {own} > v.visit_end_date + {VISIT_DAYS}",
        "v.visit_occurrence_id IS NOT NULL",
        frozenset("v"),
    )


def _followed(rule: Rule, setting: Setting) -> Predicate:
    own = _day(rule, setting)
    gap = f"len(list_filter(p.gaps, lambda g: {own} > g[1] AND {own} < g[2])) > 0"
    return Predicate(
        f"p.followed_from IS NULL OR {own} < p.followed_from OR {own} > p.followed_to "
        f"OR CASE WHEN p.gaps IS NULL THEN FALSE ELSE {gap} END",
        f"{_column(rule)} IS NOT NULL AND p.person_id IS NOT NULL",
        frozenset("p"),
    )


def _extracted(rule: Rule, setting: Setting) -> Predicate | None:
    if setting.extracted_on is None:
        return None
    limit = sql_value(setting.extracted_on)
    return Predicate(f"{_day(rule, setting)} > {limit}", f"{_column(rule)} IS NOT NULL")


def _ids(rule: Rule) -> str:
    return ", ".join(str(c) for c in rule.concept_ids)


def _sex(rule: Rule, setting: Setting) -> Predicate:
    found = f"{_column(rule)} IN ({_ids(rule)})"
    if rule.check == "plausibleGenderUseDescendants":
        ancestor = setting.place.sql("concept_ancestor")
        found = (
            f"{_column(rule)} IN (SELECT descendant_concept_id FROM {ancestor} "  # noqa: S608
            f"WHERE ancestor_concept_id IN ({_ids(rule)}))"
        )
    sex = int(rule.argument)
    return Predicate(f"{found} AND p.gender_concept_id <> {sex}", found, frozenset("p"))


def _unit(rule: Rule, _setting: Setting) -> Predicate:
    found = f"{_column(rule)} IN ({_ids(rule)})"
    units = ", ".join([*(str(int(u)) for u in rule.argument.split()), "0"])
    return Predicate(
        f"{found} AND t.unit_concept_id NOT IN ({units})",
        f"{found} AND t.unit_concept_id IS DISTINCT FROM 0",
    )


def _range(rule: Rule, _setting: Setting) -> Predicate:
    found = f"{_column(rule)} IN ({_ids(rule)}) AND t.value_as_number IS NOT NULL"
    if rule.unit_concept_id is not None:
        found += f" AND t.unit_concept_id = {rule.unit_concept_id}"
    low, _, high = rule.argument.partition("..")
    outside = [f"t.value_as_number < {float(low)!r}"] if low else []
    outside += [f"t.value_as_number > {float(high)!r}"] if high else []
    return Predicate(f"{found} AND ({' OR '.join(outside)})", found)


def _common_unit(rule: Rule, _setting: Setting) -> Predicate:
    found = f"{_column(rule)} IN ({_ids(rule)}) AND t.value_as_number IS NOT NULL"
    unit = int(rule.argument) if rule.argument else None
    same = "NULL" if unit is None else str(unit)
    return Predicate(f"{found} AND t.unit_concept_id IS DISTINCT FROM {same}", found)


_BUILDERS: Mapping[str, Callable[[Rule, Setting], Predicate | None]] = {
    "isRequired": _null,
    "measureValueCompleteness": _null,
    "cdmDatatype": _whole_number,
    "isPrimaryKey": _repeated,
    "isForeignKey": _dangling,
    "fkDomain": _concept(DOMAIN),
    "fkClass": _concept(CLASS),
    "isStandardValidConcept": _concept(STANDARD),
    "standardConceptRecordCompleteness": _unmapped,
    "sourceConceptRecordCompleteness": _unmapped,
    "plausibleValueLow": _limited("<"),
    "plausibleValueHigh": _limited(">"),
    "plausibleTemporalAfter": _after,
    "plausibleDuringLife": _before_death,
    "plausibleBeforeDeath": _before_death,
    "plausibleAfterBirth": _after_birth,
    "plausibleStartBeforeEnd": _before_end,
    "withinVisitDates": _within_visit,
    "withinFollowUp": _followed,
    "beforeExtraction": _extracted,
    "plausibleGender": _sex,
    "plausibleGenderUseDescendants": _sex,
    "plausibleUnitConceptIds": _unit,
    "plausibleRange": _range,
    "unitCoherence": _common_unit,
}
