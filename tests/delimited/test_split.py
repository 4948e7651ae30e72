"""Values of several parts become facts of their own; what does not fit stays whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import deliver

PRESSURE = {"bp": {"separator": "/", "into": ["sbp", "dbp"]}}
VARIABLES = [
    Variable("bp", value_type="code"),
    Variable("sbp", value_type="number"),
    Variable("dbp", value_type="number"),
    Variable("weight", value_type="number"),
]
ODD = {"107/57": True, "120": False, "120/": False, "120/80/60": False, "120 / 80": True}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.csv"


def test_a_column_with_two_values_makes_two_facts(file: Path) -> None:
    got = deliver(
        file, "id,bp,weight\n1,107/57,80\n2,,70\n3,unknown,60", variables=VARIABLES,
        options={"split": PRESSURE}, record_key=["id"],
    )  # fmt: skip
    assert got.values == [
        ("bp", "unknown"), ("dbp", "57"), ("sbp", "107"),
        ("weight", "60"), ("weight", "70"), ("weight", "80"),
    ]  # fmt: skip
    assert got.tally.warnings == {"unsplit:bp": 1}


def test_rows_of_variable_and_value_are_split_by_the_variable(file: Path) -> None:
    given = """
      id,what,result
      1,bp,107/57
      1,weight,1/2
      2,bp,120
    """
    options = {"layout": "long", "variable": "what", "value": "result", "split": PRESSURE}
    got = deliver(file, given, options=options, variables=VARIABLES, record_key=["id", "what"])
    assert got.values == [("bp", "120"), ("dbp", "57"), ("sbp", "107"), ("weight", "1/2")]


def test_events_are_split_by_their_code(file: Path) -> None:
    rows = "\n".join(f"{i},bp,{value}" for i, value in enumerate(ODD))
    options = {
        "layout": "event", "kind": "measurement", "code": "what", "value": "result",
        "split": PRESSURE,
    }  # fmt: skip
    got = deliver(file, f"id,what,result\n{rows}", options=options, record_key=["id"])
    codes = got.rows("raw.event", "code", "value")
    assert sorted(codes) == [
        ("bp", "120"), ("bp", "120/"), ("bp", "120/80/60"),
        ("dbp", "57"), ("dbp", "80"), ("sbp", "107"), ("sbp", "120"),
    ]  # fmt: skip
    assert got.tally.warnings == {"unsplit:bp": 3}


def test_the_parts_of_a_split_column_are_not_missing_variables(file: Path) -> None:
    got = deliver(file, "id,bp\n1,107/57", variables=VARIABLES[:3], options={"split": PRESSURE})
    assert got.tally.warnings == {}


def test_a_part_that_the_dictionary_does_not_know_is_counted_as_undeclared(file: Path) -> None:
    got = deliver(file, "id,bp\n1,107/57", variables=VARIABLES[1:2], options={"split": PRESSURE})
    assert got.values == [("sbp", "107")]
    assert got.ignored == {"undeclared-column": 1}
