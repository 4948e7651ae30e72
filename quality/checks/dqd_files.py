"""OHDSI's threshold files, read into rules of ours: one per table, field or concept and check."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from biobraid.core.errors import Fault, SettingsError

COLUMNS = ("check", "table", "field", "concept_id", "unit_concept_id", "argument", "threshold")
LEVEL_OF = {"measurePersonCompleteness": "table", "isRequired": "field", "conceptId": "concept"}
_TABLE_CHECKS = (
    "measurePersonCompleteness", "measureConditionEraCompleteness",
    "measureObservationPeriodOverlap",
)  # fmt: skip
_YES_NO = (
    "isRequired", "isPrimaryKey", "measureValueCompleteness", "standardConceptRecordCompleteness",
    "sourceConceptRecordCompleteness", "sourceValueCompleteness", "isStandardValidConcept",
    "plausibleTemporalAfter", "plausibleDuringLife", "withinVisitDates", "plausibleAfterBirth",
    "plausibleBeforeDeath", "plausibleStartBeforeEnd",
)  # fmt: skip
_SEX = {"Male": "8507", "Female": "8532"}
Row = dict[str, str]


def is_dqd_file(header: list[str]) -> bool:
    """True for a header of OHDSI's table-, field- or concept-level file."""
    return "cdmTableName" in header and any(name in header for name in LEVEL_OF)


def read_dqd_file(path: Path) -> list[Row]:
    """Rules of one of OHDSI's three files, as rows with COLUMNS; thresholds as shares (0-1).

    A check without a threshold gets 0: any violating row fails it, as in OHDSI's dashboard.
    Raises SettingsError for a file of another kind.
    """
    with path.open(encoding="utf-8-sig", newline="") as handle:
        reader = csv.DictReader(handle)
        header = list(reader.fieldnames or ())
        if not is_dqd_file(header):
            raise SettingsError(
                Fault(path.name, "is not a threshold file of OHDSI's dashboard",
                      "a column cdmTableName, and one of " + ", ".join(LEVEL_OF))
            )  # fmt: skip
        level = next(LEVEL_OF[name] for name in LEVEL_OF if name in header)
        rows = [{k: (v or "").strip() for k, v in row.items() if k} for row in reader]
    read = {"table": _table_rules, "field": _field_rules, "concept": _concept_rules}[level]
    found = (rule for row in rows for rule in read(row))
    return list({tuple(r[c] for c in COLUMNS[:5]): r for r in found}.values())


def _rule(row: Mapping[str, str], check: str, argument: str = "", **more: str) -> Row:
    percent = row.get(f"{check}Threshold", "")
    is_number = re.fullmatch(r"\d+(\.\d+)?", percent)
    return {
        "check": check,
        "table": row["cdmTableName"].lower(),
        "field": row.get("cdmFieldName", "").lower().strip('"'),
        "concept_id": "",
        "unit_concept_id": "",
        "argument": argument,
        "threshold": f"{float(percent) / 100:g}" if is_number else "0",
        **more,
    }


def _table_rules(row: Mapping[str, str]) -> Iterator[Row]:
    yield _rule(row, "cdmTable")
    for check in _TABLE_CHECKS:
        if row.get(check) == "Yes":
            yield _rule(row, check)


def _field_rules(row: Mapping[str, str]) -> Iterator[Row]:
    yield _rule(row, "cdmField")
    if row["cdmDatatype"].lower() == "integer":
        yield _rule(row, "cdmDatatype", "integer")
    for check in _YES_NO:
        if row.get(check) == "Yes":
            yield _rule(row, check, _argument(row, check))
    if row["isForeignKey"] == "Yes":
        parent = f"{row['fkTableName']}.{row['fkFieldName']}".lower()
        yield _rule(row, "isForeignKey", parent)
        for check in ("fkDomain", "fkClass"):
            if row[check] not in ("", "NA"):
                yield _rule(row, check, row[check])
    for check in ("plausibleValueLow", "plausibleValueHigh"):
        if row[check]:
            yield _rule(row, check, limit(row[check]))


def _argument(row: Mapping[str, str], check: str) -> str:
    field = row["cdmFieldName"].lower()
    if check == "sourceValueCompleteness":
        return row["standardConceptFieldName"].lower()
    if check == "plausibleTemporalAfter":
        return f"{row[check + 'TableName']}.{row[check + 'FieldName']}".lower()
    if check == "plausibleStartBeforeEnd":
        return row[check + "FieldName"].lower()
    if check.endswith("ConceptRecordCompleteness") and row["isRequired"] != "Yes":
        return re.sub(r"(_source)?_concept_id$", "_source_value", field)
    return ""


def limit(expression: str) -> str:
    """A limit of OHDSI's as ours: a number, a date, today+N (days) or this_year+N."""
    quoted = re.fullmatch(r"'(\d{4})(\d\d)(\d\d)'", expression)
    if quoted:
        return "-".join(quoted.groups())
    day = re.fullmatch(r"DATEADD\(dd,\s*(\d+),\s*GETDATE\(\)\)", expression)
    if day:
        return f"today+{day[1]}"
    year = re.fullmatch(r"YEAR\(GETDATE\(\)\)\+(\d+)", expression)
    return f"this_year+{year[1]}" if year else expression


def _concept_rules(row: Mapping[str, str]) -> Iterator[Row]:
    ids = " ".join(re.findall(r"\d+", row["conceptId"]))
    unit = row.get("unitConceptId", "")
    for check in ("plausibleGender", "plausibleGenderUseDescendants"):
        if row.get(check):
            yield _rule(row, check, _SEX[row[check]], concept_id=ids)
    if row.get("plausibleUnitConceptIdsThreshold"):
        units = " ".join(re.findall(r"-?\d+", row["plausibleUnitConceptIds"]))
        yield _rule(row, "plausibleUnitConceptIds", units or "-1", concept_id=ids)
    low, high = row.get("plausibleValueLow", ""), row.get("plausibleValueHigh", "")
    if low or high:
        threshold = f"{float(row['plausibleValueLowThreshold'] or 0) / 100:g}"
        yield _rule(row, "plausibleRange", f"{low}..{high}", concept_id=ids,
                    unit_concept_id=unit, threshold=threshold)  # fmt: skip
