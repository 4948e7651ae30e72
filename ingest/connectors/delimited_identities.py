"""Identifying cells of a delimited file: rows for the vault, and the little of them that lands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk
from biobraid.ingest.connectors.delimited_facts import Facts, Ints
from biobraid.ingest.connectors.delimited_frame import Frame
from biobraid.ingest.hashing import person_keys, positive
from biobraid.ingest.key_index import SeenHashes
from biobraid.ingest.times import normalise_times

_BIRTH_LENGTH = {"year": 4, "month": 7, "day": 10}


@dataclass
class Seen:
    """What a file has already given, so that it is given once."""

    natives: set[str] = field(default_factory=set)
    landed_identities: set[tuple[str, str]] = field(default_factory=set)  # (column, native id)
    events: dict[str, SeenHashes] = field(default_factory=dict)  # code column -> keys of `once_per`


def native_ids(frame: Frame, seen: Seen) -> Iterator[Chunk]:
    """One native_id row for each person the file has not named before.

    Without record_id: the person is known even if the record lands nothing.
    """
    new = [n for n in pc.unique(frame.natives).to_pylist() if n and n not in seen.natives]
    if not new:
        return
    seen.natives.update(new)
    natives = pa.array(new, pa.string())
    keys = person_keys(frame.job.keys, frame.job.study.person_namespace, natives)
    yield Chunk(
        "identity",
        pa.table({"source_person_key": keys, "type": ["native_id"] * len(new), "value": natives}),
    )


def to_vault(frame: Frame, facts: Facts) -> Iterator[Chunk]:
    """Identity rows of cells, by their declared type."""
    if not len(facts):
        return
    for i in np.unique(facts.variable).tolist():
        mine = facts.only(facts.variable == i)
        kind = frame.job.source.identity.get(facts.names[i], "free_text")
        values = pc.utf8_trim_whitespace(mine.value)
        if kind.startswith("map_id:"):
            # Never the other study's id itself: its person key is all that linkage compares.
            other = kind.partition(":")[2]
            namespace = frame.job.study_keys.get(other, other)
            values = person_keys(frame.job.keys, namespace, values).dictionary_decode()
        yield Chunk("identity", _identity_rows(frame, mine.record, kind, values))


def _identity_rows(frame: Frame, record: Ints, kind: str, values: pa.Array) -> pa.Table:
    at = pa.array(record)
    rows = pa.table(
        {
            "source_person_key": frame.persons.take(at).dictionary_decode(),
            "type": pa.array([kind]).take(pa.array(np.zeros(len(record), dtype=np.int64))),
            "value": values,
            "record_id": positive(frame.records[record]),
        }
    )
    if frame.plan.options.layout == "wide":
        return rows
    grouped = rows.group_by(["source_person_key", "type", "value"]).aggregate(
        [("record_id", "min")]
    )
    return grouped.rename_columns({"record_id_min": "record_id"})


def birth_dates(frame: Frame, facts: Facts) -> tuple[list[Chunk], Facts]:
    """Birth dates for the vault in ISO form, and at the declared precision for landing.

    A cell that is no date is rejected, and goes to the vault as it was delivered.
    """
    source = frame.job.source
    times = normalise_times(facts.value, source.date_order, None, dates_only=True)
    delivered = pc.utf8_trim_whitespace(facts.value)
    # A partial date stays as short as it came: YYYY, or YYYY-MM from any spelling of it.
    is_partial = times.time_flag.is_valid()
    is_year = pc.equal(pc.utf8_length(delivered), 4)
    iso = pc.if_else(
        is_partial,
        pc.if_else(
            is_year,
            pc.utf8_slice_codeunits(times.start_time, 0, 4),
            pc.utf8_slice_codeunits(times.start_time, 0, 7),
        ),
        times.start_time,
    )
    bad = times.invalid_mask
    chunks = [
        Chunk(
            "identity",
            _identity_rows(frame, facts.record, "birth_date", pc.coalesce(iso, delivered)),
        )
    ]
    for i in np.unique(facts.variable).tolist():
        is_bad = np.zeros(len(frame.rows), dtype=bool)
        is_bad[facts.record[bad & (facts.variable == i)]] = True
        frame.reject_cells(is_bad, facts.names[i], "invalid-date", "a date that exists")
    length = _BIRTH_LENGTH[frame.job.study.birth_precision]
    return chunks, facts.with_values(pc.utf8_slice_codeunits(iso, 0, length)).only(~bad)


def once_a_person(frame: Frame, seen: Seen, facts: Facts) -> Facts:
    """The facts of persons of whom the file has not yet landed this column."""
    first = np.zeros(len(facts), dtype=bool)
    natives = frame.natives.take(pa.array(facts.record)).to_pylist()
    for i, (variable, native) in enumerate(zip(facts.variable.tolist(), natives, strict=True)):
        mark = (facts.names[variable], native or "")
        if mark not in seen.landed_identities:
            seen.landed_identities.add(mark)
            first[i] = True
    return facts.only(first)
