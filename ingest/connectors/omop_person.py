"""The PERSON table: attributes as raw.value, the birth date and sex to the vault."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import Chunk
from biobraid.ingest.connectors.omop_frame import Bools, Frame
from biobraid.ingest.connectors.omop_rows import detail_chunk, origin
from biobraid.ingest.connectors.ukb_persons import constant, identities

REFERENCES = ("location_id", "provider_id", "care_site_id")
_ATTRIBUTES = tuple(
    f"{what}_{part}"
    for what in ("gender", "race", "ethnicity")
    for part in ("concept_id", "source_value", "source_concept_id")
)
_SEX = {"8507": "M", "8532": "F"}
# Parts of a birth date that land, by the study's precision.
_LANDS = {
    "year": ("year_of_birth",),
    "month": ("year_of_birth", "month_of_birth"),
    "day": ("year_of_birth", "month_of_birth", "day_of_birth"),
}
_PARTS = (("year_of_birth", 0, 4), ("month_of_birth", 5, 7), ("day_of_birth", 8, 10))
# What a part may be: the years cdm.person takes.
_RANGES = {
    "year_of_birth": (1850, 2200, "a year from 1850 to 2200"),
    "month_of_birth": (1, 12, "a month from 1 to 12"),
    "day_of_birth": (1, 31, "a day from 1 to 31"),
}


def read_persons(frame: Frame) -> Iterator[Chunk]:
    """raw.value of the attributes, raw.detail of where the person belongs, identities."""
    variables = [(name, _attribute(frame, name)) for name in _ATTRIBUTES if frame.has(name)]
    birth = _birth(frame)
    lands = _LANDS[frame.job.study.birth_precision]
    variables += [(name, birth[name]) for name in lands]
    for name, values in variables:
        at = np.flatnonzero(values.is_valid().to_numpy(zero_copy_only=False))
        if len(at):
            rows = origin(frame, at, name)
            rows["variable"] = constant(name, len(at))
            rows["instance"] = rows["array_index"] = pa.array(np.zeros(len(at), np.int32))
            rows["value"] = values.take(pa.array(at)).dictionary_encode()
            yield Chunk("raw.value", pa.table(rows))
    yield from _belongings(frame)
    for kind, values in (("birth_date", _whole_date(birth)), ("sex", _sex(frame))):
        chunk = identities(frame.job, kind, values, frame.persons, frame.records)
        if chunk is not None:
            yield chunk


def withheld(frame: Frame) -> dict[str, Bools]:
    """Cells of the birth date that go to the vault only."""
    lands = _LANDS[frame.job.study.birth_precision]
    names = [name for name, *_ in _PARTS if name not in lands] + ["birth_datetime"]
    return {name: frame.given(name) for name in names if frame.has(name)}


def _attribute(frame: Frame, name: str) -> pa.StringArray:
    if name.endswith("concept_id"):
        return pc.cast(frame.concepts(name), pa.string())
    return frame.text(name)


def _birth(frame: Frame) -> dict[str, pa.StringArray]:
    """Year, month and day of birth as digits, from birth_datetime where a part is missing."""
    whole = frame.times("birth_datetime", dates_only=True).start_time
    out = {}
    for name, start, end in _PARTS:
        part = pc.replace_substring_regex(pc.utf8_slice_codeunits(whole, start, end), "^0+", "")
        out[name] = pc.coalesce(frame.whole_within(name, *_RANGES[name]), part)
    return out


def _whole_date(birth: dict[str, pa.StringArray]) -> pa.StringArray:
    """YYYY-MM-DD, YYYY-MM or YYYY, as much as is known."""
    year = birth["year_of_birth"]
    month = pc.utf8_lpad(birth["month_of_birth"], 2, "0")
    day = pc.utf8_lpad(birth["day_of_birth"], 2, "0")
    to_month = pc.binary_join_element_wise(year, month, "-")
    return pc.coalesce(pc.binary_join_element_wise(to_month, day, "-"), to_month, year)


def _sex(frame: Frame) -> pa.StringArray:
    """Sex as the source words it, else by the gender concept."""
    concepts = pc.cast(frame.concepts("gender_concept_id"), pa.string())
    found = pc.index_in(concepts, pa.array(list(_SEX), pa.string()))
    by_concept = pa.array(list(_SEX.values()), pa.string()).take(found)
    return pc.coalesce(by_concept, frame.text("gender_source_value"))


def _belongings(frame: Frame) -> Iterator[Chunk]:
    """raw.record `person`, with the location, provider and care site in raw.detail.

    Every person has one: other records may lead to it (fact_relationship).
    """
    n = len(frame)
    everyone = np.arange(n, dtype=np.int64)
    rows = origin(frame, everyone, "record") | {"kind": constant("person", n)}
    yield Chunk("raw.record", pa.table(rows))
    details = [
        (name, pc.cast(frame.references(name), pa.string()))
        for name in REFERENCES
        if frame.has(name)
    ]
    yield from detail_chunk(frame, details)
