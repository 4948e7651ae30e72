"""An Apple Health export.zip and a Fitbit Takeout of one wearer, in the shape of real ones."""

from __future__ import annotations

import json
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from biobraid.ingest.sample.draws import Draws
from biobraid.ingest.sample.wearables.wearers import (
    AWAY,
    EXPORTED,
    FIRST_DAY,
    HOME,
    N_DAYS,
    PHONE,
    Wearer,
    heart,
    hours,
    is_worn,
    steps,
)

_STAMP = (2021, 11, 20, 12, 0, 0)
_EVERY = 30  # minutes between heart rates
# Apple's own DTD of iOS 16, in its broken form: a declaration that is never closed.
_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE HealthData [
<!-- HealthKit Export Version: 12 -->
<!ELEMENT HealthData (ExportDate,Me,(Record|Correlation|Workout)*)>
<!ELEMENT Record ((MetadataEntry|HeartRateVariabilityMetadataList)*)
<!ATTLIST Record type CDATA #REQUIRED
]>
<HealthData locale="en_GB">
"""


def write_apple(path: Path, draws: Draws, wearer: Wearer, name: str, birth: str, sex: str) -> int:
    """Write the zip; returns the number of records. name stands in the names of the devices."""
    lines: list[str] = []
    for day in range(N_DAYS):
        zone = wearer.zone(day)
        meta = f'<MetadataEntry key="HKTimeZone" value="{zone.key}"/>' if zone is AWAY else ""
        beats, walked = heart(draws, wearer, day), steps(draws, wearer, day)
        for i, hour in enumerate(hours(wearer, day)):
            watch = wearer.watch(day)
            if watch:
                for minute in range(0, 60, _EVERY):
                    when = hour + timedelta(minutes=minute)
                    lines.append(
                        _record("HeartRate", "count/min", when, 0, beats[i], watch, name, meta)
                    )
                lines.append(_record("StepCount", "count", hour, 50, walked[i], watch, name, meta))
            # The phone in the pocket counts fewer of the same steps.
            lines.append(
                _record("StepCount", "count", hour, 55, walked[i] * 2 // 3, PHONE, name, meta)
            )
    me = (
        f' <Me HKCharacteristicTypeIdentifierDateOfBirth="{birth}" '
        f'HKCharacteristicTypeIdentifierBiologicalSex="HKBiologicalSex{sex}"/>\n'
    )
    text = f'{_HEAD} <ExportDate value="{_apple(EXPORTED)}"/>\n{me}{"".join(lines)}</HealthData>\n'
    members = {
        "apple_health_export/export.xml": text,
        "apple_health_export/export_cda.xml": "<ClinicalDocument/>\n<ClinicalDocument/>\n",
        "apple_health_export/electrocardiograms/ecg_2021-10-28.csv": f"Name,{name}\n",
    }
    _write_zip(path, members)
    return len(lines)


def _record(
    kind: str,
    unit: str,
    start: datetime,
    minutes: int,
    value: int,
    model: str,
    name: str,
    meta: str,
) -> str:
    """A record; all times are written in the zone of the phone at the export."""
    end = start + timedelta(minutes=minutes)
    maker, source = ("iPhone", "iPhone") if model == PHONE else ("Watch", "Apple\x0b Watch")
    close = f">{meta}</Record>" if meta else "/>"
    return (
        f' <Record type="HKQuantityTypeIdentifier{kind}" sourceName="{name}&#8217;s {source}" '
        f'device="&lt;&lt;HKDevice: 0x1&gt;, name:{name}, manufacturer:Apple Inc., '
        f'model:{maker}, hardware:{model}&gt;" unit="{unit}" '
        f'startDate="{_apple(start)}" endDate="{_apple(end)}" value="{value}"{close}\n'
    )


def _apple(when: datetime) -> str:
    return f"{when.astimezone(EXPORTED.tzinfo):%Y-%m-%d %H:%M:%S} +0000"


def write_fitbit(path: Path, draws: Draws, wearer: Wearer) -> int:
    """Write the zip of day files in UTC, which overlap by an hour; returns the number of entries.

    The band is worn day and night, so that the hour that repeats is in it twice.
    """
    members: dict[str, str] = {}
    n = 0
    for day in range(N_DAYS):
        start = (FIRST_DAY + timedelta(days=day)).replace(tzinfo=HOME).astimezone(UTC)
        stop = (FIRST_DAY + timedelta(days=day + 1)).replace(tzinfo=HOME).astimezone(UTC)
        beats, walked = heart(draws, wearer, day), steps(draws, wearer, day)
        rates, counts = [], []
        when = start
        while when < stop:
            at = when.astimezone(HOME).hour - 7
            awake = 0 <= at < len(beats)
            stamp = f"{when:%m/%d/%y %H:%M:%S}"
            if is_worn(wearer, day):
                rates.append(
                    {
                        "dateTime": stamp,
                        "value": {"bpm": beats[at] if awake else 52, "confidence": 3},
                    }
                )
            n_steps = walked[at] // 2 if awake and is_worn(wearer, day) else 0
            counts.append({"dateTime": stamp, "value": str(n_steps)})
            when += timedelta(minutes=_EVERY)
        date = f"{start:%Y-%m-%d}"
        for kind, entries in (("heart_rate", rates), ("steps", counts)):
            if entries:
                folder = "Takeout/Fitbit/Global Export Data"
                members[f"{folder}/{kind}-{date}.json"] = json.dumps(entries)
                n += len(entries)
    members["Takeout/Fitbit/Your Profile/Profile.csv"] = "id\n"
    _write_zip(path, members)
    return n


def _write_zip(path: Path, members: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name in sorted(members):
            info = zipfile.ZipInfo(name, _STAMP)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            archive.writestr(info, members[name].encode())
