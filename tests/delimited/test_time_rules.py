"""When a record happened: spans, several columns, several forms, dates that mean no date."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.contract import Variable
from biobraid.ingest.offset_times import shift_times
from tests.delimited.delivery import deliver

ICD = {"layout": "event", "kind": "condition", "code": "icd"}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "delivered.csv"


def starts(file: Path, given: str, time: dict[str, Any], **source: Any) -> list[str | None]:
    got = deliver(file, given, options={**ICD, "time": time}, **source)
    return [row[0] for row in got.rows("raw.event", "start_time")]


def test_whole_years_and_months_keep_the_day(file: Path) -> None:
    """The dates an epidemiologist expects of an age in years, and of one in months."""
    years = {"column": "age", "kind": "offset_years", "anchor": "1900-01-01"}
    given = "id,icd,age\n1,I10,25\n2,I10,60.5\n3,I10,0"
    assert starts(file, given, years) == ["1925-01-01", "1960-07-01", "1900-01-01"]
    months = {"column": "age", "kind": "offset_months", "anchor": "2000-01-31"}
    assert starts(file, "id,icd,age\n1,I10,1\n2,I10,141", months) == ["2000-02-29", "2011-10-31"]


def test_a_span_counts_from_a_column_and_an_end_from_its_own_start(file: Path) -> None:
    given = """
      id,icd,randomised,admitted,stayed
      1,I10,1992-03-01,2.5,10
      2,I10,,1,3
      3,I10,1992-03-01,soon,3
      4,I10,1992-03-01,1,long
    """
    options = {
        **ICD,
        "time": {"column": "admitted", "kind": "offset_years", "anchor_column": "randomised"},
        "end_time": {"column": "stayed", "kind": "offset_days", "anchor": "start"},
    }
    got = deliver(file, given, options=options)
    assert got.rows("raw.event", "start_time", "end_time", "time_source") == [
        ("1994-09-01", "1994-09-11", "2.5"),
        (None, None, "1"),
        ("1993-03-01", None, "1"),
    ]
    assert got.rejects == [(4, "admitted", "invalid-date"), (5, "stayed", "invalid-date")]


@pytest.mark.parametrize("unit", ["days", "months", "years", "minutes"])
def test_a_span_that_leads_out_of_the_calendar_is_invalid(unit: Any) -> None:
    got = shift_times(pa.array(["999999999", "-999999999", "1"]), "2000-01-01", unit)
    far = unit != "minutes"  # a billion minutes are two thousand years
    assert got.invalid_mask.tolist() == [far, unit != "minutes", False]


def test_the_day_stands_in_where_the_time_is_empty(file: Path) -> None:
    time = {"column": "at", "fallback": "day"}
    given = """
      id,icd,at,day
      1,I10,2152-05-17 13:07:00,2152-05-17 00:00:00
      2,I10,,2152-05-18 00:00:00
      3,I10,,
    """
    assert starts(file, given, time) == ["2152-05-17T13:07:00", "2152-05-18", None]
    got = deliver(file, "id,icd,at,day\n1,I10,x,2152-05-18", options={**ICD, "time": time})
    assert got.rejects == [(2, "at", "invalid-date")], "a wrong time is not covered up"


def test_dates_of_two_forms_in_one_column(file: Path) -> None:
    time = {"column": "at", "kind": "date", "two_digit_until": 2029}
    given = "id,icd,at\n1,I10,8/6/13\n2,I10,08/06/2013\n3,I10,2013-08-06\n4,I10,12/31/29"
    assert starts(file, given, time, date_order="mdy") == [
        "2013-08-06", "2013-08-06", "2013-08-06", "2029-12-31",
    ]  # fmt: skip


def test_a_sentinel_date_is_no_date_and_its_record_lands(file: Path) -> None:
    time = {"column": "at", "kind": "date", "sentinels": ["1903-03-03", "1909-09-09"]}
    given = "id,icd,at\n1,I10,03/03/1903\n2,I10,1909-09-09\n3,I10,03/04/1903"
    got = deliver(file, given, options={**ICD, "time": time}, date_order="mdy")
    assert got.rows("raw.event", "start_time", "time_source", "time_flag") == [
        (None, "03/03/1903", "sentinel-unknown"),
        (None, "1909-09-09", "sentinel-unknown"),
        ("1903-03-04", "03/04/1903", None),
    ]
    assert got.rejects == []


def test_sentinels_may_say_what_they_stand_for(file: Path) -> None:
    time = {"column": "at", "sentinels": {"1902-02-02": "sentinel-birth"}}
    got = deliver(file, "id,icd,at\n1,I10,1902-02-02", options={**ICD, "time": time})
    assert got.rows("raw.event", "time_flag") == [("sentinel-birth",)]


def test_a_wide_record_can_be_dated_by_a_year(file: Path) -> None:
    """MIMIC: the age in the anchor year; mapping rule `age` makes the year of birth of it."""
    got = deliver(
        file, "id,age,year\n1,43,2152", options={"time": {"column": "year", "kind": "date"}},
        variables=[Variable("age", value_type="integer")],
    )  # fmt: skip
    assert got.rows("raw.value", "variable", "start_time", "time_flag") == [
        ("age", "2152-01-01", "partial-date")
    ]


def test_an_anchor_column_must_be_there(file: Path) -> None:
    time = {"column": "age", "kind": "offset_days", "anchor_column": "enrolled"}
    with pytest.raises(SourceFileError, match="no column 'enrolled'"):
        starts(file, "id,icd,age\n1,I10,3", time)
