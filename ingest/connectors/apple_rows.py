"""Elements of an Apple Health export as rows: records, workouts, daily summaries, the person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.apple_xml import Attributes
from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.wearable_numbers import are_codes, numbers
from biobraid.ingest.connectors.wearable_rows import (
    BETWEEN,
    DECLARED,
    DELIVERED,
    RECORD,
    Given,
    SampleWriter,
    constant,
    record_of,
)
from biobraid.ingest.connectors.wearable_times import (
    SECOND,
    Bools,
    Clock,
    in_named_zones,
    later_than,
    placed,
    read_times,
)
from biobraid.ingest.hashing import U64, mix, person_keys, positive, value_hash, value_hashes
from biobraid.ingest.tabular.block import reject_table

_DAY = 86_400 * SECOND
_NONE = pa.scalar(None, pa.string())
# The address of an object in memory, and versions that change while the device stays the same.
_PASSING = r"HKDevice: 0x[0-9a-fA-F]+|, *(?:software|firmware|creation date):[^,>]*"
_KEYS = ("type", "sourceName", "unit", "device", "startDate", "endDate", "value")
_HARDWARE, _MAKER = re.compile(r"hardware:([^,>]+(?:,\d+)?)"), re.compile(r"manufacturer:([^,>]+)")
_TOTALS = ("totalDistance", "totalEnergyBurned", "totalSwimmingStrokeCount", "totalFlightsClimbed")
_SUMMARY = {
    "activeEnergyBurned": "ActiveEnergyBurned", "appleExerciseTime": "ExerciseTime",
    "appleStandHours": "StandHours", "appleMoveTime": "MoveTime",
}  # fmt: skip
_SUMMARY_UNITS = {"appleExerciseTime": "min", "appleStandHours": "h", "appleMoveTime": "min"}
_BIRTH = "HKCharacteristicTypeIdentifierDateOfBirth"
_SEX = "HKCharacteristicTypeIdentifierBiologicalSex"
_BIRTH_LENGTH = {"year": 4, "month": 7, "day": 10}


class Whose(NamedTuple):
    """The writer and whose export it is; the instant of the export in UTC, None if unknown."""

    writer: SampleWriter
    native: str
    exported_us: int | None


def land_records(
    whose: Whose, records: Sequence[Attributes], lines: Sequence[int]
) -> Iterator[Chunk | Counts]:
    """Samples of `Record` elements: quantities as numbers, categories as codes."""
    if not records:
        return
    text = {key: pa.array([r.get(key) for r in records], pa.string()) for key in _KEYS}
    yield from _landed(whose, records, lines, text)


def land_workouts(whose: Whose, workouts: Sequence[Attributes]) -> Iterator[Chunk | Counts]:
    """A sample of each workout, coded by its activity, and its totals beside it."""
    if not workouts:
        return
    text = {key: pa.array([w.get(key) for w in workouts], pa.string()) for key in _KEYS}
    text["type"] = pa.array(["Workout"] * len(workouts))
    text["value"] = pa.array([w.get("workoutActivityType") for w in workouts], pa.string())
    yield from _landed(whose, workouts, [0] * len(workouts), text)


def _landed(
    whose: Whose,
    elements: Sequence[Attributes],
    lines: Sequence[int],
    text: dict[str, pa.Array],
) -> Iterator[Chunk | Counts]:
    keys, n = whose.writer.job.keys, len(elements)
    zones = [e.get("zone") for e in elements]
    start, origin = _clock(whose, text["startDate"], zones)
    end = read_times(text["endDate"].fill_null(""))
    end = placed(end, whose.writer.zone)
    number, is_number = numbers(text["value"])
    is_code = are_codes(text["value"])
    is_empty = text["value"].is_null().to_numpy(zero_copy_only=False)
    faults = (
        ("invalid-date", ~(start.is_valid & end.is_valid), "a date and time with its offset"),
        ("end-before-start", end.instant < start.instant, "an end that is not before the start"),
        ("not-a-number", ~(is_number | is_code | is_empty), "a number, or a value of HealthKit's"),
        ("missing-type", text["type"].is_null().to_numpy(zero_copy_only=False), "a type"),
    )
    good: Bools = np.ones(n, dtype=np.bool_)
    for reason, is_bad, expected in faults:
        bad = good & is_bad
        good &= ~is_bad
        if bad.any():
            yield Chunk("raw.reject", reject_table(np.array(lines)[bad], reason, expected))
    counts = Counts(records_read=n, records_rejected=int((~good).sum()))
    kept = pa.array(good)
    code = pc.if_else(pa.array(is_code), text["value"], _NONE)
    device = pc.binary_join_element_wise(
        _lasting(text["device"]), text["sourceName"].fill_null(""), BETWEEN
    )
    # What a second does not tell apart: the interval's end, the value or category, the unit.
    extra = value_hashes(keys, "value", text["value"].dictionary_encode())
    extra = mix(extra, end.instant.astype(np.uint64))
    extra = mix(extra, value_hashes(keys, "unit", text["unit"].dictionary_encode()))
    given = Given(
        native=constant(whose.native, int(good.sum())),
        variable=text["type"].filter(kept).dictionary_encode(),
        clock=start.at(good),
        duration_us=(end.instant - start.instant)[good],
        value=np.where(is_number, number, np.nan)[good],
        code=code.filter(kept).dictionary_encode(),
        unit=text["unit"].filter(kept).dictionary_encode(),
        device=device.filter(kept).dictionary_encode(),
        device_type=_device_types(text["device"].filter(kept)),
        offset_source=origin[good],
        extra=extra[good],
    )
    counts.facts_read += len(given)
    if len(given):
        yield whose.writer.chunk(given)
    if text["type"][0].as_py() == "Workout":
        counts.facts_ignored += _totals(
            [e for e, g in zip(elements, good, strict=True) if g], counts
        )
    yield counts


def _totals(workouts: Sequence[Attributes], counts: Counts) -> int:
    """Totals of workouts say again what the records of the same minutes say."""
    found = Counter(f"workout:{name}" for w in workouts for name in _TOTALS if w.get(name))
    counts.ignored.update(found)
    counts.facts_read += found.total()
    return found.total()


def _clock(
    whose: Whose, text: pa.Array, zones: Sequence[str | None]
) -> tuple[Clock, npt.NDArray[np.int8]]:
    """Start times; where a record names its zone, on the clock of that zone.

    Apple writes all times in the zone the phone was in at the export, not in that of the record.
    """
    clock = placed(read_times(text.fill_null("")), whose.writer.zone)
    clock, is_moved = in_named_zones(clock, zones)
    origin = np.where(is_moved, RECORD, DELIVERED).astype(np.int8)
    if whose.exported_us is not None:
        clock = later_than(clock, whose.exported_us)
    return clock, origin


def land_summaries(whose: Whose, summaries: Sequence[Attributes]) -> Iterator[Chunk | Counts]:
    """Apple's own totals of a day. Goals are no observations and are ignored by rule."""
    if not summaries:
        return
    counts = Counts(records_read=len(summaries))
    dates = pa.array([s.get("dateComponents") for s in summaries], pa.string()).fill_null("")
    clock = read_times(dates)
    # A watch set up with a wrong clock leaves a summary of no date or of 1969.
    bad = ~clock.is_valid | (clock.local < 0)
    if bad.any():
        yield Chunk(
            "raw.reject", reject_table(np.zeros(bad.sum(), np.int64), "invalid-date", "a day")
        )
        counts.records_rejected += int(bad.sum())
    record = record_of(whose.writer.job, "summary", constant(whose.native, len(dates)), dates)
    n_goals = np.array([sum(k.endswith("Goal") for k in s) for s in summaries])
    is_held: Bools = n_goals > 0
    for name, variable in _SUMMARY.items():
        values = pa.array([s.get(name) for s in summaries], pa.string())
        number, is_number = numbers(values)
        good = is_number & ~bad
        wrong = values.is_valid().to_numpy(zero_copy_only=False) & ~is_number & ~bad
        n_wrong, n_good = int(wrong.sum()), int(good.sum())
        is_held |= good | wrong
        counts.facts_read += n_good + n_wrong
        counts.facts_rejected += n_wrong
        if n_wrong:
            rows = reject_table(np.zeros(n_wrong, np.int64), "not-a-number", "a number", name)
            yield Chunk("raw.reject", rows)
        if not n_good:
            continue
        units = [s.get(f"{name}Unit", _SUMMARY_UNITS.get(name)) for s in summaries]
        yield whose.writer.chunk(
            Given(
                native=constant(whose.native, n_good),
                variable=constant(f"ActivitySummary.{variable}", n_good),
                clock=placed(clock.at(good), whose.writer.zone),
                duration_us=np.full(n_good, _DAY),
                value=number[good],
                unit=pa.array(units, pa.string()).filter(pa.array(good)),
                offset_source=np.full(n_good, DECLARED, dtype=np.int8),
                record=record[good],
            )
        )
    goals, n_empty = int(n_goals[~bad].sum()), int((~is_held & ~bad).sum())
    counts.facts_read += goals
    counts.facts_ignored += goals
    counts.records_ignored += n_empty
    counts.ignored.update(+Counter({"goal": goals, "empty-record": n_empty}))
    yield counts


