"""Deltas of an OMOP database: versions, deletion records, and records that stand twice."""

from __future__ import annotations

from pathlib import Path

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing import check_books
from tests.omop.reader import read
from tests.omop.test_rows import record

DELTA = """
    condition_occurrence_id,person_id,condition_concept_id,condition_start_date,updated,gone
    1,1,201826,2020-01-01,2021-05-05,
    2,1,201826,2020-01-01,2021-05-06,1
    """
STUDY = """
id: toy
name: toy
release: "1"
licence: none
time_zone: UTC
sources:
  cdm:
    connector: omop
    files: ["*.csv"]
"""


def test_a_delta_says_versions_and_deletions(tmp_path: Path) -> None:
    found = read(
        tmp_path / "condition_occurrence.csv",
        DELTA,
        delivery="delta",
        version="updated",
        deleted={"gone": "1"},
    )
    assert found.books == (2, 1, 0, 1)
    assert found.ignored == {"deletion-record": 1}
    versions = {
        row["record_id"]: (row["version"], row["is_deleted"]) for row in found.tables["version"]
    }
    assert versions == {
        record("condition_occurrence", "1"): ("2021-05-05", False),
        record("condition_occurrence", "2"): ("2021-05-06", True),
    }


def test_a_record_that_stands_twice_lands_once_and_an_empty_table_is_no_fault(
    home: Home,
) -> None:
    (home.studies / "toy").mkdir(parents=True)
    (home.studies / "toy" / "study.yaml").write_text(STUDY)
    folder = home.deliveries / "toy"
    folder.mkdir(parents=True)
    (folder / "location.csv").write_text("location_id,state\n1,NY\n1,NJ\n2,NY\n")
    (folder / "cost.csv").write_text("cost_id,cost_event_id,cost_domain_id\n")
    assert run(["--home", str(home.root), "--quiet", "ingest"]) == 0
    assert check_books(home) == []
    with Manifest(home) as manifest:
        books = {b.row["records_read"]: b for b in manifest.files("toy", "cdm")}
    assert books[0].row["status"] == "active"
    assert books[3].row["records_landed"] == 2
    assert books[3].row["records_rejected"] == 1
    assert books[3].detail["rejects"][0]["reason"] == "duplicate-key"


def test_an_empty_person_table_would_replace_everybody_and_is_refused(home: Home) -> None:
    (home.studies / "toy").mkdir(parents=True)
    (home.studies / "toy" / "study.yaml").write_text(STUDY)
    folder = home.deliveries / "toy"
    folder.mkdir(parents=True)
    (folder / "person.csv").write_text("person_id,gender_concept_id,year_of_birth\n")
    assert run(["--home", str(home.root), "--quiet", "ingest"]) == 11
