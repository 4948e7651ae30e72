"""Connector `garmin_fit`: FIT activity files, read by fitdecode.

Records: the data messages. Those of kind `record` and `session` land, others are ignored by rule
(`message:lap`, ...). Positions say where a person lives: they are dropped and counted. Times are
UTC; the file's own local time (message `activity`) tells the offset, else the source's zone does.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

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
    constant,
    record_of,
)
from biobraid.ingest.connectors.wearable_times import (
    MINUTE,
    NO_OFFSET,
    SECOND,
    Clock,
    from_utc,
    jumped,
)
from biobraid.ingest.hashing import mix
from biobraid.ingest.tabular.block import reject_table

_FIELDS = (
    "heart_rate", "cadence", "speed", "enhanced_speed", "altitude", "enhanced_altitude", "power",
    "temperature", "distance",
)  # fmt: skip
_POSITION = re.compile(r".*(?:position_|_lat|_long).*")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FULL_DAY = 14 * 60
# What fitdecode raises beside its own errors on its way through spoilt bytes.
_SPOILT = (AssertionError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


class GarminFitOptions(PersonFromPath):
    """Options of the connector: those of PersonFromPath."""


@connector("garmin_fit", options=GarminFitOptions)
def read_garmin_fit(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one activity."""
    options = get_connector("garmin_fit").check_options(job.source.options)
    if not isinstance(options, GarminFitOptions):
        raise TypeError("the connector is registered with other options")
    native = person_of_path(job, options)
    writer = SampleWriter(job)
    yield from writer.name([native])
    activity = _Activity()
    for message in _messages(job):
        activity.take(message)
    yield from activity.land(writer, native)
    yield Counts(bytes_done=job.path.stat().st_size)


def _messages(job: FileJob) -> Iterator[Any]:
    import fitdecode  # costs a tenth of a second, and few studies have such files

    check = fitdecode.CrcCheck.RAISE  # by default it would warn, and go on
    try:
        with fitdecode.FitReader(job.path, check_crc=check) as reader:
            for frame in reader:
                if isinstance(frame, fitdecode.FitDataMessage):
                    yield frame
    except (fitdecode.FitError, *_SPOILT) as error:
        raise SourceFileError(
            Fault(
                job.where,
                f"the file is no whole FIT file ({type(error).__name__})",
                "a FIT file whose checksum is right",
                "Ask for the file again; nothing of it was landed.",
            )
        ) from None


