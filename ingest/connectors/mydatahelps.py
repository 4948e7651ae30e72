"""Connector `mydatahelps`: exports of CareEvolution's MyDataHelps, HealthKitV2* and Fitbit* tables.

HealthKit tables are keyed by their *Key column: a row delivered again is a newer version (by
InsertedDate), a row of a *_Deleted table takes the sample back, whatever the order of arrival;
such sources are declared `delivery: delta`. Times carry their offset; Metadata_HKTimeZone, where
it is given, says in which zone the sample was taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector
from biobraid.ingest.connectors.wearable_spec import TableSpec
from biobraid.ingest.connectors.wearable_table import read_table

_PERSON = "ParticipantIdentifier"
_DAY = 86_400.0
_DEVICE = (
    "Device_Name",
    "Device_Model",
    "Device_HardwareVersion",
    "Source_Identifier",
    "Source_Name",
)
# They tell devices apart, or say more about the sample; none is a fact of its own.
_SAID = frozenset(
    {
        "ParticipantID", "Date", "InsertedDate", "ModifiedDate", "export_start_date",
        "export_end_date", "EndDate", "Source_Name", "Source_Identifier", "Source_Version",
        "Source_OperatingSystemVersion", "Source_ProductType", "Device_FDAIdentifier",
        "Device_FirmwareVersion", "Device_HardwareVersion", "Device_LocalIdentifier",
        "Device_Manufacturer", "Device_Model", "Device_Name", "Device_SoftwareVersion",
        "id", "index", "LogId", "LogType", "IsMainSleep", "Type",
    }
)  # fmt: skip


def _healthkit(name: str, key: str, time: str, needs: str, **more: Any) -> TableSpec:
    given: dict[str, Any] = {
        "person": _PERSON,
        "key": (key,),
        "version": "InsertedDate",
        "said": _SAID,
        **more,
    }
    return TableSpec(name=name, needs=frozenset([_PERSON, key, *needs.split()]), time=time, **given)


def _deleted(name: str, key: str) -> TableSpec:
    return TableSpec(
        name=f"{name}_Deleted", needs=frozenset([_PERSON, key, "DeletedDate"]), person=_PERSON,
        time="DeletedDate", key=(key,), version="DeletedDate", deleted=True, said=_SAID,
    )  # fmt: skip


def _fitbit(name: str, needs: str, time: str, **more: Any) -> TableSpec:
    given: dict[str, Any] = {"person": _PERSON, "said": _SAID, **more}
    return TableSpec(
        name=name, needs=frozenset([_PERSON, time, *needs.split()]), time=time, **given
    )


def _daily(names: dict[str, str], unit: str | None = None) -> dict[str, tuple[str, str | None]]:
    return {column: (f"fitbit.daily.{variable}", unit) for column, variable in names.items()}


_SUMMARY = {
    "ActiveEnergyBurned": ("ActivitySummary.ActiveEnergyBurned", "kcal"),
    "AppleExerciseTime": ("ActivitySummary.ExerciseTime", "min"),
    "AppleStandHours": ("ActivitySummary.StandHours", "h"),
}
_FITBIT_DAY = _daily(
    {
        "Steps": "steps", "Calories": "calories", "ActivityCalories": "activity_calories",
        "CaloriesBMR": "bmr_calories", "Floors": "floors", "Elevation": "elevation",
        "MinutesVeryActive": "very_active_minutes", "MinutesFairlyActive": "fairly_active_minutes",
        "MinutesLightlyActive": "lightly_active_minutes", "MinutesSedentary": "sedentary_minutes",
        "RestingHeartRate": "resting_heart_rate", "BreathingRate": "breathing_rate",
        "Hrv_DailyRmssd": "rmssd", "SpO2_Avg": "spo2", "TempSkin": "skin_temperature_change",
    }
) | _daily({"Distance": "distance"}, "km")  # fmt: skip
_SLEEP_DAY = _daily(
    {
        "MinutesAsleep": "minutes_asleep", "TimeInBed": "minutes_in_bed",
        "MinutesAwake": "minutes_awake", "SleepLevelDeep": "minutes_deep",
        "SleepLevelLight": "minutes_light", "SleepLevelRem": "minutes_rem",
    }
)  # fmt: skip
_LEVELS = ("deep", "light", "rem", "wake", "awake", "restless", "asleep")

TABLES = (
    _healthkit("HealthKitV2Samples", "HealthKitSampleKey", "StartDate", "Type Value Units",
               variable="Type", prefix="HK:", value="Value", unit="Units", end="Date",
               zone="Metadata_HKTimeZone", device=_DEVICE, device_type="Source_ProductType"),
    _healthkit("HealthKitV2Statistics", "HealthKitStatisticKey", "StartDate", "Type Value Units",
               variable="Type", prefix="HK:statistic.", value="Value", unit="Units", end="Date"),
    _healthkit("HealthKitV2ActivitySummaries", "HealthKitActivitySummaryKey", "StartDate",
               "AppleStandHours", measures=_SUMMARY, seconds=_DAY),
    _healthkit("HealthKitV2Workouts", "HealthKitWorkoutKey", "StartDate", "Summary_ActivityType",
               code=("Summary_ActivityType", "Workout"), end="EndDate", device=_DEVICE,
               zone="Metadata_HKTimeZone"),
    _healthkit("HealthKitV2Electrocardiogram", "HealthKitECGSampleKey", "StartDate", "Classification",
               measures={"AverageHeartRate": ("HK:ecg.AverageHeartRate", None)}),
    *(_deleted(name, key) for name, key in (
        ("HealthKitV2Samples", "HealthKitSampleKey"),
        ("HealthKitV2Statistics", "HealthKitStatisticKey"),
        ("HealthKitV2ActivitySummaries", "HealthKitActivitySummaryKey"),
        ("HealthKitV2Workouts", "HealthKitWorkoutKey"),
        ("HealthKitV2Electrocardiogram", "HealthKitECGSampleKey"),
    )),
    _fitbit("FitbitDailyData", "Steps RestingHeartRate", "Date", measures=_FITBIT_DAY, seconds=_DAY,
            key=(_PERSON, "Date"), version="ModifiedDate"),
    _fitbit("FitbitRestingHeartRates", "RestingHeartRate", "Date",
            measures=_daily({"RestingHeartRate": "resting_heart_rate"}), seconds=_DAY),
    _fitbit("FitbitIntradayCombined", "Type Value", "DateTime", variable="Type",
            prefix="fitbit.intraday.", value="Value", seconds=60.0),
    _fitbit("FitbitSleepLogs", "MinutesAsleep LogId", "EndDate", measures=_SLEEP_DAY,
            key=("LogId",), version="ModifiedDate"),
    _fitbit("FitbitSleepLogDetails", "Value LogId EndDate", "StartDate", end="EndDate",
            code=("Value", "fitbit.sleep_level"), code_words={w: w for w in _LEVELS}),
)  # fmt: skip


class MyDataHelpsOptions(BaseModel):
    """The connector has no options: the tables are recognised by their columns."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@connector("mydatahelps", options=MyDataHelpsOptions)
def read_mydatahelps(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one delivered table."""
    yield from read_table(job, TABLES)
