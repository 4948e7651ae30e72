"""Columns that another file of the same delivery holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors import delimited_lookup
from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import deliver, person

SITE = [Variable("site", value_type="code")]
LOOKUP: dict[str, Any] = {
    "lookup": [{"files": "map*.csv", "key": "sample", "columns": ["id"], "on": "tube"}]
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "map_1.csv").write_text("sample,id\nS1,7\nS2, 8 \nS4,\n")
    (tmp_path / "map_2.csv").write_text("id,sample\n9,S3\n7,S1\n")
    return tmp_path / "delivered.csv"


def test_a_sample_belongs_to_whom_the_other_file_says(file: Path) -> None:
    got = deliver(
        file, "tube,site\nS1,Skin\n S2 ,Lung\nS3,Skin\nS1,Brain", options=LOOKUP, variables=SITE
    )
    assert got.rows("raw.value", "source_person_key", "value") == [
        (person("7"), "Skin"), (person("8"), "Lung"), (person("9"), "Skin"), (person("7"), "Brain"),
    ]  # fmt: skip
    assert got.identities == [("native_id", "7"), ("native_id", "8"), ("native_id", "9")]


def test_a_key_that_the_other_file_lacks_names_nobody(file: Path) -> None:
    got = deliver(file, "tube,site\nS9,Skin\nS4,Lung\n,Brain", options=LOOKUP, variables=SITE)
    assert got.rejects == [(n, "id", "missing-person-id") for n in (2, 3, 4)]


def test_an_age_from_the_table_of_ages_dates_a_record(file: Path) -> None:
    (file.parent / "ages.csv").write_text("id,age\n1,40\n2,41.5\n")
    options = {
        "time": {"column": "age", "kind": "offset_years", "anchor": "1900-01-01"},
        "lookup": [{"files": "ages.csv", "key": "id", "columns": ["age"]}],
    }
    got = deliver(file, "id,site\n1,Skin\n2,Skin\n3,Skin", options=options, variables=SITE)
    assert got.rows("raw.value", "start_time") == [("1940-01-01",), ("1941-07-01",), (None,)]


def test_what_was_looked_up_can_be_a_key_itself(file: Path) -> None:
    """The sample's person by one file, the person's age by another."""
    (file.parent / "ages.csv").write_text("id,age\n7,40\n")
    ages = {"files": "ages.csv", "key": "id", "columns": ["age"]}
    time = {"column": "age", "kind": "offset_years", "anchor": "1900-01-01"}
    given = "tube,site\nS1,Skin\nS2,Lung"
    options = {"time": time, "lookup": [*LOOKUP["lookup"], ages]}
    got = deliver(file, given, options=options, variables=SITE)
    assert got.rows("raw.value", "value", "start_time") == [("Skin", "1940-01-01"), ("Lung", None)]
    with pytest.raises(SourceFileError, match="no column 'id'"):
        deliver(
            file, given, options={"time": time, "lookup": [ages, *LOOKUP["lookup"]]}, variables=SITE
        )


@pytest.mark.parametrize(
    ("lookup", "words"),
    [
        ({"files": "nap*.csv"}, "no file beside the delivered one matches"),
        ({"files": "../map*.csv"}, "leads out of the delivery's folder"),
        ({"key": "smaple"}, "no column 'smaple'"),
        ({"columns": ["site"]}, "no column 'site'"),
    ],
)
def test_faults_of_a_look_up_are_named(file: Path, lookup: dict[str, Any], words: str) -> None:
    options = {"lookup": [{**LOOKUP["lookup"][0], **lookup}]}
    with pytest.raises(SourceFileError, match=words):
        deliver(file, "tube,site\nS1,Skin", options=options, variables=SITE)


def test_a_sample_of_two_persons_is_a_fault(file: Path) -> None:
    (file.parent / "map_3.csv").write_text("sample,id\nS1,8\nS5,1\n")
    with pytest.raises(SourceFileError, match="1 values of 'sample' have more than one 'id'"):
        deliver(file, "tube,site\nS1,Skin", options=LOOKUP, variables=SITE)


def test_a_column_that_both_files_have_is_a_fault(file: Path) -> None:
    with pytest.raises(SourceFileError, match="2 columns are named 'id'"):
        deliver(file, "id,tube,site\n1,S1,Skin", options=LOOKUP, variables=SITE)


def test_a_look_up_needs_columns(file: Path) -> None:
    options = {"lookup": [{"files": "map*.csv", "key": "sample", "columns": []}]}
    with pytest.raises(ValidationError, match="at least 1 item"):
        deliver(file, "tube,site\nS1,Skin", options=options, variables=SITE)


def test_the_other_file_is_read_once_for_all_files_until_it_changes(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = []
    real = delimited_lookup.open_table

    def watched(path: Path, *rest: Any) -> Any:
        opened.append(path.name)
        return real(path, *rest)

    monkeypatch.setattr(delimited_lookup, "open_table", watched)
    for i in range(3):
        other = file.with_name(f"delivered_{i}.csv")
        got = deliver(other, "tube,site\nS3,Skin", options=LOOKUP, variables=SITE)
        assert got.identities == [("native_id", "9")]
    assert opened == ["map_1.csv", "map_2.csv"]
    (file.parent / "map_2.csv").write_text("id,sample\n11,S3\n")
    got = deliver(file, "tube,site\nS3,Skin", options=LOOKUP, variables=SITE)
    assert got.identities == [("native_id", "11")]
