"""What a record is: one that says nothing is ignored, one without a key is none, a sample counts once."""

from __future__ import annotations

import numpy as np

from biobraid.core.home import Home
from biobraid.ingest.connectors.met_records import MetRecords
from tests.landing.bank import rows, run
from tests.wearable.bank import counts, declare, deliver, export_xml, identities, landed, record

STEPS = "HKQuantityTypeIdentifierStepCount"
KEYED = "ParticipantIdentifier,HealthKitSampleKey,StartDate,Value,Units,Type,InsertedDate\n"


def fitabase(home: Home, **given: object) -> None:
    declare(home, "fitbit", options={"layout": "fitabase"}, **given)  # type: ignore[arg-type]


def rejects(home: Home) -> list[tuple[object, ...]]:
    return rows(home, "row_number, column_name, reason, unit_of_count", "raw.reject")


def test_a_row_without_any_value_is_ignored_and_not_a_breach_of_the_books(home: Home) -> None:
    fitabase(home)
    text = "Id,ActivityMinute,Steps\np1,4/13/2016 12:00:00 AM,\np1,4/13/2016 12:01:00 AM,5\n"
    deliver(home, "minuteStepsNarrow_merged.csv", text)
    run(home)
    assert landed(home, "value") == [(5.0,)]
    assert counts(home)["ignored"] == {"empty-record": 1}
    assert counts(home)["records_landed"] == 1


def test_a_person_and_a_day_of_which_apple_says_nothing_are_ignored(home: Home) -> None:
    declare(home, "apple_health")
    me = ' <Me HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSexNotSet"/>\n'
    day = ' <ActivitySummary dateComponents="2021-03-01"/>\n'
    body = me + day + record(STEPS, "2021-03-01 07:00:00 +0000", value="3", unit="count")
    deliver(home, "p1/export.xml", export_xml(body))
    run(home)
    assert landed(home, "value") == [(3.0,)]
    assert counts(home)["ignored"] == {"empty-record": 2, "export-date": 1}


def test_a_cell_that_is_rejected_is_named_by_row_column_and_reason(home: Home) -> None:
    fitabase(home)
    text = "Id,ActivityDate,TotalSteps,Calories\np1,4/12/2016,many,1800\n"
    deliver(home, "dailyActivity_merged.csv", text)
    deliver(home, "minuteSleep_merged.csv", "Id,date,value,logId\np1,4/12/2016 2:47:30 AM,9,1\n")
    run(home)
    assert rejects(home) == [
        (2, "TotalSteps", "not-a-number", "cell"), (2, "value", "unknown-category", "cell"),
    ]  # fmt: skip


def test_rows_without_a_key_are_not_versions_of_one_record(home: Home) -> None:
    declare(home, "mydatahelps", delivery="delta")
    when = "2023-05-01T08:0{}:00Z"
    lines = [f"M1,{key},{when.format(i)},6{i},count/min,HeartRate,2023-05-02\n" for i, key in
             enumerate(["k1", "", ""])]  # fmt: skip
    deliver(home, "a.csv", KEYED + "".join(lines))
    run(home)
    assert landed(home, "value") == [(60.0,)]
    assert counts(home)["rejects"] == {"missing-record-key": 2}


def test_without_a_version_column_no_id_of_a_person_is_taken_for_one(home: Home) -> None:
    declare(home, "mydatahelps", delivery="delta")
    header = KEYED.replace(",InsertedDate", "")
    deliver(home, "a.csv", f"{header}20230501,k1,2023-05-01T08:00:00Z,60,count/min,HeartRate\n")
    run(home)
    assert rows(home, "version", "internal.version") == [(None,)]


def test_blanks_around_an_id_make_no_other_person(home: Home) -> None:
    fitabase(home)
    text = "Id,ActivityMinute,Steps\np1,4/13/2016 12:00:00 AM,1\n p1 ,4/13/2016 12:01:00 AM,2\n"
    deliver(home, "minuteStepsNarrow_merged.csv", text + "  ,4/13/2016 12:02:00 AM,3\n")
    run(home)
    assert len({key for (key,) in landed(home, "source_person_key")}) == 1
    assert identities(home) == {("native_id", "p1")}
    assert counts(home)["rejects"] == {"missing-person-id": 1}


def test_an_hour_of_minutes_that_repeats_is_two_records(home: Home) -> None:
    fitabase(home, zone="America/New_York")
    header = ",".join(["Id", "ActivityHour", *(f"Steps{m:02d}" for m in range(60))])
    hours = [",".join(["p1", "11/5/2023 1:00:00 AM", *[str(k)] * 60]) for k in (1, 2)]
    deliver(home, "minuteStepsWide_merged.csv", "\n".join([header, *hours, ""]))
    run(home)
    assert counts(home)["records_landed"] == 2
    assert set(landed(home, "value, start_offset_minutes")) == {(1.0, -240), (2.0, -300)}


def test_two_rows_of_a_person_and_day_are_one_record(home: Home) -> None:
    fitabase(home)
    text = "Id,ActivityDate,TotalSteps,Calories\np1,4/12/2016,100,\np1,4/12/2016,,1800\n"
    text += "p2,4/12/2016,5,\np2,4/12/2016,6,70\n"
    deliver(home, "dailyActivity_merged.csv", text)
    run(home)
    assert landed(home, "value") == [(6.0,), (70.0,), (100.0,), (1800.0,)]
    found = counts(home)
    assert (found["records_read"], found["records_landed"]) == (4, 2)
    assert found["ignored"] == {"continued-record": 2}
    assert found["warnings"] == {"repeated-fact": 1}  # the 5 steps of p2
    assert found["rejects"] == {}


def test_records_are_known_however_far_apart_they_stand() -> None:
    met = MetRecords()
    blocks = np.random.default_rng(1).integers(0, 500, (40, 25)).astype(np.uint64)
    told = [met.repeated(block) for block in blocks]
    seen: set[int] = set()
    for block, twice in zip(blocks.tolist(), told, strict=True):
        for number, is_twice in zip(block, twice.tolist(), strict=True):
            assert is_twice == (number in seen)
            seen.add(number)
