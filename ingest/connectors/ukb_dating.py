"""When the values of a main table were true: each is dated by a cell of its own row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.ukb_cells import Facts, Ints, Ints32
from biobraid.ingest.connectors.ukb_plan import MainPlan, Role
from biobraid.ingest.connectors.ukb_times import read_times, time_columns

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class BlockTimes:
    """Times in the date cells of a block.

    is_invalid: for each fact of the block, true for a cell that must be a date and is none.
    place: date column (see MainPlan.dates; the last row stands for none) x row -> time, or -1.
    """

    is_invalid: Bools
    place: npt.NDArray[np.int32]
    columns: dict[str, pa.Array]  # of the distinct times

    def of(self, row: Ints, date: Ints32) -> dict[str, pa.Array]:
        """Time columns of facts, given their rows and what dates them (-1: nothing)."""
        at = self.place[date, row]
        if not (at >= 0).any():
            return {}
        index = pa.array(at, mask=at < 0)
        found = {
            name: values.take(index)
            for name, values in self.columns.items()
            if name != "start_time"
        }
        # Nearly always all null; landing fills in a column that is left out.
        found = {name: values for name, values in found.items() if values.null_count < len(at)}
        start = self.columns["start_time"]
        return {"start_time": _dictionary(start).take(index), **found}


def block_times(job: FileJob, plan: MainPlan, facts: Facts, n_rows: int) -> BlockTimes:
    """Read the date cells of a block; each distinct text once."""
    is_date = plan.is_time[facts.column] & (plan.roles[facts.column] <= Role.BIRTH_DATE)
    is_date |= plan.date_number[facts.column] >= 0
    dated = facts.only(is_date)
    used = dated.used()
    times = read_times(job, facts.texts.take(pa.array(used)))
    place = np.zeros(len(facts.texts), dtype=np.int32)
    place[used] = np.arange(len(used), dtype=np.int32)
    is_invalid = np.zeros(len(facts), dtype=bool)
    is_invalid[is_date] = times.invalid_mask[place[dated.code]]
    number = plan.date_number[dated.column]
    givers = dated.only(number >= 0)
    matrix = np.full((len(plan.dates) + 1, n_rows), -1, dtype=np.int32)
    matrix[plan.date_number[givers.column], givers.row] = place[givers.code]
    return BlockTimes(is_invalid, matrix, time_columns(times))


def _dictionary(texts: pa.StringArray) -> pa.DictionaryArray:
    return texts if pa.types.is_dictionary(texts.type) else texts.dictionary_encode()
