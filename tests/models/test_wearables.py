"""Wearables by minute and day: one device counts, non-wear is told and never filled."""

from __future__ import annotations

from biobraid.ingest.wearable_tables import stream_table, variable_table
from tests.models.warehouse import Rows, Warehouse

HEART, STEPS = "HKQuantityTypeIdentifierHeartRate", "HKQuantityTypeIdentifierStepCount"
HEADER = (
    "raw.wearable_sample\n"
    "person | source | variable | unit | code | value | device_id | device_type | start_time"
    " | start_offset_minutes | duration_seconds | time_flag\n"
    "-------+--------+----------+------+------+-------+-----------+-------------+-----------"
    "-+----------------------+------------------+----------\n"
)


def warehouse(*lines: str, more: str = "") -> Warehouse:
    """A warehouse of these samples, with the streams as shipped."""
    made = Warehouse(HEADER + "\n".join(lines) + "\n" + more)
    for name, rows in (("stream", stream_table()), ("variable", variable_table())):
        made.con.register("shipped", rows)
        made.con.execute(f"INSERT INTO vocab.wearable_{name} FROM shipped")
        made.con.unregister("shipped")
    return made


def sample(
    variable: str,
    time: str,
    value: str = "",
    *,
    device: str = "w1",
    model: str = "Watch6,2",
    code: str = "",
    seconds: int = 0,
    source: str = "main",
    offset: str = "0",
    flag: str = "",
    unit: str | None = None,
) -> str:
    """One line of the table."""
    unit = {HEART: "count/min", STEPS: "count"}.get(variable, "") if unit is None else unit
    return (
        f"1 | {source} | {variable} | {unit} | {code} | {value} | {device} | {model} | "
        f"2021-03-{time} | {offset} | {seconds} | {flag}"
    )


def only(found: Rows, **where: object) -> list[dict[str, object]]:
    """Rows with these values, as dictionaries."""
    every = [dict(zip(found.names, row, strict=True)) for row in found.rows]
    return [r for r in every if all(r[k] == v for k, v in where.items())]


def test_of_several_devices_the_worn_one_counts_in_an_hour() -> None:
    made = warehouse(
        sample(STEPS, "01 10:00:00", "100", seconds=300),
        sample(HEART, "01 10:01:00", "70"),
        *(sample(STEPS, f"01 10:{m:02d}:00", "20", device="p", model="iPhone12,1", seconds=60) for m in range(9)),
        sample(STEPS, "01 11:00:00", "0", seconds=300),
        sample(STEPS, "01 11:10:00", "33", device="p", model="iPhone12,1", seconds=60),
    )  # fmt: skip
    hours = made.build("wearable.device_hour")
    chosen = {(r["hour"], r["stream"]): r["device_type"] for r in only(hours, is_chosen=True)}
    assert chosen[(10, "steps")] == "Watch6,2"
    assert {r["is_worn"] for r in only(hours, device_type="iPhone12,1")} == {False}
    # At eleven nothing is worn: the watch lies on the table, and comes before the phone.
    assert chosen[(11, "steps")] == "Watch6,2"
    (day,) = only(made.build("wearable.day"), stream="steps")
    assert (day["value"], day["n_devices"], day["n_worn_hours"]) == (100.0, 2, 1)
    assert day["wear_state"] == "partly-worn"


def test_minutes_have_no_row_where_nothing_was_recorded() -> None:
    made = warehouse(
        sample(HEART, "01 10:00:05", "60"), sample(HEART, "01 10:00:50", "64"),
        sample(HEART, "01 10:03:00", "70"),
    )  # fmt: skip
    minutes = sorted(made.build("wearable.minute").rows)
    names = made.build("wearable.minute").names
    value, number = names.index("value"), names.index("minute_number")
    assert [r[value] for r in minutes] == [62.0, 70.0]
    assert minutes[1][number] - minutes[0][number] == 3  # type: ignore[operator]
    epoch = made.con.execute(
        "SELECT TIMESTAMP '1970-01-01' + to_minutes(min(minute_number)) FROM wearable.minute"
    ).fetchall()
    assert str(epoch[0][0]) == "2021-03-01 10:00:00"


