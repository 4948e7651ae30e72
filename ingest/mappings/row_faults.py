"""What can be wrong with one row of mapping.csv, taken by itself or against the vocabulary."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from biobraid.core.errors import Fault, near_misses
from biobraid.core.omop.domains import DOMAIN_TABLES, cdm_table_of_domain
from biobraid.core.schemas import ABSENT_REASONS
from biobraid.ingest.dictionaries.rows import VariableRow
from biobraid.ingest.units import factor, to_ucum, unit_suggestions
from biobraid.ingest.vocabulary import Concept, Vocabulary

RULES = ("direct", "recode", "scale", "date", "ignore")
STATUSES = ("APPROVED", "UNCHECKED", "IGNORED")
PERSON_COLUMNS = (
    "year_of_birth", "month_of_birth", "day_of_birth", "birth", "age", "death_date",
    # of a person that an OMOP database delivers: the value is the concept, or its wording
    "gender_concept_id", "gender_source_value", "gender_source_concept_id",
    "race_concept_id", "race_source_value", "race_source_concept_id",
    "ethnicity_concept_id", "ethnicity_source_value", "ethnicity_source_concept_id",
)  # fmt: skip
ID_COLUMNS = ("target_concept_id", "unit_concept_id", "value_as_concept_id")
# An age in months, or in hundredths of years: `age/12`, `age/100`.
_AGE_PARTS = re.compile(r"age/([1-9]\d*)")
_ATTRIBUTE = re.compile(r"attribute:[a-z][a-z0-9_]*:[A-Za-z0-9][\w.-]*")


@dataclass(frozen=True)
class Checks:
    """What rows are checked against."""

    vocabulary: Vocabulary
    concepts: Mapping[int, Concept]  # those that any row names and the vocabulary has
    sources: Collection[str]
    unit_ids: Mapping[str, int]  # UCUM code -> concept
    replacements: Mapping[int, tuple[Concept, ...]]  # of those that are not standard


def concept_ids_of(row: Mapping[str, str]) -> dict[str, int]:
    """The concept ids of a row that are whole numbers, by column."""
    return {name: int(row[name]) for name in ID_COLUMNS if row[name].isdigit()}


def scale_of(rule_arg: str) -> tuple[float, float] | None:
    """(factor, offset) of a scale rule; None if the argument is not `factor[,offset]`."""
    parts = rule_arg.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        return None
    is_good = len(numbers) in (1, 2) and all(map(math.isfinite, numbers)) and numbers[0] != 0
    return (numbers[0], numbers[1] if len(numbers) == 2 else 0.0) if is_good else None


def age_factor(rule_arg: str) -> float | None:
    """Years in one unit of an age: 1/12 for `age/12`; None for any other argument."""
    found = _AGE_PARTS.fullmatch(rule_arg)
    return None if found is None else 1 / int(found[1])


def word_faults(row: Mapping[str, str], place: str, checks: Checks) -> list[Fault]:
    """Columns that hold a word or number outside the known ones."""
    faults = []
    if not row["variable"]:
        faults.append(Fault(place, "no variable is named"))
    if row["source"] not in ("", "*"):
        faults += _unknown(place, "source", row["source"], checks.sources)
    domains = [*checks.vocabulary.domains, *DOMAIN_TABLES]
    for what, column, known in (
        ("rule", "rule", RULES),
        ("status", "status", STATUSES),
        ("absent reason", "absent_reason", ABSENT_REASONS),
        ("domain", "target_domain_id", domains),
    ):
        faults += _unknown(place, what, row[column], known)
    for name in ID_COLUMNS:
        if row[name] and not row[name].isdigit():
            found = f"{name} '{row[name]}' is not a concept id"
            faults.append(Fault(place, found, "a whole number, 0 or greater"))
    if row["absent_reason"] and not row["source_code"]:
        found = "absent_reason without a source_code"
        faults.append(Fault(place, found, "the code that means absent"))
    if row["rule"] == "scale" and scale_of(row["rule_arg"]) is None:
        found = f"scale argument '{row['rule_arg']}' cannot be used"
        faults.append(Fault(place, found, "factor or factor,offset; the factor not 0"))
    if row["target_domain_id"] == "Person" and not row["absent_reason"] and _is_used(row):
        faults += _person_faults(row["rule_arg"], place)
    return faults


def concept_faults(row: Mapping[str, str], place: str, checks: Checks) -> list[Fault]:
    """Concept ids that the vocabulary lacks, and units that are none."""
    faults = []
    ids = concept_ids_of(row)
    for name, concept_id in ids.items():
        concept = checks.concepts.get(concept_id)
        if concept is None and not (name == "target_concept_id" and concept_id == 0):
            faults.append(
                Fault(
                    place,
                    f"{name} {concept_id} is not in the vocabulary",
                    f"a concept of {checks.vocabulary.version}",
                    "Correct the id, or load a vocabulary that has it.",
                )
            )
    unit = checks.concepts.get(ids.get("unit_concept_id", -1))
    if unit is not None and unit.domain_id != "Unit":
        found = f"unit_concept_id {unit.concept_id} is not a unit: its domain is {unit.domain_id}"
        faults.append(Fault(place, found, "a concept of domain Unit"))
    is_needed = _is_used(row) and not row["absent_reason"] and row["target_domain_id"] != "Person"
    if not row["target_concept_id"] and is_needed:
        faults.append(Fault(place, "no target_concept_id", "a concept id, or 0 if there is none"))
    if not row["target_domain_id"] and is_needed and ids.get("target_concept_id", 0) == 0:
        faults.append(Fault(place, "no target_domain_id", "a domain where the target concept is 0"))
    return faults


def row_warnings(
    row: Mapping[str, str], place: str, variable: VariableRow | None, checks: Checks
) -> list[Fault]:
    """What works but is likely not meant: not standard, of another domain, in another unit."""
    warnings = []
    ids = concept_ids_of(row)
    for name, concept_id in ids.items():
        concept = checks.concepts.get(concept_id)
        if concept is None or concept_id == 0:
            continue
        is_known = not concept.is_stub and name != "unit_concept_id"
        if is_known and (concept.standard_concept != "S" or concept.invalid_reason):
            warnings.append(_not_standard(name, concept, place, checks))
    target = checks.concepts.get(ids.get("target_concept_id", 0))
    given = row["target_domain_id"]
    if target and overrides_domain(target, given):
        warnings.append(
            Fault(
                place,
                f"the domain of concept {target.concept_id} is {target.domain_id}, not {given}",
                "",
                f"Its facts go to cdm.{cdm_table_of_domain(target.domain_id)}.",
            )
        )
    if variable is not None:
        warnings += _unit_warnings(row, place, variable, checks)
    return warnings


def _not_standard(name: str, concept: Concept, place: str, checks: Checks) -> Fault:
    """A concept that is a class, deprecated or replaced, with the standard one instead of it."""
    if concept.invalid_reason:
        what = f"is not valid any more in {checks.vocabulary.version}"
    elif concept.standard_concept == "C":
        what = "is a classification, not a standard concept"
    else:
        what = "is not a standard concept"
    others = checks.replacements.get(concept.concept_id, ())
    instead = ", ".join(f"{other.concept_id} ({other.concept_name})" for other in others)
    todo = f"It maps to {instead}." if instead else ""
    return Fault(place, f"{name} {concept.concept_id} ({concept.concept_name}) {what}", "", todo)


def overrides_domain(target: Concept, given: str) -> bool:
    """True where the concept's own domain decides the table against the mapping's.

    Only a verified standard concept does, and never against Person, Gender, Race or Ethnicity.
    """
    is_sure = target.concept_id != 0 and not target.is_stub and target.standard_concept == "S"
    tables = cdm_table_of_domain(target.domain_id), cdm_table_of_domain(given)
    return is_sure and bool(given) and tables[0] != tables[1] and "person" not in tables


def _unit_warnings(
    row: Mapping[str, str], place: str, variable: VariableRow, checks: Checks
) -> list[Fault]:
    unit = checks.concepts.get(concept_ids_of(row).get("unit_concept_id", -1))
    ucum = to_ucum(variable.unit)
    if unit is None or ucum is None or unit.domain_id != "Unit":
        if unit is None and ucum is not None and row["rule"] == "scale":
            found = "a scale rule without unit_concept_id"
            return [Fault(place, found, f"the unit of the scaled value ({ucum} was delivered)")]
        return []
    ratio = factor(ucum, unit.concept_code)
    scale = scale_of(row["rule_arg"]) if row["rule"] == "scale" else (1.0, 0.0)
    if scale is None or ratio is None or math.isclose(ratio, scale[0], rel_tol=1e-3):
        return []
    return [
        Fault(
            place,
            f"{ucum} becomes {unit.concept_code} with factor {scale[0]:g}",
            f"factor {ratio:.6g}",
            f"Use rule scale with rule_arg {ratio:.6g}, or unit_concept_id of {ucum}"
            + (f" ({checks.unit_ids[ucum]})." if ucum in checks.unit_ids else "."),
        )
    ]


def dictionary_unit_faults(variable: VariableRow, where: str) -> list[Fault]:
    """A dictionary's unit that is not known as UCUM and in no spelling."""
    if not variable.unit or to_ucum(variable.unit):
        return []
    found = f"unit '{variable.unit}' of {variable.variable} is not a UCUM unit"
    return [Fault(where, found, suggestions=unit_suggestions(variable.unit))]


def _person_faults(rule_arg: str, place: str) -> list[Fault]:
    if rule_arg in PERSON_COLUMNS or _ATTRIBUTE.fullmatch(rule_arg) or age_factor(rule_arg):
        return []
    return [
        Fault(
            place,
            f"Person cannot take '{rule_arg}'",
            f"rule_arg {', '.join(PERSON_COLUMNS)}, age/PARTS (age/12: months) or "
            "attribute:NAME:SCHEME",
            suggestions=near_misses(rule_arg, PERSON_COLUMNS),
        )
    ]


def _is_used(row: Mapping[str, str]) -> bool:
    return row["rule"] != "ignore" and row["status"] != "IGNORED"


def _unknown(place: str, what: str, word: str, known: Collection[str]) -> list[Fault]:
    if not word or word in known:
        return []
    expected = f"one of {', '.join(sorted(set(known)))}" if len(known) < 30 else ""
    return [Fault(place, f"there is no {what} '{word}'", expected, "", near_misses(word, known))]
