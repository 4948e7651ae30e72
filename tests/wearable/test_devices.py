"""A device is one device, and none is none; whose a file is stands in its path."""

from __future__ import annotations

from biobraid.core.home import Home
from tests.landing.bank import run
from tests.wearable.bank import counts, declare, deliver, deliver_json, export_xml, landed, record

HEART = "HKQuantityTypeIdentifierHeartRate"


def test_the_watch_stays_the_watch_over_exports_and_updates(home: Home) -> None:
    """Apple writes the address of an object and the software's version into the device."""
    declare(home, "apple_health", delivery="append")
    device = (
        "&lt;&lt;HKDevice: {}&gt;, name:Watch, hardware:Watch6,2, software:{}, creation date:{}&gt;"
    )
    for name, said in (("a", ("0x2819", "8.5", "2022-01-01 10:00:00 +0000")),
                       ("b", ("0x30ab", "9.1", "2023-01-01 10:00:00 +0000"))):  # fmt: skip
        body = record(HEART, "2021-03-01 07:00:05 +0000", value="61", unit="count/min",
                      device=device.format(*said))  # fmt: skip
        deliver(home, f"p1/{name}/export.xml", export_xml(body))
        run(home)
    assert landed(home, "value, device_type") == [(61.0, "Watch6,2")]


def test_words_that_begin_as_healthkit_s_own_are_none_of_them(home: Home) -> None:
    declare(home, "apple_health")
    inner = '<MetadataEntry key="HK of Okafor" value="1"/>'
    body = record(HEART, "2021-03-01 07:00:05 +0000", value="HK for Okafor", inner=inner)
    body += record(HEART, "2021-03-01 07:00:09 +0000", value="61")
    deliver(home, "p1/export.xml", export_xml(body))
    run(home)
    found = counts(home)
    assert found["rejects"] == {"not-a-number": 1}
    assert found["ignored"] == {"export-date": 1, "metadata:other": 1}


def test_a_sample_of_no_device_has_no_token(home: Home) -> None:
    declare(home, "apple_health")
    body = record(HEART, "2021-03-01 07:00:05 +0000", value="61", source="", device="")
    deliver(home, "p1/export.xml", export_xml(body))
    run(home)
    assert landed(home, "device_id") == [(None,)]


def test_a_person_s_folder_may_be_named_as_the_study(home: Home) -> None:
    declare(home, "fitbit", options={"layout": "takeout"})
    for day in (1, 2):
        deliver_json(home, f"p1/band/steps-2024-03-0{day}.json",
                     [{"dateTime": f"03/0{day}/24 10:00:00", "value": "5"}])  # fmt: skip
    run(home)
    assert len({key for (key,) in landed(home, "source_person_key")}) == 1
