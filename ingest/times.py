"""Delivered dates and times as ISO 8601 local text with offset, flag and what was delivered.

Everything runs on the distinct values of a column, as whole arrays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.study import DateOrder

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

PARTIAL, AMBIGUOUS, NONEXISTENT = "partial-date", "ambiguous-local-time", "nonexistent-local-time"

_TIME = (
    r"(?:(?:T|t| +)(?P<H>\d{1,2}):(?P<M>\d{2})(?::(?P<S>\d{2})(?:[.,](?P<f>\d{1,9}))?)?"
    r" ?(?P<ap>[AaPp]\.?[Mm]\.?)? ?(?P<off>[Zz]|[+-]\d{2}:?\d{2}|[+-]\d{2})?)?$"
)
_Y, _M, _D, _Y2 = r"(?P<y>\d{4})", r"(?P<m>\d{1,2})", r"(?P<d>\d{1,2})", r"(?P<y>\d{2})"
_FIELDS = ("y", "m", "d", "H", "M", "S", "f", "ap", "off")
_ORDERS: Mapping[DateOrder, tuple[int, int, int]] = {
    "ymd": (0, 1, 2),
    "dmy": (2, 1, 0),
    "mdy": (2, 0, 1),
}
_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True)
class NormalisedTimes:
    """Columns of the landing schemas, as long as the values; null where nothing was given.

    invalid_mask: true where a value is no time (31/02, words); start_time is null there.
    """

    start_time: pa.StringArray
    offset_minutes: pa.Int32Array
    time_source: pa.StringArray
    time_flag: pa.StringArray
    invalid_mask: Bools


def normalise_times(
    values: pa.Array,
    order: DateOrder,
    time_zone: str | None,
    *,
    dates_only: bool = False,
    two_digit_until: int | None = None,
    sentinels: Mapping[str, str] | None = None,
) -> NormalisedTimes:
    """Read dates and times written in one order (ISO, year first, is understood in any).

    time_zone: IANA zone in which times without an offset are flagged where a clock change
    skips or repeats them. dates_only: leave the time of day out. two_digit_until: the last
    year that two digits can mean; two-digit years are invalid without it. YYYY and YYYY-MM
    become their first day, flagged partial-date. sentinels: date -> flag; start_time is then
    null and time_source says what was delivered.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if not pa.types.is_dictionary(values.type):
        values = values.dictionary_encode()
    distinct = pc.utf8_trim_whitespace(values.dictionary)
    parsed = _parse(distinct, order, two_digit_until)
    start, flag, invalid = _written(parsed, dates_only, time_zone)
    given = pc.not_equal(distinct, "").to_numpy(zero_copy_only=False)
    invalid &= given
    if sentinels:
        found = pc.index_in(pc.utf8_slice_codeunits(start, 0, 10), pa.array(list(sentinels)))
        flag = pc.coalesce(pa.array(list(sentinels.values()), pa.string()).take(found), flag)
        start = pc.if_else(found.is_valid(), pa.scalar(None, pa.string()), start)
    is_same = pc.fill_null(pc.equal(distinct, start), False)
    leave_out = pc.or_(is_same, pc.equal(distinct, ""))
    source = pc.if_else(leave_out, pa.scalar(None, pa.string()), distinct)
    at = values.indices
    is_invalid = pa.array(invalid).take(at).fill_null(False).to_numpy(zero_copy_only=False)
    return NormalisedTimes(
        start_time=start.take(at),
        offset_minutes=_offsets(parsed, dates_only).take(at),
        time_source=source.take(at),
        time_flag=flag.take(at),
        invalid_mask=is_invalid,
    )


@dataclass(frozen=True)
class _Parsed:
    """Numbers of each distinct value; matched is false where no pattern fits."""

    matched: Bools
    partial: Bools
    text: Mapping[str, pa.StringArray]  # f, ap, off
    number: Mapping[str, Ints]  # y, m, d, H, M, S; -1 where not given


