"""Dates of UK Biobank: ISO or DD/MM/YYYY, with pseudo dates that stand for something else.

Encoding 819 and the primary-care documentation name the pseudo dates. As a time they become
null with a flag; a cell that holds one as its value lands as delivered.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.study import DateOrder
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.times import NormalisedTimes, normalise_times

SENTINELS = {
    "1900-01-01": "sentinel-unknown",
    "1901-01-01": "sentinel-before-birth",
    "1902-02-02": "sentinel-birth",
    "1903-03-03": "sentinel-birth-year",
    "1909-09-09": "sentinel-future",
    "2037-07-07": "sentinel-future",
}
A_DATE = "a date that exists, as YYYY-MM-DD or DD/MM/YYYY"


def read_times(job: FileJob, values: pa.Array) -> NormalisedTimes:
    """Times of a column; slashed dates are day first unless the source declares `mdy`."""
    order: DateOrder = "mdy" if job.source.date_order == "mdy" else "dmy"
    zone = job.source.time_zone or job.study.time_zone
    return normalise_times(values, order, zone, sentinels=SENTINELS)


def time_columns(times: NormalisedTimes) -> dict[str, pa.Array]:
    """The columns of a landing table that say when a row started."""
    return {
        "start_time": times.start_time,
        "start_offset_minutes": times.offset_minutes,
        "time_source": times.time_source,
        "time_flag": times.time_flag,
    }


def first_of(first: NormalisedTimes, second: NormalisedTimes) -> NormalisedTimes:
    """Row by row the first time; the second where the first has no start."""
    use_second = pc.and_(
        pc.is_null(first.start_time),
        pc.or_(pc.is_valid(second.start_time), pc.is_null(first.time_flag)),
    )
    return NormalisedTimes(
        start_time=pc.if_else(use_second, second.start_time, first.start_time),
        offset_minutes=pc.if_else(use_second, second.offset_minutes, first.offset_minutes),
        time_source=pc.if_else(use_second, second.time_source, first.time_source),
        time_flag=pc.if_else(use_second, second.time_flag, first.time_flag),
        invalid_mask=first.invalid_mask & second.invalid_mask,
    )
