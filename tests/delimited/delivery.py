"""Read one delivered file with the delimited connector, as a landing worker would."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from biobraid.core.keys import IngestKeys
from biobraid.core.schemas import TABLES
from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import (
    VERSION,
    Chunk,
    Counts,
    FileJob,
    Variable,
    get_connector,
)
from biobraid.ingest.landing.tally import Tally

KEYS = IngestKeys(b"p" * 32, b"r" * 32, b"f" * 32, b"i" * 32)
FACTS = ("raw.value", "raw.event", "raw.record", "raw.detail", "raw.consent")


@dataclass
class Delivered:
    """What came of a file: rows by table and the books, which hold."""

    tables: dict[str, list[dict[str, Any]]]
    tally: Tally
    identities: list[tuple[str, str]] = field(default_factory=list)

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a landing table, null where the connector gives none."""
        return [tuple(row.get(c) for c in columns) for row in self.tables.get(table, [])]

    @property
    def values(self) -> list[tuple[Any, ...]]:
        """(variable, value) of raw.value, sorted."""
        return sorted(self.rows("raw.value", "variable", "value"))

    @property
    def rejects(self) -> list[tuple[Any, ...]]:
        """(row number, column, reason) of raw.reject, sorted."""
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
        return {k: n for k, n in sorted(self.tally.ignored.items()) if k != "record-key"}


def person(native_id: str, namespace: str = "toy") -> str:
    """source_person_key of a native id."""
    return KEYS.person_key(namespace, native_id)


def allow(*columns: str, rule: str = "allow") -> list[dict[str, str]]:
    """`free_text` of a source that lets words of some columns land, or another rule."""
    return [{"variable": column, "rule": rule, "reason": "looked at"} for column in columns]


def job(
    path: Path,
    options: dict[str, Any] | None = None,
    variables: list[Variable] | None = None,
    study: dict[str, Any] | None = None,
    others: dict[str, Any] | None = None,
    **source: Any,
) -> FileJob:
    """A job of the study `toy`, source `q`, with person id `id` unless told otherwise."""
    declared = {
        "connector": "delimited",
        "files": ["*"],
        "person_id": "id",
        "options": options or {},
        **source,
    }
    given = {
        "id": "toy", "name": "toy", "release": "1", "licence": "none", "time_zone": "Europe/London",
        **(study or {}),
    }  # fmt: skip
    return FileJob(
        path=path,
        study=Study.model_validate({**given, "sources": {"q": declared, **(others or {})}}),
        source_id="q",
        batch="b" * 16,
        keys=KEYS,
        variables={v.name: v for v in variables or []},
        memory_gb=1.0,
        threads=1,
    )


def deliver(path: Path, text: str | None, **given: Any) -> Delivered:
    """Write the text (indentation dropped) and read it; the law of the books is checked."""
    if text is not None:
        path.write_text("".join(f"{line.strip()}\n" for line in text.strip().splitlines()))
    tally, tables, identities = Tally(), dict[str, list[dict[str, Any]]](), []
    records: set[int] = set()
    reasons: Counter[str] = Counter()
    for item in get_connector("delimited").read(job(path, **given)):
        if isinstance(item, Counts):
            tally.add(item)
            continue
        _fits_schema(item)
        rows = item.rows.to_pylist()
        if item.table == "identity":
            identities += [(row["type"], row["value"]) for row in rows]
            records |= {row["record_id"] for row in rows if row.get("record_id")}
            continue
        tables.setdefault(item.table, []).extend(rows)
        if item.table in FACTS:
            tally.facts_landed += len(rows)
            records |= {row["record_id"] for row in rows}
        if item.table == "raw.reject":
            reasons.update(row["unit_of_count"] for row in rows)
    assert reasons == Counter(
        {k: n for k, n in (("record", tally.records_rejected), ("cell", tally.facts_rejected)) if n}
    )
    tally.check("toy/q", len(records))
    for table in FACTS:
        ids = [row["row_id"] for row in tables.get(table, [])]
        assert all(i > 0 for i in ids)
        if not tally.whole_row_keys:
            assert len(set(ids)) == len(ids)
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
        if pa.types.is_dictionary(column.type):
            column = pa.chunked_array([c.dictionary_decode() for c in column.chunks])
        assert column.type in (schema.field(name).type, pa.null()), name
