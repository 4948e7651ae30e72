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
        is_dated = at >= 0
        if not is_dated.any():
            return {}
        is_used = np.zeros(len(self.columns["start_time"]), dtype=bool)
        is_used[at[is_dated]] = True
        used = pa.array(np.flatnonzero(is_used))
        index = pa.array((np.cumsum(is_used) - 1).astype(np.int32)[at], mask=~is_dated)
        found = {}
        for name, times in self.columns.items():
            values = times.take(used)
            if values.null_count == len(values):
                continue  # landing fills in a column that is left out
            if name == "start_time":
                # Of the times in use only: a dictionary lands as it is, birth dates included.
                values = values.dictionary_encode()
            found[name] = values.take(index)
        return found


def block_times(job: FileJob, plan: MainPlan, facts: Facts, n_rows: int) -> BlockTimes:
    """Read the date cells of a block; each distinct text once."""
    lands = plan.roles <= Role.BIRTH_DATE
    is_date = ((plan.is_time & lands) | (plan.date_number >= 0))[facts.column]
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
