"""Read FHIR text with the connector, as a landing worker would; the books are checked."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from biobraid.core.keys import IngestKeys
from biobraid.core.schemas import TABLES
from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import (
    VERSION,
    Chunk,
    Counts,
    FileJob,
    RepeatedKeys,
    Variable,
    get_connector,
)
from biobraid.ingest.landing.tally import Tally

KEYS = IngestKeys(b"p" * 32, b"r" * 32, b"f" * 32, b"i" * 32)
FACTS = ("raw.value", "raw.event", "raw.record", "raw.detail", "raw.consent")
Resource = dict[str, Any]


@dataclass
class Delivered:
    """What came of a file: rows by table, identities and the books, which hold."""

    tables: dict[str, list[dict[str, Any]]]
    tally: Tally
    identities: list[tuple[str, str]] = field(default_factory=list)

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a table, null where the connector gives none."""
        return [tuple(row.get(c) for c in columns) for row in self.tables.get(table, [])]

    def events(self, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of raw.event."""
        return self.rows("raw.event", *columns)

    @property
    def details(self) -> dict[str, str]:
        """Values of raw.detail by field."""
        return dict(self.rows("raw.detail", "field", "value"))

    @property
    def rejects(self) -> list[tuple[Any, ...]]:
        """(line, element, reason) of raw.reject, sorted."""
        found = self.rows("raw.reject", "row_number", "column_name", "reason")
        return sorted(found, key=lambda row: (row[0], row[1] or ""))

    @property
    def books(self) -> tuple[int, int, int, int]:
        """Records read, landed, rejected, ignored."""
        t = self.tally
        return t.records_read, t.records_landed, t.records_rejected, t.records_ignored

    @property
    def ignored(self) -> dict[str, int]:
        """Facts and records ignored, by rule."""
        return dict(sorted(self.tally.ignored.items()))


def patient_key(native_id: str) -> str:
    """source_person_key of a Patient's id."""
    return KEYS.person_key("toy", native_id)


def job(path: Path, variables: list[Variable] | None = None, **source: Any) -> FileJob:
    """A job of the study `toy`, source `ehr`."""
    study = source.pop("study", {})
    declared = {"connector": "fhir", "files": ["*"], "origin": "hospital", **source}
    given = {
        "id": "toy", "name": "toy", "release": "1", "licence": "none", "time_zone": "Europe/London",
        **study,
    }  # fmt: skip
    return FileJob(
        path=path,
        study=Study.model_validate({**given, "sources": {"ehr": declared}}),
        source_id="ehr",
        batch="b" * 16,
        keys=KEYS,
        variables={v.name: v for v in variables or []},
        memory_gb=1.0,
        threads=1,
    )


def ndjson(*resources: Resource) -> str:
    """Resources as lines."""
    return "".join(json.dumps(r, separators=(",", ":")) + "\n" for r in resources)


def bundle(*entries: Resource, **head: Any) -> str:
    """A Bundle as a server prints it."""
    found = {"resourceType": "Bundle", "type": "collection", **head, "entry": list(entries)}
    return json.dumps(found, indent=2)


def read(path: Path, text: str | bytes, **given: Any) -> Delivered:
    """Write the text and read it; a file that repeats keys is read again, as landing does."""
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    task = job(path, **given)
    try:
        return _read(task)
    except RepeatedKeys:
        return _read(replace(task, keys_repeat=True))


def _read(task: FileJob) -> Delivered:
    tally, tables, identities = Tally(), dict[str, list[dict[str, Any]]](), []
    records: set[int] = set()
    for item in get_connector("fhir").read(task):
        if isinstance(item, Counts):
            tally.add(item)
            continue
        _fits_schema(item)
        rows = item.rows.to_pylist()
        if item.table == "identity":
            identities += [(row["type"], row["value"]) for row in rows]
            continue
        tables.setdefault(item.table, []).extend(rows)
        if item.table in FACTS:
            tally.facts_landed += len(rows)
            records |= {row["record_id"] for row in rows}
    rejects = Counter(row["unit_of_count"] for row in tables.get("raw.reject", []))
    assert (rejects["record"], rejects["cell"]) == (tally.records_rejected, tally.facts_rejected)
    if not task.keys_repeat:
        tally.check("toy/ehr", len(records))
    for table in FACTS:
        ids = [row["row_id"] for row in tables.get(table, [])]
        assert all(i > 0 for i in ids)
        if not task.keys_repeat:
            assert len(set(ids)) == len(ids), table
    return Delivered(tables, tally, sorted(identities))


def _fits_schema(chunk: Chunk) -> None:
    """Each column of a chunk is one of its table's, of a type that casts to it."""
    if chunk.table == "identity":
        return
    schema = VERSION if chunk.table == "version" else TABLES[chunk.table].arrow
    for name in chunk.rows.column_names:
        if name == "row_number":
            continue
        column = chunk.rows.column(name)
        kind = column.type.value_type if hasattr(column.type, "value_type") else column.type
        assert kind == schema.field(name).type, name
