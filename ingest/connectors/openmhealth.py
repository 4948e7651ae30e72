"""Connector `openmhealth`: Open mHealth and IEEE 1752 data points, header and body, as JSON.

A file holds one data point, a list of them, or one a line. Records are data points; the header's
id names the record. Without a header (plain bodies) the folder names the schema
(`heart-rate-2.0/…`) and the path the person. A body with a descriptive statistic is no reading:
its variable carries the statistic (`omh.heart-rate.maximum`). Notes are free text and are dropped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.wearable_json import (
    MOST_BYTES,
    finite,
    is_whole,
    parsed,
    read_document,
)
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
# Names of schemas, elements and statistics; anything else may be words of a person's.
_NAME = re.compile(r"[A-Za-z0-9_. -]{1,60}")
_BATCH = 50_000
_EPISODES = ("sleep-episode", "physical-activity")


class OpenMHealthOptions(PersonFromPath):
    """person_pattern counts for data points whose header names no user."""


class _Point(NamedTuple):
    """A data point: what it measured, (variable, value, unit) each, and what is ignored of it."""

    number: int
    native: str
    record: str
    start: str
    end: str
    seconds: float
    measures: list[tuple[str, float, str | None]]
    ignored: Counter[str]


@connector("openmhealth", options=OpenMHealthOptions)
def read_openmhealth(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file of data points."""
    options = get_connector("openmhealth").check_options(job.source.options)
    if not isinstance(options, OpenMHealthOptions):
        raise TypeError("the connector is registered with other options")
    native = person_of_path(job, options)
    writer, points = SampleWriter(job), list[_Point]()
    for number, given in enumerate(_points(job), 1):
        found = _read_point(job, native, number, given)
        if isinstance(found, str):
            yield from _rejected([number], found)
        else:
            points.append(found)
        if len(points) >= _BATCH:
            yield from _land(writer, points)
            points = []
    yield from _land(writer, points)
    yield Counts(bytes_done=job.path.stat().st_size)


def _rejected(numbers: list[int], reason: str) -> Iterator[Chunk | Counts]:
    if numbers:
        yield Chunk("raw.reject", reject_table(np.array(numbers), reason, _EXPECTED[reason]))
        yield Counts(records_read=len(numbers), records_rejected=len(numbers))


_EXPECTED = {
    "not-a-data-point": "an object with a body",
    "not-a-name": "a schema and a statistic that are named as Open mHealth names them",
    "unknown-schema": "a header with schema_id, or a folder named as the schema",
    "missing-time": "an effective_time_frame",
    "invalid-date": "a date and time",
    "end-before-start": "an end that is not before the start",
    "no-measure": "a number, or a value with its unit",
}


def _points(job: FileJob) -> Iterator[Any]:
    with job.path.open("rb") as stream:
        if not is_whole(stream.readline(MOST_BYTES)) or not stream.read(1):
            stream.seek(0)
            found = read_document(stream, job.where)
            yield from found if isinstance(found, list) else [found]
            return
        stream.seek(0)
        number = 0
        while line := stream.readline(MOST_BYTES):
            number += 1
            if line.strip():
                yield parsed(line, f"{job.where}, line {number}")


