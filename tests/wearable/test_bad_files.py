"""Files that are spoilt or of a shape nobody expects: clear words or counted rejects, no traceback."""

from __future__ import annotations

import json
from typing import Any

import pytest

from biobraid.core.home import Home
from biobraid.ingest.connectors import wearable_json
from tests.landing.bank import rows, run
from tests.wearable.bank import (
    counts,
    declare,
    deliver,
    deliver_json,
    deliver_zip,
    export_xml,
    faults_of,
    landed,
)

HEART = "HKQuantityTypeIdentifierHeartRate"
ENTRY = '[{"dateTime": "03/01/24 23:59:00", "value": "5"}]'


def takeout(home: Home) -> None:
    declare(home, "fitbit", options={"layout": "takeout"}, zone="UTC")


def test_a_torn_takeout_is_no_file_of_another_kind(home: Home) -> None:
    takeout(home)
    path = deliver_zip(home, "p1/takeout.zip", {"Fitbit/steps-2024-03-01.json": ENTRY})
    run(home)
    whole = path.read_bytes()
    path.write_bytes(whole[:-30])
    result = run(home)
    assert [f.found for o in result.outcomes for f in o.faults] == ["the zip is damaged or cut off"]
    assert landed(home, "value") == [(5.0,)], "what was delivered before stays in force"


@pytest.mark.parametrize(("connector", "options", "member"), [
    ("fitbit", {"layout": "takeout"}, ("steps-2024-03-01.json", ENTRY)),
    ("apple_health", {}, ("export.xml", export_xml(""))),
])  # fmt: skip
@pytest.mark.parametrize(("at", "value", "said"), [
    (8, 1, "protected by a password"), (10, 99, "by a method that cannot be read"),
])  # fmt: skip
def test_a_zip_that_cannot_be_unpacked_says_why(
    home: Home, connector: str, options: dict[str, Any], member: tuple[str, str], at: int,
    value: int, said: str,
) -> None:  # fmt: skip
    declare(home, connector, options=options)
    path = deliver_zip(home, "p1/export.zip", dict([member]))
    data = bytearray(path.read_bytes())
    for start, shift in ((data.index(b"PK\x03\x04"), -2), (data.index(b"PK\x01\x02"), 0)):
        data[start + at + shift] = value
    path.write_bytes(bytes(data))
    (fault,) = faults_of(home)
    assert said in fault.found


@pytest.mark.parametrize("encoding", ["klingon", "shift_jis"])
def test_an_encoding_that_expat_does_not_know_is_said(home: Home, encoding: str) -> None:
    declare(home, "apple_health")
    deliver(home, "p1/export.xml", export_xml("").replace("UTF-8", encoding))
    (fault,) = faults_of(home)
    assert "an encoding that cannot be read" in fault.found


@pytest.mark.parametrize("text", ["[" * 200_000, "[" + "9" * 5000 + "]", "{]", '"\xff'])
@pytest.mark.parametrize(("connector", "name"), [
    ("fitbit", "p1/steps-2024-03-01.json"), ("openmhealth", "p1/points.json"),
])  # fmt: skip
def test_json_that_cannot_be_read_is_said(home: Home, connector: str, name: str, text: str) -> None:
    options = {"layout": "takeout"} if connector == "fitbit" else {}
    declare(home, connector, options=options)
    deliver(home, name, text.encode("latin-1"))
    (fault,) = faults_of(home)
    assert fault.found == "the JSON is broken or cut off"


def test_json_above_a_size_is_refused_before_it_is_read(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wearable_json, "MOST_BYTES", 1 << 20)
    takeout(home)
    deliver(home, "p1/steps-2024-03-01.json", b"[" + b" " * (1 << 20) + b"]")
    (fault,) = faults_of(home)
    assert fault.found == "the JSON is larger than 1 MB"


