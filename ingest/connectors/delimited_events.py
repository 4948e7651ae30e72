"""Event files: a landed event for each code of a record, or one if it has words or a value only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.delimited_columns import (
    Columns,
    concept_ids,
    count_withheld,
    details,
    end_columns,
    end_times,
    event_text,
    local_system,
    nulls,
    own_columns,
    references,
    reject_unknown_words,
    row_ids,
)
from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.connectors.delimited_identities import Seen
from biobraid.ingest.connectors.delimited_rules import CodeColumn, Split
from biobraid.ingest.connectors.delimited_settle import settle
from biobraid.ingest.connectors.delimited_split import parts_of
from biobraid.ingest.connectors.delimited_values import other_cells, reject_times
from biobraid.ingest.hashing import record_ids
from biobraid.ingest.key_index import SeenHashes

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


def read_events(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    """raw.event rows, and raw.detail rows of the fields that have no column there."""
    options = frame.plan.options
    reject_times(frame)
    for name in ("kind", "position"):
        reject_unknown_words(frame, name, getattr(options, name))
    own = options.code_columns()
    for code_column in own.values():
        reject_unknown_words(frame, "kind", code_column.kind)
    if own:
        _reject_uncoded(frame)
    masks = _masks(frame, own, seen, counts)
    shared = _shared(frame, counts)
    for (code, system, column), at in zip(_codes(frame), masks, strict=True):
        mine = shared | own_columns(frame, own.get(column, CodeColumn()), counts)
        mine |= {"code": code, "code_system": system}
        events = _Events(at, {name: values.take(pa.array(at)) for name, values in mine.items()})
        for label, rows in _split(events, options.split, counts):
            counts.facts_read += len(rows.at)
            table = frame.origin(rows.at) | rows.columns
            table["row_id"] = row_ids(frame, rows.at, f"event:{column}{label}")
            if len(rows.at):
                yield Chunk("raw.event", pa.table(table))
    yield from details(frame, shared["kind"], counts)
    count_withheld(frame, counts)
    yield from settle(frame, seen, other_cells(frame), counts)


@dataclass(frozen=True)
class _Events:
    """Events of some records, with their columns of raw.event."""

    at: Ints
    columns: Columns

    def only(self, mask: Bools) -> _Events:
        keep = pa.array(mask)
        return _Events(self.at[mask], {k: v.filter(keep) for k, v in self.columns.items()})


def _shared(frame: Frame, counts: Counts) -> Columns:
    """What holds for all events of each record."""
    options = frame.plan.options
    n = len(frame.rows)
    columns = event_text(frame, options, counts) | references(frame) | concept_ids(frame)
    for name in ("admitted_from", "discharged_to"):
        for column in frame.plan.landing(name, getattr(options, name)):
            columns[name] = frame.column(column)
    columns["kind"] = frame.words(options.kind)[0]
    columns["position"] = frame.words(options.position)[0]
    source_table = options.source_table or frame.job.source_id
    columns["source_table"] = pa.array([source_table] * n, pa.string())
    columns["origin"] = pa.array([frame.job.source.origin] * n, pa.string())
    return columns | end_columns(end_times(frame, options.end_time))


def _reject_uncoded(frame: Frame) -> None:
    """A record without any code must at least have words or a value."""
    options, landing = frame.plan.options, frame.plan.landing
    words = (*landing("text", options.text), *landing("value", options.value))
    found = np.zeros(len(frame.rows), dtype=bool)
    for name in (*options.code, *words):
        found |= frame.column(name).is_valid().to_numpy(zero_copy_only=False)
    frame.keep(found, "missing-code", "a code in " + ", ".join(options.code))


def _masks(frame: Frame, own: dict[str, CodeColumn], seen: Seen, counts: Counts) -> list[Ints]:
    """Records with an event of each code column; uncoded ones go with the first.

    A record all of whose events repeat earlier ones is ignored: it lands nothing.
    """
    if not own:
        return [np.arange(len(frame.rows))]
    masks = [frame.column(c).is_valid().to_numpy(zero_copy_only=False) for c in own]
    masks[0] = masks[0] | ~np.logical_or.reduce(masks)
    repeated = [
        _repeats(frame, c, o, m, seen) for (c, o), m in zip(own.items(), masks, strict=True)
    ]
    new = [mask & ~again for mask, again in zip(masks, repeated, strict=True)]
    lands = np.logical_or.reduce(new)
    if frame.job.source.delivery == "delta":
        lands = np.ones(len(lands), dtype=bool)
    n = sum(int((again & lands).sum()) for again in repeated)
    if n:
        counts.ignored["repeated-event"] += n
        counts.facts_read += n
        counts.facts_ignored += n
    frame.ignore(~lands, "repeated-record")
    return [np.flatnonzero(mask[lands]) for mask in new]


def _repeats(frame: Frame, column: str, own: CodeColumn, mask: Bools, seen: Seen) -> Bools:
    """Which events of a code column the file has already given, by its `once_per`."""
    again = np.zeros(len(mask), dtype=bool)
    at = np.flatnonzero(mask)
    if not own.once_per or not len(at):
        return again
    person = frame.natives.take(pa.array(at))
    parts = [(c, frame.column(c).take(pa.array(at))) for c in (*own.once_per, column)]
    keys = record_ids(frame.job.keys, f"once/{column}", [("", person), *parts])
    known = seen.events.setdefault(column, SeenHashes())
    _, first = np.unique(keys, return_index=True)
    is_first = np.zeros(len(keys), dtype=bool)
    is_first[first] = True
    is_new = is_first & ~known.contains(keys)
    known.add(keys[is_new])
    again[at[~is_new]] = True
    return again


def _codes(frame: Frame) -> Iterator[tuple[pa.StringArray, pa.StringArray, str]]:
    """(code, code system, column) of each code column, or one without codes."""
    if frame.plan.options.code:
        yield from code_columns(frame)
    else:
        yield nulls(frame), nulls(frame), ""


def code_columns(frame: Frame) -> Iterator[tuple[pa.StringArray, pa.StringArray, str]]:
    """(code, code system, column name) of each code column."""
    options = frame.plan.options
    for column, own in options.code_columns().items():
        system, _ = frame.words(own.system or options.code_system)
        yield frame.column(column), pc.fill_null(system, local_system(frame)), column


def _split(
    events: _Events, rules: dict[str, Split], counts: Counts
) -> Iterator[tuple[str, _Events]]:
    """(label, events): those whose value has several parts as one event for each part."""
    for name, rule in rules.items():
        if "value" not in events.columns:
            break
        is_named = pc.fill_null(pc.equal(events.columns["code"], name), False)
        is_named = is_named.to_numpy(zero_copy_only=False)
        parts = parts_of(events.columns["value"], is_named, rule, f"unsplit:{name}", counts)
        for part, values in zip(rule.into, parts.values, strict=True):
            code = pa.array([part] * len(values), pa.string())
            found = events.only(parts.mask)
            yield f":{part}", _Events(found.at, found.columns | {"code": code, "value": values})
        events = events.only(~parts.mask)
    yield "", events
