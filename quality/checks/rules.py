"""Rules: what is checked, where, with which argument and threshold; read from CSV files."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.quality.checks.dqd_files import COLUMNS, is_dqd_file, read_dqd_file

_HERE = Path(__file__).parent
SEVERITIES = ("fatal", "convention", "characterization")
CATEGORIES = ("conformance", "completeness", "plausibility")
# What a release of OHDSI's vocabularies brings: checked only when asked, as OHDSI's dashboard does.
VOCABULARY = frozenset((
    "concept", "vocabulary", "concept_ancestor", "concept_relationship", "concept_class",
    "concept_synonym", "relationship", "domain",
))  # fmt: skip


@dataclass(frozen=True)
class CheckType:
    """One of the types of checks; category and context are Kahn's (eGEMs 2016, 4:1244)."""

    name: str
    level: str  # table, field, concept or custom
    origin: str  # ohdsi, biobraid or custom
    context: str  # verification (against the data's own rules) or validation (against the world)
    category: str
    subcategory: str
    severity: str
    counts: str  # what n_violated and n_denominator count
    description: str


@dataclass(frozen=True)
class Rule:
    """One check: a type applied to a table, field or concept.

    concept_ids, unit_concept_id: of concept checks, else empty and None. argument: what the
    type needs (a limit, a domain, the referred column). threshold: share (0-1) of violating
    rows above which the check fails; at 0, one row fails it.
    """

    check: str
    table: str
    field: str = ""
    concept_ids: tuple[int, ...] = ()
    unit_concept_id: int | None = None
    argument: str = ""
    threshold: float = 0.0
    severity: str = ""
    category: str = ""
    description: str = ""

    @property
    def type(self) -> CheckType:
        """The type of the check."""
        return check_types()[self.check]

    @property
    def check_id(self) -> str:
        """Name of the check, the same in every run: type.table[.field][.concepts][.unit]."""
        parts = [self.check, self.table, self.field, "+".join(map(str, self.concept_ids))]
        if self.unit_concept_id is not None:
            parts.append(str(self.unit_concept_id))
        return ".".join(p for p in parts if p)


@cache
def check_types() -> Mapping[str, CheckType]:
    """All types by name, in the order of the report."""
    with (_HERE / "types.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    return {
        r["check"]: CheckType(
            r["check"], r["level"], r["origin"], r["context"], r["category"], r["subcategory"],
            r["severity"], r["counts"], r["description"],
        )
        for r in rows
    }  # fmt: skip


@cache
def shipped_rules() -> tuple[Rule, ...]:
    """OHDSI's rules (ORIGIN.md) and biobraid's ranges, without those the data make."""
    rows = _rows(_HERE / "rules.csv") + _rows(_HERE / "own_rules.csv")
    return tuple(_to_rule(row, "rules.csv") for row in rows)


def read_rules(path: Path, as_thresholds: bool = False) -> list[Rule]:
    """Rules of a CSV file in our columns or one of OHDSI's threshold files.

    as_thresholds: rows only change thresholds, so that checks in SQL may be named too.

    Ours: check, table, field, concept_id, unit_concept_id, argument, threshold, and optionally
    severity, category and description. Raises SettingsError with all faults at once.
    """
    with path.open(encoding="utf-8-sig", newline="") as handle:
        header = next(csv.reader(handle), [])
    if is_dqd_file(header):
        return [_to_rule(row, path.name) for row in read_dqd_file(path)]
    known = {*COLUMNS, "severity", "category", "description"}
    strange = [name for name in header if name not in known]
    if "check" not in header or strange:
        raise SettingsError(
            Fault(f"{path.name}, row 1", f"columns {', '.join(strange) or 'without check'}",
                  ", ".join(COLUMNS) + "; optional: severity, category, description")
        )  # fmt: skip
    faults: list[Fault] = []
    rules = []
    for number, row in enumerate(_rows(path), 2):
        try:
            rules.append(_to_rule(row, f"{path.name}, row {number}", as_thresholds))
        except SettingsError as error:
            faults += error.faults
    if faults:
        raise SettingsError(faults)
    return rules


def with_thresholds(rules: Iterable[Rule], given: Sequence[Rule]) -> list[Rule]:
    """Rules with the thresholds (and severities) of the given ones of the same check_id.

    A given rule without a field stands for all fields of its table, one without a table for
    all of its type; the more exact one wins.
    """
    by_key = {(g.check, g.table, g.field, g.concept_ids, g.unit_concept_id): g for g in given}
    changed = []
    for rule in rules:
        exact = (rule.check, rule.table, rule.field, rule.concept_ids, rule.unit_concept_id)
        keys = (exact, (*exact[:3], (), None), (*exact[:2], "", (), None),
                (rule.check, "", "", (), None))  # fmt: skip
        found = next((by_key[k] for k in keys if k in by_key), None)
        if found is not None:
            rule = replace(rule, threshold=found.threshold,
                           severity=found.severity or rule.severity)  # fmt: skip
        changed.append(rule)
    return changed


def limit_value(argument: str, today: date) -> float | date:
    """A limit as a number or a date; `today+1` counts days, `this_year+1` years."""
    relative = re.fullmatch(r"(today|this_year)\+(\d+)", argument)
    if relative and relative[1] == "today":
        return today + timedelta(days=int(relative[2]))
    if relative:
        return float(today.year + int(relative[2]))
    return date.fromisoformat(argument) if argument.count("-") == 2 else float(argument)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        return [{k: (v or "").strip() for k, v in row.items()} for row in csv.DictReader(handle)]


def _to_rule(row: Mapping[str, str], where: str, may_be_custom: bool = False) -> Rule:
    check = row.get("check", "")
    if check not in check_types() or (check == "custom" and not may_be_custom):
        raise SettingsError(
            Fault(where, f"there is no check type '{check}'", "a type of quality/checks/types.csv",
                  suggestions=near_misses(check, check_types()))
        )  # fmt: skip
    try:
        concepts = tuple(int(c) for c in re.split(r"[ +;,]+", row.get("concept_id", "")) if c)
        unit = int(row["unit_concept_id"]) if row.get("unit_concept_id") else None
        threshold = float(row.get("threshold") or 0)
    except ValueError:
        raise SettingsError(
            Fault(where, "a concept_id, unit_concept_id or threshold that is no number")
        ) from None
    severity, category = row.get("severity", ""), row.get("category", "")
    for value, known in ((severity, SEVERITIES), (category, CATEGORIES)):
        if value and value not in known:
            raise SettingsError(Fault(where, f"'{value}'", ", ".join(known)))
    if not 0 <= threshold <= 1:
        raise SettingsError(
            Fault(where, f"threshold {threshold:g}", "a share from 0 to 1",
                  "Write 5 % as 0.05; OHDSI's own files are read in their own form.")
        )  # fmt: skip
    return Rule(
        check, row.get("table", "").lower(), row.get("field", "").lower(), concepts, unit,
        row.get("argument", ""), threshold, severity, category, row.get("description", ""),
    )  # fmt: skip
