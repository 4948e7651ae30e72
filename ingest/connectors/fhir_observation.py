"""Observation: one event for its own value, and one for each component."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.schemas import ABSENT_REASONS
from biobraid.ingest.connectors.fhir_codes import concept
from biobraid.ingest.connectors.fhir_events import coded_columns, qualifier_columns
from biobraid.ingest.connectors.fhir_frame import NONE, Frame
from biobraid.ingest.connectors.fhir_resources import Resources, constant, occurrences
from biobraid.ingest.connectors.fhir_tokens import Bools, Ints
from biobraid.ingest.hashing import U64, mix, value_hashes

_SIMPLE = ("valueInteger", "valueBoolean", "valueDateTime", "valueTime")


def land_observations(found: Resources) -> None:
    """raw.event rows of the kind `observation`, or `measurement` where there is a number.

    A panel whose values all stand in its components makes no event of its own.
    """
    frame, file, n = found.frame, found.file, len(found)
    shared = found.times(frame.either("effectiveDateTime", "effectivePeriod.start",
                                      "effectiveInstant", "issued"), "effectiveDateTime")  # fmt: skip
    shared |= found.times(frame.text("effectivePeriod.end"), "effectivePeriod.end", start=False)
    shared["visit_record_id"] = file.record_ids(file.refer(frame, "encounter", "Encounter"))
    shared["provider_record_id"] = file.record_ids(file.refer(frame, "performer", "Practitioner"))
    details = {
        "specimen_record_id": file.record_ids(file.refer(frame, "specimen", "Specimen")),
        "device_record_id": file.record_ids(file.refer(frame, "device", "Device")),
    }
    parts = frame.nested("component")
    has_parts = np.zeros(n, dtype=bool)
    has_parts[parts.owner] = True
    own = np.flatnonzero(~has_parts | has_value(frame))
    _land(found, frame, own, own, shared, "event", None)
    if len(parts):
        _land(
            found,
            parts,
            np.arange(len(parts)),
            parts.owner,
            shared,
            "component",
            _names(found, parts),
        )
    category = concept(file, frame, "category")
    details["category"] = pc.binary_join_element_wise(category.system, category.code, "|")
    found.details("measurement", details)


def _names(found: Resources, parts: Frame) -> U64:
    """What names each component within its Observation, wherever it stands there.

    Its code, and which of those with the same code it is.
    """
    words = [parts.peek(f"code.{path}").fill_null("") for path in
             ("coding.system", "coding.code", "text")]  # fmt: skip
    code = pc.binary_join_element_wise(*words, "|").dictionary_encode()
    which = occurrences(parts.owner, code.indices.to_numpy().astype(np.int64))
    hashes = value_hashes(found.file.job.keys, "component", code)
    return mix(hashes, which.astype(np.uint64))


def has_value(frame: Frame) -> Bools:
    """Which objects say something themselves, if only why they do not."""
    found = frame.has("dataAbsentReason.coding.code") | frame.has(
        "valueCodeableConcept.coding.code"
    )
    for path in (*_SIMPLE, "valueQuantity.value", "valueString", "valueCodeableConcept.text",
                 "valueRange.low.value", "valueRange.high.value", "valueRatio.numerator.value",
                 "valueSampledData.data", "valuePeriod.start"):  # fmt: skip
        found |= frame.has(path)
    return found


def _land(
    found: Resources,
    frame: Frame,
    rows: Ints,
    owner: Ints,
    shared: dict[str, pa.Array],
    label: str,
    names: U64 | None,
) -> None:
    """Events of the frame's `rows`; owner: the resource of each. names: of a component each."""
    if not len(rows):
        return
    mask = np.zeros(len(frame), dtype=bool)
    mask[rows] = True
    mine = frame.only(mask)
    element = "" if names is None else "component."
    file, n, at = found.file, len(rows), pa.array(owner)
    code = concept(file, mine, "code")
    columns = {name: values.take(at) for name, values in shared.items()}
    columns |= {
        "source_table": constant(found.name, n),
        "origin": constant(file.job.source.origin, n),
        **coded_columns(found, code, ("code",), owner),
    }
    bare = mine.text("code.text", ~code.is_coded)
    columns["code_text"] = pc.coalesce(
        columns["code_text"], found.free_text(f"{element}code.text", bare, owner)
    )
    columns |= _value(found, mine, element, owner)
    columns |= qualifier_columns(concept(file, mine, "interpretation"))
    says_nothing = pc.and_(columns["value"].is_null(), columns["value_code"].is_null())
    columns["absent_reason"] = pc.if_else(says_nothing, _absent(found, mine), NONE)
    is_number = columns.pop("is_number")
    columns["kind"] = pc.if_else(is_number, "measurement", "observation")
    found.land("raw.event", columns, label, owner, names)


def _value(found: Resources, mine: Frame, element: str, owner: Ints) -> dict[str, pa.Array]:
    file = found.file
    number = mine.text("valueQuantity.value")
    comparator = mine.text("valueQuantity.comparator").fill_null("")
    quantity = pc.binary_join_element_wise(comparator, number, "")
    is_number = number.is_valid()
    system = mine.text("valueQuantity.system").fill_null("")
    code, unit = mine.peek("valueQuantity.code"), mine.peek("valueQuantity.unit")
    is_ucum = pc.equal(system, "http://unitsofmeasure.org")
    # The code where it is UCUM, else the words; what is not chosen says the same again.
    chosen = pc.if_else(is_ucum, pc.coalesce(code, unit), pc.coalesce(unit, code))
    for path in ("code", "unit"):
        mine.text(f"valueQuantity.{path}")
    value = pc.coalesce(quantity, mine.either(*_SIMPLE))
    words = mine.text("valueString")
    if words.null_count < len(words):
        value = pc.coalesce(value, found.free_text(f"{element}valueString", words, owner))
    coded = concept(file, mine, "valueCodeableConcept")
    bare = mine.text("valueCodeableConcept.text", ~coded.is_coded)
    if bare.null_count < len(bare):
        path = f"{element}valueCodeableConcept.text"
        value = pc.coalesce(value, found.free_text(path, bare, owner))
    is_integer = pc.and_(value.is_valid(), mine.peek("valueInteger").is_valid())
    return {
        "value": value,
        "unit": chosen,
        "value_code": coded.code,
        "value_code_system": coded.system,
        "value_source": coded.text,
        "range_low": mine.text("referenceRange.low.value"),
        "range_high": mine.text("referenceRange.high.value"),
        "is_number": pc.or_(is_number, is_integer),
    }


def _absent(found: Resources, mine: Frame) -> pa.StringArray:
    """FHIR's reason; `unknown` where it is none of those of the standard."""
    code = mine.text("dataAbsentReason.coding.code")
    for path in ("system", "display"):
        mine.text(f"dataAbsentReason.coding.{path}")
    known = pc.is_in(code, pa.array(ABSENT_REASONS))
    strange = int(pc.sum(pc.and_(code.is_valid(), pc.invert(known))).as_py() or 0)
    if strange:
        found.counts.warnings[f"unknown-absent-reason:{found.name}"] += strange
    return pc.if_else(code.is_valid(), pc.if_else(known, code, "unknown"), NONE)