def test_an_hour_that_repeats_gives_two_minutes() -> None:
    made = warehouse(
        sample(HEART, "01 01:30:00", "60", offset="-240"),
        sample(HEART, "01 01:30:00", "80", offset="-300", flag="ambiguous-local-time"),
    )
    found = made.build("wearable.minute")
    assert sorted(zip(found.column("utc_offset_minutes"), found.column("value"), strict=True)) == [
        (-300, 80.0), (-240, 60.0),
    ]  # fmt: skip
    assert only(made.build("wearable.day"), stream="heart_rate")[0]["value"] == 70.0


def test_a_sum_over_a_day_without_wear_is_absent_not_zero() -> None:
    made = warehouse(
        *(sample(STEPS, f"01 {h:02d}:00:00", "0", seconds=60) for h in range(24)),
        *(sample(HEART, f"02 {h:02d}:00:00", "60") for h in range(12)),
        *(sample(STEPS, f"02 {h:02d}:00:00", "10", seconds=60) for h in range(12)),
    )
    days = only(made.build("wearable.day"), stream="steps")
    assert sorted((d["value"], d["wear_state"]) for d in days) == [
        (0.0, "not-worn"),
        (120.0, "worn"),
    ]
    facts = only(made.build("stem.wearable_fact"), source_code="steps")
    assert [f["value_number"] for f in facts] == [120.0]


def test_a_delivered_total_stands_for_the_day_and_a_zero_says_not_worn() -> None:
    made = warehouse(
        sample("fitbit.daily.steps", "01 00:00:00", "9000", device="", model="", seconds=86400),
        sample("fitbit.steps", "01 10:00:00", "70", device="", model="", seconds=60),
        sample("fitbit.daily.steps", "02 00:00:00", "0", device="", model="", seconds=86400),
        sample("fitbit.daily.calories", "02 00:00:00", "1500", device="", model="", seconds=86400),
    )
    days = only(made.build("wearable.day"), stream="steps", is_primary=True)
    assert sorted((d["basis"], d["value"], d["wear_state"]) for d in days) == [
        ("delivered", 0.0, "not-worn"), ("delivered", 9000.0, "worn"),
    ]  # fmt: skip
    codes = {(f["source_code"], f["value_number"]) for f in only(made.build("stem.wearable_fact"), cdm_table="measurement")}  # fmt: skip
    assert codes == {("steps", 9000.0)}


def test_sleep_counts_to_the_day_it_ends_in() -> None:
    stage = "HKCategoryTypeIdentifierSleepAnalysis"
    made = warehouse(
        sample(stage, "01 23:30:00", code="HKCategoryValueSleepAnalysisAsleepREM", seconds=5400),
        sample(stage, "02 02:00:00", code="HKCategoryValueSleepAnalysisAsleepREM", seconds=1800),
        sample(stage, "02 03:00:00", code="HKCategoryValueSleepAnalysisDreaming", seconds=1800),
    )
    (day,) = only(made.build("wearable.day"), stream="sleep_rem")
    assert (str(day["start_date"]), day["value"], day["basis"]) == ("2021-03-02", 120.0, "spells")
    use = {r["use"]: r["n_rows"] for r in only(made.build("stem.wearable_use"))}
    assert use == {"used": 2, "stream-unknown": 1}


def test_a_total_of_a_night_stays_on_its_date_and_midnight_ends_a_day() -> None:
    stage = "HKCategoryTypeIdentifierSleepAnalysis"
    made = warehouse(
        sample("fitbit.daily.minutes_asleep", "02 00:00:00", "400", device="", model="", seconds=86400),
        sample(stage, "03 23:00:00", code="HKCategoryValueSleepAnalysisAsleepREM", seconds=3600),
        sample("Workout", "05 00:00:00", code="HKWorkoutActivityTypeRunning", seconds=0),
    )  # fmt: skip
    days = {
        (r["stream"], str(r["start_date"]), r["value"]) for r in only(made.build("wearable.day"))
    }
    assert days == {
        ("sleep_asleep", "2021-03-02", 400.0), ("sleep_rem", "2021-03-03", 60.0),
        ("workout", "2021-03-05", 0.0),
    }  # fmt: skip


