"""Rows that every imaging connector lands: assets, the procedure of their study, the person.

The delivered record is the imaging study (or BIDS session): all facts of a study share its
record_id. One procedure stands for each modality of a study.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import pyarrow as pa

from biobraid.core.keys import IngestKeys
from biobraid.core.schemas import RAW_ASSET
from biobraid.ingest.connectors.contract import Chunk, FileJob
from biobraid.ingest.times import normalise_times

# What anonymisers write where a date was.
SENTINELS = {"1900-01-01": "sentinel-unknown", "1901-01-01": "sentinel-unknown"}
_BIRTH_LENGTH = {"year": 4, "month": 7, "day": 10}
_FACTS = {f.name: f.type for f in RAW_ASSET.arrow}
CODE_SYSTEM = "DICOM"


def keyed_uid(keys: IngestKeys, uid: str) -> str:
    """A DICOM UID (2.25.n) that stands for `uid` and does not give it away."""
    digest = hmac.digest(keys.row, b"dicom-uid\x00" + uid.encode(), "sha256")
    return f"2.25.{int.from_bytes(digest[:16], 'big')}"


def asset_id(job: FileJob, name: str) -> int:
    """Id of a bulk object, by what names it within the study (a series UID, a path)."""
    return job.keys.record_id(job.study.id, "asset", name)


def study_record(job: FileJob, name: str) -> int:
    """record_id of an imaging study, by its UID or what else names it."""
    return job.keys.record_id(job.study.id, "imaging-study", name)


@dataclass
class Asset:
    """A part of an asset. `part`: what tells it from the asset's other parts.

    time: ISO, as normalise_times reads it; None if there is none. The other fields are columns
    of raw.asset.
    """

    asset_id: int
    record_id: int
    person: str
    part: str
    kind: str
    file_format: str
    time: str | None = None
    study_uid: str | None = None
    series_uid: str | None = None
    modality: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)  # other columns


@dataclass(frozen=True)
class StudyFact:
    """A value (PatientSex, ...) that stands in the header of a study."""

    record_id: int
    person: str
    variable: str
    value: str
    time: str | None


class Told:
    """What a file has landed already, so that no fact of a study lands twice."""

    def __init__(self) -> None:
        self.facts: set[int] = set()
        self.identities: set[int] = set()


def asset_chunks(job: FileJob, assets: Sequence[Asset], told: Told) -> Iterable[Chunk]:
    """raw.asset of the parts, and raw.event with one procedure per study and modality."""
    if not assets:
        return
    record_id = job.keys.record_id
    columns: dict[str, Any] = {
        f.name: [getattr(a, f.name) for a in assets]
        for f in fields(Asset)
        if f.name in _FACTS and f.name != "facts"
    }
    columns["row_id"] = [record_id(str(a.asset_id), a.part) for a in assets]
    columns["source_person_key"] = [a.person for a in assets]
    for name in sorted({name for a in assets for name in a.facts}):
        columns[name] = [a.facts.get(name) for a in assets]
    made = {n: pa.array(v, _FACTS[n]) for n, v in columns.items()}
    yield Chunk("raw.asset", pa.table({**made, **time_columns(job, [a.time for a in assets])}))
    yield from procedure_chunks(job, assets, told)


def procedure_chunks(job: FileJob, assets: Sequence[Asset], told: Told) -> Iterable[Chunk]:
    """raw.event: one procedure for each study and modality, at its earliest time."""
    found: dict[int, tuple[Asset, str]] = {}
    for asset in sorted(assets, key=lambda a: (a.record_id, a.time or "9999")):
        code = asset.modality or "OT"
        row = job.keys.record_id(str(asset.record_id), "procedure", code)
        if row not in told.facts:
            found.setdefault(row, (asset, code))
    if not found:
        return
    told.facts.update(found)
    n = len(found)
    rows = {
        "row_id": pa.array(list(found), pa.int64()),
        "record_id": pa.array([a.record_id for a, _ in found.values()], pa.int64()),
        "source_person_key": [a.person for a, _ in found.values()],
        "kind": ["procedure"] * n,
        "source_table": ["imaging-study"] * n,
        "variable": ["Modality"] * n,
        "code": [code for _, code in found.values()],
        "code_system": [CODE_SYSTEM] * n,
        "origin": [job.source.origin] * n,
    }
    times = time_columns(job, [a.time for a, _ in found.values()])
    yield Chunk("raw.event", pa.table({**rows, **times}))


def value_chunks(job: FileJob, facts: Iterable[StudyFact], told: Told) -> Iterable[Chunk]:
    """raw.value of what a study's header says about the person, each once per study."""
    found: dict[int, StudyFact] = {}
    for fact in facts:
        row = job.keys.record_id(str(fact.record_id), fact.variable)
        if row not in told.facts:
            found.setdefault(row, fact)
    if not found:
        return
    told.facts.update(found)
    n = len(found)
    zero = pa.array([0] * n, pa.int32())
    rows = {
        "row_id": pa.array(list(found), pa.int64()),
        "record_id": pa.array([f.record_id for f in found.values()], pa.int64()),
        "source_person_key": [f.person for f in found.values()],
        "variable": [f.variable for f in found.values()],
        "instance": zero,
        "array_index": zero,
        "value": [f.value for f in found.values()],
    }
    times = time_columns(job, [f.time for f in found.values()])
    yield Chunk("raw.value", pa.table({**rows, **times}))


