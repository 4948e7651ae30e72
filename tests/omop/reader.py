"""Read one delivered file with the omop connector, as a landing worker would."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts, get_connector
from biobraid.ingest.landing.tally import Tally
from tests.delimited.delivery import KEYS, Delivered, job

FACTS = ("raw.value", "raw.event", "raw.record", "raw.detail")


def key_of(native: object) -> str:
    """source_person_key of a native person id."""
    return KEYS.person_key("toy", str(native))


def read(path: Path, text: str | None = None, **given: Any) -> Delivered:
    """Write the text (indentation dropped) and read the file; the law of the books is checked."""
    if text is not None:
        path.write_text("".join(f"{line.strip()}\n" for line in text.strip().splitlines()))
    made = job(path, **{"connector": "omop", "person_id": None} | given)
    made = replace(made, tmp=path.parent / "tmp")
    tally, tables, identities = Tally(), dict[str, list[dict[str, Any]]](), []
    records: set[int] = set()
    for item in get_connector("omop").read(made):
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
            _count(item, tally)
    tally.check("toy/q", len(records))
    for table in FACTS:
        ids = [row["row_id"] for row in tables.get(table, [])]
        assert all(i > 0 for i in ids)
        assert len(set(ids)) == len(ids)
    return Delivered(tables, tally, sorted(identities))


def _count(chunk: Chunk, tally: Tally) -> None:
    units = chunk.rows.column("unit_of_count").to_pylist()
    for name, reason, unit in zip(
        _texts(chunk, "column_name"), _texts(chunk, "reason"), units, strict=True
    ):
        tally.rejects[(reason, name, unit)] += 1


def _texts(chunk: Chunk, name: str) -> list[str]:
    column: pa.ChunkedArray = chunk.rows.column(name)
    return [value or "" for value in column.to_pylist()]


def details(delivered: Delivered, kind: str) -> dict[str, set[Any]]:
    """Fields of raw.detail of one kind, with their values."""
    found: dict[str, set[Any]] = {}
    for row in delivered.tables.get("raw.detail", []):
        if row["kind"] == kind:
            found.setdefault(row["field"], set()).add(row["value"])
    return found
