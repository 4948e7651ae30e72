"""Omics through landing: panels of one delivery share specimens, damage lands nothing, samples return."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import parquet_list
from biobraid.ingest.landing import check_books, ingest

STUDY = """
id: lab
name: Laboratory
release: "1"
licence: none
time_zone: UTC
sources:
  npx:
    connector: olink
    files: ["npx_*.csv"]
    person_id: SampleID
    modality: omics
    delivery: {delivery}
  gut:
    connector: biom
    files: ["*.biom"]
    person_id: sample
    modality: omics
"""
HEADER = "SampleID;OlinkID;PlateID;NPX\n"
GOOD = (
    '{"rows": [{"id": "t1"}], "columns": [{"id": "S1"}], "shape": [1, 1], "data": [[0, 0, 3]],'
    ' "matrix_type": "sparse"}'
)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("BIOBRAID_KEY_DIR", str(tmp_path / "keys"))
    home = create_home(tmp_path / "bank", memory_limit_gb=1.0, threads=1)
    create_keys(home)
    (home.deliveries / "lab").mkdir(parents=True)
    _declare(home, "full")
    return home


def _declare(home: Home, delivery: str) -> None:
    (home.studies / "lab").mkdir(parents=True, exist_ok=True)
    (home.studies / "lab" / "study.yaml").write_text(STUDY.replace("{delivery}", delivery))


def _write(home: Home, name: str, text: str) -> None:
    (home.deliveries / "lab" / name).write_text(text)


def _count(home: Home, table: str, what: str = "count(*)") -> int:
    with Manifest(home) as manifest:
        paths = [home.landing / p.path for p in manifest.parts(table)]
    row = duckdb.sql(f"SELECT {what} FROM read_parquet({parquet_list(paths)})").fetchone()
    assert row is not None
    return int(row[0])


def test_panels_of_one_delivery_share_their_specimens(home: Home) -> None:
    _write(home, "npx_1.csv", HEADER + "A;O1;P1;1\nB;O1;P1;2\n")
    _write(home, "npx_2.csv", HEADER + "A;O2;P1;3\nB;O2;P1;4\nC;O2;P1;5\n")
    assert ingest(home, workers=1).exit_code == 0
    assert check_books(home) == []
    assert _count(home, "raw.feature") == 5
    assert _count(home, "raw.event") == _count(home, "raw.event", "count(DISTINCT row_id)") == 3


def test_a_sample_that_is_appended_again_replaces_the_earlier_one(home: Home) -> None:
    _declare(home, "append")
    _write(home, "npx_1.csv", HEADER + "A;O1;P1;1\nB;O1;P1;2\n")
    assert ingest(home, workers=1).exit_code == 0
    _write(home, "npx_2.csv", HEADER + "B;O1;P2;7\n")
    assert ingest(home, workers=1).exit_code == 0
    assert check_books(home) == []
    assert _count(home, "raw.event") == 2
    assert _count(home, "raw.feature", "CAST(sum(value) AS BIGINT)") == 8


def test_a_damaged_file_lands_nothing_and_stops_no_other(home: Home) -> None:
    _write(home, "npx_1.csv", HEADER + "A;O1;P1;1\n")
    _write(home, "table.biom", GOOD[:-40])
    result = ingest(home, workers=1)
    assert result.exit_code == 11
    assert {(o.source, o.status) for o in result.outcomes} == {("npx", "landed"), ("gut", "failed")}
    assert check_books(home) == []
    assert not list(home.landing.rglob("*.partial*"))
    _write(home, "table.biom", GOOD)
    assert ingest(home, workers=1).exit_code == 0
    assert _count(home, "raw.feature") == 2