class _Activity:
    """The messages of one file, as far as they are kept."""

    def __init__(self) -> None:
        self.counts = Counts()
        self.device: str = ""
        self.maker: str | None = None
        self.offset_minutes: int | None = None
        self.samples: list[tuple[str, int, float, str | None, float, str | None, int]] = []
        self.undated: list[int] = []
        self.n = 0

    def take(self, message: Any) -> None:
        """Keep what a message says, or count it."""
        self.n += 1
        self.counts.records_read += 1
        told = {f.name: f for f in message.fields}
        if message.name == "file_id":
            self._file_id(told)
        if message.name == "activity":
            self._activity(told)
        if message.name == "record":
            self._record(told)
        elif message.name == "session":
            self._session(told)
        else:
            known = message.name if re.fullmatch(r"[a-z_]+", str(message.name)) else "unknown"
            known = "unknown" if known.startswith("unknown") else known
            self.counts.records_ignored += 1
            self.counts.ignored[f"message:{known}"] += 1

    def _file_id(self, told: dict[str, Any]) -> None:
        names = ("manufacturer", "product", "garmin_product", "serial_number")
        self.device = " ".join(str(told[n].value) for n in names if n in told)
        maker = told.get("manufacturer")
        product = next(
            (told[n].raw_value for n in ("garmin_product", "product") if n in told), None
        )
        if maker is not None and str(maker.value) == "garmin":
            self.maker = f"garmin:{product}" if isinstance(product, int) else "Garmin"

    def _activity(self, told: dict[str, Any]) -> None:
        local, utc = (told.get(n) for n in ("local_timestamp", "timestamp"))
        if local is None or utc is None:
            return
        if isinstance(local.raw_value, int) and isinstance(utc.raw_value, int):
            minutes = round((local.raw_value - utc.raw_value) / 60)
            if abs(minutes) <= _FULL_DAY:
                self.offset_minutes = minutes

    def _record(self, told: dict[str, Any]) -> None:
        when = _microseconds(told.get("timestamp"))
        if when is None:
            self.undated.append(self.n)
            return
        n_facts = self.counts.facts_read
        for name, found in told.items():
            better = told.get(f"enhanced_{name}")  # says the same with more digits
            is_told = better is not None and better.value is not None
            if name == "timestamp" or found.value is None or is_told:
                continue
            if name in _FIELDS and isinstance(found.value, int | float):
                variable = f"fit.record.{name}"
                self.samples.append(
                    (variable, when, float(found.value), found.units, 0.0, None, self.n)
                )
                self.counts.facts_read += 1
            else:
                self._ignore(name)
        if self.counts.facts_read == n_facts:  # nothing but its time
            self.counts.records_ignored += 1
            self.counts.ignored["empty-record"] += 1

    def _ignore(self, name: str) -> None:
        rule = "position" if _POSITION.fullmatch(name) else "field-unused"
        self.counts.facts_read += 1
        self.counts.facts_ignored += 1
        self.counts.ignored[rule] += 1

    def _session(self, told: dict[str, Any]) -> None:
        start = _microseconds(told.get("start_time"))
        length = told.get("total_elapsed_time")
        if start is None or length is None or not isinstance(length.value, int | float):
            self.undated.append(self.n)
            return
        sport = told.get("sport")
        code = str(sport.value) if sport is not None else None
        code = code if code and re.fullmatch(r"[a-z_0-9]{1,40}", code) else None
        self.samples.append(
            ("fit.session", start, float("nan"), None, float(length.value), code, self.n)
        )
        self.counts.facts_read += 1
        read = {"timestamp", "start_time", "total_elapsed_time", *(["sport"] if code else [])}
        for name, found in told.items():
            if name not in read and found.value is not None:
                self._ignore(name)

    def land(self, writer: SampleWriter, native: str) -> Iterator[Chunk | Counts]:
        """Samples, rejects and counts."""
        if self.undated:
            rows = np.array(self.undated, dtype=np.int64)
            yield Chunk("raw.reject", reject_table(rows, "invalid-date", "a message with its time"))
            self.counts.records_rejected += len(rows)
        if self.samples:
            yield self._chunk(writer, native)
        yield self.counts

    def _chunk(self, writer: SampleWriter, native: str) -> Chunk:
        variable, when, value, unit, seconds, code, number = (
            list(c) for c in zip(*self.samples, strict=True)
        )
        n = len(variable)
        utc = np.array(when, dtype=np.int64)
        nowhere = np.full(n, NO_OFFSET, dtype=np.int16)
        clock = Clock(utc, nowhere, np.full(n, -1, dtype=np.int8), np.ones(n, dtype=np.bool_))
        if self.offset_minutes is None:
            clock = from_utc(clock, writer.zone)
        else:
            local = utc + self.offset_minutes * MINUTE
            offset = np.full(n, self.offset_minutes, dtype=np.int16)
            clock = Clock(local, offset, clock.flag, clock.is_valid)
        series = pa.array(variable).dictionary_encode().indices.to_numpy(zero_copy_only=False)
        clock = jumped(clock, series.astype(np.int64))
        # A message is its time and its place among the messages of that time.
        record = record_of(writer.job, "message", constant(native, n), constant(self.device, n))
        record = mix(mix(record, utc.astype(np.uint64)), np.array(number, dtype=np.uint64))
        origin = DECLARED if self.offset_minutes is None else DELIVERED
        return writer.chunk(
            Given(
                native=constant(native, n),
                variable=pa.array(variable),
                clock=clock,
                duration_us=(np.array(seconds) * SECOND).astype(np.int64),
                value=np.array(value),
                code=pa.array(code, pa.string()),
                unit=pa.array(unit, pa.string()),
                device=constant(self.device, n),
                device_type=constant(self.maker, n),
                offset_source=np.full(n, origin, dtype=np.int8),
                extra=_places(variable, when),
                record=record,
            )
        )


def _places(variable: list[str], when: list[int]) -> np.ndarray:
    """0 for the first sample of a variable and instant, 1, 2, ... for the next ones."""
    seen: Counter[tuple[str, int]] = Counter()
    out = np.zeros(len(when), dtype=np.uint64)
    for i, key in enumerate(zip(variable, when, strict=True)):
        out[i] = seen[key]
        seen[key] += 1
    return out


def _microseconds(found: Any) -> int | None:
    """Microseconds since 1970 UTC of a field's time; None if it holds none."""
    if found is None or not isinstance(found.value, datetime):
        return None
    return round((found.value - _EPOCH).total_seconds() * SECOND)
