"""Dates and times as delivered become ISO text, or are named invalid."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from biobraid.core.study import DateOrder
from biobraid.ingest.offset_times import shift_times
from biobraid.ingest.times import normalise_times


def one(text: str, order: DateOrder = "ymd", zone: str | None = None, **given: Any) -> str | None:
    """The ISO time of one value, or None where it is invalid."""
    times = normalise_times(pa.array([text]), order, zone, **given)
    start: str | None = times.start_time[0].as_py()
    assert (start is None) == bool(times.invalid_mask[0])
    return start


@pytest.mark.parametrize(
    ("order", "text", "iso"),
    [
        ("ymd", "2010-01-31", "2010-01-31"),
        ("ymd", "2010/1/31", "2010-01-31"),
        ("dmy", "31/01/2010", "2010-01-31"),
        ("dmy", "31.1.2010", "2010-01-31"),
        ("dmy", "31-01-2010 07:08", "2010-01-31T07:08:00"),
        ("mdy", "01/31/2010", "2010-01-31"),
        ("mdy", "2010-01-31", "2010-01-31"),
        ("dmy", "20100131", "2010-01-31"),
        ("ymd", "2010-01-31T07:08:09.250", "2010-01-31T07:08:09.250"),
        ("mdy", "1/31/2010 12:05:00 AM", "2010-01-31T00:05:00"),
        ("mdy", "1/31/2010 12:05 pm", "2010-01-31T12:05:00"),
        ("mdy", "1/31/2010 1:05 PM", "2010-01-31T13:05:00"),
        ("ymd", "2000-02-29", "2000-02-29"),
    ],
)
def test_orders_separators_and_clocks(order: DateOrder, text: str, iso: str) -> None:
    assert one(text, order) == iso


@pytest.mark.parametrize(
    ("order", "text"),
    [
        ("dmy", "31/02/2010"),
        ("ymd", "2010-02-31"),
        ("mdy", "31/01/2010"),
        ("ymd", "31/01/2010"),
        ("ymd", "1900-02-29"),
        ("ymd", "2010-00-10"),
        ("ymd", "2010-01/31"),
        ("ymd", "2010-01-31 24:00"),
        ("ymd", "2010-01-31 13:00 PM"),
        ("dmy", "31/01/10"),
        ("ymd", "yesterday"),
        ("ymd", "2010-01-31T07:08:09+19:00"),
    ],
)
def test_what_does_not_exist_is_invalid(order: DateOrder, text: str) -> None:
    assert one(text, order) is None


def test_two_digit_years_count_only_when_declared() -> None:
    assert one("3/4/26", "dmy", two_digit_until=2026) == "2026-04-03"
    assert one("3/4/27", "dmy", two_digit_until=2026) == "1927-04-03"


def test_partial_dates_become_their_first_day_and_are_flagged() -> None:
    times = normalise_times(pa.array(["2010", "2010-05", "05/2010", "2010-13"]), "dmy", None)
    assert times.start_time.to_pylist() == ["2010-01-01", "2010-05-01", "2010-05-01", None]
    assert times.time_flag.to_pylist() == ["partial-date"] * 3 + [None]
    assert times.time_source.to_pylist() == ["2010", "2010-05", "05/2010", "2010-13"]


def test_offsets_are_kept_beside_the_local_time() -> None:
    given = ["2022-06-22T12:31:08-04:00", "2022-06-22 12:31:08+0530", "2022-06-22T12:31Z", "2022"]
    times = normalise_times(pa.array(given), "ymd", "America/New_York")
    assert times.offset_minutes.to_pylist() == [-240, 330, 0, None]
    assert times.start_time[0].as_py() == "2022-06-22T12:31:08"


def test_local_times_that_a_clock_change_skips_or_repeats_are_flagged() -> None:
    given = [
        "2021-03-28 01:30:00",
        "2021-10-31 01:30:00",
        "2021-10-31 01:30:00Z",
        "2021-06-01 01:30",
    ]
    times = normalise_times(pa.array(given), "ymd", "Europe/London")
    assert times.time_flag.to_pylist() == [
        "nonexistent-local-time", "ambiguous-local-time", None, None,
    ]  # fmt: skip
    assert times.start_time[0].as_py() == "2021-03-28T01:30:00"


def test_sentinel_dates_have_no_time_but_a_flag() -> None:
    given = pa.array(["1902-02-02", "2010-01-01"])
    times = normalise_times(given, "ymd", None, sentinels={"1902-02-02": "sentinel-birth"})
    assert times.start_time.to_pylist() == [None, "2010-01-01"]
    assert times.time_flag.to_pylist() == ["sentinel-birth", None]
    assert times.time_source.to_pylist() == ["1902-02-02", None]
    assert not times.invalid_mask.any()


def test_empty_values_are_neither_times_nor_invalid() -> None:
    times = normalise_times(pa.array([None, "", "  "], pa.string()), "ymd", "UTC")
    assert times.start_time.null_count == 3 and not times.invalid_mask.any()
    assert times.time_source.null_count == 3


def test_dates_only_leaves_the_clock_out() -> None:
    times = normalise_times(pa.array(["2010-01-31 00:00:00"]), "ymd", "UTC", dates_only=True)
    assert times.start_time.to_pylist() == ["2010-01-31"]


def test_offsets_from_an_anchor() -> None:
    minutes = shift_times(pa.array(["0", "90", "x", None, "-1.5"]), "2000-01-01", "minutes")
    assert minutes.start_time.to_pylist() == [
        "2000-01-01T00:00:00", "2000-01-01T01:30:00", None, None, "1999-12-31T23:58:30",
    ]  # fmt: skip
    assert minutes.invalid_mask.tolist() == [False, False, True, False, False]
    assert minutes.time_source[1].as_py() == "90"
    assert shift_times(pa.array(["31"]), "2000-01-01", "days").start_time[0].as_py() == "2000-02-01"