def _read_point(job: FileJob, native: str, number: int, point: Any) -> _Point | str:
    """What one data point says, its times unread, or why it is rejected."""
    if not isinstance(point, dict):
        return "not-a-data-point"
    header = point.get("header") if isinstance(point.get("header"), dict) else None
    body = point.get("body") if header is not None else point
    if not isinstance(body, dict):
        return "not-a-data-point"
    schema = _schema(job, header)
    if schema is None:
        return "unknown-schema"
    told = header or {}
    person = _word(told.get("user_id")) or native
    record = _word(told.get("id")) or f"{job.batch}/{number}"
    statistic = body.get(_STATISTIC)
    suffix = f".{statistic}" if isinstance(statistic, str) else ""
    if not _NAME.fullmatch(schema + suffix):
        return "not-a-name"
    frame = body.get(_FRAME)
    span = _span(frame) if isinstance(frame, dict) else None
    if span is None:
        return "missing-time"
    start, end, seconds = span
    measures: list[tuple[str, float, str | None]] = []
    ignored = Counter[str]()
    if schema in _EPISODES:
        measures.append((f"omh.{schema}", float("nan"), None))
    for element, given in body.items():
        if element in (_FRAME, _STATISTIC, _PER):
            continue
        measure = _measure(given)
        if measure is None or not _NAME.fullmatch(element):
            ignored[_rule(schema, element)] += 1
            continue
        name = element.replace("_", "-")
        variable = f"omh.{name}" if name in _OWN else f"omh.{schema}.{element}"
        unit = measure[1] or ("steps" if name == "step-count" else None)
        measures.append((variable + suffix, measure[0], unit))
    if not measures:
        return "no-measure"
    return _Point(number, person, record, start, end, seconds, measures, ignored)


def _rule(schema: str, element: str) -> str:
    if element == "user_notes":
        return "free-text-undeclared"
    return f"element:{schema}.{element}" if _NAME.fullmatch(element) else "element:other"


def _word(given: Any) -> str:
    """An id of the header as text; empty if it is none."""
    is_id = isinstance(given, str | int) and not isinstance(given, bool)
    return str(given).strip() if is_id else ""


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
    unit = given.get("unit") if isinstance(given, dict) else None
    number = finite(given.get("value") if isinstance(given, dict) else given)
    return None if number is None else (number, unit if isinstance(unit, str) else None)


def _land(writer: SampleWriter, points: list[_Point]) -> Iterator[Chunk | Counts]:
    """Samples of the points whose times can be read; the others are rejected."""
    if not points:
        return
    start = read_times(pa.array([p.start for p in points]))
    origin = np.where(start.offset == NO_OFFSET, DECLARED, DELIVERED).astype(np.int8)
    clock = placed(start, writer.zone)
    end = placed(read_times(pa.array([p.end for p in points])), writer.zone)
    has_end = np.array([p.end != "" for p in points])
    told = (np.array([p.seconds for p in points]) * SECOND).astype(np.int64)
    length = np.where(has_end, end.instant - clock.instant, told)
    good = clock.is_valid & (end.is_valid | ~has_end)
    yield from _rejected([p.number for p, g in zip(points, good, strict=True) if not g],
                         "invalid-date")  # fmt: skip
    is_turned = good & (length < 0)
    good &= ~is_turned
    yield from _rejected([p.number for p, t in zip(points, is_turned, strict=True) if t],
                         "end-before-start")  # fmt: skip
    kept = [p for p, g in zip(points, good, strict=True) if g]
    if not kept:
        return
    n_ignored = sum((p.ignored for p in kept), Counter[str]())
    of = np.repeat(np.flatnonzero(good), [len(p.measures) for p in kept])
    yield from writer.name(p.native for p in kept)
    persons = pa.array([p.native for p in points]).take(pa.array(of))
    names = pa.array([p.record for p in points]).take(pa.array(of))
    variable, value, unit = zip(*(m for p in kept for m in p.measures), strict=True)
    yield writer.chunk(
        Given(
            native=persons,
            variable=pa.array(variable),
            clock=clock.at(of),
            duration_us=length[of],
            value=np.array(value),
            unit=pa.array(unit, pa.string()),
            offset_source=origin[of],
            extra=value_hashes(writer.job.keys, "point", names),
            record=record_of(writer.job, "point", persons, names),
            row_number=np.array([p.number for p in points], dtype=np.int64)[of],
        )
    )
    yield Counts(
        records_read=len(kept),
        facts_read=len(of) + n_ignored.total(),
        facts_ignored=n_ignored.total(),
        ignored=n_ignored,
    )
