"""Every cell of a REDCap export to its fate: landed, to the vault, or ignored by a rule."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.delimited_facts import Facts
from biobraid.ingest.connectors.delimited_identities import birth_dates, to_vault
from biobraid.ingest.connectors.delimited_settle import to_point, value_rows
from biobraid.ingest.connectors.redcap_forms import Bools, Forms, Surveys, time_columns
from biobraid.ingest.connectors.redcap_frame import Records
from biobraid.ingest.connectors.redcap_gaps import Gaps
from biobraid.ingest.connectors.redcap_options import RedcapOptions
from biobraid.ingest.connectors.redcap_plan import Fate, RedcapPlan
from biobraid.ingest.connectors.redcap_project import Project
from biobraid.ingest.hashing import mix, positive, value_hash

_CLOSED = ("code", "multicode", "boolean")  # with choices, they are all


def settle(
    records: Records,
    gaps: Gaps,
    surveys: Surveys,
    plan: RedcapPlan,
    options: RedcapOptions,
    project: Project,
    counts: Counts,
) -> Iterator[Chunk]:
    """Chunks of the facts that land or go to the vault; every fact is counted once."""
    frame, facts = records.frame, gaps.facts
    role = facts.role
    counts.facts_read += len(facts)
    is_here: Bools = ~gaps.is_elsewhere
    _ignore(facts.only(role == Fate.IGNORED), plan, counts)
    n_elsewhere = len(facts) - int(is_here.sum())
    if n_elsewhere:
        counts.ignored["box-of-another-form"] += n_elsewhere
        counts.facts_ignored += n_elsewhere
    vault = facts.only(role == Fate.VAULT)
    counts.facts_to_vault += len(vault)
    yield from to_vault(frame, vault)
    yield from _details(records, facts.only(role == Fate.DETAIL), surveys.forms, counts)
    for fate in (Fate.LAND, Fate.SEX, Fate.BIRTH_DATE):
        mask: Bools = (role == fate) & is_here
        part, reason = facts.only(mask), gaps.reason[mask]
        if fate == Fate.SEX:
            yield from to_vault(frame, part)
        elif fate == Fate.BIRTH_DATE and len(part):
            n_rejected = frame.rejected_cells
            chunks, part = birth_dates(frame, part)
            counts.facts_read -= frame.rejected_cells - n_rejected  # added with all of them
            yield from chunks
            reason = np.zeros(len(part), dtype=np.int8)
        if len(part):
            part = _with_points(part, options, project)
            _warn_of_codes(part, project, reason, counts)
            rows = _value_rows(records, part, surveys)
            yield Chunk("raw.value", rows.append_column("absent_reason", _reasons(reason, options)))


def _value_rows(records: Records, part: Facts, surveys: Surveys) -> pa.Table:
    """raw.value rows, with the instrument each answer belongs to and its time."""
    rows = value_rows(records.frame, part, records.instances.astype(np.int32), None)
    n, form = len(records.frame.rows), surveys.form_of[part.variable]
    is_filled_in = surveys.forms.is_filled_in[part.record, np.maximum(form, 0)] & (form >= 0)
    at = pa.array(form * n + part.record, mask=form < 0)
    mask, none = pa.array(is_filled_in), pa.scalar(None, pa.int64())
    columns = {"survey_record_id": pc.if_else(mask, surveys.row_ids.take(at), none)}
    if surveys.times is not None:
        columns |= time_columns(surveys.times, at)
    for name, column in columns.items():
        rows = rows.append_column(name, column)
    return rows


def _ignore(facts: Facts, plan: RedcapPlan, counts: Counts) -> None:
    for i, n in enumerate(np.bincount(facts.variable, minlength=len(facts.names)).tolist()):
        if n:
            counts.ignored[plan.rules[facts.names[i]]] += n
            counts.facts_ignored += n


def _details(records: Records, facts: Facts, forms: Forms, counts: Counts) -> Iterator[Chunk]:
    """raw.detail rows of the surveys of a record: its event and, if asked for, its group."""
    has_survey: Bools = np.any(forms.is_filled_in, axis=1)
    held = facts.only(has_survey[facts.record])
    n_left = len(facts) - len(held)
    if n_left:
        counts.ignored["record-key"] += n_left
        counts.facts_ignored += n_left
    if not len(held):
        return
    frame = records.frame
    hashes = np.array(
        [value_hash(frame.job.keys, "fact", f"detail:{name}") for name in held.names], np.uint64
    )
    names = pa.array(list(held.names), pa.string())
    same = pa.array(np.zeros(len(held), dtype=np.int64))
    rows = frame.origin(held.record) | {
        "row_id": positive(mix(frame.records[held.record], hashes[held.variable])),
        "kind": pa.array(["survey"]).take(same),
        "field": pa.DictionaryArray.from_arrays(pa.array(held.variable), names),
        "value": pc.utf8_trim_whitespace(held.value),
    }
    yield Chunk("raw.detail", pa.table(rows))


def _reasons(reason: npt.NDArray[np.int8], options: RedcapOptions) -> pa.DictionaryArray:
    words = pa.array([options.branching_reason, "not-asked", "unknown"], pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(reason - 1, mask=reason == 0), words)


def _with_points(facts: Facts, options: RedcapOptions, project: Project) -> Facts:
    """Numbers with decimal commas as numbers with a point, where the dictionary says so."""
    has_comma = np.array(
        [
            project.told(name, "decimal") == ","
            or (options.decimal == "," and project.variables[name].value_type == "number")
            for name in facts.names
        ]
        if facts.names
        else [False]
    )
    mask = pa.array(has_comma[facts.variable])
    if not pc.any(mask).as_py():
        return facts
    points = to_point(facts.value.filter(mask))
    return facts.with_values(pc.replace_with_mask(facts.value, mask, points))


def _warn_of_codes(
    facts: Facts, project: Project, reason: npt.NDArray[np.int8], counts: Counts
) -> None:
    """Count codes that are no choice of their field; they land all the same."""
    is_closed = np.array([_is_closed(project, name) for name in facts.names])
    at = np.flatnonzero(is_closed[facts.variable] & (reason == 0))
    at = at[np.argsort(facts.variable[at], kind="stable")]
    bounds = np.searchsorted(facts.variable[at], np.arange(len(facts.names) + 1))
    for i in np.flatnonzero(np.diff(bounds)).tolist():
        name = facts.names[i]
        known = pa.array(list(project.variables[name].codes), pa.string())
        mine = facts.value.take(pa.array(at[bounds[i] : bounds[i + 1]]))
        values = pc.utf8_trim_whitespace(mine)
        n = len(values) - int(pc.sum(pc.is_in(values, known)).as_py() or 0)
        if n:
            counts.warnings[f"unknown-code:{name}"] += n


def _is_closed(project: Project, name: str) -> bool:
    """True where the choices of a field are all that it may hold."""
    variable = project.variables.get(name)
    if variable is None or project.kind_of(name) == "sql":
        return False
    return variable.value_type in _CLOSED and bool(variable.codes)
