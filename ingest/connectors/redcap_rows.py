"""What a file says across its rows: which events and repeats it has, and fields of other rows.

A row of a repeating instrument asks the record's plain row of the same event for fields of
other instruments; branching logic may ask another event. Only the fields asked for are kept.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.redcap_logic import EVENT_NAME, Ref
from biobraid.ingest.connectors.redcap_plan import RedcapPlan
from biobraid.ingest.connectors.redcap_project import EVENT, INSTANCE, INSTRUMENT, Project
from biobraid.ingest.connectors.redcap_tables import Export
from biobraid.ingest.key_index import KeyIndex
from biobraid.ingest.tabular import TextBlock
from biobraid.ingest.times import Bools

_BLANK = pa.scalar("")
_NONE = pa.scalar(None, pa.string())
Ints = npt.NDArray[np.int64]


@dataclass
class FileRows:
    """Events in order of appearance, what repeats where, and fields of the plain rows."""

    events: tuple[str, ...] = ()
    repeating: frozenset[tuple[str, str]] = frozenset()  # (event, instrument)
    repeating_events: frozenset[str] = frozenset()
    keys: pa.StringArray = field(default_factory=lambda: pa.array([], pa.string()))
    fields: dict[str, pa.StringArray] = field(default_factory=dict)  # as long as keys

    @cached_property
    def places(self) -> KeyIndex:
        """Places of the keys."""
        return KeyIndex(self.keys)


def look_across(
    export: Export, plan: RedcapPlan, project: Project, wanted: Collection[str]
) -> FileRows:
    """One reading of the keys and the wanted fields; nothing where rows cannot differ in event."""
    if not {EVENT, INSTRUMENT, INSTANCE} & set(plan.names):
        return FileRows()
    events: dict[str, None] = {}
    pairs: set[tuple[str, str]] = set()
    repeated: set[str] = set()
    keys: list[pa.Array] = []
    kept: dict[str, list[pa.Array]] = {name: [] for name in wanted if name in plan.file_names}
    for block in export.blocks():
        event, instrument, instance = (
            text_of(block, plan, name) for name in (EVENT, INSTRUMENT, INSTANCE)
        )
        event = pc.fill_null(event, "")
        events.update(dict.fromkeys(pc.unique(event).to_pylist()))
        seen = pa.table({"event": event, "instrument": instrument}).group_by(
            ["event", "instrument"]
        )
        pairs |= {
            (row["event"], row["instrument"])
            for row in seen.aggregate([]).to_pylist()
            if row["instrument"] is not None
        }
        is_event = pc.and_(instance.is_valid(), instrument.is_null())
        repeated.update(pc.unique(event.filter(is_event)).to_pylist())
        is_plain = pc.and_(instance.is_null(), instrument.is_null())
        record = pc.fill_null(text_of(block, plan, project.record_id), "")
        keys.append(joined(record, event).filter(is_plain))
        for name, columns in kept.items():
            columns.append(pc.fill_null(text_of(block, plan, name), "").filter(is_plain))
    return FileRows(
        events=tuple(e for e in events if e),
        repeating=frozenset(pairs),
        repeating_events=frozenset(repeated),
        keys=_concat(keys),
        fields={name: _concat(columns) for name, columns in kept.items()},
    )


@dataclass(frozen=True)
class BlockRows:
    """The kept rows of a block with their keys, to ask fields of."""

    block: TextBlock
    plan: RedcapPlan
    project: Project
    across: FileRows
    at: Ints  # rows of the block
    record: pa.StringArray
    event: pa.StringArray  # '' where the project has none
    instrument: pa.StringArray  # null on plain rows
    instance: pa.StringArray

    def own(self, variable: str) -> pa.StringArray:
        """A column, trimmed; empty is null."""
        return text_of(self.block, self.plan, variable).take(pa.array(self.at))

    def values(self, ref: Ref) -> pa.StringArray | None:
        """Values of a field as the logic of these rows sees it; see redcap_evaluate.Values."""
        if ref.name == EVENT_NAME:
            return self.event
        name = self.project.variable_of(ref)
        if name is None or name not in self.plan.file_names:
            return None
        found = self._of_event(name, ref.event) if ref.event else self._of_row(name)
        if found is None or self.project.kind_of(name) != "checkbox":
            return found
        return pc.if_else(pc.equal(found, _BLANK), "0", found)

    def _of_event(self, name: str, event: str) -> pa.StringArray | None:
        if event not in self.across.events or event in self.across.repeating_events:
            return None
        if (event, self.project.form_of(name)) in self.across.repeating:
            return None
        return self._plain(name, joined(self.record, event))

    def _of_row(self, name: str) -> pa.StringArray | None:
        """Own value, but of the plain row where this one is another instrument's repeat."""
        own = pc.fill_null(self.own(name), "")
        form = self.project.form_of(name)
        if not form or not self.across.repeating:
            return own
        is_other = pc.fill_null(pc.not_equal(self.instrument, form), False)
        repeats = [event for event, instrument in self.across.repeating if instrument == form]
        is_plain = pc.and_(self.instrument.is_null(), self.instance.is_null())
        elsewhere = pc.is_in(self.event, pa.array(repeats, pa.string()))
        not_known = pc.and_(elsewhere, pc.or_(is_other, is_plain))
        plain = self._plain(name, joined(self.record, self.event))
        return pc.if_else(not_known, _NONE, pc.if_else(is_other, plain, own))

    def _plain(self, name: str, keys: pa.StringArray) -> pa.StringArray:
        """The field on the plain rows of these keys; blank where there is no such row."""
        found = self.across.fields[name].take(self.across.places.find(keys))
        return pc.fill_null(found, "")

    def events_at(self, events: Sequence[str]) -> Ints:
        """Position of each row's event, -1 where it is none of them."""
        at = pc.index_in(self.event, pa.array(events, pa.string())).fill_null(-1)
        positions: Ints = at.to_numpy(zero_copy_only=False).astype(np.int64)
        return positions


def text_of(block: TextBlock, plan: RedcapPlan, variable: str) -> pa.StringArray:
    """A column of the whole block, trimmed; null where empty or where the file lacks it."""
    if variable not in plan.file_names:
        return pa.nulls(block.n_rows, pa.string())
    text = pc.utf8_trim_whitespace(block.column(plan.file_names[variable]))
    return pc.if_else(pc.equal(text, _BLANK), _NONE, text)


def joined(record: pa.StringArray, event: pa.StringArray | str) -> pa.StringArray:
    """Key of a record in an event."""
    return pc.binary_join_element_wise(record, event, "\x1f")


def is_true(found: pa.BooleanArray) -> Bools:
    """As numpy; unknown is false."""
    mask: Bools = found.fill_null(False).to_numpy(zero_copy_only=False)
    return mask


def _concat(arrays: Sequence[pa.Array]) -> pa.StringArray:
    return pa.concat_arrays(arrays) if arrays else pa.array([], pa.string())
