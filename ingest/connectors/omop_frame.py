"""One block of a CDM table: whose records they are, their ids, times and references."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.omop_columns import (
    TABLE_OF_DOMAIN,
    TABLE_OF_DOMAIN_CONCEPT,
    TABLE_OF_EVENT_FIELD,
)
from biobraid.ingest.connectors.omop_options import OmopOptions
from biobraid.ingest.connectors.omop_plan import PERSON, Plan
from biobraid.ingest.hashing import U64, person_keys, positive, record_ids
from biobraid.ingest.tabular import REJECT, TextBlock
from biobraid.ingest.tabular.block import reject_table
from biobraid.ingest.times import NormalisedTimes, normalise_times

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
NONE = pa.scalar(None, pa.string())
_WHOLE = r"^[+-]?\d{1,20}(\.0*)?$"  # pandas writes whole numbers of a column with gaps as 12.0
_CONCEPT = r"^[+-]?\d{1,18}(\.0*)?$"
A_DATE = "a date or time that exists"


@dataclass
class Frame:
    """The records of a block that are not rejected; every array is as long as `rows`.

    `rows` are their indices in the block. Cells at fault are set to null by whoever reads
    them first and remembered in `bad`, so that each is rejected once.
    """

    job: FileJob
    options: OmopOptions
    plan: Plan
    block: TextBlock
    inside: str  # the table's name in a database or archive; empty for a file by itself
    rows: Ints
    natives: pa.StringArray  # native person ids
    persons: pa.DictionaryArray
    records: U64
    rejects: list[pa.Table]
    n_rejected: int = 0
    n_bad_cells: int = 0
    bad: dict[str, Bools] = field(default_factory=dict)
    warnings: Counter[str] = field(default_factory=Counter)
    lost_pointers: dict[str, int] = field(default_factory=dict)  # cells that lead to no table
    _texts: dict[str, pa.StringArray] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def row_numbers(self) -> Ints:
        """Line each record starts on."""
        return self.block.row_numbers[self.rows]

    def has(self, name: str) -> bool:
        """Whether the file has the column."""
        return name in self.plan.files

    def text(self, name: str) -> pa.StringArray:
        """A column, trimmed; null where empty or where the file has no such column."""
        if name not in self.plan.files:
            return pa.nulls(len(self.rows), pa.string())
        if name not in self._texts:
            column = self.block.column(self.plan.files[name]).take(pa.array(self.rows))
            text = pc.utf8_trim_whitespace(column)
            self._texts[name] = pc.if_else(pc.equal(text, ""), NONE, text)
        return self._texts[name]

    def concepts(self, name: str) -> pa.Int64Array:
        """A column of concept ids; anything but a whole number is a rejected cell."""
        text, is_bad = _whole(self.text(name), _CONCEPT)
        self._spoilt(name, is_bad, "invalid-concept-id", "a concept id")
        return pc.cast(text, pa.int64())

    def whole_within(self, name: str, low: int, high: int, expected: str) -> pa.StringArray:
        """A column of whole numbers from low to high; anything else is a rejected cell."""
        text, is_bad = _whole(self.text(name), _WHOLE)
        number = pc.cast(pc.if_else(pc.less_equal(pc.utf8_length(text), 9), text, NONE), pa.int64())
        fits = pc.and_(pc.greater_equal(number, low), pc.less_equal(number, high))
        kept = pc.if_else(pc.fill_null(fits, False), text, NONE)
        is_bad |= _valid(text) & ~_valid(kept)
        self._spoilt(name, is_bad, "out-of-range", expected)
        return kept

    def ids(self, name: str) -> pa.StringArray:
        """A column of native ids of records; anything but a whole number is a rejected cell."""
        text, is_bad = _whole(self.text(name), _WHOLE)
        self._spoilt(name, is_bad, "invalid-id", "a whole number")
        return text

    def references(self, name: str) -> pa.Int64Array:
        """record_id of the records that a column of native ids leads to."""
        pointer = self.plan.table.pointers.get(name)
        if pointer is None:
            return self.ids_in(self.plan.table.references[name], self.ids(name))
        return self._pointed(name, self.tables_of(pointer))

    def tables_of(self, column: str) -> pa.StringArray:
        """CDM table that each record's pointer says it leads to; null where it is not known."""
        text = self.text(column)
        by_word: dict[str, str] = dict(TABLE_OF_DOMAIN)
        if column.startswith("domain_concept_id"):
            by_word = dict(TABLE_OF_DOMAIN_CONCEPT)
        elif column.endswith("_field_concept_id"):
            own = {str(concept): table for concept, table in self.options.event_fields.items()}
            by_word = TABLE_OF_EVENT_FIELD | own
        if column.endswith(("_id", "_1", "_2")) and column != "cost_domain_id":
            text, _ = _whole(text, _CONCEPT)
        found = pc.index_in(pc.utf8_lower(text), pa.array(list(by_word), pa.string()))
        return pa.array(list(by_word.values()), pa.string()).take(found)

    def _pointed(self, name: str, tables: pa.StringArray) -> pa.Int64Array:
        ids = self.ids(name)
        out = pa.nulls(len(self.rows), pa.int64())
        for table in pc.unique(tables).drop_null().to_pylist():
            mine = pc.fill_null(pc.equal(tables, table), False)
            out = pc.if_else(mine, self.ids_in(table, ids), out)
        self.lost_pointers[name] = out.null_count - ids.null_count
        return out

    def ids_in(self, table: str, ids: pa.StringArray) -> pa.Int64Array:
        """record_id of records of a table by their native ids; null stays null."""
        made = record_ids(self.job.keys, scope(self.job, self.options, table), [("id", ids)])
        return pc.if_else(ids.is_valid(), positive(made), pa.scalar(None, pa.int64()))

    def times(self, name: str, *, dates_only: bool = False) -> NormalisedTimes:
        """A column of dates or times; one that is none is a rejected cell."""
        source = self.job.source
        zone = source.time_zone or self.job.study.time_zone
        times = normalise_times(self.text(name), source.date_order, zone, dates_only=dates_only)
        self._spoilt(name, times.invalid_mask, "invalid-date", A_DATE)
        return times

    def _spoilt(self, name: str, is_bad: Bools, reason: str, expected: str) -> None:
        """Reject the cells at fault, once; their records land."""
        if name in self.bad or not is_bad.any():
            return
        self.bad[name] = is_bad
        numbers = self.row_numbers[is_bad]
        self.rejects.append(reject_table(numbers, reason, expected, self._told(name)))
        self.n_bad_cells += len(numbers)

    def _told(self, column: str) -> str:
        name = self.plan.files.get(column, column)
        return f"{self.inside}.{name}" if self.inside else name

    def keep(self, is_kept: Bools, reason: str, expected: str, column: str) -> None:
        """Reject the records where the mask is false."""
        if is_kept.all():
            return
        bad = reject_table(self.row_numbers[~is_kept], reason, expected, None)
        names = pa.array([self._told(column)] * bad.num_rows, pa.string())
        self.rejects.append(
            bad.set_column(bad.column_names.index("column_name"), "column_name", names)
        )
        self.n_rejected += bad.num_rows
        self.drop(is_kept)

    def drop(self, is_kept: Bools) -> None:
        """Leave records out; the caller counts them. Before any cell was read."""
        mask = pa.array(is_kept)
        self._texts.clear()
        self.rows = self.rows[is_kept]
        self.records = self.records[is_kept]
        self.natives = self.natives.filter(mask)
        self.persons = self.persons.filter(mask)

    def given(self, name: str) -> Bools:
        """True where the column holds something that was not rejected."""
        found: Bools = self.text(name).is_valid().to_numpy(zero_copy_only=False)
        return found & ~self.bad[name] if name in self.bad else found


