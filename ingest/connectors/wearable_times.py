"""Times of wearables: local time, offset and what is odd about it, as whole arrays.

Local time is kept as microseconds since 1970 on the clock of the wearer's place.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.study import DateOrder
from biobraid.ingest.times import AMBIGUOUS, NONEXISTENT, normalise_times

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NO_OFFSET = np.iinfo(np.int16).min
CLOCK_JUMP, AFTER_EXPORT = "clock-jump", "after-export"
FLAGS = (AMBIGUOUS, NONEXISTENT, CLOCK_JUMP, AFTER_EXPORT)
SECOND, MINUTE = 1_000_000, 60_000_000
_FIXED = 25  # YYYY-MM-DD HH:MM:SS +HHMM
_MICROSECONDS = 26  # characters of YYYY-MM-DDTHH:MM:SS.ffffff
_TWO_DIGITS_UNTIL = 2068


@dataclass(frozen=True)
class Clock:
    """Local times with their offsets. offset: minutes east of UTC, NO_OFFSET where none is known.

    flag: index into FLAGS, -1 where nothing is odd. is_valid: false where the text is no time.
    """

    local: Ints
    offset: npt.NDArray[np.int16]
    flag: npt.NDArray[np.int8]
    is_valid: Bools

    def __len__(self) -> int:
        return len(self.local)

    def at(self, where: Bools | Ints) -> Clock:
        """Some of the times."""
        return Clock(self.local[where], self.offset[where], self.flag[where], self.is_valid[where])

    @property
    def instant(self) -> Ints:
        """Microseconds since 1970 in UTC; local time where no offset is known."""
        minutes = np.where(self.offset == NO_OFFSET, 0, self.offset).astype(np.int64)
        return self.local - minutes * MINUTE


def read_times(values: pa.StringArray, order: DateOrder = "ymd") -> Clock:
    """Times as text, with or without an offset; an empty or null text is no valid time."""
    fixed = _read_fixed(values)
    if fixed is not None:
        return fixed
    found = normalise_times(values, order, None, two_digit_until=_TWO_DIGITS_UNTIL)
    start = found.start_time
    if pc.any(pc.greater(pc.binary_length(start), _MICROSECONDS)).as_py():
        start = pc.utf8_slice_codeunits(start, 0, _MICROSECONDS)  # finer than a timestamp holds
    is_valid = start.is_valid().to_numpy(zero_copy_only=False) & ~found.invalid_mask
    local = pc.cast(pc.cast(start, pa.timestamp("us")), pa.int64())
    offset = pc.cast(found.offset_minutes, pa.int16()).fill_null(NO_OFFSET)
    return Clock(
        local.fill_null(0).to_numpy(zero_copy_only=False),
        offset.to_numpy(zero_copy_only=False),
        np.full(len(values), -1, dtype=np.int8),
        is_valid,
    )


def _read_fixed(values: pa.StringArray) -> Clock | None:
    """Times that are all written `2021-03-01 07:00:00 +0100`, digit by digit; None if any is not."""
    n = len(values)
    if not n or values.null_count:
        return None
    text = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    _, bounds, data = text.buffers()
    start = np.frombuffer(bounds, dtype=np.int32, count=n + 1, offset=4 * text.offset)
    if int(start[-1] - start[0]) != n * _FIXED or not (np.diff(start) == _FIXED).all():
        return None
    raw = np.frombuffer(data, dtype=np.uint8, count=n * _FIXED, offset=int(start[0]))
    raw = raw.reshape(n, _FIXED)
    marks = ((4, "-"), (7, "-"), (10, " "), (13, ":"), (16, ":"), (19, " "))
    if not all((raw[:, at] == ord(mark)).all() for at, mark in marks):
        return None
    places = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 21, 22, 23, 24]
    digit = raw[:, places].T - np.uint8(ord("0"))
    if (digit > 9).any():
        return None
    d = digit.astype(np.int64)
    year = d[0] * 1000 + d[1] * 100 + d[2] * 10 + d[3]
    month, day = d[4] * 10 + d[5], d[6] * 10 + d[7]
    hour, minute, second = d[8] * 10 + d[9], d[10] * 10 + d[11], d[12] * 10 + d[13]
    is_valid = (month >= 1) & (month <= 12) & (day >= 1) & (hour < 24) & (minute < 60)
    is_valid &= second < 60
    first = ((year - 1970) * 12 + np.where(is_valid, month, 1) - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]").astype(np.int64) + day - 1
    is_valid &= (days.astype("datetime64[D]").astype("datetime64[M]") == first) | ~is_valid
    sign = np.where(raw[:, 20] == ord("-"), -1, 1)
    offset = sign * ((d[14] * 10 + d[15]) * 60 + d[16] * 10 + d[17])
    local = (days * 86_400 + hour * 3600 + minute * 60 + second) * SECOND
    is_valid &= np.abs(offset) <= 14 * 60
    return Clock(local, offset.astype(np.int16), np.full(n, -1, dtype=np.int8), is_valid)


def placed(clock: Clock, zone: str) -> Clock:
    """The clock with the zone's offsets where none was delivered.

    An hour that a clock change repeats is given the offset of its first pass and flagged
    (SampleWriter tells the second pass of a file from the first), and one that the change skips
    the offset before it. What is odd about a time already stays said.
    """
    bare = (clock.offset == NO_OFFSET) & clock.is_valid
    if not bare.any():
        return clock
    local = pa.array(clock.local[bare], pa.timestamp("us"))
    first, last = (
        pc.assume_timezone(local, zone, ambiguous=which, nonexistent=which)
        for which in ("earliest", "latest")
    )
    utc = pc.cast(pc.cast(first, pa.timestamp("us", "UTC")), pa.int64()).to_numpy()
    differs = pc.not_equal(first, last).to_numpy(zero_copy_only=False)
    is_back = pc.equal(pc.local_timestamp(first), local).to_numpy(zero_copy_only=False)
    # Of a time that is skipped `first` is the last instant before it, whose offset still counts.
    wall = pc.cast(pc.local_timestamp(first), pa.int64()).to_numpy()
    offset, flag = clock.offset.copy(), clock.flag.copy()
    offset[bare] = np.floor_divide(wall - utc, MINUTE).astype(np.int16)
    flags = np.full(len(local), -1, dtype=np.int8)
    flags[differs] = FLAGS.index(NONEXISTENT)
    flags[differs & is_back] = FLAGS.index(AMBIGUOUS)
    flag[bare] = np.where(flag[bare] >= 0, flag[bare], flags)
    return Clock(clock.local, offset, flag, clock.is_valid)


def second_passes(clock: Clock, zone: str, which: Bools) -> npt.NDArray[np.int16]:
    """The clock's offsets, but those of the second pass where `which`, as the zone has them.

    A clock is set back by an hour as a rule, and by half of one on Lord Howe Island.
    """
    offset = clock.offset.copy()
    which = which & (clock.offset != NO_OFFSET)
    if not which.any():
        return offset
    local = pa.array(clock.local[which], pa.timestamp("us"))
    last = pc.assume_timezone(local, zone, ambiguous="latest", nonexistent="latest")
    utc = pc.cast(pc.cast(last, pa.timestamp("us", "UTC")), pa.int64()).to_numpy()
    offset[which] = np.floor_divide(clock.local[which] - utc, MINUTE).astype(np.int16)
    return offset


def to_zone(clock: Clock, zone: str) -> Clock:
    """The same instants on the clock of another zone."""
    instants = pa.array(clock.instant, pa.timestamp("us", "UTC"))
    local = pc.cast(pc.local_timestamp(pc.cast(instants, pa.timestamp("us", zone))), pa.int64())
    found: Ints = local.to_numpy(zero_copy_only=False)
    offset = ((found - clock.instant) // MINUTE).astype(np.int16)
    return Clock(found, offset, clock.flag, clock.is_valid)


def in_named_zones(clock: Clock, zones: Sequence[str | None]) -> tuple[Clock, Bools]:
    """Times with an offset on the clock of the zone named beside each, and where that was done.

    A name that is no zone changes nothing.
    """
    names = pa.array(zones, pa.string()).dictionary_encode()
    places = names.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    local, offset = clock.local.copy(), clock.offset.copy()
    is_moved = np.zeros(len(clock), dtype=np.bool_)
    for number, zone in enumerate(names.dictionary.to_pylist()):
        at = (places == number) & (clock.offset != NO_OFFSET)
        if not zone:
            continue
        try:
            moved = to_zone(clock.at(at), zone)
        except (pa.ArrowInvalid, KeyError):
            continue
        local[at], offset[at] = moved.local, moved.offset
        is_moved |= at
    return Clock(local, offset, clock.flag, clock.is_valid), is_moved


def from_utc(clock: Clock, zone: str) -> Clock:
    """Times written in UTC without saying so, on the clock of the zone."""
    utc = Clock(clock.local, np.zeros(len(clock), dtype=np.int16), clock.flag, clock.is_valid)
    return to_zone(utc, zone)


def later_than(clock: Clock, limit_us: int) -> Clock:
    """The clock with a flag on what is later than an instant (that of the export)."""
    late = (clock.instant > limit_us) & (clock.flag < 0)
    flag = np.where(late, FLAGS.index(AFTER_EXPORT), clock.flag).astype(np.int8)
    return Clock(clock.local, clock.offset, flag, clock.is_valid)


def jumped(clock: Clock, series: Ints, tolerance_us: int = MINUTE) -> Clock:
    """The clock with a flag on what comes, in file order, after a later time of its series.

    For formats that are written as time goes by: there a time before an earlier row's means that
    the device's clock was set back, and that what follows is dated by another clock.
    """
    order = np.argsort(series, kind="stable")
    when = clock.instant[order]
    starts = np.r_[True, np.diff(series[order]) != 0]
    # A running maximum within each series: lift every series above the one before.
    group = np.cumsum(starts) - 1
    span = int(when.max() - when.min()) + 1 if len(when) else 1
    lifted = when - (when.min() if len(when) else 0) + group * span
    highest = np.maximum.accumulate(lifted)
    back = np.zeros(len(clock), dtype=bool)
    back[order] = highest - lifted > tolerance_us
    flag = np.where(back & (clock.flag < 0), FLAGS.index(CLOCK_JUMP), clock.flag).astype(np.int8)
    return Clock(clock.local, clock.offset, flag, clock.is_valid)
