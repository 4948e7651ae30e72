"""Fields of FIT messages, of which some come twice."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from biobraid.ingest.connectors.garmin_fit import _Activity


def field(name: str, value: Any) -> SimpleNamespace:
    return SimpleNamespace(name=name, value=value, units="m/s", raw_value=value)


NOW = datetime(2024, 1, 1, tzinfo=UTC)


def test_a_field_whose_better_one_is_empty_lands() -> None:
    activity = _Activity()
    fields = [field("timestamp", NOW), field("speed", 2.5),
              field("enhanced_speed", None), field("altitude", 7.0),
              field("enhanced_altitude", 7.2)]  # fmt: skip
    activity.take(SimpleNamespace(name="record", fields=fields))
    assert [s[0] for s in activity.samples] == ["fit.record.speed", "fit.record.enhanced_altitude"]


def test_fields_of_a_session_that_nothing_reads_are_counted() -> None:
    activity = _Activity()
    fields = [field("timestamp", NOW), field("start_time", NOW), field("total_elapsed_time", 60.0),
              field("sport", "running"), field("avg_heart_rate", 120), field("total_calories", 9),
              field("total_ascent", None), field("start_position_lat", 1)]  # fmt: skip
    activity.take(SimpleNamespace(name="session", fields=fields))
    assert [s[0] for s in activity.samples] == ["fit.session"]
    assert activity.counts.ignored == {"field-unused": 2, "position": 1}
    assert (activity.counts.facts_read, activity.counts.facts_ignored) == (4, 3)
