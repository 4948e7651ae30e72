"""Event, record and consent files: one landed row a record, or one for each of its codes."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.connectors.delimited_identities import Seen
from biobraid.ingest.connectors.delimited_options import FromColumn, TimeRule
from biobraid.ingest.connectors.delimited_settle import settle, to_point
from biobraid.ingest.connectors.delimited_values import A_TIME, other_cells, reject_times
from biobraid.ingest.hashing import mix, positive, value_hash
from biobraid.ingest.times import NormalisedTimes

Ints = npt.NDArray[np.int64]
_NONE = pa.scalar(None, pa.string())


def read_events(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    """raw.event rows: one for each code of a record, or one if it has words or a value only."""
    options = frame.plan.options
    reject_times(frame)
    for option in ("kind", "position"):
        _known_words(frame, option)
    if options.code:
        _reject_uncoded(frame)
    end = _end_times(frame, options.end_time)
    shared = {name: _text(frame, getattr(options, option)) for name, option in _EVENT_TEXT}
    shared |= {"kind": frame.words(options.kind)[0], "position": frame.words(options.position)[0]}
    for name in ("value", "quantity"):
        if options.decimal == ",":
            shared[name] = to_point(shared[name])
    n = len(frame.rows)
    source_table = options.source_table or frame.job.source_id
    shared["source_table"] = pa.array([source_table] * n, pa.string())
    shared["origin"] = pa.array([frame.job.source.origin] * n, pa.string())
    shared["visit_record_id"] = frame.other_records(options.visit)
    shared |= _end_columns(end)
    for column, system, code, at in _codes(frame):
        taken = {
            name: values.take(pa.array(at)) for name, values in shared.items() if values is not None
        }
        table = (
            frame.origin(at)
            | taken
            | {
                "row_id": _row_ids(frame, at, f"event:{column}"),
                "code": code.take(pa.array(at)),
                "code_system": system.take(pa.array(at)),
            }
        )
        counts.facts_read += len(at)
        yield Chunk("raw.event", pa.table(table))
    yield from settle(frame, seen, other_cells(frame), counts)


def read_records(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    """raw.record rows, one for each record."""
    options = frame.plan.options
    reject_times(frame)
    _known_words(frame, "kind")
    end = _end_times(frame, options.end_time)
    number = _text(frame, options.number)
    if options.decimal == ",":
        number = to_point(number)
    is_number = pc.fill_null(pc.match_substring_regex(number, _NUMBER), True)
    if options.number is not None:
        bad = ~is_number.to_numpy(zero_copy_only=False)
        frame.reject_cells(bad, options.number, "invalid-number", "a number")
    everyone = np.arange(len(frame.rows))
    code, system, _ = next(iter(_code_columns(frame)), (_nulls(frame), _nulls(frame), ""))
    rows = (
        frame.origin()
        | _end_columns(end)
        | {
            "row_id": _row_ids(frame, everyone, "record"),
            "kind": frame.words(options.kind)[0],
            "code": code,
            "code_system": system,
            "label": _text(frame, options.label),
            "number": pc.cast(pc.if_else(is_number, number, _NONE), pa.float64()),
            "reason": _text(frame, options.reason),
        }
    )
    parent = frame.other_records(options.parent)
    if parent is not None:
        rows["parent_record_id"] = parent
    counts.facts_read += len(everyone)
    yield Chunk("raw.record", pa.table(rows))
    yield from settle(frame, seen, other_cells(frame), counts)


def read_consents(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    """raw.consent rows, one for each record; an unknown status is rejected, never guessed."""
    options = frame.plan.options
    reject_times(frame)
    for option in ("modality", "status", "level"):
        _known_words(frame, option)
    everyone = np.arange(len(frame.rows))
    rows = frame.origin() | {
        "row_id": _row_ids(frame, everyone, "consent"),
        "modality": frame.words(options.modality)[0],
        "status": frame.words(options.status)[0],
        "level": frame.words(options.level)[0],
    }
    counts.facts_read += len(everyone)
    yield Chunk("raw.consent", pa.table(rows))
    yield from settle(frame, seen, other_cells(frame), counts)


_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_EVENT_TEXT = (
    ("value", "value"), ("unit", "unit"), ("quantity", "quantity"), ("code_text", "text"),
    ("admitted_from", "admitted_from"), ("discharged_to", "discharged_to"),
)  # fmt: skip
_NEEDED = ("kind", "status", "modality")


def _known_words(frame: Frame, option: str) -> None:
    """Reject records whose word for an option is none that the landing table knows."""
    rule = getattr(frame.plan.options, option)
    if not isinstance(rule, FromColumn):
        return
    known = frame.plan.options.known_values()[option]
    words, is_new = frame.words(rule)
    fits = pc.is_in(words, pa.array(known, pa.string())).to_numpy(zero_copy_only=False)
    if option not in _NEEDED:
        fits |= words.is_null().to_numpy(zero_copy_only=False)
    frame.keep(fits & ~is_new, f"unknown-{option}", ", ".join(known), rule.column)


def _reject_uncoded(frame: Frame) -> None:
    """A record without any code must at least have words or a value."""
    options = frame.plan.options
    found = np.zeros(len(frame.rows), dtype=bool)
    for name in (*options.code, options.text, options.value):
        if name is not None:
            found |= frame.column(name).is_valid().to_numpy(zero_copy_only=False)
    frame.keep(found, "missing-code", "a code in " + ", ".join(options.code))


def _codes(frame: Frame) -> Iterator[tuple[str, pa.StringArray, pa.StringArray, Ints]]:
    """(column, code system, code, records) of each code column; records without any code last.

    Uncoded records go with the first column, so that each makes one event.
    """
    columns = list(_code_columns(frame))
    if not columns:
        yield "", _nulls(frame), _nulls(frame), np.arange(len(frame.rows))
        return
    is_coded = np.zeros(len(frame.rows), dtype=bool)
    for code, _, _ in columns:
        is_coded |= code.is_valid().to_numpy(zero_copy_only=False)
    for i, (code, system, column) in enumerate(columns):
        mine = code.is_valid().to_numpy(zero_copy_only=False)
        if i == 0:
            mine = mine | ~is_coded
        yield column, system, code, np.flatnonzero(mine)


def _code_columns(frame: Frame) -> Iterator[tuple[pa.StringArray, pa.StringArray, str]]:
    """(code, code system, column name) of each code column."""
    options = frame.plan.options
    local = f"{frame.job.study.id}:{frame.job.source_id}"
    for column, own in options.code.items():
        system, _ = frame.words(own or options.code_system)
        yield frame.column(column), pc.fill_null(system, local), column


def _end_times(frame: Frame, rule: TimeRule | None) -> NormalisedTimes | None:
    """End times; an invalid one is a rejected cell of a record that lands."""
    end = frame.times(rule)
    if end is not None and rule is not None and rule.column is not None:
        frame.reject_cells(end.invalid_mask, rule.column, "invalid-date", A_TIME)
    return end


def _end_columns(end: NormalisedTimes | None) -> dict[str, pa.Array]:
    if end is None:
        return {}
    return {"end_time": end.start_time, "end_offset_minutes": end.offset_minutes}


def _row_ids(frame: Frame, at: Ints, label: str) -> pa.Int64Array:
    fact = np.uint64(value_hash(frame.job.keys, "fact", label))
    return positive(mix(frame.records[at], fact))


def _text(frame: Frame, column: str | None) -> pa.StringArray:
    return _nulls(frame) if column is None else frame.column(column)


def _nulls(frame: Frame) -> pa.StringArray:
    return pa.nulls(len(frame.rows), pa.string())
