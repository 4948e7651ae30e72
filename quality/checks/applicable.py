"""Whether a check says anything here: what must be there, and must not be empty, before it counts."""

from __future__ import annotations

from biobraid.quality.checks.place import CONCEPT, PERSON, VISIT, Place
from biobraid.quality.checks.predicates import Setting
from biobraid.quality.checks.rules import Rule
from biobraid.quality.checks.scan import Counts
from biobraid.quality.checks.tables import ERAS

_OF_PERSONS = frozenset((
    "plausibleDuringLife", "plausibleBeforeDeath", "plausibleAfterBirth", "withinFollowUp",
    "plausibleGender", "plausibleGenderUseDescendants", "plausibleChange",
))  # fmt: skip
_EVEN_IF_EMPTY = frozenset(("isRequired", "measureValueCompleteness"))
_NEEDS = {
    "plausibleUnitConceptIds": ("unit_concept_id",),
    "plausibleRange": ("unit_concept_id", "value_as_number"),
    "plausibleChange": ("unit_concept_id", "value_as_number", "person_id"),
}


def why_not(rule: Rule, setting: Setting, counts: Counts) -> str:
    """Why the check does not apply; empty if it does. cdmTable and cdmField are not asked."""
    place = setting.place
    if not place.has(rule.table):
        return f"table {rule.table} is not there"
    if rule.type.level == "table":
        return _of_table(rule, place, counts)
    if not place.has(rule.table, rule.field):
        return f"column {rule.table}.{rule.field} is not there"
    if not counts.n_rows.get(rule.table):
        return f"table {rule.table} is empty"
    is_empty = not counts.n_values.get((rule.table, rule.field))
    if is_empty and rule.check not in _EVEN_IF_EMPTY:
        return f"column {rule.table}.{rule.field} is empty"
    for name in _NEEDS.get(rule.check, ()):
        if not place.has(rule.table, name):
            return f"column {rule.table}.{name} is not there"
    return _of_others(rule, setting, counts)


def _of_table(rule: Rule, place: Place, counts: Counts) -> str:
    if rule.check == "measureConditionEraCompleteness":
        return "" if counts.n_rows.get(ERAS) else f"table {ERAS} is empty or not there"
    if rule.check == "measurePersonCompleteness":
        return "" if place.has(PERSON, "person_id") else f"table {PERSON} is not there"
    return "" if counts.n_rows.get(rule.table) else f"table {rule.table} is empty"


def _of_others(rule: Rule, setting: Setting, counts: Counts) -> str:
    """What a check needs besides its own column."""
    place = setting.place
    if rule.check in ("isForeignKey", "plausibleTemporalAfter"):
        table, _, field = rule.argument.partition(".")
        if not place.has(table, field):
            return f"column {table}.{field} is not there"
    if rule.check in ("sourceValueCompleteness", "plausibleStartBeforeEnd"):
        if not place.has(rule.table, rule.argument):
            return f"column {rule.table}.{rule.argument} is not there"
        if not counts.n_values.get((rule.table, rule.argument)):
            return f"column {rule.table}.{rule.argument} is empty"
    if rule.check in ("fkDomain", "fkClass", "isStandardValidConcept") and not place.has(CONCEPT):
        return f"table {CONCEPT} is not there"
    if rule.check in _OF_PERSONS or rule.argument.startswith(f"{PERSON}."):
        if not place.has(PERSON, "person_id"):
            return f"table {PERSON} is not there"
        if not place.has(rule.table, "person_id"):
            return f"column {rule.table}.person_id is not there"
    if rule.check == "withinVisitDates" and not (
        place.has(VISIT, "visit_occurrence_id") and place.has(rule.table, "visit_occurrence_id")
    ):
        return f"column {rule.table}.visit_occurrence_id or table {VISIT} is not there"
    if rule.check == "withinFollowUp" and not place.has("observation_period", "person_id"):
        return "table observation_period is not there"
    if rule.check == "beforeExtraction" and setting.extracted_on is None:
        return "cdm_source does not say when the data were extracted"
    return ""
