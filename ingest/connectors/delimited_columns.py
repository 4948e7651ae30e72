"""Columns of raw.event and raw.record as the options of a source name them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.connectors.delimited_options import EVENT_TEXT
from biobraid.ingest.connectors.delimited_rules import (
    CodeColumn,
    EventText,
    FromColumn,
    Names,
    TimeRule,
    names_in,
)
from biobraid.ingest.connectors.delimited_settle import to_point
from biobraid.ingest.connectors.delimited_values import A_TIME
from biobraid.ingest.hashing import mix, positive, value_hash
from biobraid.ingest.times import NormalisedTimes

Ints = npt.NDArray[np.int64]
Columns = dict[str, pa.Array]
NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_NONE = pa.scalar(None, pa.string())
_IN_RAW = {"text": "code_text"}
_NUMBERS = ("value", "quantity", "range_low", "range_high", "days_supply", "refills")
_COUNTED = ("quantity", "days_supply", "refills")  # warned of where they are no number
_NEEDED = ("kind", "status", "modality")


def event_text(frame: Frame, options: EventText, counts: Counts) -> Columns:
    """Columns of raw.event that some options name; those not named are left out.

    An amount that is no number ("1-2") lands as it is, with a warning.
    """
    found: Columns = {}
    for name in EVENT_TEXT:
        rule = getattr(options, name)
        if rule is None:
            continue
        if name.endswith("_system"):
            found[name] = frame.words(rule)[0]
            continue
        names = frame.plan.landing(name, rule)
        if not names:
            continue
        text = first_given(frame, names)
        if name in _NUMBERS and frame.plan.options.decimal == ",":
            text = to_point(text)
        if name in _COUNTED:
            is_number = pc.fill_null(pc.match_substring_regex(text, NUMBER), True)
            n = len(text) - int(pc.sum(is_number).as_py() or 0)
            if n:
                counts.warnings[f"not-a-number:{names_in(rule)[0]}"] += n
        found[_IN_RAW.get(name, name)] = text
    for name in ("value_code", "qualifier_code"):
        if name in found:
            local = pa.array([local_system(frame)] * len(frame.rows), pa.string())
            system = found.get(f"{name}_system", local).fill_null(local_system(frame))
            found[f"{name}_system"] = pc.if_else(found[name].is_valid(), system, _NONE)
    return found


def own_columns(frame: Frame, own: CodeColumn, counts: Counts) -> Columns:
    """Columns of the events of one code column, where it says more than the source does."""
    found = event_text(frame, own, counts)
    if own.kind is not None:
        found["kind"] = frame.words(own.kind)[0]
    return found


def first_given(frame: Frame, names: Names) -> pa.StringArray:
    """The first of some columns that is given, for each record."""
    columns = [frame.column(name) for name in names_in(names)]
    return columns[0] if len(columns) == 1 else pc.coalesce(*columns)


def references(frame: Frame) -> Columns:
    """record_ids of the records of other sources that the kept records name."""
    found: Columns = {}
    for name, key in frame.plan.options.references().items():
        ids = frame.other_records(key)
        if ids is not None:
            found[f"{name}_record_id"] = ids
    return found


def concept_ids(frame: Frame) -> Columns:
    """Concepts that the file states itself; a cell that is no id is rejected."""
    found: Columns = {}
    for name, column in frame.plan.options.concepts.items():
        text = frame.column(column)
        is_id = pc.fill_null(pc.match_substring_regex(text, r"^\d{1,18}$"), True)
        bad = ~is_id.to_numpy(zero_copy_only=False)
        frame.reject_cells(bad, column, "invalid-number", "a concept id")
        found[name] = pc.cast(pc.if_else(is_id, text, _NONE), pa.int64())
    return found


def details(frame: Frame, kind: pa.StringArray, counts: Counts) -> Iterator[Chunk]:
    """raw.detail rows of the kept records, one for each non-empty cell of a detail column.

    kind: of each record's event or record.
    """
    for field, column in frame.plan.options.detail.items():
        if not frame.plan.landing(f"detail.{field}", column):
            continue
        value = frame.column(column)
        at = np.flatnonzero(value.is_valid().to_numpy(zero_copy_only=False))
        if not len(at):
            continue
        counts.facts_read += len(at)
        taken = pa.array(at)
        rows = frame.origin(at) | {
            "row_id": row_ids(frame, at, f"detail:{field}"),
            "kind": kind.take(taken),
            "field": pa.array([field] * len(at), pa.string()),
            "value": value.take(taken),
        }
        unheld = ("start_time", "start_offset_minutes", "time_source", "time_flag")
        yield Chunk("raw.detail", pa.table({k: v for k, v in rows.items() if k not in unheld}))


def count_withheld(frame: Frame, counts: Counts) -> None:
    """Count the cells that an option names and may not land, each column once."""
    for column, rule in {c: rule for (_, c), rule in frame.plan.withheld.items()}.items():
        n = int(frame.column(column).is_valid().true_count)
        if n:
            counts.ignored[rule] += n
            counts.facts_read += n
            counts.facts_ignored += n


def reject_unknown_words(frame: Frame, name: str, rule: str | FromColumn | None) -> None:
    """Reject records whose word for an option is none that the landing table knows."""
    if not isinstance(rule, FromColumn):
        return
    known = frame.plan.options.known_values()[name]
    words, is_new = frame.words(rule)
    fits = pc.is_in(words, pa.array(known, pa.string())).to_numpy(zero_copy_only=False)
    if name not in _NEEDED:
        fits |= words.is_null().to_numpy(zero_copy_only=False)
    frame.keep(fits & ~is_new, f"unknown-{name}", ", ".join(known), rule.column)


def end_times(frame: Frame, rule: TimeRule | None) -> NormalisedTimes | None:
    """End times; an invalid one is a rejected cell of a record that lands."""
    end = frame.times(rule)
    if end is not None and rule is not None and rule.column is not None:
        frame.reject_cells(end.invalid_mask, rule.column, "invalid-date", A_TIME)
    return end


def end_columns(end: NormalisedTimes | None) -> Columns:
    """Landing columns of end times."""
    if end is None:
        return {}
    return {"end_time": end.start_time, "end_offset_minutes": end.offset_minutes}


def row_ids(frame: Frame, at: Ints, label: str) -> pa.Int64Array:
    """row_id of one fact of each record, told from its other facts by the label."""
    fact = np.uint64(value_hash(frame.job.keys, "fact", label))
    return positive(mix(frame.records[at], fact))


def local_system(frame: Frame) -> str:
    """Code system of codes that are the source's own."""
    return f"{frame.job.study.id}:{frame.job.source_id}"


def nulls(frame: Frame) -> pa.StringArray:
    """No text for any record."""
    return pa.nulls(len(frame.rows), pa.string())
