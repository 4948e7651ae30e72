"""Tables of Fitbit data: Fitabase's merged exports, and All of Us' Fitbit tables."""

from __future__ import annotations

from typing import Any

from biobraid.ingest.connectors.wearable_spec import TableSpec

_DAY = 86_400.0


def _fitabase(name: str, needs: str, time: str, **more: Any) -> TableSpec:
    given: dict[str, Any] = {"person": "Id", "order": "mdy", **more}
    return TableSpec(name=name, needs=frozenset(["Id", time, *needs.split()]), time=time, **given)


def _narrow(column: str, variable: str) -> TableSpec:
    return _fitabase(
        f"minute{column}Narrow_merged", column, "ActivityMinute", seconds=60.0,
        measures={column: (f"fitbit.{variable}", None)},
    )  # fmt: skip


def _wide(column: str, variable: str) -> TableSpec:
    return _fitabase(
        f"minute{column}Wide_merged", f"{column}00 {column}59", "ActivityHour", seconds=60.0,
        minutes=(column, f"fitbit.{variable}"),
    )  # fmt: skip


def _hourly(column: str, variable: str) -> TableSpec:
    return _fitabase(
        f"hourly_merged ({column})", column, "ActivityHour", seconds=3600.0,
        measures={column: (f"fitbit.hourly.{variable}", None)},
    )  # fmt: skip


def _daily(names: dict[str, str], unit: str | None = None) -> dict[str, tuple[str, str | None]]:
    return {column: (f"fitbit.daily.{variable}", unit) for column, variable in names.items()}


_ACTIVITY = _daily(
    {
        "TotalSteps": "steps", "StepTotal": "steps", "Calories": "calories",
        "VeryActiveMinutes": "very_active_minutes", "FairlyActiveMinutes": "fairly_active_minutes",
        "LightlyActiveMinutes": "lightly_active_minutes", "SedentaryMinutes": "sedentary_minutes",
    }
)  # fmt: skip
_DISTANCES = _daily(
    {
        "TotalDistance": "distance", "TrackerDistance": "tracker_distance",
        "LoggedActivitiesDistance": "logged_distance", "VeryActiveDistance": "very_active_distance",
        "ModeratelyActiveDistance": "moderately_active_distance",
        "LightActiveDistance": "light_active_distance",
        "SedentaryActiveDistance": "sedentary_active_distance",
    },
    "km",
)  # fmt: skip
# minuteSleep counts 1 asleep, 2 restless, 3 awake (Fitabase's data dictionary).
_SLEEP_VALUES = {"1": "asleep", "2": "restless", "3": "awake"}

FITABASE = (
    _fitabase("dailyActivity_merged", "TotalSteps Calories", "ActivityDate", seconds=_DAY,
              measures=_ACTIVITY | _DISTANCES),
    _fitabase("dailyCalories_merged", "Calories", "ActivityDay", seconds=_DAY, measures=_ACTIVITY),
    _fitabase("dailySteps_merged", "StepTotal", "ActivityDay", seconds=_DAY, measures=_ACTIVITY),
    _fitabase("dailyIntensities_merged", "SedentaryMinutes", "ActivityDay", seconds=_DAY,
              measures=_ACTIVITY | _DISTANCES),
    _fitabase("sleepDay_merged", "TotalMinutesAsleep TotalTimeInBed", "SleepDay", seconds=_DAY,
              measures=_daily({"TotalMinutesAsleep": "minutes_asleep",
                               "TotalTimeInBed": "minutes_in_bed",
                               "TotalSleepRecords": "sleep_records"})),
    _fitabase("weightLogInfo_merged", "WeightKg LogId", "Date",
              measures={"WeightKg": ("fitbit.weight", "kg"), "BMI": ("fitbit.bmi", None),
                        "Fat": ("fitbit.fat", None)},
              said=frozenset({"WeightPounds", "IsManualReport", "LogId"})),
    _fitabase("heartrate_seconds_merged", "Value", "Time",
              measures={"Value": ("fitbit.heart_rate", None)}),
    _fitabase("minuteSleep_merged", "value logId", "date", seconds=60.0,
              code=("value", "fitbit.sleep_level"), code_words=_SLEEP_VALUES,
              said=frozenset({"logId"})),
    _narrow("Steps", "steps"), _narrow("Calories", "calories"),
    _narrow("Intensity", "intensity"), _narrow("METs", "mets"),
    _wide("Steps", "steps"), _wide("Calories", "calories"), _wide("Intensity", "intensity"),
    _hourly("StepTotal", "steps"), _hourly("Calories", "calories"),
    _hourly("TotalIntensity", "intensity"),
)  # fmt: skip


def _all_of_us(name: str, needs: str, time: str, **more: Any) -> TableSpec:
    given: dict[str, Any] = {"person": "person_id", "said": frozenset({"src_id"}), **more}
    return TableSpec(
        name=name, needs=frozenset(["person_id", time, *needs.split()]), time=time, **given
    )


ALL_OF_US = (
    _all_of_us("activity_summary", "steps calories_out sedentary_minutes", "date", seconds=_DAY,
               measures=_daily({
                   "steps": "steps", "calories_out": "calories", "calories_bmr": "bmr_calories",
                   "activity_calories": "activity_calories", "floors": "floors",
                   "very_active_minutes": "very_active_minutes",
                   "fairly_active_minutes": "fairly_active_minutes",
                   "lightly_active_minutes": "lightly_active_minutes",
                   "sedentary_minutes": "sedentary_minutes",
                   "marginal_calories": "marginal_calories", "elevation": "elevation",
               })),
    _all_of_us("heart_rate_minute_level", "heart_rate_value", "datetime", seconds=60.0,
               measures={"heart_rate_value": ("fitbit.heart_rate", None)}),
    _all_of_us("steps_intraday", "steps", "datetime", seconds=60.0,
               measures={"steps": ("fitbit.steps", None)}),
    _all_of_us("sleep_level", "level duration_in_min", "start_datetime",
               length=("duration_in_min", 60.0), code=("level", "fitbit.sleep_level"),
               code_words={w: w for w in ("deep", "light", "rem", "wake", "awake", "restless",
                                          "asleep")},
               said=frozenset({"src_id", "sleep_date", "is_main_sleep"})),
    _all_of_us("sleep_daily_summary", "is_main_sleep minute_asleep", "sleep_date", seconds=_DAY,
               measures=_daily({"minute_in_bed": "minutes_in_bed", "minute_asleep": "minutes_asleep",
                                "minute_deep": "minutes_deep", "minute_light": "minutes_light",
                                "minute_rem": "minutes_rem", "minute_awake": "minutes_awake"}),
               key=("person_id", "sleep_date", "is_main_sleep")),
    _all_of_us("heart_rate_summary", "zone_name minute_in_zone", "date", seconds=_DAY,
               variable="zone_name", prefix="fitbit.zone_minutes.", value="minute_in_zone"),
)  # fmt: skip
