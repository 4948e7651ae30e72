"""Rows of raw.wearable_sample: ids that count up, keyed devices, sorted by person and time.

Ids. A sample of one variable, device and person at one second of one day in UTC has the id
(keyed hash of person, variable, device and day) << 17 | second of the day. Within a day ids
therefore count up with the time, and Parquet's difference encoding stores a minute's row of ids
in next to nothing, where random 63-bit ids would take eight bytes. Two days whose 46-bit hashes
agree (odds of one in a thousand at 400,000 days of samples) clash, and landing rehashes them
like any other clash. What the second does not tell apart (categories, two values of an instant,
the second pass of a repeated hour) is mixed into the id.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.keys import IngestKeys
from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.connectors.met_records import MetRecords
from biobraid.ingest.connectors.wearable_times import (
    FLAGS,
    NO_OFFSET,
    SECOND,
    Clock,
    Ints,
    second_passes,
)
from biobraid.ingest.hashing import (
    U64,
    mix,
    person_keys,
    positive,
    record_ids,
    value_hash,
    value_hashes,
)
from biobraid.ingest.times import AMBIGUOUS, NONEXISTENT

_DAY_US = 86_400 * SECOND
_SECOND_BITS = np.uint64(17)  # 86,400 < 2 ** 17
_BLOCK_MASK = np.uint64(0x7FFF_FFFF_FFFE_0000)
_FLAG_WORDS = pa.array(FLAGS, pa.string())
_ORIGINS = pa.array(["delivered", "record", "declared"], pa.string())
DELIVERED, RECORD, DECLARED = range(3)
BETWEEN = "\x1f"  # between the parts of what tells devices apart
# Forms of model names that name no person. A device's own name ("Ana's Watch") never lands.
_MODELS = re.compile(
    r"(?:Watch|iPhone|iPad|iPod)\d{1,2},\d{1,2}|AX[36]|Fitbit|Garmin|Charge ?\d|Versa ?\d?|"
    r"Sense ?\d?|Inspire ?\d?|Alta HR|Ionic|Luxe|Oura|Polar|Withings|garmin:\d{1,5}"
)


@dataclass(frozen=True)
class Given:
    """Samples as a connector has read them, columns of one length.

    native: native person ids; null where nobody is named (such rows must not be given).
    value: NaN where there is none. device: what tells devices apart, null if nothing does; only
    a keyed token of it lands. extra: what tells apart samples of one second, 0 where nothing is
    to be told. record: 64-bit ids of the records the samples stood in; None: each is its own.
    offset_source: index into delivered, record, declared; -1 for none.
    """

    native: pa.Array
    variable: pa.Array
    clock: Clock
    duration_us: Ints
    value: npt.NDArray[np.float64]
    code: pa.Array | None = None
    unit: pa.Array | None = None
    device: pa.Array | None = None
    device_type: pa.Array | None = None
    offset_source: npt.NDArray[np.int8] | None = None
    extra: U64 | None = None
    record: U64 | None = None
    row_number: Ints | None = None  # where one record may stand in the file more than once

    def __len__(self) -> int:
        return len(self.clock)


@dataclass
class SampleWriter:
    """Makes chunks of one file; remembers who was named and how often an ambiguous second came."""

    job: FileJob
    named: set[str] = field(default_factory=set)
    seen: Counter[int] = field(default_factory=Counter)
    met: MetRecords = field(default_factory=MetRecords)

    @property
    def zone(self) -> str:
        """Zone of times that come without an offset."""
        return self.job.source.time_zone or self.job.study.time_zone

    def name(self, natives: Iterable[str | None]) -> list[Chunk]:
        """A native_id row for each person the file has not named before."""
        new = sorted({n for n in natives if n} - self.named)
        if not new:
            return []
        self.named.update(new)
        return [self.identity("native_id", new, new)]

    def identity(self, kind: str, natives: list[str], values: list[str]) -> Chunk:
        """Identity rows of one type."""
        keys = person_keys(self.job.keys, self.job.study.person_namespace, pa.array(natives))
        rows = {"source_person_key": keys, "type": [kind] * len(values), "value": values}
        return Chunk("identity", pa.table(rows))

    def chunk(self, given: Given) -> Chunk:
        """The rows, sorted by person, variable, device and time."""
        keys, n = self.job.keys, len(given)
        person = person_keys(keys, self.job.study.person_namespace, given.native)
        variable = _dictionary(given.variable)
        device = _dictionary(given.device if given.device is not None else pa.nulls(n, pa.string()))
        series = self._series(given, person, variable, device)
        clock, again = self._second_passes(given, series)
        row, record = _ids(given, clock, series, again)
        columns = {
            "row_id": positive(row),
            "record_id": positive(record),
            "source_person_key": person,
            "variable": variable,
            "code": given.code,
            "value": pa.array(given.value, mask=np.isnan(given.value)),
            "unit": given.unit,
            "device_id": _tokens(keys, device),
            "device_type": _models(given.device_type),
            "start_time": pa.array(clock.local, pa.timestamp("us")),
            "start_offset_minutes": pa.array(clock.offset, mask=clock.offset == NO_OFFSET),
            "offset_source": _words(_ORIGINS, _origin(given)),
            "duration_seconds": pa.array(given.duration_us / SECOND),
            "time_flag": _words(_FLAG_WORDS, clock.flag),
            "row_number": None if given.row_number is None else pa.array(given.row_number),
        }
        table = pa.table({name: c for name, c in columns.items() if c is not None})
        order = np.lexsort((clock.local, *(_codes(c) for c in (device, variable, person))))
        return Chunk("raw.wearable_sample", table.take(pa.array(order)))

    def _series(self, given: Given, person: pa.Array, variable: pa.Array, device: pa.Array) -> U64:
        """Keyed hash of source, person, variable and device of each sample."""
        keys = self.job.keys
        scope = f"{self.job.study.id}/{self.job.source_id}/wearable_sample"
        hashes = np.full(len(given), value_hash(keys, "scope", scope), dtype=np.uint64)
        for label, column in (("person", person), ("variable", variable), ("device", device)):
            hashes = mix(hashes, value_hashes(keys, label, column))
        return hashes

    def passes(self, names: U64, clock: Clock) -> U64:
        """How often the name came before with a time that a clock change repeats; else 0."""
        again = np.zeros(len(names), dtype=np.uint64)
        places = np.flatnonzero(clock.flag == FLAGS.index(AMBIGUOUS))
        seconds = np.floor_divide(clock.local[places], SECOND).astype(np.uint64)
        told = mix(names[places], seconds)
        for at, name in zip(places.tolist(), told.tolist(), strict=True):
            again[at] = self.seen[name]
            self.seen[name] += 1
        return again

    def _second_passes(self, given: Given, series: U64) -> tuple[Clock, U64]:
        """How often an ambiguous second came before; a second pass is later in UTC."""
        clock = given.clock
        if not (clock.flag == FLAGS.index(AMBIGUOUS)).any():
            return clock, np.zeros(len(given), dtype=np.uint64)
        names = series
        if given.code is not None:
            names = mix(names, value_hashes(self.job.keys, "code", given.code))
        again = self.passes(names, clock)
        offset = second_passes(clock, self.zone, again == 1)
        return Clock(clock.local, offset, clock.flag, clock.is_valid), again


def _ids(given: Given, clock: Clock, series: U64, again: U64) -> tuple[U64, U64]:
    """(row ids, record ids), both 64 bits.

    Made of the instant, not of the local time: an hour that a clock change repeats is two hours.
    """
    instant = clock.instant
    days = np.floor_divide(instant, _DAY_US).astype(np.uint64)
    second = np.floor_divide(np.mod(instant, _DAY_US), SECOND).astype(np.uint64)
    row = (mix(series, days) & _BLOCK_MASK) | second
    more = np.mod(instant, SECOND).astype(np.uint64)  # below the second
    if given.extra is not None:
        more = np.where(given.extra == 0, more, mix(more, given.extra))
    more = np.where(again < 2, more, mix(more, again))  # the second pass is later in UTC
    # A skipped hour, counted by the offset before it, has the instants of the hour that follows.
    more = np.where(clock.flag == FLAGS.index(NONEXISTENT), mix(more, np.uint64(1)), more)
    row = np.where(more == 0, row, mix(row, more))
    return row, (row if given.record is None else given.record)


def record_of(job: FileJob, kind: str, *columns: pa.Array) -> U64:
    """64-bit ids of records of a kind that some columns name within the study and source.

    Without study and source, ids that are equal in two studies would be seen to be equal.
    """
    scope = f"{job.study.id}/{job.source_id}/{kind}"
    return record_ids(job.keys, scope, [(f"key{i}", c) for i, c in enumerate(columns)])


def constant(word: str | None, n: int) -> pa.DictionaryArray:
    """A column of one word (or of nulls)."""
    if word is None:
        return pa.DictionaryArray.from_arrays(pa.nulls(n, pa.int32()), pa.array([""]))
    return pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), pa.array([word]))


def _origin(given: Given) -> npt.NDArray[np.int8]:
    if given.offset_source is not None:
        return given.offset_source
    return np.where(given.clock.offset == NO_OFFSET, -1, DELIVERED).astype(np.int8)


def _words(words: pa.Array, at: npt.NDArray[np.int8]) -> pa.DictionaryArray:
    indices = pa.array(at.astype(np.int32), mask=at < 0)
    return pa.DictionaryArray.from_arrays(indices, words)


def _models(column: pa.Array | None) -> pa.Array | None:
    """Only what looks like a model's name; anything else is null."""
    if column is None:
        return None
    column = _dictionary(column)
    kept = [w if w and _MODELS.fullmatch(w) else None for w in column.dictionary.to_pylist()]
    return pa.array(kept, pa.string()).take(column.indices)


def _tokens(keys: IngestKeys, device: pa.DictionaryArray) -> pa.DictionaryArray:
    """A keyed token of each device; null, which Parquet takes in no dictionary, of an empty name."""
    names = device.dictionary.to_pylist()
    tokens = pa.array([f"{value_hash(keys, 'device', name):016x}" for name in names], pa.string())
    is_named = pa.array([bool(name.strip(BETWEEN)) for name in names], pa.bool_())
    indices = pc.if_else(is_named.take(device.indices), device.indices, pa.scalar(None, pa.int32()))
    return pa.DictionaryArray.from_arrays(indices, tokens)


def _codes(column: pa.DictionaryArray) -> Ints:
    codes: Ints = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return codes


def _dictionary(column: pa.Array) -> pa.DictionaryArray:
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    return column if pa.types.is_dictionary(column.type) else pc.dictionary_encode(column)
