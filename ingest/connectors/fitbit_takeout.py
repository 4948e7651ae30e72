"""Fitbit's part of a Google Takeout: JSON day files, one by one or in the zip.

Records: the entries of the files; files of other kinds (badges, exercises, settings) are ignored
by rule, each counted as one record.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import IO, Any

import numpy as np

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.fitbit_takeout_logs import land_sleep, land_weight
from biobraid.ingest.connectors.fitbit_takeout_rows import as_text, given, rejected
from biobraid.ingest.connectors.wearable_json import read_document
from biobraid.ingest.connectors.wearable_numbers import numbers
from biobraid.ingest.connectors.wearable_rows import SampleWriter, constant
from biobraid.ingest.connectors.wearable_times import from_utc, placed, read_times
from biobraid.ingest.connectors.wearable_zip import is_zip, whole_zip

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


def read_takeout(job: FileJob, native: str, weight_unit: str) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one JSON file, or of all in a zip."""
    writer = SampleWriter(job)
    yield from writer.name([native])
    if not is_zip(job):
        with job.path.open("rb") as stream:
            yield from _read_json(writer, native, weight_unit, job.path.name, stream)
        yield Counts(bytes_done=job.path.stat().st_size, may_be_empty=True)
        return
    with whole_zip(job) as archive:
        for member in archive.infolist():
            name = PurePosixPath(member.filename).name
            if member.is_dir():
                continue
            with archive.open(member) as stream:
                yield from _read_json(writer, native, weight_unit, name, stream)
            yield Counts(bytes_done=member.compress_size)


def _ignored(rule: str, n: int = 1) -> Counts:
    return Counts(records_read=n, records_ignored=n, ignored=Counter({rule: n}))


def _is_of_no_day(value: Any) -> bool:
    return isinstance(value, dict) and "date" in value and value["date"] is None


def _read_json(
    writer: SampleWriter, native: str, weight_unit: str, name: str, stream: IO[bytes]
) -> Iterator[Chunk | Counts]:
    found = _KIND.fullmatch(name)
    kind = found.group(1) if found else ""
    if kind not in _UTC and kind not in _DAILY and kind not in ("sleep", "weight"):
        yield _ignored("other-file")
        return
    entries = read_document(stream, writer.job.where)
    if not isinstance(entries, list):
        raise SourceFileError(Fault(writer.job.where, "the JSON is no list", "a list of entries"))
    good = [e for e in entries if isinstance(e, dict)]
    if len(good) < len(entries):
        yield from rejected(len(entries) - len(good), "not-an-entry", "an object")
    if kind == "sleep":
        yield from land_sleep(writer, native, good)
    elif kind == "weight":
        yield from land_weight(writer, native, good, weight_unit)
    elif good:
        yield from _land_series(writer, native, good, *(_UTC | _DAILY)[kind], is_utc=kind in _UTC)


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
    if inner == "value":  # of a day without one Takeout writes a date of null and 0
        n_all = len(entries)
        entries = [e for e in entries if not _is_of_no_day(e.get("value"))]
        if n_none := n_all - len(entries):
            yield _ignored("no-measurement", n_none)
        if not entries:
            return
    values = [e.get("value") for e in entries]
    if inner is not None:  # what stands beside the number (confidence, error) says more about it
        values = [v.get(inner) if isinstance(v, dict) else v for v in values]
    number, is_number = numbers(as_text(values))
    clock = read_times(as_text([e.get("dateTime") for e in entries]).fill_null(""), "mdy")
    clock = from_utc(clock, writer.zone) if is_utc else placed(clock, writer.zone)
    good = np.ones(len(entries), dtype=np.bool_)
    for reason, bad, expected in (
        ("invalid-date", ~clock.is_valid, "a date and time"),
        ("not-a-number", ~is_number, "a number"),
    ):
        bad = bad & good
        good &= ~bad
        if bad.any():
            yield from rejected(int(bad.sum()), reason, expected)
    n = int(good.sum())
    if n:
        yield writer.chunk(given(native, constant(variable, n), clock.at(good),
                                 np.full(n, seconds), number[good], unit))  # fmt: skip
        yield Counts(records_read=n, facts_read=n)
