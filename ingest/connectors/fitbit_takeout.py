"""Fitbit's part of a Google Takeout: JSON day files, one by one or in the zip.

Records: the entries of the files; files of other kinds (badges, exercises, settings) are ignored
by rule, each counted as one record.
"""

from __future__ import annotations

import json
import re
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.wearable_numbers import numbers
from biobraid.ingest.connectors.wearable_rows import (
    DECLARED,
    Given,
    SampleWriter,
    constant,
    record_of,
)
from biobraid.ingest.connectors.wearable_times import (
    NO_OFFSET,
    SECOND,
    Clock,
    from_utc,
    placed,
    read_times,
)
from biobraid.ingest.hashing import value_hashes
from biobraid.ingest.tabular.block import reject_table

_KIND = re.compile(r"([a-z_]+)-\d{4}-\d{2}-\d{2}\.json")
# kind of file -> (variable, unit, seconds of a sample, key of the value where it is an object)
_UTC: dict[str, tuple[str, str | None, int, str | None]] = {
    "heart_rate": ("fitbit.heart_rate", None, 0, "bpm"),
    "steps": ("fitbit.steps", None, 60, None),
    "calories": ("fitbit.calories", None, 60, None),
    "distance": ("fitbit.distance", "cm", 60, None),
    "altitude": ("fitbit.altitude", None, 60, None),
}
_DAY = 86_400
_DAILY: dict[str, tuple[str, str | None, int, str | None]] = {
    "resting_heart_rate": ("fitbit.daily.resting_heart_rate", None, _DAY, "value"),
    "very_active_minutes": ("fitbit.daily.very_active_minutes", None, _DAY, None),
    "moderately_active_minutes": ("fitbit.daily.fairly_active_minutes", None, _DAY, None),
    "lightly_active_minutes": ("fitbit.daily.lightly_active_minutes", None, _DAY, None),
    "sedentary_minutes": ("fitbit.daily.sedentary_minutes", None, _DAY, None),
}
_SLEEP = {
    "minutesAsleep": "minutes_asleep",
    "minutesAwake": "minutes_awake",
    "timeInBed": "minutes_in_bed",
}
_LEVELS = ("deep", "light", "rem", "wake", "awake", "restless", "asleep")


