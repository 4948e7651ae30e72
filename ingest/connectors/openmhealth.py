"""Connector `openmhealth`: Open mHealth and IEEE 1752 data points, header and body, as JSON.

A file holds one data point, a list of them, or one a line. Records are data points; the header's
id names the record. Without a header (plain bodies) the folder names the schema
(`heart-rate-2.0/…`) and the path the person. A body with a descriptive statistic is no reading:
its variable carries the statistic (`omh.heart-rate.maximum`). Notes are free text and are dropped.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.wearable_options import PersonFromPath, person_of_path
from biobraid.ingest.connectors.wearable_rows import (
    DECLARED,
    DELIVERED,
    Given,
    SampleWriter,
    record_of,
)
from biobraid.ingest.connectors.wearable_times import NO_OFFSET, SECOND, placed, read_times
from biobraid.ingest.hashing import value_hashes
from biobraid.ingest.tabular.block import reject_table

_SECONDS = {
    "sec": 1.0,
    "s": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "wk": 604_800.0,
    "ms": 0.001,
}
_FRAME, _STATISTIC, _PER = (
    "effective_time_frame",
    "descriptive_statistic",
    "descriptive_statistic_denominator",
)
_SCHEMA = re.compile(r"([a-z0-9-]+)-(\d+\.(?:\d+|x))")
# Name of the element where it is the schema's own, else schema.element.
_OWN = {"heart-rate", "step-count", "body-weight", "body-height", "body-temperature",
        "oxygen-saturation", "respiratory-rate", "systolic-blood-pressure",
        "diastolic-blood-pressure"}  # fmt: skip
_EPISODES = ("sleep-episode", "physical-activity")


class OpenMHealthOptions(PersonFromPath):
    """person_pattern counts for data points whose header names no user."""


class _Sample(NamedTuple):
    native: str
    variable: str
    start: str
    end: str
    seconds: float
    value: float
    unit: str | None
    record: str


@connector("openmhealth", options=OpenMHealthOptions)
def read_openmhealth(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file of data points."""
    options = get_connector("openmhealth").check_options(job.source.options)
    if not isinstance(options, OpenMHealthOptions):
        raise TypeError("the connector is registered with other options")
    native = person_of_path(job, options)
    counts, samples, rejected = Counts(), [], Counter[str]()
    for number, point in enumerate(_points(job), 1):
        counts.records_read += 1
        found = _read_point(job, native, number, point, counts)
        if isinstance(found, str):
            rejected[found] += 1
            yield Chunk("raw.reject", reject_table(np.array([number]), found, _EXPECTED[found]))
        else:
            samples += found
    counts.records_rejected += rejected.total()
    counts.bytes_done = job.path.stat().st_size
    writer = SampleWriter(job)
    if samples:
        yield from writer.name(s.native for s in samples)
        yield _chunk(writer, samples)
    yield counts


_EXPECTED = {
    "not-a-data-point": "an object with a body",
    "unknown-schema": "a header with schema_id, or a folder named as the schema",
    "missing-time": "an effective_time_frame",
    "invalid-date": "a date and time",
    "no-measure": "a number, or a value with its unit",
}


def _points(job: FileJob) -> Iterator[Any]:
    data = job.path.read_bytes()
    try:
        found = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError):
        lines = [line for line in data.splitlines() if line.strip()]
        try:
            yield from [json.loads(line) for line in lines]
        except (json.JSONDecodeError, UnicodeDecodeError):
            raise SourceFileError(
                Fault(
                    job.where,
                    "the file is no JSON, or is cut off",
                    "one data point, a list, or one data point a line",
                    "Ask for the file again; nothing of it was landed.",
                )
            ) from None
        return
    yield from found if isinstance(found, list) else [found]


