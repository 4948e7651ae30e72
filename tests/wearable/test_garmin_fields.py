"""Fields of FIT messages, of which some come twice."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from biobraid.ingest.connectors.garmin_fit import _Activity


def test_a_field_whose_better_one_is_empty_lands() -> None:
    def field(name: str, value: Any) -> SimpleNamespace:
        return SimpleNamespace(name=name, value=value, units="m/s", raw_value=value)

    activity = _Activity()
    fields = [field("timestamp", datetime(2024, 1, 1, tzinfo=UTC)), field("speed", 2.5),
              field("enhanced_speed", None), field("altitude", 7.0),
              field("enhanced_altitude", 7.2)]  # fmt: skip
    activity.take(SimpleNamespace(name="record", fields=fields))
    assert [s[0] for s in activity.samples] == ["fit.record.speed", "fit.record.enhanced_altitude"]
