"""The wearables of the sample against the truth behind them."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from typing import Any

import duckdb
import pytest

from biobraid.core.home import Home
from biobraid.core.warehouse import connect
from tests.demo.conftest import Demo

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("demo")]


def ask(home: Home, sql: str) -> list[tuple[Any, ...]]:
    """Rows of a query of the warehouse."""
    with connect(home, read_only=True) as con:
        return con.execute(sql).fetchall()


@pytest.fixture(scope="module")
def truth(demo: Demo) -> list[dict[str, str]]:
    """truth/wearables.csv."""
    with (demo.truth / "wearables.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def days(
    demo: Demo, stream: str, basis: str = "minutes"
) -> dict[tuple[int, str, str], tuple[Any, ...]]:
    """(eid's person, source, date) -> value, wear_state, n_devices of the stream's days."""
    rows = ask(
        demo.home,
        "SELECT person_id, source, CAST(start_date AS VARCHAR), value, wear_state, n_devices "
        f"FROM wearable.day WHERE study = 'stride' AND stream = '{stream}' AND basis = '{basis}'",
    )
    return {(r[0], r[1], r[2]): r[3:] for r in rows}


def persons(demo: Demo, truth: list[dict[str, str]]) -> Iterator[tuple[dict[str, str], int]]:
    """Each row of the truth with the person it must have become, by the key of the account."""
    from biobraid.core.keys import ingest_keys

    keys = ingest_keys(demo.home)
    bridge = dict(ask(demo.home, "SELECT source_person_key, person_id FROM link.person_bridge WHERE study = 'stride' AND link_status = 'linked'"))  # fmt: skip
    ukdemo = dict(ask(demo.home, "SELECT source_person_key, person_id FROM link.person_bridge WHERE study = 'ukdemo'"))  # fmt: skip
    for row in truth:
        found = bridge.get(keys.person_key("stride", row["stride_id"]))
        if found is not None:  # a cluster may be quarantined for what other studies say
            assert found == ukdemo[keys.person_key("ukdemo", row["eid"])]
            yield row, found


def test_steps_of_worn_days_are_the_true_ones_though_phone_and_watch_counted(
    demo: Demo, truth: list[dict[str, str]]
) -> None:
    steps = days(demo, "steps")
    n = 0
    for row, person in persons(demo, truth):
        if row["is_worn"] == "1":
            value, state, n_devices = steps[(person, row["source"], row["date"])]
            assert value == float(row["steps"]) and state == "worn", row["date"]
            assert n_devices == (2 if row["source"] == "apple" else 1)
            n += 1
    assert n >= 24


def test_a_day_off_is_not_worn_and_makes_no_measurement(
    demo: Demo, truth: list[dict[str, str]]
) -> None:
    steps = days(demo, "steps")
    off = [(row, person) for row, person in persons(demo, truth) if row["is_worn"] == "0"]
    assert off
    for row, person in off:
        found = steps.get((person, row["source"], row["date"]))
        assert found is not None and found[1] == "not-worn"
        facts = ask(
            demo.home,
            f"SELECT count(*) FROM stem.wearable_fact WHERE person_id = {person} "
            f"AND source_code = 'steps' AND start_date = DATE '{row['date']}'",
        )
        assert facts == [(0,)]


def test_a_traveller_s_days_are_those_of_the_place(demo: Demo, truth: list[dict[str, str]]) -> None:
    beats = days(demo, "heart_rate")
    away = [(row, p) for row, p in persons(demo, truth) if row["zone"] == "America/New_York" and row["is_worn"] == "1"]  # fmt: skip
    assert away
    for row, person in away:
        assert abs(beats[(person, "apple", row["date"])][0] - float(row["mean_heart_rate"])) < 1e-3
    offsets = ask(
        demo.home,
        "SELECT DISTINCT utc_offset_minutes FROM wearable.sample WHERE source = 'apple' "
        f"AND person_id = {away[0][1]} AND start_date = DATE '{away[0][0]['date']}'",
    )
    assert offsets == [(-240,)]


def test_the_repeated_hour_of_the_clock_change_is_there_twice(demo: Demo) -> None:
    found = ask(
        demo.home,
        "SELECT utc_offset_minutes, count(*) FROM wearable.sample WHERE source = 'fitbit' "
        "AND stream = 'steps' AND start_datetime >= TIMESTAMP '2021-10-31 01:00:00' "
        "AND start_datetime < TIMESTAMP '2021-10-31 02:00:00' GROUP BY ALL ORDER BY ALL",
    )
    assert [offset for offset, _ in found] == [0, 60] and found[0][1] == found[1][1] > 0


def test_a_new_watch_is_a_new_wear_period(demo: Demo, truth: list[dict[str, str]]) -> None:
    changed = {row["device"]: p for row, p in persons(demo, truth) if row["device"] == "Watch7,1"}
    rows = ask(
        demo.home,
        "SELECT device_source_value, min(device_exposure_start_date)::VARCHAR "
        f"FROM cdm.device_exposure WHERE person_id = {changed['Watch7,1']} "
        "AND device_source_value LIKE 'Watch%' GROUP BY ALL ORDER BY ALL",
    )
    assert [model for model, _ in rows] == ["Watch5,2", "Watch7,1"]
    wanted = [min(r["date"] for r in truth if r["device"] == m and r["stride_id"] == _account(truth)) for m, _ in rows]  # fmt: skip
    assert [day for _, day in rows] == wanted


def _account(truth: list[dict[str, str]]) -> str:
    return next(r["stride_id"] for r in truth if r["device"] == "Watch7,1")


def test_wearables_are_a_modality_and_mapped_where_loinc_is_known(demo: Demo) -> None:
    assert ask(demo.home, "SELECT count(*) > 3 FROM mart.modality WHERE modality = 'wearable'") == [
        (True,)
    ]
    concepts = ask(
        demo.home,
        "SELECT DISTINCT measurement_concept_id, unit_concept_id FROM cdm.measurement "
        "WHERE measurement_source_value = 'heart_rate'",
    )
    assert concepts == [(3027018, 8541)]


def test_a_release_shifts_minutes_and_hides_what_gives_the_shift_away(demo: Demo) -> None:
    database = next((demo.home.releases / "second").glob("*/release.duckdb"))
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{database}' AS r (READ_ONLY)")
        told = con.execute(
            "SELECT count(*), count(m.utc_offset_minutes), "
            "count(*) FILTER (CAST(TIMESTAMP '1970-01-01' + to_minutes(m.minute_number) AS DATE) = m.start_date) "
            "FROM r.wearable.minute AS m JOIN r.wearable.series AS s USING (person_id, series_number)"
        ).fetchone()
        own = con.execute("SELECT DISTINCT device_id FROM r.wearable.wear_period WHERE device_id IS NOT NULL").fetchall()  # fmt: skip
    assert told is not None and told[0] > 0
    assert told[1] == 0, "offsets change on the days of clock changes"
    assert told[2] == told[0]
    here = ask(demo.home, "SELECT DISTINCT device_id FROM wearable.wear_period")
    assert own and not {d for (d,) in own} & {d for (d,) in here}, "devices have ids of the project"
