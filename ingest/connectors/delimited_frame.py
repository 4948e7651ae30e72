"""One block of a delimited file: whose records they are, their ids and times, and the rejects."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import VERSION, Chunk, FileJob
from biobraid.ingest.connectors.delimited_filters import ignored_by_filter
from biobraid.ingest.connectors.delimited_keys import sortable, whole_rows
from biobraid.ingest.connectors.delimited_plan import Plan
from biobraid.ingest.connectors.delimited_rules import FromColumn, KeyOf, TimeRule
from biobraid.ingest.connectors.delimited_times import filtered, read_times
from biobraid.ingest.hashing import U64, person_keys, positive, record_ids
from biobraid.ingest.tabular import REJECT, TextBlock
from biobraid.ingest.tabular.block import reject_table
from biobraid.ingest.times import NormalisedTimes

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass
class Frame:
    """The records of a block that are neither rejected nor deletions, in file order.

    `rows` are their indices in the block; every array is as long as `rows`.
    """

    job: FileJob
    plan: Plan
    block: TextBlock
    rows: Ints
    natives: pa.StringArray  # native person ids, trimmed
    persons: pa.DictionaryArray
    records: U64  # 64-bit record ids
    start: NormalisedTimes | None
    rejects: list[pa.Table]
    n_rejected: int = 0
    n_deletions: int = 0
    n_ignored: int = 0  # records, deletions not counted
    ignored: Counter[str] = field(default_factory=Counter)
    deletions: pa.Table | None = None  # "version" rows of the deletion records
    has_content: Bools | None = None  # false for kept records that hold nothing but keys
    rejected_cells: int = 0

    def column(self, name: str) -> pa.StringArray:
        """A column of the kept records, trimmed; empty is null."""
        return self.plan.trimmed(self.block, name).take(pa.array(self.rows))

    @property
    def row_numbers(self) -> Ints:
        """Line each kept record starts on."""
        return self.block.row_numbers[self.rows]

    def times(self, rule: TimeRule | None) -> NormalisedTimes | None:
        """Normalised times of the kept records."""
        start = None if self.start is None else self.start.start_time
        return read_times(self.job, self.block, self.plan, rule, self.rows, start)

    def reject_cells(self, is_bad: Bools, column: str, reason: str, expected: str) -> None:
        """Count cells as rejected; their records still land."""
        if is_bad.any():
            numbers = self.row_numbers[is_bad]
            self.rejects.append(reject_table(numbers, reason, expected, column))
            self.rejected_cells += len(numbers)

    def keep(self, is_kept: Bools, reason: str, expected: str, column: str | None = None) -> None:
        """Reject the records where the mask is false."""
        if is_kept.all():
            return
        bad = reject_table(self.row_numbers[~is_kept], reason, expected, None)
        if column is not None:
            names = pa.array([column] * bad.num_rows, pa.string())
            bad = bad.set_column(bad.column_names.index("column_name"), "column_name", names)
        self.rejects.append(bad)
        self.n_rejected += bad.num_rows
        self.drop(is_kept)

    def ignore(self, is_ignored: Bools, rule: str) -> None:
        """Leave records out by a stated rule, counted."""
        if is_ignored.any():
            n = int(is_ignored.sum())
            self.n_ignored += n
            self.ignored[rule] += n
            self.drop(~is_ignored)

    def drop(self, is_kept: Bools) -> None:
        """Leave records out; the caller counts them."""
        mask = pa.array(is_kept)
        self.rows, self.records = self.rows[is_kept], self.records[is_kept]
        self.natives = self.natives.filter(mask)
        self.persons = self.persons.filter(mask)
        if self.start is not None:
            self.start = filtered(self.start, is_kept)

    def words(self, rule: str | FromColumn | None) -> tuple[pa.StringArray, Bools]:
        """Words of an option for each record, and where the file's word is not translated."""
        n = len(self.rows)
        if not isinstance(rule, FromColumn):
            return pa.array([rule] * n, pa.string()), np.zeros(n, dtype=bool)
        delivered = self.column(rule.column)
        if not rule.values and rule.otherwise is None:
            return delivered, np.zeros(n, dtype=bool)
        found = pc.index_in(delivered, pa.array(list(rule.values), pa.string()))
        words = pa.array(list(rule.values.values()), pa.string()).take(found)
        is_new = pc.and_(delivered.is_valid(), found.is_null())
        if rule.otherwise is not None:
            return pc.if_else(is_new, rule.otherwise, words), np.zeros(n, dtype=bool)
        return words, is_new.to_numpy(zero_copy_only=False)

    def other_records(self, key: KeyOf | None) -> pa.Int64Array | None:
        """record_id of the records of another source that these belong to."""
        if key is None:
            return None
        other = self.job.study.sources[key.source]
        parts = [
            (label, self.column(name))
            for label, name in zip(other.record_key, key.columns, strict=True)
        ]
        ids = record_ids(self.job.keys, scope(self.job, key.source), parts)
        return pc.if_else(_any_valid([v for _, v in parts]), positive(ids), pa.scalar(None))

    def origin(self, at: Ints | None = None) -> dict[str, pa.Array]:
        """Columns record_id, source_person_key, row_number and start_* of facts.

        at: which record each fact belongs to (default: one fact a record).
        """
        ids, persons, numbers = positive(self.records), self.persons, self.row_numbers
        out = {"record_id": ids, "source_person_key": persons}
        if self.job.source.record_key:
            out["row_number"] = pa.array(numbers)
        if self.start is not None:
            out |= {
                "start_time": self.start.start_time.dictionary_encode(),
                "start_offset_minutes": self.start.offset_minutes,
                "time_source": self.start.time_source.dictionary_encode(),
                "time_flag": self.start.time_flag.dictionary_encode(),
            }
        if at is None:
            return out
        index = pa.array(at)
        return {name: values.take(index) for name, values in out.items()}