def land_me(whose: Whose, found: Sequence[Attributes]) -> Iterator[Chunk | Counts]:
    """The person: all to the vault; sex, and birth at the study's precision, to landing too."""
    writer = whose.writer
    for me in found:
        given = {k: v for k, v in me.items() if v and not v.endswith("NotSet")}
        landed = {k: given[k] for k in (_BIRTH, _SEX) if k in given}
        counts = Counts(
            records_read=1, facts_read=len(given), facts_to_vault=len(given) - len(landed)
        )
        if not given:
            counts.records_ignored += 1
            counts.ignored["empty-record"] += 1
        if _BIRTH in given:
            length = _BIRTH_LENGTH[writer.job.study.birth_precision]
            landed[_BIRTH] = given[_BIRTH][:length]
        for key, value in given.items():
            kind = {_BIRTH: "birth_date", _SEX: "sex"}.get(key, "other")
            shown = value.removeprefix("HKBiologicalSex").lower() if key == _SEX else value
            yield writer.identity(kind, [whose.native], [shown])
        if landed:
            yield _person_values(whose, landed)
        yield counts


def _person_values(whose: Whose, landed: dict[str, str]) -> Chunk:
    keys = whose.writer.job.keys
    record: U64 = record_of(whose.writer.job, "me", pa.array([whose.native] * len(landed)))
    facts = np.array([value_hash(keys, "fact", name) for name in landed], dtype=np.uint64)
    zeros = pa.array([0] * len(landed), pa.int32())

    names = pa.array([whose.native] * len(landed))
    rows = {
        "row_id": positive(mix(record, facts)),
        "record_id": positive(record),
        "source_person_key": person_keys(keys, whose.writer.job.study.person_namespace, names),
        "variable": list(landed),
        "instance": zeros,
        "array_index": zeros,
        "value": list(landed.values()),
    }
    return Chunk("raw.value", pa.table(rows))


def _lasting(device: pa.Array) -> pa.Array:
    """What of each device's description stays the same from one export to the next."""
    encoded = device.dictionary_encode()
    kept = pc.replace_substring_regex(encoded.dictionary, _PASSING, "")
    return kept.take(encoded.indices).fill_null("")


def _device_types(device: pa.Array) -> pa.Array:
    """Model of each device: the hardware's name, else the maker's."""
    encoded = device.dictionary_encode()
    return pa.array([_model(d) for d in encoded.dictionary.to_pylist()], pa.string()).take(
        encoded.indices
    )


def _model(device: str | None) -> str | None:
    found = _HARDWARE.search(device or "") or _MAKER.search(device or "")
    return found.group(1).strip() if found else None
