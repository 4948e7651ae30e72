"""What of a UK Biobank main table goes to the vault: sex, birth date, and declared columns."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.connectors.ukb_cells import Facts, make_facts
from biobraid.ingest.connectors.ukb_persons import identities
from biobraid.ingest.connectors.ukb_plan import (
    BIRTH_DATE,
    BIRTH_MONTH,
    BIRTH_YEAR,
    SEX,
    MainPlan,
    identity_type,
)
from biobraid.ingest.connectors.ukb_times import read_times
from biobraid.ingest.hashing import U64
from biobraid.ingest.tabular import TextBlock

_LENGTH = {"year": 4, "month": 7, "day": 10}


def birth_identities(
    job: FileJob,
    plan: MainPlan,
    block: TextBlock,
    kept: npt.NDArray[np.int64],
    persons: pa.DictionaryArray,
    records: U64,
) -> Iterator[Chunk]:
    """Sex as delivered, and the birth date as YYYY-MM-DD, YYYY-MM or YYYY.

    All of it also lands as far as the study's birth precision allows; what goes to the vault
    here is a copy.
    """

    def column(field: int) -> pa.StringArray:
        name = plan.column_of(field)
        if name is None:
            return pa.nulls(len(kept), pa.string())
        return pc.utf8_trim_whitespace(block.column(name).take(pa.array(kept)))

    month = pc.utf8_lpad(column(BIRTH_MONTH), 2, "0")
    is_month = pc.fill_null(pc.match_substring_regex(month, r"^(0[1-9]|1[0-2])$"), False)
    month = pc.if_else(is_month, month, pa.scalar(None, pa.string()))
    year = column(BIRTH_YEAR)
    in_parts = pc.coalesce(pc.binary_join_element_wise(year, month, "-"), year)
    born = pc.coalesce(read_times(job, column(BIRTH_DATE)).start_time, in_parts)
    for kind, values in (("sex", column(SEX)), ("birth_date", born)):
        chunk = identities(job, kind, values, persons, records)
        if chunk is not None:
            yield chunk


def birth_dates(job: FileJob, facts: Facts) -> Facts:
    """Dates of birth (field 33) cut to the study's precision."""
    if not len(facts):
        return facts
    delivered = facts.values().dictionary_decode()
    times = read_times(job, delivered)
    whole = pc.if_else(times.time_flag.is_valid(), delivered, times.start_time)
    cut = pc.utf8_slice_codeunits(whole, 0, _LENGTH[job.study.birth_precision])
    return make_facts(facts.row, facts.column, cut)


def declared_ids(
    job: FileJob, plan: MainPlan, facts: Facts, persons: pa.DictionaryArray, records: U64
) -> Iterator[Chunk]:
    """Identity rows of cells that study.yaml sends to the vault."""
    for column in np.unique(facts.column).tolist():
        mine = facts.only(facts.column == column)
        kind = identity_type(job, plan.columns[column])
        values = mine.values().dictionary_decode()
        chunk = identities(job, kind, values, persons.take(pa.array(mine.row)), records[mine.row])
        if chunk is not None:
            yield chunk
