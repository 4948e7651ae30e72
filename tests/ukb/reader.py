"""Reads a table through the `ukb` connector and holds its books against the law."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from biobraid.core.keys import IngestKeys
from biobraid.core.study import Source, Study
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, Variable, get_connector
from biobraid.ingest.dictionaries.rows import CodeRow, VariableRow
from biobraid.ingest.dictionaries.ukb_showcase import read_showcase

KEYS = IngestKeys(b"p" * 32, b"r" * 32, b"f" * 32, b"i" * 32)
Row = dict[str, Any]
_FACTS = ("raw.value", "raw.event", "raw.record", "raw.detail")


@dataclass
class Read:
    """Rows by table, with `person` as the eid the key stands for; counts added up."""

    tables: dict[str, list[Row]] = field(default_factory=dict)
    counts: Counts = field(default_factory=Counts)

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a table's rows, sorted."""
        found = [tuple(row.get(c) for c in columns) for row in self.tables.get(table, [])]
        return sorted(found, key=lambda r: [(v is not None, v) for v in r])

    def values(self, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of raw.value; person, variable and value unless told otherwise."""
        return self.rows("raw.value", *(columns or ("person", "variable", "value")))

    def events(self, *columns: str) -> list[tuple[Any, ...]]:
        """Rows of raw.event."""
        return self.rows("raw.event", *columns)

    def identities(self, *kinds: str) -> list[tuple[Any, ...]]:
        """(person, type, value) of identity rows of some types."""
        return [r for r in self.rows("identity", "person", "type", "value") if r[1] in kinds]

    def rejects(self) -> list[tuple[Any, ...]]:
        """(line, column, reason) of rejects."""
        return self.rows("raw.reject", "row_number", "column_name", "reason")


def job_for(
    path: Path,
    variables: Mapping[str, Variable] | None = None,
    source: Mapping[str, Any] | None = None,
    sources: tuple[str, ...] = (),
    **study: Any,
) -> FileJob:
    """A job for a file of a study "ukb"; `sources` are further ones it has."""
    declared = {"connector": "ukb", "files": ["*"], **(source or {})}
    others = {name: Source(connector="ukb", files=["*"]) for name in sources}
    made = Study(
        id="ukb", name="UKB", release="1", licence="none", time_zone="Europe/London",
        sources={"main": Source.model_validate(declared), **others}, **study,
    )  # fmt: skip
    return FileJob(path, made, "main", "b" * 16, KEYS, variables or {}, 0.5, 1)


def read_job(job: FileJob) -> Read:
    """Everything that the connector yields; the law of the books is checked."""
    chunks: list[Chunk] = []
    read = Read()
    for item in get_connector("ukb").read(job):
        if isinstance(item, Chunk):
            chunks.append(item)
        else:
            _add(read.counts, item)
    persons = {
        row["source_person_key"]: row["value"]
        for chunk in chunks
        if chunk.table == "identity"
        for row in _plain(chunk.rows)
        if row["type"] == "native_id"
    }
    for chunk in chunks:
        for row in _plain(chunk.rows):
            row["person"] = persons.get(row.get("source_person_key"))
            read.tables.setdefault(chunk.table, []).append(row)
    _check_books(read)
    return read


def read_text(path: Path, text: str, name: str = "t.csv", **given: Any) -> Read:
    """Write a table (indentation dropped; `|` stands for tab in .txt) and read it."""
    lines = [line.strip() for line in text.strip().splitlines()]
    if name.endswith((".txt", ".tab")):
        lines = ["\t".join(cell.strip() for cell in line.split("|")) for line in lines]
    body = ("\n".join(lines) + "\n").encode()
    file = path / name
    file.write_bytes(gzip.compress(body) if name.endswith(".gz") else body)
    return read_job(job_for(file, **given))


def dictionary(path: Path, fields: str, codings: str = "") -> dict[str, Variable]:
    """Variables from a Showcase dictionary: `FieldID | Field | ValueType | Units | Coding`
    lines, and `Coding | Value | Meaning` lines."""
    _write(path / "fields.tsv", "FieldID | Field | ValueType | Units | Coding", fields)
    files = [path / "codings.tsv"] if codings else []
    if codings:
        _write(path / "codings.tsv", "Coding | Value | Meaning", codings)
    return variables_of(*read_showcase([path / "fields.tsv"], files))


def variables_of(rows: list[VariableRow], codes: list[CodeRow]) -> dict[str, Variable]:
    """Rows of a dictionary as connectors are given them."""
    by_variable: dict[str, dict[str, str | None]] = {}
    for code in codes:
        by_variable.setdefault(code.variable, {})[code.code] = code.meaning
    return {
        v.variable: Variable(
            v.variable, v.label, v.value_type, v.unit, by_variable.get(v.variable, {}),
            v.is_free_text,
        )
        for v in rows
    }  # fmt: skip


def _write(path: Path, header: str, lines: str) -> None:
    rows = [header, *(line for line in lines.strip().splitlines() if line.strip())]
    text = "\n".join("\t".join(c.strip() for c in row.split("|")) for row in rows)
    path.write_text(text + "\n", encoding="utf-8")


def _plain(rows: pa.Table) -> list[Row]:
    found: list[Row] = rows.to_pylist()
    return found


def _add(total: Counts, more: Counts) -> None:
    for name, value in vars(more).items():
        if isinstance(value, Counter):
            getattr(total, name).update(value)
        elif isinstance(value, bool):
            setattr(total, name, getattr(total, name) or value)
        elif value:
            setattr(total, name, getattr(total, name) + value)


def _check_books(read: Read) -> None:
    counts, landed = read.counts, sum(len(read.tables.get(t, [])) for t in _FACTS)
    gone = counts.facts_rejected + counts.facts_ignored + counts.facts_to_vault
    assert counts.facts_read == landed + gone
    by_unit = Counter(row["unit_of_count"] for row in read.tables.get("raw.reject", []))
    assert by_unit["record"] == counts.records_rejected
    assert by_unit["cell"] == counts.facts_rejected
    n_ignored = counts.facts_ignored + counts.records_ignored
    assert sum(counts.ignored.values()) == n_ignored
    records = {r["record_id"] for t in _FACTS for r in read.tables.get(t, [])}
    kept = counts.records_read - counts.records_rejected - counts.records_ignored
    assert len(records) <= kept <= len(records) + gone
    row_ids = [r["row_id"] for t in _FACTS for r in read.tables.get(t, [])]
    assert all(0 < i < 2**63 for i in row_ids)
    if counts.keys_are_unique:
        assert len(set(row_ids)) == len(row_ids)
