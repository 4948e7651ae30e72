"""Study packs of the shared REDCap projects, and their exports read the plainest way.

The eleven packs differ in nothing but the project, so they are written here rather than kept
as eleven folders.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import yaml

from biobraid.core.home import Home

PROJECTS = (
    "arm-single-longitudinal", "checkboxes-1", "clinical-trial-1", "dag", "decimal-comma",
    "longitudinal", "repeating-instruments", "repeating-instruments-sparse", "survey",
    "validation-types-1", "vignette-repeating",
)  # fmt: skip
_KEYS = ("redcap_event_name", "redcap_repeat_instrument", "redcap_repeat_instance")
_IDENTIFYING = ("email", "phone", "zip", "postal", "mrn", "vmrn", "ssn")
_MAPPING = (
    "source,variable,source_code,target_concept_id,target_domain_id,unit_concept_id,"
    "value_as_concept_id,rule,rule_arg,absent_reason,status,comment\n"
)

# person, instance, variable and value of a cell that lands
Cell = tuple[str, int, str, str]


def study_id(project: str) -> str:
    """Study that a project becomes."""
    return "redcap_" + project.replace("-", "_")


def deliver_project(
    home: Home, shared: Path, project: str, dictionary: str = "diction*.csv"
) -> None:
    """Declare a project as a study and link its files into the delivery folder."""
    folder, study = shared / "redcap" / project, study_id(project)
    delivery = home.deliveries / study
    delivery.mkdir(parents=True)
    for path in folder.iterdir():
        if path.name != "SOURCE.txt":
            (delivery / path.name).symlink_to(path)
    events = [name for name in ("event.csv", "arm.csv") if (folder / name).is_file()]
    pack = home.studies / study
    pack.mkdir()
    declared = {
        "id": study, "name": project, "release": "test", "licence": "MIT", "time_zone": "UTC",
        "dictionary": {"format": "redcap", "fields": [dictionary], "codings": events},
        "sources": {"export": {"connector": "redcap", "files": ["data.csv"], "origin": "survey"}},
    }  # fmt: skip
    (pack / "study.yaml").write_text(yaml.safe_dump(declared))
    fields = fields_of(folder)
    rows = [f"export,{name},,0,Person,,,direct,birth,,APPROVED,\n" for name in ("dob",)
            if name in fields]  # fmt: skip
    (pack / "mapping.csv").write_text(_MAPPING + "".join(rows))


def fields_of(folder: Path) -> dict[str, list[str]]:
    """Rows of the data dictionary by field."""
    (path,) = folder.glob("diction*.csv")
    with path.open(newline="", encoding="utf-8-sig") as file:
        return {row[0]: row for row in list(csv.reader(file))[1:]}


def rows_of(folder: Path) -> list[dict[str, str]]:
    """Rows of the export."""
    with (folder / "data.csv").open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def cells_that_land(folder: Path) -> Counter[Cell]:
    """Every cell of the export that must be found in raw.value, read with nothing but csv."""
    fields, rows = fields_of(folder), rows_of(folder)
    record_id = next(iter(fields))
    events: list[str] = []
    if (folder / "event.csv").is_file():
        with (folder / "event.csv").open(newline="", encoding="utf-8-sig") as file:
            events = [row["unique_event_name"] for row in csv.DictReader(file)]
    found: Counter[Cell] = Counter()
    for row in rows:
        event = row.get("redcap_event_name")
        instance = 1000 * events.index(event) if event else 0
        instance += int(row.get("redcap_repeat_instance") or 0)
        for column, cell in row.items():
            value = _landed(fields, record_id, column, cell)
            if value:
                found[row[record_id], instance, column, value] += 1
    return found


def _landed(fields: dict[str, list[str]], record_id: str, column: str, cell: str) -> str:
    """What lands of a cell; '' if nothing does."""
    if not cell or column in (record_id, *_KEYS, "redcap_survey_identifier"):
        return ""
    field = fields.get(column.partition("___")[0])
    if field is None:  # a status, a timestamp or the data access group
        return cell
    kind, validation, flag = field[3], field[7], field[10]
    if kind in ("file", "notes") or (kind == "text" and not validation):
        return ""
    if column == "dob":
        return cell[:4]  # the study's birth_precision
    if flag == "y" or validation.startswith(_IDENTIFYING) or validation == "alpha_only":
        return ""
    return cell.replace(",", ".") if "comma_decimal" in validation else cell
