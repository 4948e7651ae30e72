"""Reading one delivered file into staged parts; runs in a pool worker or in the parent."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError, UserError
from biobraid.core.files import disk_errors
from biobraid.ingest.connectors.contract import (
    Chunk,
    Counts,
    FileJob,
    RepeatedKeys,
    companions_of,
    get_connector,
)
from biobraid.ingest.connectors.guarded import without_guarded
from biobraid.ingest.file_groups import state_of
from biobraid.ingest.inbox import IdentityStage
from biobraid.ingest.landing.finalise import settle_file
from biobraid.ingest.landing.ids import n_distinct_ids
from biobraid.ingest.landing.memory import Share
from biobraid.ingest.landing.parts import FACT_TABLES, SCHEMAS, VERSION_TABLE, PartFile
from biobraid.ingest.landing.stage import Stage
from biobraid.ingest.landing.tally import Tally
from biobraid.ingest.landing.withheld import Withheld
from biobraid.ingest.withdrawals import SOURCE_ID, read_withdrawals

POSITIVE_BITS = 63


@dataclass(frozen=True)
class Task:
    """One file to read, and where its parts go."""

    job: FileJob
    root: Path  # landing, or a throwaway folder on a dry run
    inbox: Path | None  # None on a dry run: identities then go nowhere
    tmp: Path
    size: int
    modified_ns: int
    id_bits: int = POSITIVE_BITS  # tests plant clashes with a few bits


@dataclass(frozen=True)
class Read:
    """A file that was read: its staged parts and books, not yet in force."""

    parts: tuple[PartFile, ...]
    identities: Path | None
    tally: Tally


@dataclass(frozen=True)
class Failed:
    """A file that could not be read. A bug's message is withheld: it may hold a value."""

    error: UserError | None
    bug: Fault | None = None


def read_file(task: Task, on_bytes: Callable[[int], None]) -> Read | Failed:
    """Read and stage one file; whatever goes wrong, nothing staged is left."""
    try:
        return _read_file(task, on_bytes)
    except RepeatedKeys:
        again = replace(task.job, keys_repeat=True)
        return _read_file(replace(task, job=again), lambda _: None)


def _read_file(task: Task, on_bytes: Callable[[int], None]) -> Read | Failed:
    job = task.job
    stage = Stage(task.root, job.study.id, job.source_id, job.batch, job.memory_gb)
    identities = (
        IdentityStage(task.inbox, job.keys, job.study.id, job.source_id, job.batch)
        if task.inbox
        else None
    )
    try:
        with disk_errors(job.where):
            return _read(task, stage, identities, on_bytes)
    except BaseException as error:
        stage.abort()
        if identities:
            identities.abort()
        if isinstance(error, RepeatedKeys):
            raise
        if isinstance(error, UserError):
            return Failed(error)
        if isinstance(error, Exception):
            return Failed(None, bug_fault(job.where, error))
        raise


def bug_fault(where: str, error: BaseException) -> Fault:
    """Kind and place of an unexpected error, without its message."""
    frames = traceback.extract_tb(error.__traceback__)
    places = [f"{Path(f.filename).name}:{f.lineno} in {f.name}" for f in frames[-3:]]
    return Fault(
        where,
        f"biobraid failed with {type(error).__name__} at {' < '.join(reversed(places))}",
        todo="This is our bug. Please report it with this line; it holds no participant's value.",
    )


