"""Fitbit data of three kinds: the clock changes, day files overlap, tables are narrow and wide."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

from biobraid.core.home import Home
from tests.landing.bank import run
from tests.wearable.bank import (
    counts,
    declare,
    deliver,
    deliver_json,
    deliver_zip,
    faults_of,
    landed,
)

TIMES = "start_time::VARCHAR, start_offset_minutes, time_flag"


def takeout(home: Home, **given: object) -> None:
    declare(home, "fitbit", options={"layout": "takeout"}, **given)  # type: ignore[arg-type]


def fitabase(home: Home, **given: object) -> None:
    declare(home, "fitbit", options={"layout": "fitabase"}, **given)  # type: ignore[arg-type]


def test_takeout_writes_utc_and_the_wearer_lives_in_local_time(home: Home) -> None:
    takeout(home, zone="America/New_York")
    deliver_json(home, "p1/heart_rate-2024-03-10.json", [
        {"dateTime": "03/10/24 06:59:30", "value": {"bpm": 60, "confidence": 3}},
        {"dateTime": "03/10/24 07:00:30", "value": {"bpm": 61, "confidence": 3}},
    ])  # fmt: skip
    run(home)
    # 2 o'clock is skipped in New York on that day: no minute lies between the two.
    assert landed(home, TIMES + ", value") == [
        ("2024-03-10 01:59:30", -300, None, 60.0),
        ("2024-03-10 03:00:30", -240, None, 61.0),
    ]


def test_an_hour_that_repeats_is_kept_twice(home: Home) -> None:
    """Fitabase writes local times: the second pass of an hour is told by its place in the file."""
    fitabase(home, zone="America/New_York")
    first = datetime(2023, 11, 5, 0, 30)
    clock = [first + timedelta(minutes=30 * i) for i in range(3)]
    clock += [first + timedelta(minutes=30 * i) for i in range(1, 5)]  # set back at 2 o'clock
    lines = [f"p1,{t:%m/%d/%Y %I:%M:%S %p},{i}" for i, t in enumerate(clock)]
    deliver(
        home, "minuteStepsNarrow_merged.csv", "\n".join(["Id,ActivityMinute,Steps", *lines, ""])
    )
    run(home)
    flag = "ambiguous-local-time"
    assert landed(home, TIMES + ", value") == [
        ("2023-11-05 00:30:00", -240, None, 0.0),
        ("2023-11-05 01:00:00", -300, flag, 3.0),
        ("2023-11-05 01:00:00", -240, flag, 1.0),
        ("2023-11-05 01:30:00", -300, flag, 4.0),
        ("2023-11-05 01:30:00", -240, flag, 2.0),
        ("2023-11-05 02:00:00", -300, None, 5.0),
        ("2023-11-05 02:30:00", -300, None, 6.0),
    ]
    assert counts(home)["records_landed"] == 7


def test_an_hour_that_repeats_is_kept_twice_where_times_are_utc(home: Home) -> None:
    takeout(home, zone="Europe/London")
    entries = [{"dateTime": f"10/31/21 0{h}:30:00", "value": {"bpm": 60 + h}} for h in (0, 1, 2)]
    deliver_json(home, "p1/heart_rate-2021-10-31.json", entries)
    run(home)
    assert landed(home, "start_time::VARCHAR, start_offset_minutes, value") == [
        ("2021-10-31 01:30:00", 0, 61.0),
        ("2021-10-31 01:30:00", 60, 60.0),
        ("2021-10-31 02:30:00", 0, 62.0),
    ]
    assert counts(home)["rejects"] == {}


def test_an_hour_that_does_not_exist_is_flagged(home: Home) -> None:
    fitabase(home, zone="Europe/London")
    deliver(home, "minuteStepsNarrow_merged.csv",
            "Id,ActivityMinute,Steps\np1,3/26/2023 1:30:00 AM,7\n")  # fmt: skip
    run(home)
    ((start, _, flag),) = landed(home, TIMES)
    assert (start, flag) == ("2023-03-26 01:30:00", "nonexistent-local-time")


def test_overlapping_day_files_count_a_minute_once(home: Home) -> None:
    takeout(home, zone="UTC")
    minutes = [{"dateTime": f"03/01/24 23:{m:02d}:00", "value": str(m)} for m in range(58, 60)]
    later = [
        {"dateTime": "03/01/24 23:59:00", "value": "75"},
        {"dateTime": "03/02/24 00:00:00", "value": "3"},
    ]
    deliver_json(home, "p1/steps-2024-03-01.json", minutes)
    deliver_json(home, "p1/steps-2024-03-02.json", later)
    run(home)
    found = landed(home, "start_time::VARCHAR, value")
    assert [f[0] for f in found] == [
        "2024-03-01 23:58:00",
        "2024-03-01 23:59:00",
        "2024-03-02 00:00:00",
    ]
    books = counts(home)
    assert (books["facts_read"], books["facts_landed"], books["facts_superseded"]) == (4, 3, 1)
    assert (books["records_landed"], books["records_superseded"]) == (3, 1)


def test_overlapping_day_files_of_a_zip_too(home: Home) -> None:
    takeout(home, zone="UTC")
    entry = '[{"dateTime": "03/01/24 23:59:00", "value": "%s"}]'
    folder = "Takeout/Fitbit/Global Export Data"
    deliver_zip(home, "p1/takeout.zip", {
        f"{folder}/steps-2024-03-01.json": entry % 5, f"{folder}/steps-2024-03-02.json": entry % 6,
        f"{folder}/badge.json": "[]", "Takeout/archive_browser.html": "<html/>",
    })  # fmt: skip
    run(home)
    assert landed(home, "value") == [(6.0,)]
    books = counts(home)
    assert books["rejects"] == {"duplicate-key": 1} and books["ignored"] == {"other-file": 2}


def test_sleep_logs_land_as_levels_and_totals(home: Home) -> None:
    takeout(home)
    deliver_json(home, "p1/sleep-2024-03-01.json", [{
        "logId": 9, "dateOfSleep": "2024-03-02", "minutesAsleep": 400, "timeInBed": 440,
        "levels": {"data": [
            {"dateTime": "2024-03-01T23:10:00.000", "level": "light", "seconds": 600},
            {"dateTime": "2024-03-01T23:20:00.000", "level": "dreamy", "seconds": 600},
        ], "shortData": [{"dateTime": "x", "level": "wake", "seconds": 30}]},
    }])  # fmt: skip
    run(home)
    assert landed(home, "variable, code, value, start_time::VARCHAR, duration_seconds") == [
        ("fitbit.daily.minutes_asleep", None, 400.0, "2024-03-02 00:00:00", 86_400.0),
        ("fitbit.daily.minutes_in_bed", None, 440.0, "2024-03-02 00:00:00", 86_400.0),
        ("fitbit.sleep_level", "light", None, "2024-03-01 23:10:00", 600.0),
    ]
    books = counts(home)
    assert (books["records_read"], books["facts_read"], books["facts_rejected"]) == (1, 5, 1)


def test_a_wide_table_is_an_hour_of_minutes(home: Home) -> None:
    fitabase(home)
    minutes = [f"Steps{m:02d}" for m in range(60)]
    header = ",".join(["Id", "ActivityHour", *minutes])
    row = ",".join(["p1", "4/13/2016 12:00:00 AM", *(str(m) for m in range(59)), ""])
    deliver(home, "minuteStepsWide_merged.csv", f"{header}\n{row}\n")
    deliver(home, "minuteStepsNarrow_merged.csv",
            "Id,ActivityMinute,Steps\np1,4/13/2016 12:59:00 AM,59\n")  # fmt: skip
    run(home)
    found = landed(home, "start_time::VARCHAR, value, row_id, record_id")
    assert len(found) == 60 and found[59][:2] == ("2016-04-13 00:59:00", 59.0)
    assert len({r[3] for r in found[:59]}) == 1, "an hour of the wide table is one record"
    # Within a day ids count up with the seconds: they cost next to nothing.
    assert {b[2] - a[2] for a, b in itertools.pairwise(found)} == {60}


def test_tables_of_all_of_us(home: Home) -> None:
    declare(home, "fitbit", "*.csv", options={"layout": "all_of_us"})
    deliver(
        home,
        "heart.csv",
        "person_id,datetime,heart_rate_value,src_id\n1,2020-01-01T00:01:00,71,x\n",
    )
    deliver(home, "sleep.csv",
            "person_id,sleep_date,is_main_sleep,level,start_datetime,duration_in_min,src_id\n"
            "1,2020-01-01,true,deep,2020-01-01T01:00:00,30,x\n")  # fmt: skip
    run(home)
    assert landed(home, "variable, code, value, duration_seconds") == [
        ("fitbit.heart_rate", None, 71.0, 60.0),
        ("fitbit.sleep_level", "deep", None, 1800.0),
    ]


def test_cells_and_rows_at_fault_are_counted(home: Home) -> None:
    fitabase(home)
    deliver(home, "dailyActivity_merged.csv",
            "Id,ActivityDate,TotalSteps,Calories,Mood\n"
            "p1,4/12/2016,100,1800,fine\n,4/12/2016,1,2,\np1,31/12/2016,1,2,\np1,4/13/2016,x,1700,\n")  # fmt: skip
    run(home)
    assert landed(home, "variable, value") == [
        ("fitbit.daily.calories", 1700.0), ("fitbit.daily.calories", 1800.0),
        ("fitbit.daily.steps", 100.0),
    ]  # fmt: skip
    books = counts(home)
    assert books["records_rejected"] == 2 and books["facts_rejected"] == 1
    assert books["ignored"] == {"column:Mood": 1}


def test_broken_json_and_unknown_tables_land_nothing(home: Home) -> None:
    takeout(home)
    deliver(home, "p1/steps-2024-03-01.json", '[{"dateTime": "03/01/24 00:00:00", "val')
    (fault,) = faults_of(home)
    assert fault.found == "the JSON is broken or cut off"


def test_an_unknown_table_names_those_it_could_be(home: Home) -> None:
    fitabase(home)
    deliver(home, "x.csv", "Id,ActivityMinutes,Stps\np1,1,2\n")
    (fault,) = faults_of(home)
    assert "no table this connector knows" in fault.found and "ActivityMinute" in fault.suggestions
