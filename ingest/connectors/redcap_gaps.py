"""Gaps whose reason the structure tells: questions that branching hid, forms never opened."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Counts
from biobraid.ingest.connectors.delimited_facts import Facts, Ints32
from biobraid.ingest.connectors.redcap_evaluate import evaluate
from biobraid.ingest.connectors.redcap_forms import Bools, Forms, Ints, Surveys
from biobraid.ingest.connectors.redcap_frame import Records
from biobraid.ingest.connectors.redcap_logic import Node
from biobraid.ingest.connectors.redcap_plan import Fate
from biobraid.ingest.connectors.redcap_project import Project

# Reasons of facts by number; 0 is none. The first is the option branching_reason.
HIDDEN, NEVER_OPENED, NOT_KNOWN = 1, 2, 3


@dataclass(frozen=True)
class Gaps:
    """Facts with the reason each is absent for, and which boxes stand on no row of their own."""

    facts: Facts
    reason: npt.NDArray[np.int8]
    is_elsewhere: Bools  # unchecked boxes of another instrument's row or event


def find_gaps(
    records: Records, facts: Facts, surveys: Surveys, project: Project, counts: Counts
) -> Gaps:
    """The facts with those added that branching hid and that the export leaves empty.

    An answer that is there counts, whatever branching says, and is warned of.
    """
    forms, form_of = surveys.forms, surveys.form_of
    reason, is_elsewhere = _unchecked(facts, forms, form_of, project)
    order = np.argsort(facts.variable, kind="stable")
    bounds = np.searchsorted(facts.variable[order], np.arange(len(facts.names) + 1))
    truths: dict[Node, pa.BooleanArray] = {}
    added: list[tuple[int, Ints]] = []
    n = len(records.frame.rows)
    for i, name in enumerate(facts.names):
        node = project.branching.get(name)
        if node is None or form_of[i] < 0:
            continue
        if node not in truths:
            truths[node] = evaluate(node, records.rows.values, n)
        shown = truths[node]
        mine = order[bounds[i] : bounds[i + 1]]
        is_empty = np.ones(n, dtype=bool)
        is_empty[facts.record[mine]] = False
        form = form_of[i]
        is_open = forms.is_filled_in[:, form] & forms.may_be_there[:, form]
        is_hidden = pc.invert(shown).fill_null(False).to_numpy(zero_copy_only=False) & is_open
        is_unknown = shown.is_null().to_numpy(zero_copy_only=False) & is_open
        hidden = mine[is_hidden[facts.record[mine]]]
        is_answer = np.ones(len(hidden), dtype=bool)
        if project.kind_of(name) == "checkbox":
            values = pc.utf8_trim_whitespace(facts.value.take(pa.array(hidden)))
            is_answer = ~pc.equal(values, "0").to_numpy(zero_copy_only=False)
            reason[hidden[~is_answer]] = HIDDEN
        if is_answer.any():
            counts.warnings[f"answered-though-hidden:{name}"] += int(is_answer.sum())
        n_unknown = int((is_unknown & is_empty).sum())
        if n_unknown:
            counts.warnings[f"branching-not-evaluable:{name}"] += n_unknown
        if facts.roles[i] == Fate.LAND and (is_hidden & is_empty).any():
            added.append((i, np.flatnonzero(is_hidden & is_empty)))
    if not added:
        return Gaps(facts, reason, is_elsewhere)
    record = np.concatenate([rows for _, rows in added])
    variable: Ints32 = np.concatenate([np.full(len(r), i, np.int32) for i, r in added])
    return Gaps(
        Facts(
            facts.names,
            facts.roles,
            np.concatenate([facts.record, record]),
            np.concatenate([facts.variable, variable]),
            pa.concat_arrays([facts.value, pa.nulls(len(record), pa.string())]),
        ),
        np.concatenate([reason, np.full(len(record), HIDDEN, np.int8)]),
        np.concatenate([is_elsewhere, np.zeros(len(record), dtype=bool)]),
    )


def _unchecked(
    facts: Facts, forms: Forms, form_of: Ints, project: Project
) -> tuple[npt.NDArray[np.int8], Bools]:
    """Reasons of unchecked boxes of forms that nobody filled in; those that belong elsewhere."""
    kinds = np.array([project.kind_of(name) == "checkbox" for name in facts.names] or [False])
    is_zero = pc.equal(pc.utf8_trim_whitespace(facts.value), "0").to_numpy(zero_copy_only=False)
    at = np.flatnonzero(kinds[facts.variable] & is_zero)
    record, form = facts.record[at], form_of[facts.variable[at]]
    is_blank = ~forms.is_filled_in[record, form]
    reason = np.zeros(len(facts), dtype=np.int8)
    reason[at] = np.where(
        is_blank, np.where(forms.has_status[record, form], NOT_KNOWN, NEVER_OPENED), 0
    )
    is_elsewhere = np.zeros(len(facts), dtype=bool)
    is_landing = facts.role[at] == Fate.LAND
    is_elsewhere[at] = is_blank & ~forms.may_be_there[record, form] & is_landing
    return reason, is_elsewhere