def test_samples_of_a_clock_that_jumped_are_counted_and_not_summarised() -> None:
    made = warehouse(
        sample(HEART, "01 10:00:00", "60"),
        sample(HEART, "01 10:01:00", "200", flag="clock-jump"),
        sample(HEART, "09 10:01:00", "200", flag="after-export"),
    )
    assert made.build("wearable.day").column("value") == [60.0]
    assert made.build("wearable.sample").column("time_flag").count(None) == 1
    use = {r["use"]: r["n_rows"] for r in only(made.build("stem.wearable_use"))}
    assert use == {"used": 1, "clock-jump": 1, "after-export": 1}


def test_wear_ends_where_a_day_passes_without_and_another_device_is_another_period() -> None:
    made = warehouse(
        *(sample(HEART, f"{d:02d} 10:00:00", "60") for d in (1, 2, 5)),
        sample(HEART, "05 22:00:00", "60", device="w2", model="Watch7,1"),
        sample(STEPS, "09 10:00:00", "99", device="p", model="iPhone12,1", seconds=60),
    )
    found = only(made.build("wearable.wear_period"))
    spans = {(p["device_type"], str(p["start_date"]), str(p["end_date"])) for p in found}
    assert spans == {
        ("Watch6,2", "2021-03-01", "2021-03-02"), ("Watch6,2", "2021-03-05", "2021-03-05"),
        ("Watch7,1", "2021-03-05", "2021-03-05"),
    }  # fmt: skip


def test_of_two_sources_the_one_worn_longer_stands_for_the_day() -> None:
    made = warehouse(
        *(sample(HEART, f"01 {h:02d}:00:00", "60", source="apple") for h in range(3)),
        *(sample("fitbit.heart_rate", f"01 {h:02d}:00:00", "80", source="fitbit", device="", model="") for h in range(9)),
    )  # fmt: skip
    days = {r["source"]: r["is_primary"] for r in only(made.build("wearable.day"))}
    assert days == {"apple": False, "fitbit": True}


def test_days_reach_cdm_with_loinc_and_ucum_and_the_books_balance() -> None:
    more = """
vocab.concept
concept_id | vocabulary_id | concept_code | standard_concept
-----------+---------------+--------------+-----------------
3027018    | LOINC         | 8867-4       | S
8541       | UCUM          | /min         | S

vocab.study_source
source | modality | type_concept_id
-------+----------+----------------
main   | wearable | 32865
"""
    made = warehouse(
        *(sample(HEART, f"01 {h:02d}:00:00", "60") for h in range(12)),
        sample("HKQuantityTypeIdentifierUVExposure", "01 10:00:00", "3", unit="count"),
        more=more,
    )
    fact = only(made.build("stem.event"), kind="wearable_day")[0]
    assert (fact["concept_id"], fact["unit_concept_id"], fact["value_number"]) == (
        3027018,
        8541,
        60.0,
    )
    assert (fact["type_concept_id"], str(fact["start_date"])) == (32865, "2021-03-01")
    books = {r["table_name"]: r for r in only(made.build("stem.books"))}
    sampled, days = books["wearable_sample"], books["wearable_day"]
    assert (sampled["n_rows"], sampled["n_records"], sampled["n_unused"]) == (13, 12, 1)
    assert (days["n_rows"], days["n_rows_with_facts"], days["n_facts"]) == (1, 1, 1)
    assert books["wear_period"]["n_facts"] == 1 and books["wear_period"]["n_unmapped"] == 1
    leftover = only(made.build("stem.leftover"), reason="stream-unknown")
    assert [r["field"] for r in leftover] == ["HKQuantityTypeIdentifierUVExposure"]
