"""UK Biobank files all the way to landing: repeated records, lists, and the shared samples."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml

from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from biobraid.core.study import read_study
from biobraid.ingest.dictionaries.ukb_showcase import read_showcase
from biobraid.ingest.landing import check_books, ingest
from tests.ukb.reader import KEYS, FileJob, read_job, variables_of

PACKS = Path("tests/shared_studies")


def landed(home: Home, files: dict[str, str], table: str, columns: str) -> list[tuple[Any, ...]]:
    """Rows of a landing table after the files were delivered, each as a source of its own."""
    sources = {name: {"connector": "ukb", "files": [f"{name}.txt"]} for name in files}
    pack = home.studies / "ukb"
    pack.mkdir(exist_ok=True)
    study = {"id": "ukb", "name": "UKB", "release": "1", "licence": "none",
             "time_zone": "Europe/London", "sources": sources}  # fmt: skip
    (pack / "study.yaml").write_text(yaml.safe_dump(study))
    folder = home.deliveries / "ukb"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        lines = [
            "\t".join(c.strip() for c in line.split("|")) for line in text.strip().splitlines()
        ]
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    with writer(home):
        result = ingest(home, load_variables=lambda *_: {}, workers=1)
    faults = [fault.text() for outcome in result.outcomes for fault in outcome.faults]
    assert faults == []
    assert check_books(home) == []
    with Manifest(home) as manifest:
        paths = [str(home.landing / p.path) for p in manifest.parts(table)]
    query = f"SELECT {columns} FROM read_parquet(?, union_by_name = true) ORDER BY ALL"
    return duckdb.execute(query, [paths]).fetchall()


def test_the_last_of_two_records_with_one_key_lands(home: Home) -> None:
    hesin = """
      eid     | ins_index | epistart   | epiend
      1000011 | 0         | 01/02/2003 | 04/02/2003
      1000011 | 0         | 01/02/2003 | 09/02/2003
      1000011 | 1         | 01/03/2003 | 02/03/2003
    """
    assert landed(home, {"hesin": hesin}, "raw.event", "start_time, end_time") == [
        ("2003-02-01", "2003-02-09"),
        ("2003-03-01", "2003-03-02"),
    ]
    with Manifest(home) as manifest:
        books = manifest.files("ukb", "hesin")[0].row
    assert (books["records_read"], books["records_landed"], books["records_rejected"]) == (3, 2, 1)


def test_equal_gp_rows_are_told_apart(home: Home) -> None:
    gp = """
      eid     | data_provider | event_dt   | read_2 | read_3 | value1 | value2 | value3
      1000011 | 1             | 05/06/2007 | 246..  |        | 120    | 80     |
      1000011 | 1             | 05/06/2007 | 246..  |        | 120    | 80     |
    """
    rows = landed(home, {"gp": gp}, "raw.event", "value, row_id, record_id")
    assert [value for value, _, _ in rows] == ["120", "120", "80", "80"]
    assert len({row_id for _, row_id, _ in rows}) == 4
    assert len({record_id for _, _, record_id in rows}) == 2


def test_diagnoses_find_their_visit_in_landing(home: Home) -> None:
    files = {
        "hesin": "eid | ins_index | epistart\n1000011 | 0 | 01/02/2003",
        "hesin_diag": "eid | ins_index | arr_index | diag_icd10\n1000011 | 0 | 0 | J459",
    }
    (visit, diagnosis) = landed(
        home, files, "raw.event", "kind = 'condition' AS is_diagnosis, record_id, visit_record_id"
    )
    assert diagnosis[2] == visit[1]


@pytest.mark.parametrize("table", ["main", "hesin"])
def test_a_file_with_a_header_only_lands_nothing(table: str, home: Home) -> None:
    header = {"main": "eid | 31-0.0", "hesin": "eid | ins_index | epistart"}[table]
    with pytest.raises(AssertionError, match="a header and no record"):
        landed(home, {table: header}, "raw.event", "kind")
    whole = {
        "main": "eid | 31-0.0\n1 | 0",
        "hesin": "eid | ins_index | epistart\n1 | 0 | 2001-02-03",
    }
    name = {"main": "raw.value", "hesin": "raw.event"}[table]
    assert len(landed(home, {table: whole[table]}, name, "row_id")) == 1


SAMPLES = [
    ("ukb_dummy", "main", "ukb/dummy_ukb_main.tsv", 10, {"raw.value": 166, "raw.event": 35}),
    ("ukb_dummy", "gp_clinical", "ukb/dummy_gp_clinical.txt", 12, {"raw.event": 24}),
    ("ukb_dummy", "gp_scripts", "ukb/dummy_gp_scripts.txt", 6, {"raw.event": 6}),
]


@pytest.mark.shared
@pytest.mark.parametrize(("pack", "source", "file", "n_records", "n_rows"), SAMPLES)
def test_the_shared_samples(
    pack: str, source: str, file: str, n_records: int, n_rows: dict[str, int], shared_data: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    shutil.copytree(PACKS / pack, tmp_path / pack)
    study = read_study(tmp_path / pack)
    if pack == "ukb_dummy":
        names = ("ukb/dummy_Data_Dictionary_Showcase.tsv", "ukb/dummy_Codings.tsv")
    else:
        names = ("ukb_showcase_schema/field.txt.gz", "ukb_showcase_schema/encoding.txt")
    rows, codes = read_showcase([shared_data / names[0]], [shared_data / names[1]])
    variables = variables_of(rows, codes)
    job = FileJob(shared_data / file, study, source, "b" * 16, KEYS, variables, 0.5, 1)
    read = read_job(job)
    assert read.counts.records_read == n_records
    assert read.rejects() == []
    assert {t: len(read.tables[t]) for t in n_rows} == n_rows
