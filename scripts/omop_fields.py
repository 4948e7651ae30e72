"""Regenerate biobraid/core/omop/cdm54_fields.csv from OHDSI's field-level control file.

python scripts/omop_fields.py OMOP_CDMv5.4_Field_Level.csv
"""

from __future__ import annotations

import csv
import re
import sys
from pathlib import Path

TARGET = Path(__file__).parent.parent / "biobraid" / "core" / "omop" / "cdm54_fields.csv"
HEADER = (
    "table", "field", "type", "max_length", "is_required", "is_primary_key", "fk_table",
    "fk_field", "fk_domain", "description",
)  # fmt: skip
_TYPES = {"float": "DOUBLE", "date": "DATE", "datetime": "TIMESTAMP"}
_SENTENCE_END = re.compile(r"(?<!e\.g)(?<!i\.e)(?<!vs)(?<!etc)\. ")


def sql_type(delivered: str, field: str) -> str:
    """DuckDB type: ids are BIGINT (real ids overflow OHDSI's integer), other integers INTEGER."""
    if delivered == "integer":
        return "BIGINT" if re.search(r"_id(_\d)?$", field) else "INTEGER"
    return _TYPES.get(delivered, "VARCHAR")


def description(guidance: str, field: str, is_required: bool) -> str:
    """First sentence of OHDSI's guidance without links; the field's words where there is none."""
    text = "" if guidance == "NA" else re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", guidance)
    text = " ".join(re.sub(r"https?://\S+", "", text).replace('"', "").replace("'", "").split())
    first = _SENTENCE_END.split(text)[0].strip(" .")
    words = field.replace("_", " ").capitalize()
    return first or (words if is_required else f"{words}; null where the source gives none")


def compact(row: dict[str, str]) -> list[str]:
    """One field of the control file as one row of ours."""
    field = row["cdmFieldName"].lower().strip('"')
    delivered = row["cdmDatatype"].lower()
    length = re.match(r"varchar\((\d+)\)", delivered)
    blank = {"NA": ""}
    return [
        row["cdmTableName"].lower(),
        field,
        sql_type(delivered, field),
        length.group(1) if length else "",
        str(int(row["isRequired"].lower() == "yes")),
        str(int(row["isPrimaryKey"].lower() == "yes")),
        blank.get(row["fkTableName"], row["fkTableName"].lower()),
        blank.get(row["fkFieldName"], row["fkFieldName"].lower()),
        blank.get(row["fkDomain"], row["fkDomain"]),
        description(row["userGuidance"], field, row["isRequired"].lower() == "yes"),
    ]


def main(source: Path) -> None:
    """Write the compact list."""
    with source.open(encoding="utf-8", newline="") as handle:
        rows = [compact(row) for row in csv.DictReader(handle)]
    with TARGET.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(HEADER)
        writer.writerows(rows)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