def identity_chunks(
    rows: Iterable[tuple[str, str, str, int | None]], told: Told
) -> Iterable[Chunk]:
    """Identity rows (person key, type, value, record id), each value of a person once."""
    kept = []
    for row in rows:
        mark = hash(row[:3])
        if row[2] and mark not in told.identities:
            told.identities.add(mark)
            kept.append(row)
    if kept:
        names = ("source_person_key", "type", "value", "record_id")
        columns = dict(zip(names, zip(*kept, strict=True), strict=True))
        made = {n: pa.array(columns[n], pa.string()) for n in names[:3]}
        made["record_id"] = pa.array(columns["record_id"], pa.int64())
        yield Chunk("identity", pa.table(made))


def time_columns(job: FileJob, times: Sequence[str | None]) -> dict[str, pa.Array]:
    """start_time, start_offset_minutes, time_source and time_flag of ISO times."""
    zone = job.source.time_zone or job.study.time_zone
    read = normalise_times(pa.array(times, pa.string()), "ymd", zone, sentinels=SENTINELS)
    return {
        "start_time": read.start_time,
        "start_offset_minutes": read.offset_minutes,
        "time_source": read.time_source,
        "time_flag": read.time_flag,
    }


def birth_as_landed(job: FileJob, date: str) -> str:
    """A birth date (YYYY-MM-DD) at the precision the study lets land."""
    return date[: _BIRTH_LENGTH[job.study.birth_precision]]


def reject_chunk(rejects: Sequence[tuple[int, str | None, str, str]]) -> Iterable[Chunk]:
    """raw.reject of (file number, column or None for the record, reason, expected)."""
    if rejects:
        number, column, reason, expected = zip(*rejects, strict=True)
        unit = ["record" if c is None else "cell" for c in column]
        yield Chunk(
            "raw.reject",
            pa.table(
                {
                    "row_number": pa.array(number, pa.int64()),
                    "column_name": pa.array(column, pa.string()),
                    "unit_of_count": pa.array(unit, pa.string()),
                    "reason": pa.array(reason, pa.string()),
                    "expected": pa.array(expected, pa.string()),
                }
            ),
        )


def counted(chunks: Iterable[Chunk], count: Callable[[int], None]) -> Iterable[Chunk]:
    """The chunks, with the number of facts they hold told to `count`."""
    for chunk in chunks:
        if chunk.table not in ("identity", "raw.reject"):
            count(chunk.rows.num_rows)
        yield chunk
