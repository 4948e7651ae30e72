"""Records of a CDM table as rows of raw.event, raw.record and raw.detail."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk
from biobraid.ingest.connectors.omop_frame import NONE, Frame, Ints
from biobraid.ingest.connectors.omop_plan import Fate
from biobraid.ingest.connectors.ukb_persons import constant, identities
from biobraid.ingest.hashing import mix, positive, value_hash

_VERBATIM = "value_as_string"


def read_rows(frame: Frame) -> Iterator[Chunk]:
    """One row for each record, and one of raw.detail for each field without a place of its own."""
    table = frame.plan.table
    everyone = np.arange(len(frame), dtype=np.int64)
    rows = origin(frame, everyone, "record") | {"kind": constant(table.kind, len(frame))}
    details = []
    for place, name in table.columns.items():
        if frame.plan.fates.get(name) is Fate.PLACE:
            rows[place] = _place(frame, place, name)
    if table.name == "observation" and frame.plan.fates.get(_VERBATIM) is Fate.DETAIL:
        details += _strings(frame, rows)
    for which, pair in (("start", table.start), ("end", table.end)):
        if pair is not None:
            made, more = _moments(frame, which, *pair)
            rows |= made
            details += more
    if table.shape == "event":
        rows |= _of_events(frame, rows)
    yield Chunk("raw.event" if table.shape == "event" else "raw.record", pa.table(rows))
    for name in frame.plan.of(Fate.DETAIL):
        if name == _VERBATIM and table.name == "observation":
            continue
        details.append((name, _detail(frame, name)))
    yield from detail_chunk(frame, details)


def to_vault(frame: Frame) -> Iterator[Chunk]:
    """Identity rows of the columns that go to the vault."""
    for name in frame.plan.of(Fate.VAULT):
        kind = frame.plan.words[name]
        chunk = identities(frame.job, kind, frame.text(name), frame.persons, frame.records)
        if chunk is not None:
            yield chunk


def origin(frame: Frame, at: Ints, fact: str) -> dict[str, pa.Array]:
    """row_id, record_id, source_person_key and row_number of one fact of each of some records."""
    records = frame.records[at]
    hashed = np.uint64(value_hash(frame.job.keys, "omop", fact))
    return {
        "row_id": positive(mix(records, hashed)),
        "record_id": positive(records),
        "source_person_key": frame.persons.take(pa.array(at)),
        "row_number": pa.array(frame.row_numbers[at]),
    }


def detail_chunk(frame: Frame, details: list[tuple[str, pa.Array]]) -> Iterator[Chunk]:
    """One chunk of raw.detail with the fields that are given."""
    made = []
    for name, values in details:
        at = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        if len(at):
            rows = origin(frame, at, f"detail:{name}")
            rows["kind"] = constant(frame.plan.table.kind, len(at))
            rows["field"] = constant(name, len(at))
            rows["value"] = values.take(pa.array(at))
            rows["source_person_key"] = rows["source_person_key"].dictionary_decode()
            made.append(pa.table(rows))
    if made:
        yield Chunk("raw.detail", pa.concat_tables(made).unify_dictionaries())


def _place(frame: Frame, place: str, name: str) -> pa.Array:
    """What a column of raw.event or raw.record holds."""
    if place.endswith("_record_id"):
        return frame.references(name)
    if place.endswith("concept_id"):
        return frame.concepts(name)
    return frame.text(name)


def _of_events(frame: Frame, rows: dict[str, pa.Array]) -> dict[str, pa.Array]:
    """Columns of raw.event that every event of the source shares."""
    n = len(frame)
    local = constant(f"{frame.job.study.id}:{frame.job.source_id}", n)
    made: dict[str, pa.Array] = {
        "source_table": constant(frame.plan.table.name, n),
        "origin": constant(frame.job.source.origin, n),
    }
    for code in ("code", "qualifier_code"):
        if code in rows:
            system = local.dictionary_decode()
            made[f"{code}_system"] = pc.if_else(rows[code].is_valid(), system, NONE)
    return made


def _strings(frame: Frame, rows: dict[str, pa.Array]) -> list[tuple[str, pa.Array]]:
    """Allowed text of an observation: its value where it has no number, else a detail."""
    text = frame.text(_VERBATIM)
    number = rows.get("value", pa.nulls(len(frame), pa.string()))
    rows["value"] = pc.coalesce(number, text)
    return [(_VERBATIM, pc.if_else(number.is_valid(), text, NONE))]


def _moments(
    frame: Frame, which: str, date: str, datetime: str
) -> tuple[dict[str, pa.Array], list[tuple[str, pa.Array]]]:
    """Columns of a start or an end: the time where one is given, else the date.

    Where the two name different days, the date counts (the standard requires it) and the time
    stands in raw.detail.
    """
    days = frame.times(date, dates_only=True)
    if not frame.has(datetime):
        chosen, differs = days, None
        start, offset, source, flag = (
            chosen.start_time, chosen.offset_minutes, chosen.time_source, chosen.time_flag
        )  # fmt: skip
    else:
        moments = frame.times(datetime)
        day = pc.utf8_slice_codeunits(moments.start_time, 0, 10)
        same = pc.equal(day, days.start_time)
        use = pc.fill_null(pc.or_kleene(same, days.start_time.is_null()), False)
        use = pc.and_(use, moments.start_time.is_valid())
        start, offset, source, flag = (
            pc.if_else(use, b, a)
            for a, b in (
                (days.start_time, moments.start_time),
                (days.offset_minutes, moments.offset_minutes),
                (days.time_source, moments.time_source),
                (days.time_flag, moments.time_flag),
            )
        )
        differs = pc.if_else(use, NONE, moments.start_time)
    made = {f"{which}_time": start, f"{which}_offset_minutes": offset}
    if which == "start":
        made |= {"time_source": source, "time_flag": flag}
    made = {name: v.dictionary_encode() if pa.types.is_string(v.type) else v
            for name, v in made.items()}  # fmt: skip
    if differs is None or differs.null_count == len(frame):
        return made, []
    frame.warnings[f"time-on-another-day:{datetime}"] += len(frame) - differs.null_count
    return made, [(datetime, differs)]


def _detail(frame: Frame, name: str) -> pa.StringArray:
    """A field as text: references as record ids, concepts and dates in one spelling."""
    table = frame.plan.table
    if name in table.references or name in table.pointers:
        return pc.cast(frame.references(name), pa.string())
    if name.endswith("concept_id") or name.startswith("domain_concept_id"):
        return pc.cast(frame.concepts(name), pa.string())
    if name.endswith("_date"):
        return frame.times(name, dates_only=True).start_time
    return frame.text(name)
