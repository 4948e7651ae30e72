"""One block of a REDCap export: its records with their ids and instances, and the rejects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.delimited_frame import Frame, Ints, scope
from biobraid.ingest.connectors.delimited_options import DelimitedOptions
from biobraid.ingest.connectors.delimited_plan import Plan
from biobraid.ingest.connectors.redcap_plan import RedcapPlan
from biobraid.ingest.connectors.redcap_project import EVENT, INSTANCE, INSTRUMENT, KEYS, Project
from biobraid.ingest.connectors.redcap_rows import BlockRows, FileRows, is_true, text_of
from biobraid.ingest.hashing import person_keys, record_ids
from biobraid.ingest.tabular import REJECT, TextBlock

EVENT_STEP = 1000  # raw.value.instance = event's position x 1000 + repeat instance


@dataclass(frozen=True)
class Records:
    """The good records of a block: as `delimited` frames them, and as REDCap numbers them."""

    frame: Frame
    rows: BlockRows
    events: Ints  # position of the event, 0 where the project has none
    instances: Ints  # of raw.value


def redcap_job(job: FileJob, project: Project, plan: RedcapPlan) -> FileJob:
    """The job with what the project's dictionary says where study.yaml need not."""
    source = job.source.model_copy(
        update={
            "person_id": project.record_id,
            "record_key": [project.record_id, *(k for k in KEYS if k in plan.file_names)],
            "identity": {**job.source.identity, **plan.identity},
        }
    )
    sources = {**job.study.sources, job.source_id: source}
    return replace(job, study=job.study.model_copy(update={"sources": sources}))


def make_records(
    job: FileJob,
    project: Project,
    plan: RedcapPlan,
    across: FileRows,
    events: Sequence[str],
    block: TextBlock,
) -> Records:
    """Records with ids; those of an unknown event or instrument are rejected.

    The id of a record is made of its REDCap id, event, instrument and instance, whether or not
    the file has those columns, so that it is the same in every batch.
    """
    record, event, instrument, instance = (
        text_of(block, plan, name) for name in (project.record_id, *KEYS)
    )
    instance = pc.replace_substring_regex(instance, r"\.0*$", "")
    parts = [("record", record), (EVENT, event), (INSTRUMENT, instrument), (INSTANCE, instance)]
    n = block.n_rows
    frame = Frame(
        job=job,
        plan=Plan(DelimitedOptions(), plan.file_names, {}, (), {}),
        block=block,
        rows=np.arange(n, dtype=np.int64),
        natives=record,
        persons=person_keys(job.keys, job.study.person_namespace, record),
        records=record_ids(job.keys, scope(job), parts) if n else np.empty(0, np.uint64),
        start=None,
        rejects=[block.rejects.cast(REJECT)] if block.rejects.num_rows else [],
        n_rejected=block.rejects.num_rows,
    )
    _reject(frame, project, plan, events, instance)
    at = pa.array(frame.rows)
    rows = BlockRows(
        block=block,
        plan=plan,
        project=project,
        across=across,
        at=frame.rows,
        record=frame.natives,
        event=pc.fill_null(event.take(at), ""),
        instrument=instrument.take(at),
        instance=instance.take(at),
    )
    positions = np.maximum(rows.events_at(events), 0)
    repeats = pc.cast(rows.instance, pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
    return Records(frame, rows, positions, positions * EVENT_STEP + repeats)


def drop_records(records: Records, is_kept: np.ndarray) -> Records:
    """Leave records out; the caller counts them."""
    if is_kept.all():
        return records
    frame, rows, mask = records.frame, records.rows, pa.array(is_kept)
    frame.drop(is_kept)
    kept = replace(
        rows,
        at=frame.rows,
        record=frame.natives,
        event=rows.event.filter(mask),
        instrument=rows.instrument.filter(mask),
        instance=rows.instance.filter(mask),
    )
    return Records(frame, kept, records.events[is_kept], records.instances[is_kept])


def _reject(
    frame: Frame, project: Project, plan: RedcapPlan, events: Sequence[str], instance: pa.Array
) -> None:
    named = frame.natives.is_valid().to_numpy(zero_copy_only=False)
    frame.keep(named, "missing-person-id", "a record id", project.record_id)
    if EVENT in plan.file_names:
        event = frame.column(EVENT)
        given = event.is_valid().to_numpy(zero_copy_only=False)
        frame.keep(given, "missing-event", "the name of an event", EVENT)
        is_known = is_true(pc.is_in(frame.column(EVENT), pa.array(events, pa.string())))
        frame.keep(is_known, "unknown-event", "an event of the project", EVENT)
    if INSTRUMENT in plan.file_names:
        instrument = frame.column(INSTRUMENT)
        forms = pa.array(project.forms, pa.string())
        is_known = is_true(pc.or_(instrument.is_null(), pc.is_in(instrument, forms)))
        frame.keep(is_known, "unknown-instrument", "an instrument of the project", INSTRUMENT)
    if INSTANCE in plan.file_names:
        text = instance.take(pa.array(frame.rows))
        is_number = is_true(pc.fill_null(pc.match_substring_regex(text, r"^[1-9]\d{0,5}$"), True))
        frame.keep(is_number, "invalid-number", "a whole number, 1 or more", INSTANCE)


__all__ = ["EVENT_STEP", "Records", "drop_records", "make_records", "redcap_job"]
