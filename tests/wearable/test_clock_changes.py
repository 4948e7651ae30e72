"""Hours that a clock change skips or repeats, and times finer than the warehouse keeps."""

from __future__ import annotations

from biobraid.core.home import Home
from tests.landing.bank import run
from tests.wearable.bank import counts, declare, deliver, landed


def fitabase(home: Home, **given: object) -> None:
    declare(home, "fitbit", options={"layout": "fitabase"}, **given)  # type: ignore[arg-type]


def test_no_minute_of_an_hour_that_does_not_exist_is_lost(home: Home) -> None:
    """A recorder that knows of no clock change goes on counting through it."""
    fitabase(home, zone="Europe/London")
    clock = [f"3/26/2023 {h}:{m:02d}:00 AM" for h in (1, 2) for m in range(60)]
    lines = "".join(f"p1,{t},{i}\n" for i, t in enumerate(clock))
    deliver(home, "minuteStepsNarrow_merged.csv", f"Id,ActivityMinute,Steps\n{lines}")
    run(home)
    found = landed(home, "value, start_offset_minutes, time_flag")
    assert [v for v, *_ in found] == list(range(120))
    assert {tuple(f[1:]) for f in found} == {(0, "nonexistent-local-time"), (60, None)}
    assert counts(home)["rejects"] == {}


def test_a_fraction_finer_than_a_microsecond_is_cut(home: Home) -> None:
    declare(home, "mydatahelps")
    header = "ParticipantIdentifier,HealthKitSampleKey,StartDate,Value,Units,Type\n"
    deliver(
        home, "a.csv", f"{header}M1,k1,2023-05-01T08:00:00.1234567-04:00,61,count/min,HeartRate\n"
    )
    run(home)
    assert landed(home, "start_time::VARCHAR") == [("2023-05-01 08:00:00.123456",)]


def test_the_second_pass_is_as_late_as_the_zone_sets_its_clock_back(home: Home) -> None:
    """On Lord Howe Island by half an hour: from +11:00 to +10:30."""
    fitabase(home, zone="Australia/Lord_Howe")
    clock = [f"4/2/2023 1:{m}:00 AM" for m in (15, 30, 45, 30, 45)]
    lines = "".join(f"p1,{t},{i}\n" for i, t in enumerate(clock))
    deliver(home, "minuteStepsNarrow_merged.csv", f"Id,ActivityMinute,Steps\n{lines}")
    run(home)
    found = landed(home, "value, start_offset_minutes, time_flag")
    again = "ambiguous-local-time"
    assert found == [
        (0.0, 660, None), (1.0, 660, again), (2.0, 660, again), (3.0, 630, again),
        (4.0, 630, again),
    ]  # fmt: skip
