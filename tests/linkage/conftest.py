"""Deliveries as linkage meets them: sealed identities in the inbox, books in the manifest."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.manifest import FileBooks, Manifest, Part
from biobraid.core.schemas import IDENTITY, RAW_CONSENT, Table
from biobraid.core.sealed import write_sealed
from biobraid.linkage.vault import open_vault

STUDY = """
id: {study}
name: {study}
release: "1"
licence: none
time_zone: Europe/London
sources:
  main: {{connector: delimited, files: ["*.csv"], person_id: id}}
  device: {{connector: delimited, files: ["*.dev"], person_id: id, mints_persons: false}}
"""
Identity = tuple[str, str, str]  # native id, identity type, value


@dataclass
class Bank:
    """A home whose deliveries are written by hand."""

    home: Home
    _numbers: Iterable[int]

    def study(self, *names: str) -> None:
        """Add study packs with a minting source `main` and a waiting one `device`."""
        for name in names:
            (self.home.studies / name).mkdir(exist_ok=True)
            text = STUDY.format(study=name)
            (self.home.studies / name / "study.yaml").write_text(text)

    def key(self, study: str, native: str) -> str:
        """source_person_key of a native id."""
        return ingest_keys(self.home).person_key(study, native)

    def deliver(
        self, study: str, text: str, source: str = "main", delivery: int = 1, batch: str = ""
    ) -> Path:
        """Put a file's identities in the inbox; one person a line: "id type=value; type=value"."""
        self.study(study)
        rows: list[Identity] = []
        for line in filter(None, map(str.strip, text.splitlines())):
            native, _, traits = line.partition(" ")
            rows.append((native, "native_id", native))
            for trait in filter(None, map(str.strip, traits.split(";"))):
                kind, _, value = trait.partition("=")
                if kind == "map":
                    value = self.key(*value.split(":"))
                    kind = "map_id"
                rows.append((native, kind, value))
        return self.deliver_rows(study, rows, source, delivery, batch)

    def deliver_rows(
        self,
        study: str,
        rows: Sequence[Identity],
        source: str = "main",
        delivery: int = 1,
        batch: str = "",
    ) -> Path:
        """The same from rows (native id, type, value)."""
        batch = batch or f"{next(iter(self._numbers)):016x}"
        keys = ingest_keys(self.home)
        hashed = {native: keys.person_key(study, native) for native in {r[0] for r in rows}}
        table = pa.table(
            {
                "source_person_key": [hashed[r[0]] for r in rows],
                "study": [study] * len(rows),
                "source": [source] * len(rows),
                "type": [r[1] for r in rows],
                "value": [r[2] for r in rows],
                "record_id": pa.array(range(1, len(rows) + 1), pa.int64()),
            }
        )
        path = self.home.inbox / f"{study}-{source}-{batch}.parquet.enc"
        write_sealed(path, [table], IDENTITY, keys.inbox)
        books = {"study": study, "source": source, "batch": batch, "delivery": delivery}
        with Manifest(self.home) as manifest, manifest.transaction():
            manifest.put_file(FileBooks({**books, "status": "active"}))
        return path

    def consent(self, study: str, *rows: dict[str, object]) -> None:
        """Land records of consent; each gives native id and columns of raw.consent."""
        self.land(RAW_CONSENT, study, *({"modality": "*"} | row for row in rows))

    def land(self, table: Table, study: str, *rows: dict[str, object]) -> None:
        """Land rows of a raw table; each gives native id and columns of the table."""
        number = next(iter(self._numbers))
        full = [
            {"study": study, "row_id": number * 1000 + n}
            | {k: v for k, v in row.items() if k != "id"}
            | {"source_person_key": self.key(study, str(row["id"]))}
            for n, row in enumerate(rows)
        ]
        path = f"{table.name}-{number}.parquet"
        pq.write_table(pa.Table.from_pylist(full, schema=table.arrow), self.home.landing / path)
        part = Part(path, table.full_name, study, "@withdrawals", "b", len(full), str(number))
        with Manifest(self.home) as manifest, manifest.transaction():
            manifest.put_part(part)

    def table(self, name: str) -> list[dict[str, object]]:
        """Rows of link.<name> in force."""
        with Manifest(self.home) as manifest:
            path = manifest.objects()[f"link.{name}"][0]
        rows: list[dict[str, object]] = pq.read_table(self.home.landing / path).to_pylist()
        return rows

    def persons(self) -> dict[str, int | None]:
        """source_person_key -> person id."""
        return {str(r["source_person_key"]): r["person_id"] for r in self.table("person_bridge")}  # type: ignore[misc]

    def who(self, *people: str) -> list[int | None]:
        """Person ids of "study:native" in the bridge."""
        persons = self.persons()
        return [persons[self.key(*p.split(":"))] for p in people]

    def status(self, *people: str) -> list[object]:
        """link_status of "study:native"."""
        found = {r["source_person_key"]: r["link_status"] for r in self.table("person_bridge")}
        return [found[self.key(*p.split(":"))] for p in people]

    def conflicts(self) -> set[str]:
        """Rules that found a conflict which holds now."""
        return {str(r[0]) for r in self.vault("SELECT DISTINCT rule_id FROM conflict")}

    def conflicts_of(self) -> dict[str, set[str]]:
        """The same per source_person_key."""
        found: dict[str, set[str]] = {}
        for key, rule in self.vault("SELECT source_person_key, rule_id FROM conflict"):
            found.setdefault(str(key), set()).add(str(rule))
        return found

    def vault(self, query: str) -> list[tuple[object, ...]]:
        """Rows of a query on the vault."""
        with open_vault(self.home) as vault:
            rows: list[tuple[object, ...]] = vault.con.execute(query).fetchall()
            return rows


@pytest.fixture
def bank(home: Home) -> Bank:
    """An empty biobank."""
    return Bank(home, itertools.count(1))


def nhs(n: int) -> str:
    """The n-th of a row of valid NHS numbers."""
    for stem in range(400_000_000 + 11 * n, 400_000_011 + 11 * n):
        check = 11 - sum((10 - i) * int(d) for i, d in enumerate(str(stem))) % 11
        if check != 10:
            return f"{stem}{check % 11}"
    raise AssertionError
