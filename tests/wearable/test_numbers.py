"""Numbers as formats write them."""

from __future__ import annotations

import pytest

from biobraid.core.home import Home
from tests.landing.bank import run
from tests.wearable.bank import counts, declare, deliver, export_xml, landed, record

HEART = "HKQuantityTypeIdentifierHeartRate"


@pytest.mark.parametrize("value", ["+61", "6.1e1", "61."])
def test_a_number_may_be_written_in_any_way(home: Home, value: str) -> None:
    declare(home, "apple_health")
    body = record(HEART, "2021-03-01 07:00:05 +0000", value=value, unit="count/min")
    deliver(home, "p1/export.xml", export_xml(body))
    run(home)
    assert landed(home, "value") == [(61.0,)]


def test_a_number_too_large_for_a_double_is_none(home: Home) -> None:
    declare(home, "apple_health")
    body = record(HEART, "2021-03-01 07:00:05 +0000", value="1e999", unit="count/min")
    deliver(home, "p1/export.xml", export_xml(body))
    run(home)
    assert counts(home)["rejects"] == {"not-a-number": 1}
