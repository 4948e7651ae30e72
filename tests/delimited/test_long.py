"""Long files: one row a value, its variable named in a column."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.ingest.connectors.contract import Variable
from tests.delimited.delivery import deliver, person

HR = Variable("HR", value_type="number", unit="/min")
TEMP = Variable("Temp", value_type="number", unit="Cel")
LAYOUT: dict[str, Any] = {"layout": "long", "variable": "what", "value": "result"}


def test_each_record_is_one_value_with_its_own_time_unit_and_place(tmp_path: Path) -> None:
    given = """
      id,what,result,unit,at,visit,n
      1,HR,73,bpm,2020-01-01 10:00,2,0
      1,HR,75,bpm,2020-01-01 10:05,2,1
    """
    options = {**LAYOUT, "unit": "unit", "time": "at", "instance": "visit", "array": "n"}
    got = deliver(tmp_path / "f.csv", given, variables=[HR], options=options)
    columns = ("variable", "value", "unit", "start_time", "instance", "array_index")
    assert got.rows("raw.value", *columns) == [
        ("HR", "73", "bpm", "2020-01-01T10:00:00", 2, 0),
        ("HR", "75", "bpm", "2020-01-01T10:05:00", 2, 1),
    ]


def test_records_that_cannot_land_are_rejected_or_ignored(tmp_path: Path) -> None:
    given = """
      id,what,result,at,visit
      1,HR,73,2020-02-30,1
      1,,73,2020-02-01,1
      1,HR,73,2020-02-01,first
      1,HR,,2020-02-01,1
      1,Shoe,43,2020-02-01,1
      1,HR,74,2020-02-01,
    """
    options = {**LAYOUT, "time": "at", "instance": "visit"}
    got = deliver(tmp_path / "f.csv", given, variables=[HR], options=options)
    assert got.rows("raw.value", "value", "instance") == [("74", 0)]
    assert got.rejects == [
        (2, "at", "invalid-date"),
        (3, "what", "missing-variable"),
        (4, "visit", "invalid-number"),
    ]
    assert got.ignored == {"empty-record": 1, "undeclared-variable": 1}
    assert got.books == (6, 2, 3, 1)


def test_minutes_since_an_anchor_from_a_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "f.parquet"
    table = pa.table(
        {
            "id": pa.array([132539, 132539], pa.int32()),
            "minute": pa.array([0, 2875], pa.int32()),
            "what": ["HR", "Temp"],
            "result": [73.0, 37.25],
        }
    )
    pq.write_table(table, path)
    time = {"column": "minute", "kind": "offset_minutes", "anchor": "2000-01-01"}
    got = deliver(path, None, variables=[HR, TEMP], options={**LAYOUT, "time": time})
    assert got.rows("raw.value", "source_person_key", "variable", "value", "start_time") == [
        (person("132539"), "HR", "73.0", "2000-01-01T00:00:00"),
        (person("132539"), "Temp", "37.25", "2000-01-02T23:55:00"),
    ]


def test_identities_repeated_on_every_row_come_once_a_person(tmp_path: Path) -> None:
    given = """
      id,nhs,sex,what,result
      1,943,F,HR,70
      1,943,F,HR,71
      2,944,M,HR,72
    """
    got = deliver(
        tmp_path / "f.csv", given, variables=[HR], options=LAYOUT,
        identity={"nhs": "nhs_number", "sex": "sex"},
    )  # fmt: skip
    assert got.identities == [
        ("native_id", "1"), ("native_id", "2"), ("nhs_number", "943"), ("nhs_number", "944"),
        ("sex", "F"), ("sex", "M"),
    ]  # fmt: skip
    assert [row for row in got.values if row[0] == "sex"] == [("sex", "F"), ("sex", "M")]
    assert not any("943" in str(row) for row in got.values)