def test_sleep_logs_of_another_shape_are_counted(home: Home) -> None:
    takeout(home)
    level = {"dateTime": "2024-03-01T23:10:00.000", "level": "light"}
    deliver_json(home, "p1/sleep-2024-03-01.json", [
        {"logId": 1, "dateOfSleep": "2024-03-02", "levels": {"data": None, "shortData": None}},
        {"logId": 2, "dateOfSleep": "2024-03-02", "minutesAsleep": float("inf"),
         "levels": {"data": [{**level, "seconds": 1e400}, {**level, "seconds": 60}, 7]}},
        {"logId": 3, "dateOfSleep": "2024-02-31", "minutesAsleep": 9},
        {"logId": None, "dateOfSleep": "2024-03-02"}, "log",
    ])  # fmt: skip
    run(home)
    assert landed(home, "code, duration_seconds") == [("light", 60.0)]
    books = counts(home)
    assert books["ignored"] == {"empty-record": 1}
    assert books["rejects"] == {"not-a-level": 2, "invalid-date": 1, "not-an-entry": 2}


def test_a_weight_without_an_id_is_known_by_its_time(home: Home) -> None:
    takeout(home)
    deliver_json(home, "p1/weight-2024-03-01.json", [
        {"date": "03/01/24", "time": f"08:00:0{i}", "weight": 150 + i} for i in range(3)
    ])  # fmt: skip
    run(home)
    assert landed(home, "value") == [(150.0,), (151.0,), (152.0,)]


def test_a_resting_heart_rate_of_no_day_is_absent_and_not_zero(home: Home) -> None:
    takeout(home)
    deliver_json(home, "p1/resting_heart_rate-2024-03-01.json", [
        {"dateTime": "03/01/24 00:00:00", "value": {"date": "03/01/24", "value": 58.2, "error": 6}},
        {"dateTime": "03/02/24 00:00:00", "value": {"date": None, "value": 0.0, "error": 0.0}},
    ])  # fmt: skip
    run(home)
    assert landed(home, "value") == [(58.2,)]
    assert counts(home)["ignored"] == {"no-measurement": 1}


def point(number: int, value: Any, frame: dict[str, Any], **header: Any) -> dict[str, Any]:
    """An Open mHealth data point."""
    schema = {"namespace": "omh", "name": "heart-rate", "version": "2.0"}
    body = {"heart_rate": {"value": value, "unit": "beats/min"}, "effective_time_frame": frame}
    return {"header": {"id": f"d{number}", "schema_id": schema, **header}, "body": body}


def at(start: str, end: str) -> dict[str, Any]:
    return {"time_interval": {"start_date_time": start, "end_date_time": end}}


def test_data_points_whose_times_or_numbers_are_none_are_rejected(home: Home) -> None:
    declare(home, "openmhealth")
    ten, nine = "2020-02-05T10:00:00Z", "2020-02-05T09:00:00Z"
    deliver_json(home, "u/points.json", [
        point(1, 60, at(nine, ten)), point(2, 61, at(ten, nine)), point(3, 62, at(nine, "noon")),
        point(4, float("nan"), at(nine, ten)), point(5, 10**400, at(nine, ten)),
        point(6, 63, {"date_time": "2020-02-05T11:00:00.123456789Z"}),
        point(6, 64, {"date_time": "2020-02-05T12:00:00Z"}),
        point(7, 65, at(nine, ten), schema_id={"name": "seen by Dr. Okafor, who says"}),
    ])  # fmt: skip
    run(home)
    assert landed(home, "value, duration_seconds") == [(60.0, 3600.0), (64.0, 0.0)]
    assert counts(home)["rejects"] == {
        "end-before-start": 1, "invalid-date": 1, "no-measure": 2, "not-a-name": 1,
        "duplicate-key": 1,
    }  # fmt: skip
    text = b"".join(p.read_bytes() for p in home.landing.rglob("*.parquet"))
    assert b"Okafor" not in text


def test_data_points_may_stand_one_a_line(home: Home) -> None:
    declare(home, "openmhealth")
    frame = {"date_time": "2020-02-05T11:00:00Z"}
    deliver(home, "u/points.json", "".join(f"{json.dumps(point(i, i, frame))}\n" for i in (1, 2)))
    run(home)
    assert landed(home, "value") == [(1.0,), (2.0,)]


def test_rejected_cells_of_a_takeout_are_in_the_list_of_rejects(home: Home) -> None:
    takeout(home)
    deliver_json(home, "p1/weight-2024-03-01.json",
                 [{"logId": 1, "date": "03/01/24", "weight": "heavy", "bmi": 20}])  # fmt: skip
    run(home)
    assert rows(home, "column_name, reason, unit_of_count", "raw.reject") == [
        ("weight", "not-a-number", "cell")
    ]
