"""Everything that could give a person away in a home's files, gathered before they withdraw."""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys, load_key
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import LANDING_TABLES
from biobraid.core.warehouse import parquet_list
from biobraid.export.holdings import every_id
from biobraid.linkage.vault import open_vault
from tests.privacy.scanner import Canary


@dataclass
class Traces:
    """What stands for one person: identifiers, keyed ids, random ids, ids of facts."""

    keys: list[str]
    persons: list[int]
    identifiers: list[tuple[str, str]] = field(default_factory=list)
    row_ids: list[int] = field(default_factory=list)
    record_ids: list[int] = field(default_factory=list)
    project_ids: dict[str, list[int]] = field(default_factory=dict)

    def canaries(self, projects: bool = True) -> list[Canary]:
        """All of it as canaries for the scanner; fact ids are sampled evenly."""
        found = [Canary(kind, value) for kind, value in self.identifiers]
        keyed = [("source_person_key", k) for k in self.keys]
        keyed += [("person_id", str(p)) for p in self.persons]
        keyed += [("row_id", str(i)) for i in _some(self.row_ids)]
        keyed += [("record_id", str(i)) for i in _some(self.record_ids)]
        if projects:
            keyed += [("project_id", str(i)) for ids in self.project_ids.values() for i in ids]
        found += [Canary(kind, value, is_keyed=True) for kind, value in keyed]
        return found


def traces_of(home: Home, study: str, native: str, namespace: str | None = None) -> Traces:
    """What the home holds of the person whom `study` knows as `native`, in every study."""
    key = ingest_keys(home).person_key(namespace or study, native)
    with open_vault(home) as vault:
        ask = vault.con.execute
        persons = [p for (p,) in ask(
            "SELECT person_id FROM person_member WHERE source_person_key = ? "
            "AND valid_to_run IS NULL", [key]).fetchall()]  # fmt: skip
        keys = [k for (k,) in ask(
            "SELECT DISTINCT source_person_key FROM person_member WHERE valid_to_run IS NULL "
            "AND (person_id IN (SELECT unnest(?)) OR source_person_key = ?) ORDER BY 1",
            [persons, key]).fetchall()] or [key]  # fmt: skip
        # A birthday or a first name is that of others too; what is the person's alone counts.
        identifiers = ask(
            "SELECT type, value FROM identifier GROUP BY type, value "
            "HAVING bool_and(source_person_key IN (SELECT unnest(?))) "
            "AND NOT starts_with(type, 'map_id') AND length(value) >= 6 ORDER BY ALL",
            [keys]).fetchall()  # fmt: skip
    rows, records = _fact_ids(home, keys)
    return Traces(keys, persons, identifiers, rows, records, every_id(home, persons))


def _fact_ids(home: Home, keys: list[str]) -> tuple[list[int], list[int]]:
    rows: set[int] = set()
    records: set[int] = set()
    with Manifest(home) as manifest, duckdb.connect() as con:
        for table in LANDING_TABLES:
            paths = [home.landing / p.path for p in manifest.parts(table.full_name) if p.rows]
            if not paths or not {"row_id", "source_person_key"} <= set(table.arrow.names):
                continue
            found = con.execute(
                f"SELECT row_id, record_id FROM read_parquet({parquet_list(paths)}) "
                "WHERE source_person_key IN (SELECT unnest(?))", [keys]).fetchall()  # fmt: skip
            rows |= {r for r, _ in found}
            records |= {r for _, r in found}
    return sorted(rows), sorted(records)


def _some(ids: list[int], n: int = 15) -> list[int]:
    return ids[:: max(1, len(ids) // n)]


def secrets_of(home: Home) -> list[bytes]:
    """The role keys, to see that they are nowhere."""
    return [load_key(home, role) for role in ("ingest", "link", "release")]


def native_ids(truth: Path, column: str) -> list[str]:
    """Native ids of a study of the sample, in the order of the truth."""
    with (truth / "persons.csv").open(encoding="utf-8", newline="") as handle:
        return [row[column] for row in csv.DictReader(handle) if row[column]]
