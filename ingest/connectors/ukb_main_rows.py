"""Facts of a main table as rows of raw.value and raw.event."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.connectors.ukb_cells import Facts, Ints, Ints32
from biobraid.ingest.connectors.ukb_dating import BlockTimes
from biobraid.ingest.connectors.ukb_persons import constant
from biobraid.ingest.connectors.ukb_plan import DIAGNOSES, MainPlan, Role, fact_hash
from biobraid.ingest.hashing import U64, mix, positive

_EVENT_WORDS = ("kind", "code_system", "origin", "position")


@dataclass(frozen=True)
class Rows:
    """The kept rows of a block: eids with their keys, 64-bit record ids, lines of the file."""

    eids: pa.StringArray
    persons: pa.DictionaryArray
    records: U64
    numbers: Ints


class Landing:
    """Makes chunks of facts that land."""

    def __init__(self, job: FileJob, plan: MainPlan) -> None:
        self._job, self._plan = job, plan
        self._date_cells = plan.date_cells()
        self._elements: dict[tuple[int, int], tuple[int, int]] = {}
        meant = [DIAGNOSES.get(c.field) for c in plan.columns]
        self._words = {
            word: pa.array([getattr(d, word, None) for d in meant], pa.string())
            for word in _EVENT_WORDS
        }

    def chunks(self, facts: Facts, rows: Rows, times: BlockTimes) -> Iterator[Chunk]:
        """The facts as rows of their tables."""
        is_event = self._plan.roles[facts.column] == Role.EVENT
        values, events = facts.only(~is_event), facts.only(is_event)
        if len(values):
            columns = {**self._origin(values, rows, times), **self._value_columns(values)}
            yield Chunk("raw.value", pa.table(columns))
        if len(events):
            columns = {**self._origin(events, rows, times), **self._event_columns(events)}
            yield Chunk("raw.event", pa.table(columns))

    def _origin(self, facts: Facts, rows: Rows, times: BlockTimes) -> dict[str, pa.Array]:
        plan = self._plan
        hashes, dates = plan.hashes[facts.column], plan.dated_by[facts.column]
        if facts.index is not None:
            hashes, dates = self._of_elements(facts.column, facts.index)
        return {
            "row_id": positive(mix(rows.records[facts.row], hashes)),
            "record_id": pa.array(positive(rows.records).to_numpy()[facts.row]),
            "source_person_key": rows.persons.take(pa.array(facts.row)),
            "variable": pa.DictionaryArray.from_arrays(
                pa.array(plan.variable_at[facts.column]), plan.variables
            ),
            **times.of(facts.row, dates),
        }

    def _of_elements(self, column: Ints32, index: Ints32) -> tuple[U64, Ints32]:
        """Fact hashes and date columns of the values of list cells."""
        pairs = column.astype(np.int64) << 32 | index
        distinct, at = np.unique(pairs, return_inverse=True)
        found = [self._element(int(p) >> 32, int(p) & 0xFFFFFFFF) for p in distinct]
        hashes = np.array([h for h, _ in found], dtype=np.uint64)
        return hashes[at], np.array([d for _, d in found], dtype=np.int32)[at]

    def _element(self, column: int, index: int) -> tuple[int, int]:
        if (column, index) not in self._elements:
            one = self._plan.columns[column]
            date = self._plan.date_of_element(column, index)
            self._elements[(column, index)] = (
                fact_hash(self._job.keys, one.field, one.instance, index),
                self._date_cells.get(date, -1) if date else -1,
            )
        return self._elements[(column, index)]

    def _value_columns(self, facts: Facts) -> dict[str, pa.Array]:
        index = self._plan.array[facts.column] if facts.index is None else facts.index
        return {
            "instance": pa.array(self._plan.instance[facts.column]),
            "array_index": pa.array(index),
            "value": facts.values(),
        }

    def _event_columns(self, facts: Facts) -> dict[str, pa.Array]:
        at = pa.array(facts.column)
        codes = facts.values()
        return {
            "source_table": constant("main", len(facts)),
            "code": pc.utf8_trim_whitespace(codes.dictionary).take(codes.indices),
            **{word: self._words[word].take(at) for word in _EVENT_WORDS},
        }
