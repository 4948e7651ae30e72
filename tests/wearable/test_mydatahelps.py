"""MyDataHelps: samples are upserted by key and taken back by tombstones, in any order."""

from __future__ import annotations

import pytest

from biobraid.core.home import Home
from tests.landing.bank import run
from tests.wearable.bank import counts, declare, deliver, faults_of, landed

HEADER = (
    "ParticipantIdentifier,HealthKitSampleKey,StartDate,Date,Value,Units,Type,InsertedDate,"
    "Source_ProductType,Device_Name,Metadata_HKTimeZone"
)
FIRST = f"""{HEADER}
M1,k1,2023-05-01T08:00:00-04:00,2023-05-01T08:00:00-04:00,61,count/min,HeartRate,2023-05-02,"Watch6,2",Ana,
M1,k2,2023-05-01T08:01:00-04:00,2023-05-01T08:01:00-04:00,62,count/min,HeartRate,2023-05-02,"Watch6,2",Ana,Asia/Tokyo
M1,k3,2023-05-01T08:02:00-04:00,2023-05-01T08:02:00-04:00,63,count/min,HeartRate,2023-05-02,"Watch6,2",Ana,
"""
SECOND = f"""{HEADER}
M1,k1,2023-05-01T08:00:00-04:00,2023-05-01T08:00:00-04:00,90,count/min,HeartRate,2023-05-09,"Watch6,2",Ana,
"""
DELETED = """ParticipantIdentifier,HealthKitSampleKey,DeletedDate
M1,k3,2023-05-08T00:00:00Z
"""
FILES = {"a_samples.csv": FIRST, "b_samples.csv": SECOND, "c_deleted.csv": DELETED}


@pytest.mark.parametrize("order", ["abc", "cba", "bca"])
def test_upserts_and_tombstones_count_whatever_the_order_of_arrival(home: Home, order: str) -> None:
    declare(home, "mydatahelps", delivery="delta")
    for letter in order:
        name = next(n for n in FILES if n.startswith(letter))
        deliver(home, name, FILES[name])
        run(home)
    columns = "value, start_time::VARCHAR, start_offset_minutes, offset_source, device_type"
    assert landed(home, columns) == [
        (62.0, "2023-05-01 21:01:00", 540, "record", "Watch6,2"),
        (90.0, "2023-05-01 08:00:00", -240, "delivered", "Watch6,2"),
    ]
    books = counts(home)
    assert (books["records_read"], books["records_landed"]) == (5, 2)
    assert (books["records_superseded"], books["records_deleted"]) == (1, 1)
    assert books["ignored"]["deletion-record"] == 1


def test_a_key_twice_in_one_file_keeps_the_newest(home: Home) -> None:
    declare(home, "mydatahelps", delivery="delta")
    deliver(home, "a.csv", SECOND + FIRST.partition("\n")[2])
    run(home)
    assert [v for (v,) in landed(home, "value")] == [62.0, 63.0, 90.0]


def test_tombstones_need_a_delta(home: Home) -> None:
    declare(home, "mydatahelps")
    deliver(home, "c.csv", DELETED)
    (fault,) = run(home).outcomes[0].faults
    assert "deletions" in fault.found and fault.expected == "delta"


def test_fitbit_tables_of_the_platform(home: Home) -> None:
    declare(home, "mydatahelps", delivery="append")
    deliver(home, "FitbitDailyData.csv",
            "ParticipantIdentifier,Date,Steps,RestingHeartRate,BodyBmi,ModifiedDate\n"
            "M1,2023-05-01T00:00:00,8000,58,,2023-05-02\n")  # fmt: skip
    deliver(home, "FitbitIntradayCombined.csv",
            "ParticipantIdentifier,Type,DateTime,Value\nM1,activities-heart,2023-05-01T00:01:00,66\n")  # fmt: skip
    run(home)
    assert landed(home, "variable, value") == [
        ("fitbit.daily.resting_heart_rate", 58.0),
        ("fitbit.daily.steps", 8000.0),
        ("fitbit.intraday.activities-heart", 66.0),
    ]


def test_another_table_is_refused(home: Home) -> None:
    declare(home, "mydatahelps")
    deliver(home, "c.csv", "ParticipantIdentifier,Mood\nM1,3\n")
    (fault,) = faults_of(home)
    assert "HealthKitV2Samples" in fault.expected