def _parse(values: pa.StringArray, order: DateOrder, two_digit_until: int | None) -> _Parsed:
    n = len(values)
    fields: dict[str, pa.StringArray] = {name: pa.nulls(n, pa.string()) for name in _FIELDS}
    matched, partial = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)
    for pattern, is_partial, is_short in _patterns(order, two_digit_until is not None):
        rest = np.flatnonzero(~matched)
        if not len(rest):
            break
        groups = pc.extract_regex(values.take(pa.array(rest)), pattern)
        hit = groups.is_valid().to_numpy(zero_copy_only=False)
        if not hit.any():
            continue
        found, mask = groups.filter(pa.array(hit)), np.zeros(n, dtype=bool)
        mask[rest[hit]] = True
        for field in found.type:
            part = found.field(field.name)
            if field.name == "y" and is_short and two_digit_until is not None:
                part = _full_years(part, two_digit_until)
            fields[field.name] = pc.replace_with_mask(fields[field.name], pa.array(mask), part)
        matched |= mask
        partial |= mask & is_partial
    numbers = {name: _numbers(fields[name]) for name in ("y", "m", "d", "H", "M", "S")}
    return _Parsed(matched, partial, {name: fields[name] for name in ("f", "ap", "off")}, numbers)


def _patterns(order: DateOrder, has_short_years: bool) -> list[tuple[str, bool, bool]]:
    """(pattern, is partial, has a two-digit year), the first that fits wins."""
    out = [
        (rf"^{_Y}{sep}{_M}{sep}{_D}{_TIME}", False, False) for sep in ("-", "/", r"\.")
    ]  # the separator must be the same twice; RE2 has no back-references
    out.append((rf"^{_Y}(?P<m>\d{{2}})(?P<d>\d{{2}}){_TIME}", False, False))
    for year, is_short in ((_Y, False), (_Y2, True)):
        parts = [""] * 3
        for part, place in zip((year, _M, _D), _ORDERS[order], strict=True):
            parts[place] = part
        if (is_short and has_short_years) or (not is_short and order != "ymd"):
            out += [(f"^{s.join(parts)}{_TIME}", False, is_short) for s in ("-", "/", r"\.")]
    out.append((rf"^{_Y}(?:[-/.]{_M})?$", True, False))
    if order != "ymd":
        out.append((rf"^{_M}[-/.]{_Y}$", True, False))
    return out


def _full_years(years: pa.StringArray, until: int) -> pa.StringArray:
    short = pc.cast(years, pa.int64()).to_numpy()
    return pa.array(until - (until - short) % 100).cast(pa.string())


def _numbers(text: pa.StringArray) -> Ints:
    given = pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)
    numbers: Ints = pc.cast(given, pa.int64()).fill_null(-1).to_numpy(zero_copy_only=False)
    return numbers


