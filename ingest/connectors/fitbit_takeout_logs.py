"""Logs of a Takeout: sleep with its levels and totals, and weight."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.fitbit_takeout_rows import as_text, given, rejected
from biobraid.ingest.connectors.wearable_json import entries_of, finite
from biobraid.ingest.connectors.wearable_numbers import numbers
from biobraid.ingest.connectors.wearable_rows import SampleWriter, constant, record_of
from biobraid.ingest.connectors.wearable_times import placed, read_times
from biobraid.ingest.hashing import value_hashes

_DAY = 86_400
_TOTALS = {
    "minutesAsleep": "fitbit.daily.minutes_asleep",
    "minutesAwake": "fitbit.daily.minutes_awake",
    "timeInBed": "fitbit.daily.minutes_in_bed",
}
_LEVELS = ("deep", "light", "rem", "wake", "awake", "restless", "asleep")
_WEIGHTS = {"weight": "fitbit.weight", "bmi": "fitbit.bmi", "fat": "fitbit.fat"}


class _Part(NamedTuple):
    """A level of a sleep log, or one of its totals."""

    log: str
    when: str
    number: float
    word: str


def land_sleep(
    writer: SampleWriter, native: str, logs: Sequence[dict[str, Any]]
) -> Iterator[Chunk | Counts]:
    """Levels as intervals, and the totals of each log on the day it is counted to."""
    levels: list[_Part] = []
    totals: list[_Part] = []
    counts, n_bad, n_strange = Counts(), 0, 0
    for log in logs:
        name, day = str(log.get("logId")), log.get("dateOfSleep")
        if log.get("logId") is None or not isinstance(day, str):
            n_bad += 1
            continue
        counts.records_read += 1
        held = log.get("levels")
        told: dict[str, Any] = held if isinstance(held, dict) else {}
        entries, short = entries_of(told.get("data")), len(entries_of(told.get("shortData")))
        mine = [m for entry in entries if (m := _level(name, entry)) is not None]
        n_strange += len(entries) - len(mine)
        levels += mine
        sums = [
            _Part(name, day, number, variable)
            for key, variable in _TOTALS.items()
            if (number := finite(log.get(key))) is not None
        ]
        totals += sums
        # Short wakes lie within the levels: told by them already.
        counts.ignored.update(+Counter({"sleep.shortData": short}))
        counts.facts_read += short
        counts.facts_ignored += short
        if not entries and not sums and not short:
            counts.records_ignored += 1
            counts.ignored["empty-record"] += 1
    yield from rejected(n_bad, "not-an-entry", "a sleep log with logId and dateOfSleep")
    yield from rejected(n_strange, "not-a-level", "a level with its seconds", "levels.data")
    yield from _land_parts(writer, native, levels, is_level=True)
    yield from _land_parts(writer, native, totals, is_level=False)
    yield counts


def _level(log: str, entry: Any) -> _Part | None:
    if not isinstance(entry, dict) or entry.get("level") not in _LEVELS:
        return None
    seconds = finite(entry.get("seconds"))
    if seconds is None or seconds < 0:
        return None
    return _Part(log, str(entry.get("dateTime")), seconds, str(entry["level"]))


def _land_parts(
    writer: SampleWriter, native: str, parts: Sequence[_Part], *, is_level: bool
) -> Iterator[Chunk | Counts]:
    if not parts:
        return
    logs, when, number, word = (list(column) for column in zip(*parts, strict=True))
    clock = placed(read_times(pa.array(when)), writer.zone)
    good, kept = clock.is_valid, pa.array(clock.is_valid)
    column = "levels.data.dateTime" if is_level else "dateOfSleep"
    yield from rejected(int((~good).sum()), "invalid-date", "a date and time", column)
    n = int(good.sum())
    if not n:
        return
    words, ids = pa.array(word).filter(kept), pa.array(logs).filter(kept)
    numeric = np.array(number)[good]
    yield writer.chunk(
        given(
            native,
            constant("fitbit.sleep_level", n) if is_level else words,
            clock.at(good),
            numeric if is_level else np.full(n, _DAY),
            np.full(n, np.nan) if is_level else numeric,
            None,
            code=words if is_level else None,
            extra=value_hashes(
                writer.job.keys, "log", pc.binary_join_element_wise(ids, words, "/")
            ),
            record=record_of(writer.job, "sleep", constant(native, n), ids),
        )
    )
    yield Counts(facts_read=n)


def land_weight(
    writer: SampleWriter, native: str, logs: Sequence[dict[str, Any]], unit: str
) -> Iterator[Chunk | Counts]:
    """Weights and what was made of them; a log without an id is known by its time."""
    when = as_text([f"{e.get('date')} {e.get('time', '')}".strip() for e in logs])
    clock = placed(read_times(when, "mdy"), writer.zone)
    n_bad = int((~clock.is_valid).sum())
    yield from rejected(n_bad, "invalid-date", "a date and time")
    counts = Counts(records_read=len(logs) - n_bad)
    ids = pc.coalesce(as_text([e.get("logId") for e in logs]), when)
    record = record_of(writer.job, "weight", constant(native, len(logs)), ids)
    is_held = np.zeros(len(logs), dtype=np.bool_)
    for field, variable in _WEIGHTS.items():
        text = as_text([e.get(field) for e in logs])
        number, is_number = numbers(text)
        good = is_number & clock.is_valid
        wrong = text.is_valid().to_numpy(zero_copy_only=False) & ~is_number & clock.is_valid
        is_held |= good | wrong
        yield from rejected(int(wrong.sum()), "not-a-number", "a number", field)
        n = int(good.sum())
        if n:
            counts.facts_read += n
            of = unit if field == "weight" else None
            yield writer.chunk(given(native, constant(variable, n), clock.at(good), np.zeros(n),
                                     number[good], of, record=record[good]))  # fmt: skip
    n_empty = int((clock.is_valid & ~is_held).sum())
    counts.records_ignored += n_empty
    counts.ignored.update(+Counter({"empty-record": n_empty}))
    yield counts
