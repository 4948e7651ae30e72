"""Read one delivered file or folder with an imaging connector, as a landing worker would."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from biobraid.core.keys import IngestKeys
from biobraid.core.schemas import TABLES
from biobraid.core.study import Study
from biobraid.ingest.connectors.contract import Chunk, FileJob, Variable, get_connector
from biobraid.ingest.landing.parts import FACT_TABLES
from biobraid.ingest.landing.tally import Tally

KEYS = IngestKeys(b"p" * 32, b"r" * 32, b"f" * 32, b"i" * 32)


@dataclass
class Delivered:
    """Rows by table, identities and the books, which hold."""

    tables: dict[str, list[dict[str, Any]]]
    tally: Tally
    identities: list[tuple[Any, ...]] = field(default_factory=list)  # type, value, record id

    def rows(self, table: str, *columns: str) -> list[tuple[Any, ...]]:
        """Some columns of a landing table, sorted; null where the connector gives none."""
        found = [tuple(row.get(c) for c in columns) for row in self.tables.get(table, [])]
        return sorted(found, key=str)

    @property
    def books(self) -> tuple[int, int, int, int]:
        """Records read, landed, rejected, ignored."""
        t = self.tally
        return t.records_read, t.records_landed, t.records_rejected, t.records_ignored

    def found(self, kind: str) -> list[str]:
        """Values of one identity type, sorted."""
        return sorted(value for name, value, _ in self.identities if name == kind)


def deliver(
    path: Path, connector: str, variables: dict[str, Variable] | None = None, **source: Any
) -> Delivered:
    """What the connector makes of the file or folder."""
    declared = {"connector": connector, "files": ["*"], "modality": "imaging", **source}
    study = Study.model_validate(
        {"id": "toy", "name": "Toy", "release": "1", "licence": "none", "time_zone": "UTC",
         "sources": {"s": declared}}
    )  # fmt: skip
    job = FileJob(path, study, "s", "batch", KEYS, variables or {}, 1.0, 1, delivered_as=path.name)
    tables: dict[str, list[dict[str, Any]]] = {}
    identities: list[tuple[Any, ...]] = []
    tally = Tally()
    for item in get_connector(connector).read(job):
        if not isinstance(item, Chunk):
            tally.add(item)
            continue
        if item.table == "identity":
            names = ["type", "value", "record_id"]
            identities += [tuple(r.get(n) for n in names) for r in item.rows.to_pylist()]
            continue
        known = {c.name for c in TABLES[item.table].columns} | {"row_number"}
        assert set(item.rows.column_names) <= known
        tables.setdefault(item.table, []).extend(item.rows.to_pylist())
        if item.table == "raw.reject":
            tally.rejects.update(
                Counter(
                    (r["reason"], r["column_name"] or "", r["unit_of_count"])
                    for r in item.rows.to_pylist()
                )
            )
    facts = [row for table in FACT_TABLES for row in tables.get(table, [])]
    ids = [(table, r["row_id"]) for table in FACT_TABLES for r in tables.get(table, [])]
    assert len(ids) == len(set(ids))
    tally.facts_landed = len(facts)
    tally.check("test", len({row["record_id"] for row in facts}))
    return Delivered(tables, tally, identities)
