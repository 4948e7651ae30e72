"""Records that a rule leaves out, values that mean nothing, and columns that are not wanted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import allow, deliver, person

DRUG = {"layout": "event", "kind": "drug", "code": "drug"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.csv"


def test_a_drug_that_was_not_given_is_no_exposure(file: Path) -> None:
    given = """
      id,drug,what
      1,aspirin,Administered
      1,aspirin,Not Given
      2,insulin,Started
      2,insulin,
    """
    only = {"what": ["Administered", "Started"]}
    got = deliver(file, given, options={**DRUG, "only": only})
    assert got.rows("raw.event", "code") == [("aspirin",), ("insulin",)]
    assert got.books == (4, 2, 0, 2)
    assert got.ignored == {"only:what": 2}


def test_empty_cells_can_be_a_reason_to_ignore(file: Path) -> None:
    given = """
      id,died
      1,2150-02-28
      2,
    """
    options = {"layout": "event", "kind": "death", "time": "died", "ignore": {"died": [""]}}
    got = deliver(file, given, options=options)
    assert got.rows("raw.event", "start_time") == [("2150-02-28",)]
    assert got.ignored == {"ignore:died": 1}


def test_a_control_is_ignored_before_anybody_asks_whose_it_is(file: Path) -> None:
    given = """
      id,site,bmi
      1,feces,22
      ,None,
      3,feces,x
    """
    got = deliver(
        file, given, variables=[Variable("bmi", value_type="number")],
        options={"ignore": {"site": ["None"]}},
    )  # fmt: skip
    assert got.rejects == []
    assert got.values == [("bmi", "22"), ("bmi", "x")]
    assert got.books == (3, 2, 0, 1)


def test_in_a_delta_an_ignored_record_takes_the_place_of_what_landed_before(file: Path) -> None:
    given = """
      id,n,drug,what,at
      1,1,aspirin,Not Given,2
    """
    got = deliver(
        file, given, delivery="delta", record_key=["n"], version="at",
        options={**DRUG, "only": {"what": ["Administered"]}},
    )  # fmt: skip
    assert got.rows("raw.event", "code") == []
    assert got.rows("version", "is_deleted") == [(True,)]
    assert got.books == (1, 0, 0, 1)


def test_a_value_that_means_nothing_is_empty_in_its_column_only(file: Path) -> None:
    given = """
      id,drug,name,amount
      1,0,Aspirin,0
      2,00904,Aspirin,1
    """
    options = {**DRUG, "text": "name", "quantity": "amount", "empty": {"drug": ["0"]}}
    got = deliver(file, given, options=options, free_text=allow("name"))
    assert got.rows("raw.event", "code", "code_text", "quantity") == [
        (None, "Aspirin", "0"),
        ("00904", "Aspirin", "1"),
    ]


def test_unwanted_columns_are_counted_by_a_rule_of_their_own(file: Path) -> None:
    got = deliver(
        file, "id,drug,stored,note\n1,a,x,y\n2,b,x,", options={**DRUG, "drop": ["stored"]}
    )
    assert got.ignored == {"dropped-column": 2, "undeclared-column": 1}


def test_a_filter_on_a_column_that_is_missing_is_a_fault_of_the_file(file: Path) -> None:
    with pytest.raises(SourceFileError, match="no column 'waht'"):
        deliver(file, "id,drug,what\n1,a,x", options={**DRUG, "only": {"waht": ["x"]}})


def test_a_header_in_capitals_can_be_read_in_small_letters(file: Path) -> None:
    options: dict[str, Any] = {"header_case": "lower", "columns": {"gender": "sex"}}
    got = deliver(
        file, "SUBJECTKEY,GENDER\nA1,F", person_id="subjectkey", options=options,
        variables=[Variable("sex", value_type="code", codes={"F": None})],
    )  # fmt: skip
    assert got.values == [("sex", "F")]
    assert got.rows("raw.value", "source_person_key") == [(person("A1"),)]


def test_two_columns_that_differ_in_case_only_are_a_fault_then(file: Path) -> None:
    with pytest.raises(SourceFileError, match="2 columns are named 'a' after renaming"):
        deliver(file, "id,a,A\n1,2,3", options={"header_case": "lower"})
