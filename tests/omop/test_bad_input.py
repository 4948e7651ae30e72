"""Bad OMOP files: a clear error, or counted rejects; never a crash, never a value in a message."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from biobraid.core.errors import SourceFileError
from tests.omop import database
from tests.omop.reader import read


def _fault(path: Path, text: str | None = None) -> str:
    with pytest.raises(SourceFileError) as caught:
        read(path, text)
    assert path.name not in str(caught.value), "files are named by source and token"
    return str(caught.value)


def test_a_file_of_no_table_is_refused(tmp_path: Path) -> None:
    assert "that of no CDM table" in _fault(tmp_path / "patients.csv", "a,b\n1,2\n")


def test_the_wrong_table_under_a_tables_name_is_refused_with_all_missing_columns(
    tmp_path: Path,
) -> None:
    said = _fault(tmp_path / "measurement.csv", "person_id,visit_occurrence_id\n1,2\n")
    for name in ("measurement_id", "measurement_date", "measurement_concept_id"):
        assert f"there is no column '{name}'" in said


def test_a_person_column_of_another_name_is_near(tmp_path: Path) -> None:
    said = _fault(tmp_path / "death.csv", "personid,death_date\n1,2020-01-01\n")
    assert "there is no column 'person_id'" in said
    assert "personid" in said


def test_text_in_an_id_column_rejects_the_record_and_in_a_reference_the_cell(
    tmp_path: Path,
) -> None:
    found = read(
        tmp_path / "condition_occurrence.csv",
        """
        condition_occurrence_id,person_id,condition_concept_id,condition_start_date,visit_occurrence_id
        1,1,201826,2020-01-01,V-12
        x2,1,201826,2020-01-01,5
        3,Meier,201826,2020-01-01,5
        4,1,diabetes,2020-01-01,5
        5,,201826,2020-01-01,5
        ,1,201826,2020-01-01,5
        7,1,201826,2020-02-31,5
        """,
    )
    assert found.books == (7, 3, 4, 0)
    assert found.rejects == [
        (2, "visit_occurrence_id", "invalid-id"),
        (3, "condition_occurrence_id", "invalid-record-key"),
        (4, "person_id", "invalid-person-id"),
        (5, "condition_concept_id", "invalid-concept-id"),
        (6, "person_id", "missing-person-id"),
        (7, "condition_occurrence_id", "missing-record-key"),
        (8, "condition_start_date", "invalid-date"),
    ]
    rows = found.rows("raw.event", "concept_id", "visit_record_id", "start_time", "time_source")
    assert [row[:1] for row in rows] == [(201826,), (None,), (201826,)]
    assert rows[0][1] is None
    assert rows[2][2:] == (None, "2020-02-31"), "lands as delivered"


def test_years_before_christ_and_an_end_before_the_start_land_as_delivered(tmp_path: Path) -> None:
    found = read(
        tmp_path / "condition_occurrence.csv",
        """
        condition_occurrence_id,person_id,condition_concept_id,condition_start_date,condition_end_date
        1,1,201826,-0044-03-15,2020-01-01
        2,1,201826,2020-01-02,2019-01-01
        """,
    )
    assert found.rows("raw.event", "start_time", "time_source", "end_time") == [
        (None, "-0044-03-15", "2020-01-01"),
        ("2020-01-02", None, "2019-01-01"),
    ]


@pytest.mark.parametrize("name", ["person.parquet", "bank.duckdb", "bank.zip"])
@pytest.mark.parametrize("n_bytes", [0, 5, 3000])
def test_a_truncated_file_is_refused(tmp_path: Path, name: str, n_bytes: int) -> None:
    con = database.make_database(["person", "death", "location"])
    if name == "bank.duckdb":
        database.as_duckdb(con, tmp_path / name)
    elif name == "bank.zip":
        database.as_zip(con, tmp_path / name)
    else:
        database.as_parquet(con, tmp_path)
    path = tmp_path / name
    whole = path.read_bytes()
    assert len(whole) > n_bytes
    path.write_bytes(whole[:n_bytes])
    said = _fault(path)
    assert "damaged" in said or "not whole" in said or "empty" in said


def test_a_damaged_member_and_a_locked_archive_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("death.parquet", b"PAR1 and nothing more")
    assert "not whole Parquet" in _fault(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("death.csv", b"person_id,death_date\n1,2020-01-01\n")
    locked = bytearray(path.read_bytes())
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        at = locked.index(mark)
        locked[at + (6 if mark == b"PK\x03\x04" else 8)] |= 1
    path.write_bytes(locked)
    assert "password" in _fault(path)


def test_a_database_without_tables_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bank.duckdb"
    database.as_duckdb(database.make_database([]), path)
    assert "holds no table" in _fault(path)


def test_a_birth_that_is_no_date_of_anybody_rejects_the_cell(tmp_path: Path) -> None:
    found = read(
        tmp_path / "person.csv",
        """
        person_id,gender_concept_id,year_of_birth,month_of_birth,day_of_birth
        1,8507,99999999999,13,40
        2,8507,1849,0,-1
        3,8507,1950.0,012,31
        4,8507,99999999999999999999,,
        """,
        study={"birth_precision": "day"},
    )
    assert found.books == (4, 4, 0, 0)
    assert found.rejects == [
        (row, f"{part}_of_birth", "out-of-range")
        for row, parts in (
            (2, ("day", "month", "year")),
            (3, ("day", "month", "year")),
            (5, ("year",)),
        )
        for part in parts
    ]
    born = {
        (row["variable"], row["value"])
        for row in found.tables["raw.value"]
        if row["variable"].endswith("_of_birth")
    }
    assert born == {("year_of_birth", "1950"), ("month_of_birth", "12"), ("day_of_birth", "31")}