def _written(
    parsed: _Parsed, dates_only: bool, time_zone: str | None
) -> tuple[pa.StringArray, pa.StringArray, Bools]:
    """ISO text, flag, and where the value is no valid time."""
    n = parsed.number
    year, month, day = n["y"], np.where(n["m"] < 0, 1, n["m"]), np.where(n["d"] < 0, 1, n["d"])
    hour, minute, second = n["H"], np.maximum(n["M"], 0), np.maximum(n["S"], 0)
    has_time = hour >= 0
    valid = parsed.matched & (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    is_leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    in_range = np.clip(month, 0, 12)
    valid &= day <= _DAYS[in_range] + ((in_range == 2) & is_leap)
    hour, clock_valid = _hours(hour, parsed.text["ap"])
    valid &= ~has_time | (clock_valid & (minute < 60) & (second < 60))
    valid &= _offset_valid(parsed.text["off"])
    months = np.where(valid, (year - 1970) * 12 + month - 1, 0)
    first = months.astype("datetime64[M]").astype("datetime64[D]").astype(np.int64)
    days = first + np.where(valid, day - 1, 0)
    start = pa.array(days.astype(np.int32), pa.date32()).cast(pa.string())
    flag = np.full(len(year), None, dtype=object)
    flag[parsed.partial & valid] = PARTIAL
    timed = has_time & valid & (not dates_only)
    if timed.any():
        at = np.flatnonzero(timed)
        seconds = days[at] * 86400 + hour[at] * 3600 + minute[at] * 60 + second[at]
        fraction = parsed.text["f"].take(pa.array(at)).fill_null("")
        dotted = pc.if_else(
            pc.equal(fraction, ""), "", pc.binary_join_element_wise(".", fraction, "")
        )
        text = pc.binary_join_element_wise(iso_seconds(seconds), dotted, "")
        start = pc.replace_with_mask(start, pa.array(timed), text)
        is_local = pc.equal(parsed.text["off"].fill_null(""), "").to_numpy(zero_copy_only=False)
        if time_zone is not None:
            flag[at[is_local[at]]] = _clock_changes(seconds[is_local[at]], time_zone)
    none = pa.scalar(None, pa.string())
    flags = pa.array(flag.tolist(), pa.string())
    return pc.if_else(pa.array(valid), start, none), flags, ~valid


def _hours(hour: Ints, half: pa.StringArray) -> tuple[Ints, Bools]:
    """Hours 0-23 of a 24-hour or, where AM or PM stands, a 12-hour clock, and which are valid."""
    letter = pc.utf8_slice_codeunits(pc.utf8_lower(half.fill_null("")), 0, 1)
    is_am = pc.equal(letter, "a").to_numpy(zero_copy_only=False)
    is_pm = pc.equal(letter, "p").to_numpy(zero_copy_only=False)
    is_half = is_am | is_pm
    valid = np.where(is_half, (hour >= 1) & (hour <= 12), (hour >= 0) & (hour <= 23))
    return np.where(is_half, hour % 12 + 12 * is_pm, hour), valid


def _offset_valid(offset: pa.StringArray) -> Bools:
    minutes = _offset_minutes(offset)
    valid: Bools = np.abs(np.nan_to_num(minutes)) <= 14 * 60
    return valid


def _offset_minutes(offset: pa.StringArray) -> npt.NDArray[np.float64]:
    """Minutes east of UTC, NaN where no offset stands."""
    table = {text: _minutes_of(text) for text in pc.unique(offset).to_pylist()}
    if set(table) <= {None, ""}:
        return np.full(len(offset), np.nan)
    encoded = offset.dictionary_encode()
    lookup = np.array([table[t] for t in encoded.dictionary.to_pylist()] + [np.nan])
    at = encoded.indices.fill_null(len(lookup) - 1).to_numpy(zero_copy_only=False)
    minutes: npt.NDArray[np.float64] = lookup[at]
    return minutes


def _minutes_of(offset: str | None) -> float:
    if not offset:
        return float("nan")
    if offset in "Zz":
        return 0.0
    digits = offset[1:].replace(":", "").ljust(4, "0")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    return float(-minutes if offset[0] == "-" else minutes)


def _offsets(parsed: _Parsed, dates_only: bool) -> pa.Int32Array:
    minutes = _offset_minutes(parsed.text["off"])
    mask = np.isnan(minutes) | dates_only
    return pa.array(np.nan_to_num(minutes).astype(np.int32), mask=mask)


def _clock_changes(seconds: Ints, time_zone: str) -> npt.NDArray[np.object_]:
    """Flag of each local time that a clock change repeats or skips."""
    local = pa.array(seconds, pa.timestamp("s"))
    first, last = (
        pc.assume_timezone(local, time_zone, ambiguous=which, nonexistent=which)
        for which in ("earliest", "latest")
    )
    differs = pc.not_equal(first, last).to_numpy(zero_copy_only=False)
    is_back = pc.equal(pc.local_timestamp(first), local).to_numpy(zero_copy_only=False)
    flags = np.full(len(seconds), None, dtype=object)
    flags[differs] = NONEXISTENT
    flags[differs & is_back] = AMBIGUOUS
    return flags


def iso_seconds(seconds: Ints) -> pa.StringArray:
    """Seconds since 1970 as YYYY-MM-DDTHH:MM:SS."""
    text = pa.array(seconds, pa.timestamp("s")).cast(pa.string())
    return pc.replace_substring(text, " ", "T", max_replacements=1)
