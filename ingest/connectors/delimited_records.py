"""Record and consent files: one landed row for each record."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk, Counts
from biobraid.ingest.connectors.delimited_columns import (
    NUMBER,
    count_withheld,
    details,
    end_columns,
    end_times,
    nulls,
    references,
    reject_unknown_words,
    row_ids,
)
from biobraid.ingest.connectors.delimited_events import code_columns
from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.connectors.delimited_identities import Seen
from biobraid.ingest.connectors.delimited_settle import settle, to_point
from biobraid.ingest.connectors.delimited_values import other_cells, reject_times

_NONE = pa.scalar(None, pa.string())


def read_records(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    """raw.record rows, one for each record."""
    options = frame.plan.options
    reject_times(frame)
    reject_unknown_words(frame, "kind", options.kind)
    end = end_times(frame, options.end_time)
    number = _text(frame, "number")
    if options.decimal == ",":
        number = to_point(number)
    is_number = pc.fill_null(pc.match_substring_regex(number, NUMBER), True)
    if options.number is not None:
        bad = ~is_number.to_numpy(zero_copy_only=False)
        frame.reject_cells(bad, options.number, "invalid-number", "a number")
    everyone = np.arange(len(frame.rows))
    code, system, _ = next(code_columns(frame), (nulls(frame), nulls(frame), ""))
    kind = frame.words(options.kind)[0]
    rows = (
        frame.origin()
        | end_columns(end)
        | references(frame)
        | {
            "row_id": row_ids(frame, everyone, "record"),
            "kind": kind,
            "code": code,
            "code_system": system,
            "label": _text(frame, "label"),
            "number": pc.cast(pc.if_else(is_number, number, _NONE), pa.float64()),
            "reason": _text(frame, "reason"),
        }
    )
    counts.facts_read += len(everyone)
    yield Chunk("raw.record", pa.table(rows))
    yield from details(frame, kind, counts)
    count_withheld(frame, counts)
    yield from settle(frame, seen, other_cells(frame), counts)


def read_consents(frame: Frame, seen: Seen, counts: Counts) -> Iterator[Chunk]:
    """raw.consent rows, one for each record; an unknown status is rejected, never guessed."""
    options = frame.plan.options
    reject_times(frame)
    for name in ("modality", "status", "level"):
        reject_unknown_words(frame, name, getattr(options, name))
    everyone = np.arange(len(frame.rows))
    rows = frame.origin() | {
        "row_id": row_ids(frame, everyone, "consent"),
        "modality": frame.words(options.modality)[0],
        "status": frame.words(options.status)[0],
        "level": frame.words(options.level)[0],
    }
    counts.facts_read += len(everyone)
    yield Chunk("raw.consent", pa.table(rows))
    yield from settle(frame, seen, other_cells(frame), counts)


def _text(frame: Frame, option: str) -> pa.StringArray:
    names = frame.plan.landing(option, getattr(frame.plan.options, option))
    return frame.column(names[0]) if names else nulls(frame)