def read_takeout(job: FileJob, native: str, weight_unit: str) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one JSON file, or of all in a zip."""
    writer = SampleWriter(job)
    yield from writer.name([native])
    if not zipfile.is_zipfile(job.path):
        yield from _read_json(writer, native, weight_unit, job.path.name, job.path.read_bytes())
        yield Counts(bytes_done=job.path.stat().st_size, may_be_empty=True)
        return
    try:
        with zipfile.ZipFile(job.path) as archive:
            for member in archive.infolist():
                name = PurePosixPath(member.filename).name
                if member.is_dir():
                    continue
                if _KIND.fullmatch(name):
                    yield from _read_json(writer, native, weight_unit, name, archive.read(member))
                else:
                    yield _ignored("other-file")
                yield Counts(bytes_done=member.compress_size)
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise SourceFileError(
            Fault(job.where, "the zip is damaged or cut off", "a whole Takeout",
                  "Ask for the file again; nothing of it was landed.")
        ) from None  # fmt: skip


def _ignored(rule: str) -> Counts:
    return Counts(records_read=1, records_ignored=1, ignored=Counter({rule: 1}))


def _read_json(
    writer: SampleWriter, native: str, weight_unit: str, name: str, data: bytes
) -> Iterator[Chunk | Counts]:
    found = _KIND.fullmatch(name)
    kind = found.group(1) if found else ""
    if kind not in _UTC and kind not in _DAILY and kind not in ("sleep", "weight"):
        yield _ignored("other-file")
        return
    try:
        entries = json.loads(data)
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        raise SourceFileError(
            Fault(
                f"{writer.job.where}{line}",
                "the JSON is broken or cut off",
                "a whole JSON array",
                "Ask for the file again; nothing of it was landed.",
            )
        ) from None
    if not isinstance(entries, list):
        raise SourceFileError(Fault(writer.job.where, "the JSON is no list", "a list of entries"))
    good = [e for e in entries if isinstance(e, dict)]
    if len(good) < len(entries):
        yield from _rejected(len(entries) - len(good), "not-an-entry", "an object")
    if kind == "sleep":
        yield from _land_sleep(writer, native, good)
    elif kind == "weight":
        yield from _land_weight(writer, native, good, weight_unit)
    elif good:
        yield from _land_series(writer, native, good, *(_UTC | _DAILY)[kind], is_utc=kind in _UTC)


def _rejected(n: int, reason: str, expected: str) -> Iterator[Chunk | Counts]:
    yield Chunk("raw.reject", reject_table(np.zeros(n, np.int64), reason, expected))
    yield Counts(records_read=n, records_rejected=n)


def _text(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if v is None else str(v) for v in values], pa.string())


def _land_series(
    writer: SampleWriter,
    native: str,
    entries: Sequence[dict[str, Any]],
    variable: str,
    unit: str | None,
    seconds: int,
    inner: str | None,
    *,
    is_utc: bool,
) -> Iterator[Chunk | Counts]:
    given = [e.get("value") for e in entries]
    if inner is not None:  # what stands beside the number (confidence, error) says more about it
        given = [v.get(inner) if isinstance(v, dict) else v for v in given]
    number, is_number = numbers(_text(given))
    clock = read_times(_text([e.get("dateTime") for e in entries]).fill_null(""), "mdy")
    clock = from_utc(clock, writer.zone) if is_utc else placed(clock, writer.zone)
    good = np.ones(len(entries), dtype=np.bool_)
    for reason, bad, expected in (
        ("invalid-date", ~clock.is_valid, "a date and time"),
        ("not-a-number", ~is_number, "a number"),
    ):
        bad = bad & good
        good &= ~bad
        if bad.any():
            yield from _rejected(int(bad.sum()), reason, expected)
    n = int(good.sum())
    if n:
        yield writer.chunk(_given(native, constant(variable, n), _at(clock, good), np.full(n, seconds),
                                  number[good], unit))  # fmt: skip
        yield Counts(records_read=n, facts_read=n)


def _given(
    native: str,
    variable: pa.Array,
    clock: Clock,
    seconds: Any,
    value: Any,
    unit: str | None,
    **more: Any,
) -> Given:
    n = len(clock)
    known = clock.offset != NO_OFFSET
    return Given(
        native=constant(native, n),
        variable=variable,
        clock=clock,
        duration_us=np.asarray(seconds, dtype=np.int64) * SECOND,
        value=np.asarray(value, dtype=np.float64),
        unit=constant(unit, n),
        offset_source=np.where(known, DECLARED, -1).astype(np.int8),
        **more,
    )


def _at(clock: Clock, where: Any) -> Clock:
    return Clock(clock.local[where], clock.offset[where], clock.flag[where], clock.is_valid[where])


def _land_sleep(
    writer: SampleWriter, native: str, logs: Sequence[dict[str, Any]]
) -> Iterator[Chunk | Counts]:
    """Levels as intervals, and the totals of each log on the day it is counted to."""
    keys = writer.job.keys
    levels: list[tuple[str, str, float, str]] = []
    totals: list[tuple[str, str, float, str]] = []
    counts, n_bad = Counts(), 0
    for log in logs:
        name, day = str(log.get("logId")), log.get("dateOfSleep")
        if "logId" not in log or not isinstance(day, str):
            n_bad += 1
            continue
        counts.records_read += 1
        given = log.get("levels")
        told: dict[str, Any] = given if isinstance(given, dict) else {}
        for entry in told.get("data", ()):
            level = entry.get("level") if isinstance(entry, dict) else None
            if level in _LEVELS and isinstance(entry.get("seconds"), int | float):
                levels.append((name, str(entry.get("dateTime")), float(entry["seconds"]), level))
            else:
                counts.facts_read += 1
                counts.facts_rejected += 1
        short = len(told.get("shortData", ()))  # wakes within the levels: told by them already
        counts.facts_read += short
        counts.facts_ignored += short
        counts.ignored["sleep.shortData"] += short
        totals += [
            (name, day, float(log[k]), f"fitbit.daily.{v}")
            for k, v in _SLEEP.items()
            if isinstance(log.get(k), int | float)
        ]
    if n_bad:
        yield from _rejected(n_bad, "not-an-entry", "a sleep log with logId and dateOfSleep")
    for rows, is_level in ((levels, True), (totals, False)):
        if not rows:
            continue
        log_ids, when, value, word = (list(c) for c in zip(*rows, strict=True))
        clock = placed(read_times(pa.array(when)), writer.zone)
        good = clock.is_valid
        n, n_wrong = int(good.sum()), int((~good).sum())
        counts.facts_read += n + n_wrong
        counts.facts_rejected += n_wrong
        if not n:
            continue
        kept = pa.array(good)
        words, ids = pa.array(word).filter(kept), pa.array(log_ids).filter(kept)
        numeric = np.array(value)[good]
        yield writer.chunk(
            _given(
                native,
                constant("fitbit.sleep_level", n) if is_level else words,
                _at(clock, good),
                numeric if is_level else np.full(n, _DAY),
                np.full(n, np.nan) if is_level else numeric,
                None,
                code=words if is_level else None,
                extra=value_hashes(
                    keys,
                    "log",
                    pa.array(
                        [
                            f"{i}/{w}"
                            for i, w in zip(ids.to_pylist(), words.to_pylist(), strict=True)
                        ]
                    ),
                ),
                record=record_of(writer.job, "sleep", constant(native, n), ids),
            )
        )
    yield counts


def _land_weight(
    writer: SampleWriter, native: str, logs: Sequence[dict[str, Any]], unit: str
) -> Iterator[Chunk | Counts]:
    when = _text([f"{e.get('date')} {e.get('time', '')}".strip() for e in logs])
    clock = placed(read_times(when, "mdy"), writer.zone)
    n_bad = int((~clock.is_valid).sum())
    if n_bad:
        yield from _rejected(n_bad, "invalid-date", "a date and time")
    counts = Counts(records_read=len(logs) - n_bad)
    ids = _text([e.get("logId") for e in logs]).fill_null("")
    record = record_of(writer.job, "weight", constant(native, len(logs)), ids)
    for field, variable, of in (("weight", "fitbit.weight", unit), ("bmi", "fitbit.bmi", None),
                                ("fat", "fitbit.fat", None)):  # fmt: skip
        text = _text([e.get(field) for e in logs])
        number, is_number = numbers(text)
        good = is_number & clock.is_valid
        wrong = text.is_valid().to_numpy(zero_copy_only=False) & ~is_number & clock.is_valid
        n = int(good.sum())
        counts.facts_read += n + int(wrong.sum())
        counts.facts_rejected += int(wrong.sum())
        if n:
            yield writer.chunk(_given(native, constant(variable, n), _at(clock, good), np.zeros(n),
                                      number[good], of, record=record[good]))  # fmt: skip
    yield counts