def _read_point(
    job: FileJob, native: str, number: int, point: Any, counts: Counts
) -> list[_Sample] | str:
    """Samples of one data point, or why it is rejected."""
    if not isinstance(point, dict):
        return "not-a-data-point"
    header = point.get("header") if isinstance(point.get("header"), dict) else None
    body = point.get("body") if header is not None else point
    if not isinstance(body, dict):
        return "not-a-data-point"
    schema = _schema(job, header)
    if schema is None:
        return "unknown-schema"
    user = header.get("user_id") if header else None
    person = str(user) if user else native
    record = str(header["id"]) if header and header.get("id") else f"{job.batch}/{number}"
    frame = body.get(_FRAME)
    span = _span(frame) if isinstance(frame, dict) else None
    if span is None:
        return "missing-time"
    start, end, seconds = span
    if not read_times(pa.array([start])).is_valid[0]:
        return "invalid-date"
    suffix = f".{body[_STATISTIC]}" if isinstance(body.get(_STATISTIC), str) else ""
    samples, ignored = [], Counter[str]()
    if schema in _EPISODES:
        samples.append(
            _Sample(person, f"omh.{schema}", start, end, seconds, float("nan"), None, record)
        )
    for element, given in body.items():
        if element in (_FRAME, _STATISTIC, _PER):
            continue
        measure = _measure(given)
        if measure is None:
            ignored[
                "free-text-undeclared" if element == "user_notes" else f"element:{schema}.{element}"
            ] += 1
            continue
        name = element.replace("_", "-")
        variable = f"omh.{name}" if name in _OWN else f"omh.{schema}.{element}"
        unit = measure[1] or ("steps" if name == "step-count" else None)
        samples.append(
            _Sample(person, variable + suffix, start, end, seconds, measure[0], unit, record)
        )
    if not samples:
        return "no-measure"
    counts.facts_read += len(samples) + ignored.total()
    counts.facts_ignored += ignored.total()
    counts.ignored.update(ignored)
    return samples


def _schema(job: FileJob, header: dict[str, Any] | None) -> str | None:
    given = header.get("schema_id") if header else None
    if isinstance(given, dict) and isinstance(given.get("name"), str):
        return str(given["name"])
    found = _SCHEMA.fullmatch(job.path.parent.name)
    return found.group(1) if found else None


def _span(frame: dict[str, Any]) -> tuple[str, str, float] | None:
    """(start, end or "", seconds) of a time frame; None if it tells no start."""
    if isinstance(frame.get("date_time"), str):
        return frame["date_time"], "", 0.0
    interval = frame.get("time_interval")
    if not isinstance(interval, dict):
        return None
    start, end = interval.get("start_date_time"), interval.get("end_date_time")
    length = _measure(interval.get("duration"))
    seconds = length[0] * _SECONDS.get(length[1] or "", 0.0) if length else 0.0
    if isinstance(start, str):
        return start, end if isinstance(end, str) else "", seconds
    return None


def _measure(given: Any) -> tuple[float, str | None] | None:
    """(number, unit) of an element; None if it is no number."""
    if isinstance(given, dict):
        number, unit = given.get("value"), given.get("unit")
        if isinstance(number, int | float) and not isinstance(number, bool):
            return float(number), unit if isinstance(unit, str) else None
        return None
    if isinstance(given, int | float) and not isinstance(given, bool):
        return float(given), None
    return None


def _chunk(writer: SampleWriter, samples: list[_Sample]) -> Chunk:
    columns = _Sample(*(list(c) for c in zip(*samples, strict=True)))  # type: ignore[arg-type]
    start = read_times(pa.array(columns.start))
    origin = np.where(start.offset == NO_OFFSET, DECLARED, DELIVERED).astype(np.int8)
    clock = placed(start, writer.zone)
    end = placed(read_times(pa.array(columns.end)), writer.zone)
    told = (np.array(columns.seconds) * SECOND).astype(np.int64)
    length = np.where(end.is_valid, end.instant - clock.instant, told)
    record = record_of(writer.job, "point", pa.array(columns.record))
    return writer.chunk(
        Given(
            native=pa.array(columns.native),
            variable=pa.array(columns.variable),
            clock=clock,
            duration_us=np.maximum(length, 0),
            value=np.array(columns.value),
            unit=pa.array(columns.unit, pa.string()),
            offset_source=origin,
            extra=value_hashes(writer.job.keys, "point", pa.array(columns.record)),
            record=record,
        )
    )
