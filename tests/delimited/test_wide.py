"""Wide files: one row a person and visit, one raw.value row a cell."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import deliver, person

BMI = Variable("bmi", value_type="number", unit="kg/m2")
SMOKER = Variable("smoker", value_type="code", codes={"0": "never", "1": "current"})
NOTE = Variable("note", value_type="text")
DRINKS = Variable("drinks", value_type="multicode", codes={"1": "beer", "2": "wine", "3": "gin"})
FREE_TEXT = {"variable": "note", "reason": "checked by hand"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.csv"


def test_each_cell_lands_as_delivered_and_empty_cells_make_no_row(file: Path) -> None:
    given = """
      id,bmi,smoker
      007,21.50,1
      8,,0
    """
    got = deliver(file, given, variables=[BMI, SMOKER], record_key=["id"])
    assert got.rows("raw.value", "source_person_key", "variable", "value", "instance") == [
        (person("007"), "bmi", "21.50", 0),
        (person("007"), "smoker", "1", 0),
        (person("8"), "smoker", "0", 0),
    ]
    assert got.identities == [("native_id", "007"), ("native_id", "8")]
    assert got.tally.columns == ["id", "bmi", "smoker"]


def test_the_visit_dates_and_numbers_its_cells(file: Path) -> None:
    given = """
      id,visit,seen,bmi
      1,0,03/04/2011,21
      1,1,03/04/2015 09:30,22
    """
    got = deliver(
        file, given, variables=[BMI], record_key=["id", "visit"], date_order="dmy",
        options={"time": "seen", "instance": "visit"},
    )  # fmt: skip
    assert got.rows("raw.value", "instance", "start_time", "time_source", "value") == [
        (0, "2011-04-03", "03/04/2011", "21"),
        (1, "2015-04-03T09:30:00", "03/04/2015 09:30", "22"),
    ]


def test_an_impossible_visit_date_is_a_rejected_cell_and_the_rest_lands(file: Path) -> None:
    given = """
      id,seen,bmi
      1,31/02/2011,21
      2,28/02/2011,22
    """
    got = deliver(
        file, given, variables=[BMI], record_key=["id"], date_order="dmy",
        options={"time": {"column": "seen", "kind": "date"}},
    )  # fmt: skip
    assert got.rejects == [(2, "seen", "invalid-date")]
    assert got.rows("raw.value", "start_time", "value") == [(None, "21"), ("2011-02-28", "22")]
    assert got.books == (2, 2, 0, 0)
    assert got.tally.facts_rejected == 1


def test_a_fixed_time_dates_every_record(file: Path) -> None:
    got = deliver(file, "id,bmi\n1,21", variables=[BMI], options={"time": {"fixed": "2012-01-01"}})
    assert got.rows("raw.value", "start_time", "time_source") == [("2012-01-01", None)]


def test_a_time_column_that_the_dictionary_promises_lands_too(file: Path) -> None:
    got = deliver(
        file, "id,seen,bmi\n1,2011-04-03,21",
        variables=[BMI, Variable("seen", value_type="date")], options={"time": "seen"},
    )  # fmt: skip
    assert got.values == [("bmi", "21"), ("seen", "2011-04-03")]


def test_records_without_a_person_or_with_a_placeholder_are_rejected(file: Path) -> None:
    given = """
      id,bmi
      ,20
      2058:unknown,21
      2037:unknown,22
      7 ,23
    """
    got = deliver(file, given, variables=[BMI], options={"placeholder_ids": [r"\d+:unknown"]})
    assert got.values == [("bmi", "23")]
    assert got.rejects == [
        (2, "id", "missing-person-id"),
        (3, "id", "placeholder-person-id"),
        (4, "id", "placeholder-person-id"),
    ]
    assert got.identities == [("native_id", "7")]
    assert got.books == (4, 1, 3, 0)


def test_undeclared_columns_and_empty_records_are_ignored_and_counted(file: Path) -> None:
    given = """
      id,bmi,shoe_size
      1,21,43
      2,,44
      3,,
    """
    got = deliver(file, given, variables=[BMI], record_key=["id"])
    assert got.values == [("bmi", "21")]
    assert got.ignored == {"empty-record": 1, "undeclared-column": 2}
    assert got.books == (3, 2, 0, 1)


@pytest.mark.parametrize(
    ("rule", "landed", "ignored", "vault"),
    [
        (None, [], {"free-text-undeclared": 1}, []),
        ("drop", [], {"free-text-dropped": 1}, []),
        ("vault", [], {}, [("free_text", "met Ann Smith")]),
        ("allow", [("note", "met Ann Smith")], {}, []),
    ],
)
def test_free_text_goes_where_the_study_says(
    file: Path,
    rule: str | None,
    landed: list[tuple[str, str]],
    ignored: dict[str, int],
    vault: list[tuple[str, str]],
) -> None:
    rules = [] if rule is None else [{**FREE_TEXT, "rule": rule}]
    got = deliver(file, "id,bmi,note\n1,21,met Ann Smith", variables=[BMI, NOTE], free_text=rules)
    assert got.values == [("bmi", "21"), *landed]
    assert got.ignored == ignored
    assert got.identities == sorted([("native_id", "1"), *vault])


def test_codes_outside_the_list_land_with_a_warning(file: Path) -> None:
    got = deliver(file, "id,smoker\n1,9\n2,1", variables=[SMOKER])
    assert got.values == [("smoker", "1"), ("smoker", "9")]
    assert got.tally.warnings == {"unknown-code:smoker": 1}


def test_values_that_do_not_parse_land_for_staging_to_flag(file: Path) -> None:
    got = deliver(file, "id,bmi\n1,about 20", variables=[BMI])
    assert got.values == [("bmi", "about 20")]


def test_a_cell_of_several_values_becomes_an_array(file: Path) -> None:
    given = """
      id,drinks,bmi
      1,1| 3||2,20
      2,,21
    """
    got = deliver(
        file, given, variables=[DRINKS, BMI], record_key=["id"],
        options={"arrays": {"drinks": "|"}},
    )  # fmt: skip
    rows = sorted(got.rows("raw.value", "variable", "array_index", "value"))
    assert rows == [
        ("bmi", 0, "20"), ("bmi", 0, "21"),
        ("drinks", 0, "1"), ("drinks", 1, "3"), ("drinks", 3, "2"),
    ]  # fmt: skip
    assert got.tally.warnings == {}


def test_decimal_commas_become_points_in_numbers_only(file: Path) -> None:
    got = deliver(
        file, "id;bmi;smoker\n1;21,5;1,2\n2;-1,5e3;0\n3;1.234,5;0", variables=[BMI, SMOKER],
        options={"delimiter": ";", "decimal": ","},
    )  # fmt: skip
    assert [v for name, v in got.values if name == "bmi"] == ["-1.5e3", "1.234,5", "21.5"]
    assert ("smoker", "1,2") in got.values


def test_columns_can_be_renamed(file: Path) -> None:
    got = deliver(
        file, "PID,BMI (kg)\n1,21", variables=[BMI],
        options={"columns": {"PID": "id", "BMI (kg)": "bmi"}},
    )  # fmt: skip
    assert got.values == [("bmi", "21")]


def test_promised_variables_that_the_file_lacks_are_warned_of(file: Path) -> None:
    got = deliver(file, "id,bmi\n1,21", variables=[BMI, SMOKER])
    assert got.tally.warnings == {"missing-variable:smoker": 1}


def test_all_missing_columns_are_named_at_once(file: Path) -> None:
    with pytest.raises(SourceFileError) as caught:
        deliver(
            file, "ID,vist,bmi\n1,0,21", variables=[BMI], record_key=["id", "visit"],
            options={"time": "seen"},
        )  # fmt: skip
    text = str(caught.value)
    assert len(caught.value.faults) == 3
    assert "'seen'" in text and "Did you mean: vist" in text and "Did you mean: ID" in text
    assert str(file.parent) not in text


def test_ids_stay_the_same_in_every_delivery_and_row_order(file: Path) -> None:
    first = deliver(
        file, "id,bmi,smoker\n1,21,0\n2,22,1", variables=[BMI, SMOKER], record_key=["id"]
    )
    again = deliver(
        file, "id,smoker,bmi\n2,1,22\n1,1,21", variables=[BMI, SMOKER], record_key=["id"]
    )
    columns = ("row_id", "record_id", "source_person_key", "variable")
    assert sorted(first.rows("raw.value", *columns)) == sorted(again.rows("raw.value", *columns))


def test_rows_without_a_key_are_their_own_key(file: Path) -> None:
    first = deliver(file, "id,bmi,smoker\n1,21,0\n2,22,1\n1,21,0", variables=[BMI, SMOKER])
    again = deliver(file, "smoker,id,bmi\n1,2,22\n0,1,21", variables=[BMI, SMOKER])
    assert first.tally.whole_row_keys
    ids = [set(got.rows("raw.value", "row_id")) for got in (first, again)]
    assert ids[0] == ids[1] and len(ids[0]) == 4
    assert "row_number" not in first.tables["raw.value"][0]


def test_a_header_alone_lands_nothing_with_a_warning(file: Path) -> None:
    got = deliver(file, "id,bmi", variables=[BMI])
    assert got.books == (0, 0, 0, 0) and got.tally.columns == ["id", "bmi"]
    assert got.tally.warnings == {"no-records": 1}