def make_frame(
    job: FileJob, options: OmopOptions, plan: Plan, block: TextBlock, inside: str
) -> Frame:
    """The block's records with their ids; those without a key or a person are rejected."""
    n = block.n_rows
    frame = Frame(
        job=job,
        options=options,
        plan=plan,
        block=block,
        inside=inside,
        rows=np.arange(n, dtype=np.int64),
        natives=pa.nulls(n, pa.string()),
        persons=person_keys(job.keys, job.study.person_namespace, pa.nulls(n, pa.string())),
        records=np.zeros(n, dtype=np.uint64),
        rejects=[block.rejects.cast(REJECT)] if block.rejects.num_rows else [],
        n_rejected=block.rejects.num_rows,
    )
    table = plan.table
    if n:
        frame.records = _record_ids(frame)
    if table.has_person:
        frame.natives, is_bad = _whole(frame.text(PERSON), _WHOLE)
        frame.persons = person_keys(job.keys, job.study.person_namespace, frame.natives)
        frame.keep(~is_bad, "invalid-person-id", "a whole number", PERSON)
        frame.keep(_valid(frame.natives), "missing-person-id", "a person id", PERSON)
    if table.key is not None and table.key != PERSON:
        _, is_bad = _whole(frame.text(table.key), _WHOLE)
        frame.keep(~is_bad, "invalid-record-key", "a whole number", table.key)
        is_given = _valid(frame.text(table.key))
        frame.keep(is_given, "missing-record-key", "the record's id", table.key)
    return frame


def _record_ids(frame: Frame) -> U64:
    table = frame.plan.table
    where = scope(frame.job, frame.options, table.name)
    if table.key is not None:
        key, _ = _whole(frame.text(table.key), _WHOLE)
        return record_ids(frame.job.keys, where, [("id", key)])
    # Without a key the whole row is one; columns the file lacks count as empty, so that a
    # column more in the next delivery changes no id where it holds nothing, nor does another
    # spelling of a number or a time.
    parts = [(name, _plain(frame, name)) for name in sorted(table.names)]
    return record_ids(frame.job.keys, where, parts)


def _plain(frame: Frame, name: str) -> pa.StringArray:
    """A column in one spelling: whole numbers without .0, times as ISO 8601.

    Cell by cell, so that no id depends on the rows that happen to stand nearby; and words and
    codes as they are, of which 0410 is another than 410.
    """
    text = frame.text(name)
    if name.endswith(("_date", "_datetime")):
        times = normalise_times(text, frame.job.source.date_order, None)
        return pc.coalesce(times.start_time, text)
    if name not in frame.plan.table.numbers:
        return text
    whole, _ = _whole(text, _WHOLE)
    return pc.coalesce(whole, text)


def scope(job: FileJob, options: OmopOptions, table: str) -> str:
    """Within which a record's id is unique."""
    if options.database is None:
        return f"{job.study.id}/{job.source_id}/{table}"
    return f"{job.study.id}/omop:{options.database}/{table}"


def _whole(text: pa.StringArray, pattern: str) -> tuple[pa.StringArray, Bools]:
    """Whole numbers in their shortest spelling, null where none; and where there is another text."""
    fits = pc.match_substring_regex(text, pattern)
    short = pc.replace_substring_regex(text, r"^\+?(-?)0*(\d+?)(\.0*)?$", r"\1\2")
    bad = pc.fill_null(pc.invert(fits), False).to_numpy(zero_copy_only=False)
    return pc.if_else(pc.fill_null(fits, False), short, NONE), bad


def _valid(values: pa.Array) -> Bools:
    mask: Bools = values.is_valid().to_numpy(zero_copy_only=False)
    return mask
