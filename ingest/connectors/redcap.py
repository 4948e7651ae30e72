"""Connector `redcap`: raw-coded exports of a REDCap project, flat or EAV.

The project's own dictionary (format `redcap`) says what the columns are. A record is a row of
the flat export: record id x event x repeating instrument x instance. Each filled-in instrument
of it is a survey in raw.event; its answers are raw.value rows that point to it. Cells that
branching logic hid, and boxes of forms never opened, land as absent with their reason.

Facts: each non-empty cell, each gap whose reason is known, and each filled-in instrument.

raw.value.instance = 1000 x position of the event in the project's list (0 for the first, or
without events) + number of the repeat (0 where nothing repeats).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob, connector, get_connector
from biobraid.ingest.connectors.delimited_facts import Facts
from biobraid.ingest.connectors.delimited_frame import version_chunk
from biobraid.ingest.connectors.delimited_identities import Seen, native_ids
from biobraid.ingest.connectors.redcap_eav import EavExport
from biobraid.ingest.connectors.redcap_forms import find_surveys, survey_rows
from biobraid.ingest.connectors.redcap_frame import (
    EVENT_STEP,
    Records,
    make_records,
    redcap_job,
)
from biobraid.ingest.connectors.redcap_gaps import find_gaps
from biobraid.ingest.connectors.redcap_logic import refs_of
from biobraid.ingest.connectors.redcap_options import RedcapOptions
from biobraid.ingest.connectors.redcap_plan import RedcapPlan, make_plan
from biobraid.ingest.connectors.redcap_project import (
    ACCESS_GROUP,
    EVENT,
    KEYS,
    Project,
    make_project,
)
from biobraid.ingest.connectors.redcap_rows import FileRows, look_across
from biobraid.ingest.connectors.redcap_settle import settle
from biobraid.ingest.connectors.redcap_tables import open_export
from biobraid.ingest.tabular import TextBlock


@connector("redcap", options=RedcapOptions)
def read_redcap(job: FileJob) -> Iterator[Chunk | Counts]:
    """Chunks and counts of one file, block by block."""
    options = get_connector("redcap").check_options(job.source.options)
    if not isinstance(options, RedcapOptions):
        raise TypeError("the connector is registered with other options")
    where = f"studies/{job.study.id}/study.yaml, sources.{job.source_id}"
    project = make_project(job.variables, where)
    export = open_export(job, options, project)
    plan = make_plan(job, options, project, export.header)
    across = look_across(export, plan, project, _asked_for(project, options))
    events = project.events or across.events
    yield _file_counts(plan, project, is_sparse=isinstance(export, EavExport))
    n, n_keys = export.rejects.num_rows, export.n_keys
    if n:
        yield Chunk("raw.reject", export.rejects)
    of_keys = Counter({"record-key": n_keys})
    yield Counts(facts_read=n + n_keys, facts_rejected=n, facts_ignored=n_keys, ignored=of_keys)
    job, seen, bytes_done, n_records = redcap_job(job, project, plan), Seen(), 0, 0
    reader = _Reader(job, options, project, plan, across, events, seen)
    for block in export.blocks():
        counts = Counts(bytes_done=block.bytes_done - bytes_done)
        bytes_done = block.bytes_done
        yield from reader.chunks(block, counts)
        n_records += counts.records_read
        yield counts
    if n_records == 0:
        yield Counts(warnings=Counter({"no-records": 1}))


def _asked_for(project: Project, options: RedcapOptions) -> set[str]:
    """Variables that may be asked of another row of the record."""
    refs = (ref for node in project.branching.values() for ref in refs_of(node))
    names = {name for name in map(project.variable_of, refs) if name is not None}
    return names | {field.rpartition(".")[2] for field in options.dates.values()}


def _file_counts(plan: RedcapPlan, project: Project, is_sparse: bool) -> Counts:
    counts = Counts(columns=plan.names)
    if is_sparse:  # what is empty throughout is not named at all, so that no field is a column
        keys = (project.record_id, ACCESS_GROUP, *KEYS)
        counts.columns = tuple(name for name in plan.names if name in keys)
    else:
        counts.warnings.update({f"missing-variable:{name}": 1 for name in plan.absent_variables})
    counts.warnings.update({f"unknown-code:{name}": 1 for name in plan.unknown_codes})
    if EVENT in plan.names and not project.events:
        counts.warnings["events-numbered-as-they-appear:no list of events"] = 1
    return counts


class _Reader:
    """Reads the blocks of one file; what it knows of the file does not change."""

    def __init__(
        self,
        job: FileJob,
        options: RedcapOptions,
        project: Project,
        plan: RedcapPlan,
        across: FileRows,
        events: tuple[str, ...],
        seen: Seen,
    ) -> None:
        self._job, self._options, self._project, self._plan = job, options, project, plan
        self._across, self._events, self._seen = across, events, seen
        forms = {form: i for i, form in enumerate(project.forms)}
        self._form_of = np.array(
            [forms.get(project.form_of(name), -1) for name in plan.names], dtype=np.int64
        )
        keys = {*KEYS, *plan.keys, project.record_id}
        self._is_key = np.array([name in keys for name in plan.names])

    def chunks(self, block: TextBlock, counts: Counts) -> Iterator[Chunk]:
        """Everything of a block; `counts` is filled."""
        plan, project = self._plan, self._project
        records = make_records(self._job, project, plan, self._across, self._events, block)
        frame = records.frame
        n_far = int((records.instances - EVENT_STEP * records.events >= EVENT_STEP).sum())
        if n_far and len(self._events) > 1:  # their numbers are those of later events too
            counts.warnings["repeat-beyond-999:redcap_repeat_instance"] += n_far
        yield from native_ids(frame, self._seen)
        facts = _without_empty(records, self._cells(records), self._is_key, counts)
        surveys = find_surveys(records, facts, self._form_of, project, self._options, counts)
        events = survey_rows(records, surveys, project)
        counts.facts_read += events.rows.num_rows
        gaps = find_gaps(records, facts, surveys, project, counts)
        settled = settle(records, gaps, surveys, plan, self._options, project, counts)
        for chunk in (events, *settled, version_chunk(frame)):
            if chunk is not None and chunk.rows.num_rows:
                yield chunk
        if frame.rejects:
            yield Chunk("raw.reject", pa.concat_tables(frame.rejects))
        counts.records_read = block.n_rows + block.rejects.num_rows
        counts.records_rejected = frame.n_rejected
        counts.facts_rejected += frame.rejected_cells
        counts.facts_read += frame.rejected_cells

    def _cells(self, records: Records) -> Facts:
        frame, plan = records.frame, self._plan
        cells = frame.block.cells([plan.file_names[name] for name in plan.names])
        place = np.full(frame.block.n_rows, -1, dtype=np.int64)
        place[frame.rows] = np.arange(len(frame.rows))
        record = place[cells.row]
        roles = np.array([int(plan.fates[name]) for name in plan.names], dtype=np.int8)
        return Facts(plan.names, roles, record, cells.column, cells.value).only(record >= 0)


def _without_empty(records: Records, facts: Facts, is_key: np.ndarray, counts: Counts) -> Facts:
    """Facts of the records that hold more than their keys; the others are counted as ignored.

    In a delta such a record empties the one it replaces: it lands, with its keys ignored.
    """
    frame = records.frame
    has_content = np.zeros(len(frame.rows), dtype=bool)
    has_content[facts.record[~is_key[facts.variable]]] = True
    frame.has_content = has_content
    n = int((~has_content).sum())
    if not n:
        return facts
    counts.ignored["empty-record"] += n
    if frame.job.source.delivery == "delta":
        return facts
    counts.records_ignored += n
    return facts.only(has_content[facts.record])
