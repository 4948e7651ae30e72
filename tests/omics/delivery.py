"""Read one delivered omics file with its connector, as a landing worker would; the law is checked."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biobraid.core.schemas import TABLES
from biobraid.ingest.connectors.contract import Counts, get_connector
from biobraid.ingest.landing.tally import Tally
from tests.delimited.delivery import job

FACTS = ("raw.event", "raw.feature")


@dataclass
class Omics:
    """What came of a file: rows by table, books, identities."""

    tables: dict[str, list[dict[str, Any]]]
    tally: Tally
    identities: list[tuple[str, str]] = field(default_factory=list)

    @property
    def books(self) -> tuple[int, int, int, int]:
        """Records read, landed, rejected, ignored."""
        t = self.tally
        return t.records_read, t.records_landed, t.records_rejected, t.records_ignored

    @property
    def rejects(self) -> list[tuple[Any, ...]]:
        """(row number, column, reason) of raw.reject, sorted."""
        found = [(r["row_number"], r["column_name"] or "", r["reason"])
                 for r in self.tables.get("raw.reject", [])]  # fmt: skip
        return sorted(found)

    @property
    def features(self) -> dict[int, dict[str, Any]]:
        """Definitions by id."""
        return {r["feature_id"]: r for r in self.tables.get("raw.feature_definition", [])}

    def values(self, *columns: str) -> list[tuple[Any, ...]]:
        """(place of the specimen, feature, columns) of raw.feature, sorted; default: the value."""
        place = {r["record_id"]: i for i, r in enumerate(self.tables.get("raw.event", []))}
        names = {i: r["feature"] for i, r in self.features.items()}
        return sorted(
            (
                (place[r["record_id"]], names[r["feature_id"]],
                 *(r.get(c) for c in columns or ("value",)))
                for r in self.tables.get("raw.feature", [])
            ),
            key=repr,
        )  # fmt: skip

    @property
    def persons(self) -> list[str | None]:
        """source_person_key of each specimen."""
        return [r["source_person_key"] for r in self.tables.get("raw.event", [])]


def deliver(
    path: Path, connector: str, options: dict[str, Any] | None = None, text: str | None = None,
    **source: Any,
) -> Omics:  # fmt: skip
    """Write the text (indentation dropped), if given, and read the file."""
    if text is not None:
        path.write_text("".join(f"{line.strip(' ')}\n" for line in text.strip("\n").splitlines()))
    tally, tables, identities = Tally(), dict[str, list[dict[str, Any]]](), []
    given = {"person_id": "sample", **source}
    asked = job(path, options, connector=connector, modality="omics", **given)
    for item in get_connector(connector).read(asked):
        if isinstance(item, Counts):
            tally.add(item)
            continue
        rows = item.rows.to_pylist()
        if item.table == "identity":
            identities += [(row["type"], row["value"]) for row in rows]
            continue
        assert set(item.rows.column_names) <= set(TABLES[item.table].arrow.names), item.table
        tables.setdefault(item.table, []).extend(rows)
    records = {row["record_id"] for table in FACTS for row in tables.get(table, [])}
    tally.facts_landed = sum(len(tables.get(table, [])) for table in FACTS)
    units = Counter(row["unit_of_count"] for row in tables.get("raw.reject", []))
    assert units["record"] == tally.records_rejected
    assert units["cell"] == tally.facts_rejected
    tally.check("toy/q", len(records))
    for table in FACTS:
        ids = [row["row_id"] for row in tables.get(table, [])]
        assert len(set(ids)) == len(ids)
        assert all(i > 0 for i in ids)
    return Omics(tables, tally, sorted(identities))
