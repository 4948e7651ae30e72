"""Times of the records of a block, by the rules that study.yaml states."""

from __future__ import annotations

from typing import get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.delimited_plan import Plan
from biobraid.ingest.connectors.delimited_rules import START, TimeRule
from biobraid.ingest.offset_times import SpanUnit, shift_times
from biobraid.ingest.tabular import TextBlock
from biobraid.ingest.times import NormalisedTimes, normalise_times

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_UNITS: dict[str, SpanUnit] = {f"offset_{unit}": unit for unit in get_args(SpanUnit)}


def read_times(
    job: FileJob,
    block: TextBlock,
    plan: Plan,
    rule: TimeRule | None,
    rows: Ints,
    start: pa.StringArray | None = None,
) -> NormalisedTimes | None:
    """Times of some records of a block, or None if the source has none.

    start: start times of those records, for an end that counts from them.
    """
    if rule is None:
        return None
    if rule.column is None:
        fixed = pa.array([rule.fixed] * len(rows), pa.string())
        return normalise_times(fixed, "ymd", None)
    values = plan.trimmed(block, rule.column).take(pa.array(rows))
    if rule.is_offset:
        anchor: str | pa.StringArray = rule.anchor or ""
        if rule.anchor == START:
            anchor = pa.nulls(len(rows), pa.string()) if start is None else start
        elif rule.anchor_column is not None:
            dates = plan.trimmed(block, rule.anchor_column).take(pa.array(rows))
            anchor = _normalised(job, dates, rule, dates_only=True).start_time
        return shift_times(values, anchor, _UNITS[rule.kind])
    times = _normalised(job, values, rule, dates_only=rule.kind == "date")
    if rule.fallback is None:
        return times
    days = plan.trimmed(block, rule.fallback).take(pa.array(rows))
    return _first_given(values, times, _normalised(job, days, rule, dates_only=True))


def filtered(times: NormalisedTimes, is_kept: Bools) -> NormalisedTimes:
    """The times of the records that are kept."""
    mask = pa.array(is_kept)
    return NormalisedTimes(
        start_time=times.start_time.filter(mask),
        offset_minutes=times.offset_minutes.filter(mask),
        time_source=times.time_source.filter(mask),
        time_flag=times.time_flag.filter(mask),
        invalid_mask=times.invalid_mask[is_kept],
    )


def _normalised(
    job: FileJob, values: pa.StringArray, rule: TimeRule, *, dates_only: bool
) -> NormalisedTimes:
    return normalise_times(
        values,
        job.source.date_order,
        job.source.time_zone or job.study.time_zone,
        dates_only=dates_only,
        two_digit_until=rule.two_digit_until,
        sentinels=rule.sentinels or None,
    )


def _first_given(
    values: pa.StringArray, first: NormalisedTimes, second: NormalisedTimes
) -> NormalisedTimes:
    """The first where a value was given, else the second."""
    has_first = values.is_valid()
    return NormalisedTimes(
        start_time=pc.if_else(has_first, first.start_time, second.start_time),
        offset_minutes=pc.if_else(has_first, first.offset_minutes, second.offset_minutes),
        time_source=pc.if_else(has_first, first.time_source, second.time_source),
        time_flag=pc.if_else(has_first, first.time_flag, second.time_flag),
        invalid_mask=np.where(
            has_first.to_numpy(zero_copy_only=False), first.invalid_mask, second.invalid_mask
        ),
    )
