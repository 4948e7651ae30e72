"""Which instruments of a record were filled in, which could have been, and when.

An instrument counts as filled in where one of its cells says something: an answer, a checked
box, a survey's timestamp, or a status other than Incomplete. A form whose status is empty was
never opened; with status 0 and nothing else it is not known whether anybody looked at it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.delimited_facts import Facts
from biobraid.ingest.connectors.redcap_frame import Records
from biobraid.ingest.connectors.redcap_logic import Ref
from biobraid.ingest.connectors.redcap_options import RedcapOptions
from biobraid.ingest.connectors.redcap_plan import labelled_values
from biobraid.ingest.connectors.redcap_project import Project
from biobraid.ingest.dictionaries.redcap import NOT_COMPLETED
from biobraid.ingest.hashing import mix, positive, value_hash
from biobraid.ingest.times import NormalisedTimes, normalise_times

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
_NONE = pa.scalar(None, pa.string())
_STATUS_LABELS = pa.array(["Incomplete", "Unverified", "Complete"], pa.string())
_BOX_LABELS = pa.array(["Checked", "Unchecked"], pa.string())


@dataclass(frozen=True)
class Forms:
    """Of each record and instrument (rows x forms of the project)."""

    is_filled_in: Bools
    has_status: Bools  # any status, Incomplete included
    may_be_there: Bools  # the instrument can stand on this row: its event, its repeat


@dataclass(frozen=True)
class Surveys:
    """Filled-in instruments of a block; times and row_ids instrument by instrument (rows fastest)."""

    forms: Forms
    form_of: Ints  # of each variable of the file, -1 for none
    times: NormalisedTimes | None  # None if nothing of the file dates anything
    row_ids: pa.Int64Array


def look_at_forms(records: Records, facts: Facts, form_of: Ints, project: Project) -> Forms:
    """form_of: index of each fact variable's form in project.forms, -1 for none.

    Raises SourceFileError where checkboxes or statuses hold labels.
    """
    n, n_forms = len(records.frame.rows), len(project.forms)
    kinds = [project.kind_of(name) for name in facts.names]
    _refuse_labels(records, facts, kinds)
    is_status = np.array([kind == "status" for kind in kinds] or [False])[facts.variable]
    is_box = np.array([kind == "checkbox" for kind in kinds] or [False])[facts.variable]
    is_id = np.array([kind == "record_id" for kind in kinds] or [False])[facts.variable]
    is_zero = pc.equal(pc.utf8_trim_whitespace(facts.value), "0").to_numpy(zero_copy_only=False)
    form = form_of[facts.variable]
    says = (form >= 0) & ~is_id & ~((is_status | is_box) & is_zero)
    is_filled_in = np.zeros((n, n_forms), dtype=bool)
    is_filled_in[facts.record[says], form[says]] = True
    has_status = np.zeros((n, n_forms), dtype=bool)
    at = is_status & (form >= 0)
    has_status[facts.record[at], form[at]] = True
    return Forms(is_filled_in, has_status, _may_be_there(records, project))


def _may_be_there(records: Records, project: Project) -> Bools:
    rows, across = records.rows, records.rows.across
    forms = project.forms
    events = sorted(set(across.events) | {""})
    of_event = np.array(
        [[not project.forms_of.get(e) or f in project.forms_of[e] for f in forms] for e in events]
    )
    repeats = np.array([[(e, f) in across.repeating for f in forms] for e in events])
    at = rows.events_at(events)
    instrument = pc.index_in(rows.instrument, pa.array(forms, pa.string())).fill_null(-1)
    own = instrument.to_numpy(zero_copy_only=False).astype(np.int64)
    is_plain = (own < 0) & rows.instance.is_null().to_numpy(zero_copy_only=False)
    fits: Bools = of_event[at] & ~(repeats[at] & is_plain[:, None])
    is_repeat = own >= 0
    fits[is_repeat] = own[is_repeat, None] == np.arange(len(forms))[None, :]
    return fits


def form_times(
    records: Records, project: Project, options: RedcapOptions, counts: Counts
) -> NormalisedTimes | None:
    """When each instrument of each record was filled in, instrument by instrument (rows fastest).

    None if nothing of the file dates anything. A date that cannot be read dates nothing; it
    is a warning here and an unreadable value of its own variable.
    """
    n, columns, is_any = len(records.frame.rows), list[pa.Array](), False
    zone = records.frame.job.source.time_zone or records.frame.job.study.time_zone
    order = records.frame.job.source.date_order
    for form in project.forms:
        text = pa.nulls(n, pa.string())
        for name, values in _dates(records, project, options, form):
            is_any = True
            bad = normalise_times(values, order, zone).invalid_mask
            if bad.any():
                counts.warnings[f"invalid-date:{name}"] += int(bad.sum())
                values = pc.if_else(pa.array(bad), _NONE, values)
            text = pc.coalesce(text, values)
        columns.append(text)
    if not is_any:
        return None
    return normalise_times(pa.concat_arrays(columns), order, zone)


def _dates(
    records: Records, project: Project, options: RedcapOptions, form: str
) -> list[tuple[str, pa.StringArray]]:
    """What dates an instrument, the most telling first: (variable, text; null where blank)."""
    rules: list[tuple[str, str | None]] = []
    if form in options.dates:
        rules.append((options.dates[form], None))
    rules += [(f, e) for e, f in options.dates.items() if e != "*" and e not in project.forms]
    if "*" in options.dates:
        rules.append((options.dates["*"], None))
    found = [pair for rule, event in rules for pair in _field_dates(records, rule, event)]
    stamp = f"{form}_timestamp"
    if stamp in records.rows.plan.file_names:
        text = records.rows.own(stamp)
        found.append((stamp, pc.if_else(pc.equal(text, NOT_COMPLETED), _NONE, text)))
    return found


def _field_dates(
    records: Records, rule: str, only_event: str | None
) -> list[tuple[str, pa.StringArray]]:
    event, _, name = rule.rpartition(".")
    values = records.rows.values(Ref(name, event=event or None))
    if values is None:
        return []
    values = pc.if_else(pc.equal(values, ""), _NONE, values)
    if only_event is not None:
        values = pc.if_else(pc.equal(records.rows.event, only_event), values, _NONE)
    return [(name, values)]


def find_surveys(
    records: Records,
    facts: Facts,
    form_of: Ints,
    project: Project,
    options: RedcapOptions,
    counts: Counts,
) -> Surveys:
    """Which instruments were filled in, when, and the row ids of their events."""
    frame = records.frame
    hashes = [value_hash(frame.job.keys, "fact", f"survey:{form}") for form in project.forms]
    ids = [mix(frame.records, np.uint64(h)) for h in hashes]
    forms = look_at_forms(records, facts, form_of, project)
    astray = (forms.is_filled_in & ~forms.may_be_there).sum(axis=0)
    for i in np.flatnonzero(astray).tolist():
        counts.warnings[f"form-where-it-should-not-be:{project.forms[i]}"] += int(astray[i])
    return Surveys(
        forms,
        form_of,
        form_times(records, project, options, counts),
        positive(np.concatenate(ids)),
    )


def survey_rows(records: Records, surveys: Surveys, project: Project) -> Chunk:
    """raw.event rows of the filled-in instruments."""
    frame, n = records.frame, len(records.frame.rows)
    record, form = np.nonzero(surveys.forms.is_filled_in)
    at = pa.array(form * n + record)
    local = f"{frame.job.study.id}:{frame.job.source_id}"
    same = pa.array(np.zeros(len(record), dtype=np.int64))
    rows = frame.origin(record) | {
        "row_id": surveys.row_ids.take(at),
        "kind": pa.array(["survey"]).take(same),
        "source_table": pa.array(["instrument"]).take(same),
        "code": pa.array(project.forms, pa.string()).take(pa.array(form)),
        "code_system": pa.array([local]).take(same),
        "origin": pa.array([frame.job.source.origin]).take(same),
    }
    if surveys.times is not None:
        rows |= time_columns(surveys.times, at)
    return Chunk("raw.event", pa.table(rows))


def time_columns(times: NormalisedTimes, at: pa.Array) -> dict[str, pa.Array]:
    """Columns start_* of facts; null where `at` is null."""
    return {
        "start_time": times.start_time.take(at),
        "start_offset_minutes": times.offset_minutes.take(at),
        "time_source": times.time_source.take(at),
        "time_flag": times.time_flag.take(at),
    }


def _refuse_labels(records: Records, facts: Facts, kinds: list[str]) -> None:
    for kind, labels in (("status", _STATUS_LABELS), ("checkbox", _BOX_LABELS)):
        mine = np.array([k == kind for k in kinds] or [False])[facts.variable]
        if not mine.any():
            continue
        held = pc.is_in(facts.value.filter(pa.array(mine)), labels)
        if pc.any(held).as_py():
            first = int(np.flatnonzero(mine)[pc.index(held, True).as_py()])
            name = facts.names[facts.variable[first]]
            raise labelled_values(records.frame.job, records.rows.plan.file_names[name])
