"""Read one REDCap export with a dictionary of its own, as a landing worker would."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biobraid.core.keys import IngestKeys
from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import Counts, FileJob, Variable, get_connector
from biobraid.ingest.dictionaries.redcap import read_redcap
from biobraid.ingest.landing.tally import Tally

KEYS = IngestKeys(b"p" * 32, b"r" * 32, b"f" * 32, b"i" * 32)
FACTS = ("raw.value", "raw.event", "raw.detail", "raw.record", "raw.consent")
HEADER = (
    "Variable / Field Name", "Form Name", "Section Header", "Field Type", "Field Label",
    "Choices, Calculations, OR Slider Labels", "Field Note",
    "Text Validation Type OR Show Slider Number", "Text Validation Min", "Text Validation Max",
    "Identifier?", "Branching Logic (Show field only if...)", "Required Field?",
    "Custom Alignment", "Question Number (surveys only)", "Matrix Group Name",
    "Matrix Ranking?", "Field Annotation",
)  # fmt: skip


def dictionary(path: Path, table: str) -> Path:
    """Write an 18-column dictionary from rows `name; form; type; choices; validation; flag; logic`."""
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(HEADER)
        for line in table.strip().splitlines():
            given = [cell.strip() for cell in line.split(";")]
            name, form, kind, choices, validation, flag, logic = given + [""] * (7 - len(given))
            row = [""] * 18
            row[0], row[1], row[3], row[4] = name, form, kind, name.replace("_", " ")
            row[5], row[7], row[10], row[11] = choices, validation, flag, logic
            writer.writerow(row)
    return path


@dataclass
class Delivered:
    """What came of a file: rows by table and the books, which hold."""

    tables: dict[str, list[dict[str, Any]]]
    tally: Tally
    identities: list[tuple[str, str]] = field(default_factory=list)

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a landing table, sorted, null where the connector gives none."""
        found = [tuple(row.get(c) for c in columns) for row in self.tables.get(table, [])]
        return sorted(found, key=lambda row: tuple(str(cell) for cell in row))

    def values(self, *columns: str) -> list[tuple[Any, ...]]:
        """(variable, value, ...) of raw.value without the statuses of forms."""
        found = self.rows("raw.value", "variable", "value", *columns)
        return [row for row in found if not row[0].endswith("_complete")]

    def value_of(self, variable: str, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of one variable: value and other columns."""
        return [row[1:] for row in self.rows("raw.value", "variable", "value", *columns)
                if row[0] == variable]  # fmt: skip

    @property
    def rejects(self) -> list[tuple[Any, ...]]:
        """(row number, column, reason) of raw.reject."""
        return self.rows("raw.reject", "row_number", "column_name", "reason")

    @property
    def ignored(self) -> dict[str, int]:
        """Facts and records ignored, by rule."""
        return {k: n for k, n in sorted(self.tally.ignored.items()) if k != "record-key" and n}

    @property
    def warnings(self) -> dict[str, int]:
        """What the connector warned of, missing variables left out."""
        found = self.tally.warnings.items()
        return {k: n for k, n in sorted(found) if not k.startswith("missing-variable")}

    @property
    def books(self) -> tuple[int, int, int, int]:
        """Records read, landed, rejected, ignored."""
        t = self.tally
        return t.records_read, t.records_landed, t.records_rejected, t.records_ignored


def variables(fields: Sequence[Path], codings: Sequence[Path] = ()) -> dict[str, Variable]:
    """The project's variables, as study_dictionary hands them to a job."""
    rows = read_redcap(fields, codings)
    assert rows.faults == []
    codes: dict[str, dict[str, str | None]] = {}
    for code in rows.codes:
        codes.setdefault(code.variable, {})[code.code] = code.meaning
    return {
        row.variable: Variable(
            row.variable, row.label, row.value_type, row.unit, codes.get(row.variable, {}),
            row.is_free_text, row.attributes,
        )
        for row in rows.variables
    }  # fmt: skip


def job(path: Path, known: dict[str, Variable], **source: Any) -> FileJob:
    """A job of the study `toy`, source `q`."""
    declared = {"connector": "redcap", "files": ["*"], **source}
    study = {
        "id": "toy", "name": "toy", "release": "1", "licence": "none", "time_zone": "UTC",
        "sources": {"q": declared},
    }  # fmt: skip
    return FileJob(path, Study.model_validate(study), "q", "b" * 16, KEYS, known, 1.0, 1)


def read(
    path: Path, known: dict[str, Variable], text: str | None = None, **source: Any
) -> Delivered:
    """Read the export (its text written first); the law of the books is checked."""
    if text is not None:
        lines = [line.strip() for line in text.strip().splitlines()]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    tally, tables, identities = Tally(), dict[str, list[dict[str, Any]]](), []
    records: set[int] = set()
    reasons: Counter[str] = Counter()
    for item in get_connector("redcap").read(job(path, known, **source)):
        if isinstance(item, Counts):
            tally.add(item)
            continue
        rows = item.rows.to_pylist()
        if item.table == "identity":
            identities += [(row["type"], row["value"]) for row in rows]
            continue
        tables.setdefault(item.table, []).extend(rows)
        if item.table in FACTS:
            tally.facts_landed += len(rows)
            records |= {row["record_id"] for row in rows}
        if item.table == "raw.reject":
            reasons.update(row["unit_of_count"] for row in rows)
    counted = (("record", tally.records_rejected), ("cell", tally.facts_rejected))
    assert reasons == Counter({unit: n for unit, n in counted if n})
    tally.check("toy/q", len(records))
    for table in FACTS:
        ids = [row["row_id"] for row in tables.get(table, [])]
        assert len(set(ids)) == len(ids)
    return Delivered(tables, tally, sorted(identities))
