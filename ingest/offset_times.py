"""Times that are delivered as spans since an anchor: minutes, days, months or years."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.times import NormalisedTimes, iso_seconds

Ints = npt.NDArray[np.int64]
SpanUnit = Literal["minutes", "days", "months", "years"]
_DAYS_IN_MONTH = 365.25 / 12
_FIRST, _LAST = (int(np.datetime64(d, "D").astype(np.int64)) for d in ("0001-01-01", "9999-12-31"))
_NONE = pa.scalar(None, pa.string())


def shift_times(values: pa.Array, anchor: str | pa.StringArray, unit: SpanUnit) -> NormalisedTimes:
    """Times given as a number of `unit` since the anchor date, one or one for each value.

    Minutes give date and time (to the second), the others a date. Whole months and years keep
    the day of the month (the last one there is), what remains counts in mean months of 30.4
    days. Anything but a number is invalid, and so is a
    date outside the years 1 to 9999; a value whose anchor is null has no time and says
    in time_source what was delivered.
    """
    text = pc.utf8_trim_whitespace(values.cast(pa.string()))
    is_given = pc.fill_null(pc.not_equal(text, ""), False).to_numpy(zero_copy_only=False)
    number = r"^[+-]?\d{1,9}(\.\d*)?$"
    is_number = pc.fill_null(pc.match_substring_regex(text, number), False)
    ok = is_number.to_numpy(zero_copy_only=False)
    numbers = pc.cast(pc.if_else(is_number, text, "0"), pa.float64()).to_numpy()
    n = len(text)
    days, has_anchor = _days(anchor, n)
    seconds = np.zeros(n, dtype=np.int64)
    if unit == "minutes":
        seconds = np.round(numbers * 60).astype(np.int64)
        days, seconds = days + seconds // 86400, seconds % 86400
    elif unit == "days":
        days = days + np.floor(numbers).astype(np.int64)
    else:
        days = _months_later(days, numbers * (12 if unit == "years" else 1))
    ok = ok & (days >= _FIRST) & (days <= _LAST)
    days = np.where(ok, days, 0)
    if unit == "minutes":
        start = iso_seconds(days * 86400 + seconds)
    else:
        start = pa.array(days.astype(np.int32), pa.date32()).cast(pa.string())
    return NormalisedTimes(
        start_time=pc.if_else(pa.array(ok & has_anchor), start, _NONE),
        offset_minutes=pa.nulls(n, pa.int32()),
        time_source=pc.if_else(pa.array(is_given), text, _NONE),
        time_flag=pa.nulls(n, pa.string()),
        invalid_mask=is_given & ~ok,
    )


def _days(anchor: str | pa.StringArray, n: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Days since 1970 of the anchor's day, and where there is one."""
    if isinstance(anchor, str):
        return np.full(n, np.datetime64(anchor, "D").astype(np.int64)), np.ones(n, dtype=bool)
    dates = pc.cast(pc.utf8_slice_codeunits(anchor, 0, 10), pa.date32())
    days: Ints = pc.cast(dates, pa.int32()).fill_null(0).to_numpy().astype(np.int64)
    return days, dates.is_valid().to_numpy(zero_copy_only=False)


def _months_later(days: Ints, months: npt.NDArray[np.float64]) -> Ints:
    dates = days.astype("datetime64[D]")
    first = dates.astype("datetime64[M]")
    whole = np.floor(months + 1e-9)
    later = first + whole.astype(np.int64).astype("timedelta64[M]")
    day = (dates - first.astype("datetime64[D]")).astype(np.int64)
    next_month = (later + np.timedelta64(1, "M")).astype("datetime64[D]")
    length = (next_month - later.astype("datetime64[D]")).astype(np.int64)
    start: Ints = later.astype("datetime64[D]").astype(np.int64)
    rest = np.maximum(months - whole, 0.0) * _DAYS_IN_MONTH
    out: Ints = start + np.minimum(day, length - 1) + np.floor(rest + 1e-9).astype(np.int64)
    return out