def _read(
    task: Task, stage: Stage, identities: IdentityStage | None, on_bytes: Callable[[int], None]
) -> Read:
    job = task.job
    tally = Tally()
    withheld = Withheld(job)
    for item in withheld.without(_items(job)):
        if isinstance(item, Counts):
            tally.add(item)
            on_bytes(item.bytes_done)
        elif item.table == "identity":
            if identities:
                identities.add(item.rows)
        else:
            _take(item, stage, tally, task)
    beside = companions_of(job.source, job.path)
    if state_of(job.path, beside) != (task.size, task.modified_ns):
        raise SourceFileError(
            Fault(
                job.where,
                "the file changed while it was read",
                "a file that is complete before it is ingested",
                "Wait until it is copied, then run the same command again.",
            )
        )
    withheld.count(tally)
    _refuse_no_records(job, tally)
    share = Share(job.memory_gb, job.threads, task.tmp)
    is_delta = job.source.delivery == "delta"
    parts, rejects = settle_file(stage.finish(), tally, is_delta, task.id_bits, share)
    if rejects is not None:
        _count_rejects(rejects, tally)
        stage.add("raw.reject", rejects)
        parts = [p for p in parts if p.table != "raw.reject"]
        parts += [p for p in stage.finish() if p.table == "raw.reject"]
    _check(job, parts, tally, share)
    return Read(tuple(parts), identities.finish() if identities else None, tally)


def _refuse_no_records(job: FileJob, tally: Tally) -> None:
    """A file without a usable record would replace everything by nothing.

    Deltas and additions may be empty, and a list of withdrawals too.
    """
    if tally.records_read > tally.records_rejected or job.source_id == SOURCE_ID:
        return
    if job.source.delivery not in ("full", "columns"):
        return
    if tally.may_be_empty and not tally.records_read:
        return
    found, todo = "the file has a header and no record", "Ask for the file again."
    if tally.records_read:
        reasons = Counter[str]()
        for (reason, _, unit), n in tally.rejects.items():
            reasons[reason] += n * (unit == "record")
        listed = ", ".join(f"{reason} ({n})" for reason, n in reasons.most_common(5) if n)
        found = f"all {tally.records_read} records are rejected: {listed}"
        todo = "Correct how the source is declared, or ask for the file again."
    raise SourceFileError(
        Fault(
            job.where,
            found,
            "at least one record",
            f"{todo} If it may hold nothing, declare `delivery: append` or `delta`.",
        )
    )


def _items(job: FileJob) -> Iterator[Chunk | Counts]:
    if job.source_id == SOURCE_ID:
        return read_withdrawals(job)
    return get_connector(job.source.connector).read(job)


def _take(chunk: Chunk, stage: Stage, tally: Tally, task: Task) -> None:
    table = VERSION_TABLE if chunk.table == "version" else chunk.table
    if table not in SCHEMAS:
        raise ValueError(f"connectors cannot write {table!r}")
    rows = chunk.rows
    if table == "raw.reject":
        _count_rejects(rows, tally)
    if table == "raw.detail":
        rows, dropped = without_guarded(task.job.source, rows)
        tally.ignored.update(dropped)
        tally.facts_ignored += dropped.total()
    id_bits = task.id_bits
    if id_bits < POSITIVE_BITS and "row_id" in rows.column_names:
        cut = pc.bit_wise_and(rows.column("row_id"), (1 << id_bits) - 1)
        rows = rows.set_column(rows.column_names.index("row_id"), "row_id", cut)
    stage.add(table, rows)


def _count_rejects(rows: pa.Table, tally: Tally) -> None:
    names = ("reason", "column_name", "unit_of_count")
    filled = pa.table(
        {
            n: pc.fill_null(rows.column(n).cast(pa.string()), "")
            if n in rows.column_names
            else pa.array([""] * rows.num_rows)
            for n in names
        }
    )
    counted: Counter[tuple[str, str, str]] = Counter()
    for row in filled.group_by(list(names)).aggregate([([], "count_all")]).to_pylist():
        counted[(row["reason"], row["column_name"], row["unit_of_count"])] += row["count_all"]
    tally.rejects.update(counted)


def _check(job: FileJob, parts: list[PartFile], tally: Tally, share: Share) -> None:
    facts = [p for p in parts if p.table in FACT_TABLES]
    tally.facts_landed = sum(p.rows for p in facts)
    n_records = n_distinct_ids([p.path for p in facts], "record_id", share.bytes_for_ids)
    tally.check(job.where, n_records)
