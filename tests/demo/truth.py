"""The truth behind the demo, by source person, and questions to its warehouse."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.ingest.sample.links import PLACES
from tests.demo.conftest import Demo

NATIVE = {"ukdemo": "eid", "riverside": "riverside_id"} | {p: f"{p}_id" for p in PLACES[2:]}


def persons(demo: Demo) -> dict[str, list[Any]]:
    """truth/persons.parquet, by column."""
    columns: dict[str, list[Any]] = pq.read_table(demo.truth / "persons.parquet").to_pydict()
    return columns


def wearers(demo: Demo) -> list[str | None]:
    """source_person_key of each account of stride; tests/demo/test_wearables.py says whose it is."""
    accounts = sorted({row["stride_id"] for row in _rows(demo.truth / "wearables.csv")})
    return person_keys(demo.home, "stride", accounts)


def expected(demo: Demo, study: str) -> Counter[tuple[str, str]]:
    """(what, state) -> how many, of a study."""
    return Counter({(r["what"], r["state"]): int(r["n"])
                    for r in _rows(demo.truth / "expected.csv") if r["study"] == study})  # fmt: skip


def planted(demo: Demo, defect: str, study: str) -> int:
    """How often a defect was planted in a study."""
    return sum(
        int(r["n"]) for r in _rows(demo.truth / "defects.csv")
        if (r["defect"], r["study"]) == (defect, study)
    )  # fmt: skip


def person_keys(home: Home, study: str, native_ids: list[Any]) -> list[str | None]:
    """source_person_key of native ids; None where there is none."""
    keys = ingest_keys(home)
    return [None if i is None else keys.person_key(study, str(i)) for i in native_ids]


def ask(home: Home, sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Rows that the warehouse answers with."""
    con = duckdb.connect(str(home.warehouse), read_only=True)
    try:
        return con.execute(sql, list(values)).fetchall()
    finally:
        con.close()


def _rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