def make_frame(job: FileJob, plan: Plan, block: TextBlock) -> Frame:
    """The block's records with ids; rejected and deletion records set apart."""
    n = block.n_rows
    everyone = np.arange(n, dtype=np.int64)
    deleted = _deletions(job, plan, block)
    person = job.source.person_id
    natives = pa.nulls(n, pa.string()) if person is None else plan.trimmed(block, person)
    key = job.source.record_key
    if key:
        parts = [(name, plan.trimmed(block, name)) for name in key]
        records = record_ids(job.keys, scope(job), parts) if n else np.empty(0, np.uint64)
        has_key = _any_valid([v for _, v in parts]).to_numpy(zero_copy_only=False)
    else:
        records = whole_rows(job.keys, scope(job), block, plan.file_names)
        has_key = np.ones(n, dtype=bool)
    frame = Frame(
        job=job,
        plan=plan,
        block=block,
        rows=everyone,
        natives=natives,
        persons=person_keys(job.keys, job.study.person_namespace, natives),
        records=records,
        start=read_times(job, block, plan, plan.options.time, everyone),
        rejects=[block.rejects.cast(REJECT)] if block.rejects.num_rows else [],
        n_rejected=block.rejects.num_rows,
    )
    for rule, is_ignored in ignored_by_filter(plan, block):
        # In a delta the record may have landed before it became one that is ignored.
        if job.source.delivery == "delta":
            deleted |= is_ignored
        else:
            frame.ignore((is_ignored & ~deleted)[frame.rows], rule)
    _reject_keys(frame, deleted, has_key)
    deleted = deleted[frame.rows]
    frame.n_deletions = int(deleted.sum())
    if frame.n_deletions:
        frame.deletions = _version_rows(frame, deleted, is_deleted=True) if key else None
        frame.drop(~deleted)
        frame.ignored["deletion-record"] += frame.n_deletions
    return frame


def _reject_keys(frame: Frame, deleted: Bools, has_key: Bools) -> None:
    frame.keep(has_key[frame.rows], "missing-record-key", "a record key")
    column = frame.job.source.person_id
    if column is None:
        return
    found = frame.natives.is_valid().to_numpy(zero_copy_only=False) | deleted[frame.rows]
    frame.keep(found, "missing-person-id", "a person id", column)
    patterns = frame.plan.options.placeholder_ids
    if patterns:
        encoded = frame.natives.dictionary_encode()
        stands_for_nobody = [
            text is not None and any(re.fullmatch(p, text) for p in patterns)
            for text in encoded.dictionary.to_pylist()
        ]
        hit = pa.array(stands_for_nobody, pa.bool_()).take(encoded.indices).fill_null(False)
        is_kept = ~hit.to_numpy(zero_copy_only=False) | deleted[frame.rows]
        frame.keep(is_kept, "placeholder-person-id", "the id of one person", column)


def scope(job: FileJob, source_id: str | None = None) -> str:
    """Within which a record key is unique."""
    return f"{job.study.id}/{source_id or job.source_id}"


def _any_valid(columns: Sequence[pa.Array]) -> pa.BooleanArray:
    found = columns[0].is_valid()
    for column in columns[1:]:
        found = pc.or_(found, column.is_valid())
    return found


def _deletions(job: FileJob, plan: Plan, block: TextBlock) -> Bools:
    is_deleted = np.zeros(block.n_rows, dtype=bool)
    for name, mark in job.source.deleted.items():
        same = pc.fill_null(pc.equal(plan.trimmed(block, name), mark), False)
        is_deleted |= same.to_numpy(zero_copy_only=False)
    return is_deleted


def version_chunk(frame: Frame) -> Chunk | None:
    """Versions of the records with a key that landed, and of the deletion records.

    Call it last. A delta's empty record counts too: it replaces what stood there before.
    """
    if not frame.job.source.record_key:
        return None
    everyone = np.ones(len(frame.rows), dtype=bool)
    is_delta = frame.job.source.delivery == "delta"
    has_content = everyone if is_delta or frame.has_content is None else frame.has_content
    rows = _version_rows(frame, has_content, is_deleted=False)
    if frame.deletions is not None:
        rows = pa.concat_tables([rows, frame.deletions])
    return Chunk("version", rows)


def _version_rows(frame: Frame, mask: Bools, is_deleted: bool) -> pa.Table:
    source, n = frame.job.source, int(mask.sum())
    version = pa.nulls(n, pa.string())
    if source.version is not None:
        versions = frame.column(source.version).filter(pa.array(mask))
        version = sortable(
            versions, source.date_order, source.time_zone or frame.job.study.time_zone
        )
    return pa.table(
        {
            "record_id": positive(frame.records[mask]),
            "version": version,
            "is_deleted": pa.array(np.full(n, is_deleted)),
            "row_number": pa.array(frame.row_numbers[mask]),
        },
        schema=VERSION,
    )
