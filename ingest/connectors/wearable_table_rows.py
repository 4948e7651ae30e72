"""Rows of one block of a wearable platform's table on their way to samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk
from biobraid.ingest.connectors.wearable_numbers import are_codes, numbers
from biobraid.ingest.connectors.wearable_rows import (
    BETWEEN,
    DECLARED,
    DELIVERED,
    RECORD,
    Given,
    SampleWriter,
    constant,
    record_of,
)
from biobraid.ingest.connectors.wearable_spec import TableSpec
from biobraid.ingest.connectors.wearable_times import (
    NO_OFFSET,
    SECOND,
    Bools,
    Clock,
    Ints,
    in_named_zones,
    placed,
    read_times,
)
from biobraid.ingest.hashing import U64, mix, positive, value_hashes
from biobraid.ingest.tabular import TextBlock

A_NUMBER, A_CATEGORY = "a number, or a value of HealthKit's", "a category that is known"


class Found(NamedTuple):
    """What one column of a block holds: samples, and cells that are none and why."""

    chunk: Chunk | None
    column: str
    is_value: Bools
    is_wrong: Bools
    reason: str
    expected: str


class TableRows:
    """The rows of one block on their way to samples; `good` is set once it is known."""

    def __init__(
        self,
        writer: SampleWriter,
        spec: TableSpec,
        block: TextBlock,
        person: pa.Array,
    ) -> None:
        self._writer, self._spec, self._block, self._person = writer, spec, block, person
        clock = read_times(block.column(spec.time).fill_null(""), spec.order)
        self.origin = np.where(clock.offset == NO_OFFSET, DECLARED, DELIVERED).astype(np.int8)
        if spec.zone in block.columns and spec.zone:
            clock, is_moved = in_named_zones(clock, block.column(spec.zone).to_pylist())
            self.origin[is_moved] = RECORD
        self.clock = placed(clock, writer.zone)
        self.duration = self._durations()
        self.good: Bools = np.ones(block.n_rows, dtype=np.bool_)
        self._record: U64 | None = None
        if spec.key:
            columns = (block.column(c) for c in spec.key)
            self._record = record_of(writer.job, spec.key[0], *columns)
        elif len(spec.measures) > 1 or spec.minutes:  # several facts of one row
            record = record_of(writer.job, spec.name, person)
            record = mix(record, self.clock.local.astype(np.uint64))
            again = writer.passes(record, self.clock)
            self._record = np.where(again == 0, record, mix(record, again))

    def _durations(self) -> Ints:
        spec, block = self._spec, self._block
        length = np.full(block.n_rows, int(spec.seconds * SECOND), dtype=np.int64)
        if spec.end in block.columns and spec.end:
            end = placed(
                read_times(block.column(spec.end).fill_null(""), spec.order), self._writer.zone
            )
            given = end.instant - self.clock.instant
            return np.where(end.is_valid, given, length)
        if spec.length:
            number, is_number = numbers(block.column(spec.length[0]))
            return np.where(is_number, (number * spec.length[1] * SECOND).astype(np.int64), length)
        return length

    def versions(self) -> Chunk:
        """Which version of its record each row is."""
        spec, kept = self._spec, pa.array(self.good)
        record = np.zeros(0, np.uint64) if self._record is None else self._record[self.good]
        column = pa.array([""] * self._block.n_rows)
        if spec.version in self._block.columns and spec.version:
            column = self._block.column(spec.version).fill_null("")
        clock = read_times(column)
        stamp = pc.cast(pa.array(clock.instant, pa.timestamp("us")), pa.string())
        stamp = pc.if_else(pa.array(clock.is_valid), stamp, pa.scalar(None, pa.string()))
        rows = {
            "record_id": positive(record),
            "version": stamp.filter(kept),
            "is_deleted": [spec.deleted] * len(record),
            "row_number": pa.array(self._block.row_numbers[self.good]),
        }
        return Chunk("version", pa.table(rows))

    def n_continued(self, is_held: Bools) -> int:
        """How many rows go on with a record of an earlier row: a person and time without a key."""
        if self._spec.key or self._record is None:
            return 0
        return int(self._writer.met.repeated(self._record[is_held]).sum())

    def samples(self, header: Sequence[str]) -> Iterator[Found]:
        """The samples of each column, of the rows that are good."""
        spec, block = self._spec, self._block
        for column, (variable, unit) in spec.measures.items():
            if column in header:
                yield self._numbers(column, constant(variable, block.n_rows), unit)
        if spec.value and spec.variable:
            names = pc.binary_join_element_wise(
                spec.prefix, block.column(spec.variable).fill_null("unknown"), ""
            )
            yield self._numbers(spec.value, names, None)
        if spec.code and spec.code[0] in header:
            yield self._codes(*spec.code)
        if spec.minutes:
            yield from self._minutes(header)

    def _numbers(self, column: str, variable: pa.Array, unit: str | None) -> Found:
        text = self._block.column(column)
        number, is_number = numbers(text)
        is_code = are_codes(text)
        filled = text.is_valid().to_numpy(zero_copy_only=False) & self.good
        wanted = filled & (is_number | is_code)
        code = pc.if_else(pa.array(is_code), text, pa.scalar(None, pa.string()))
        value = np.where(is_number, number, np.nan)
        chunk = self._chunk(wanted, variable, value, unit, code)
        return Found(chunk, column, wanted, filled & ~wanted, "not-a-number", A_NUMBER)

    def _codes(self, column: str, variable: str) -> Found:
        text = self._block.column(column)
        words = self._spec.code_words
        if words:
            names = pa.array(list(words), pa.string())
            text = pa.array(list(words.values()), pa.string()).take(pc.index_in(text, names))
        filled = self._block.column(column).is_valid().to_numpy(zero_copy_only=False) & self.good
        wanted = filled & text.is_valid().to_numpy(zero_copy_only=False)
        nothing = np.full(len(text), np.nan)
        chunk = self._chunk(wanted, constant(variable, len(text)), nothing, None, text)
        return Found(chunk, column, wanted, filled & ~wanted, "unknown-category", A_CATEGORY)

    def _minutes(self, header: Sequence[str]) -> Iterator[Found]:
        prefix, variable = self._spec.minutes or ("", "")
        hour = self.clock
        for minute in range(60):
            column = f"{prefix}{minute:02d}"
            if column in header:
                self.clock = Clock(
                    hour.local + minute * 60 * SECOND, hour.offset, hour.flag, hour.is_valid
                )
                yield self._numbers(column, constant(variable, self._block.n_rows), None)
        self.clock = hour

    def _chunk(
        self, wanted: Bools, variable: pa.Array, value: np.ndarray, unit: str | None, code: pa.Array
    ) -> Chunk | None:
        n = int(wanted.sum())
        if not n:
            return None
        spec, block, kept, clock = self._spec, self._block, pa.array(wanted), self.clock
        there = set(block.columns)
        columns = [block.column(c).fill_null("") for c in spec.device if c in there]
        device = pc.binary_join_element_wise(*columns, BETWEEN).filter(kept) if columns else None
        units = block.column(spec.unit).filter(kept) if spec.unit else constant(unit, n)
        extra = value_hashes(self._writer.job.keys, "code", code.filter(kept))
        extra = np.where(code.filter(kept).is_null().to_numpy(zero_copy_only=False), 0, extra)
        record = None if self._record is None else self._record[wanted]
        if spec.key and record is not None:
            extra = mix(extra.astype(np.uint64), record)
        return self._writer.chunk(
            Given(
                native=self._person.filter(kept),
                variable=variable.filter(kept),
                clock=Clock(
                    clock.local[wanted],
                    clock.offset[wanted],
                    clock.flag[wanted],
                    clock.is_valid[wanted],
                ),
                duration_us=self.duration[wanted],
                value=value[wanted],
                code=code.filter(kept),
                unit=units,
                device=device,
                device_type=block.column(spec.device_type).filter(kept)
                if spec.device_type in there and spec.device_type
                else None,
                offset_source=self.origin[wanted],
                extra=extra.astype(np.uint64),
                record=record,
                row_number=block.row_numbers[wanted] if spec.key else None,
            )
        )
