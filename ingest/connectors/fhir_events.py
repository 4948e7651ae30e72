"""Resources that become one event each: visits, conditions, drugs, procedures, notes, ..."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.fhir_codes import Concept, coding, concept, no_concept
from biobraid.ingest.connectors.fhir_frame import NONE
from biobraid.ingest.connectors.fhir_resources import Resources, constant
from biobraid.ingest.connectors.fhir_specs import DOUBTS, RECORD_ORIGINS, EventSpec
from biobraid.ingest.connectors.fhir_tokens import Ints

# Days in a unit of UCUM, and in the words that stand for it.
_DAYS = {"d": "1", "day": "1", "days": "1", "wk": "7", "week": "7", "weeks": "7"}
# A duration: no sign, and no more digits than days of a life have.
_NUMBER = r"^[0-9]{1,6}(\.[0-9]{1,6})?$"
_ELEMENTS_OF_SUPPLY = ("dispenseRequest.expectedSupplyDuration", "daysSupply")


def land_events(found: Resources, spec: EventSpec) -> None:
    """One raw.event for each resource, with its details."""
    frame, file, n = found.frame, found.file, len(found)
    columns: dict[str, pa.Array] = {
        "kind": constant(spec.kind, n),
        "source_table": constant(found.name, n),
        "origin": constant(file.job.source.origin, n),
    }
    code = event_code(found, spec)
    columns |= coded_columns(found, code, spec.code)
    columns |= times(found, spec)
    columns |= {name: frame.either(*paths) for name, paths in spec.texts.items()}
    columns |= {name: _said(found, path) for name, path in spec.codes.items()}
    if spec.kind == "drug":
        columns["days_supply"] = days_supply(found)
    if spec.type_concept and file.job.source.origin in RECORD_ORIGINS:
        columns["type_concept_id"] = pa.repeat(pa.scalar(spec.type_concept, pa.int64()), n)
    details: dict[str, pa.Array] = {}
    if spec.qualifier:
        qualifier = concept(file, frame, spec.qualifier[0])
        if spec.doubt:
            doubt = _doubts(found, spec.doubt)
            kept = pc.if_else(pa.array(doubt.is_coded), _as_text(qualifier), NONE)
            details["clinical_status"] = kept
            qualifier = doubt.or_else(qualifier)
        columns |= qualifier_columns(qualifier)
    if spec.value_code:
        value = concept(file, frame, spec.value_code)
        columns |= {"value_code": value.code, "value_code_system": value.system}
    columns |= _links(found, spec)
    found.land("raw.event", columns, "event")
    details |= {name: frame.either(*paths) for name, paths in spec.details.items()}
    for name, path in spec.detail_codes.items():
        details[name] = _as_text(concept(file, frame, path))
    for name, (path, kind) in spec.detail_records.items():
        details[name] = file.record_ids(file.refer(frame, path, kind))
    found.details(spec.kind, details)
    for kind, paths in spec.vault.items():
        for path in paths:
            values, rows = frame.all_texts(path)
            found.vault(kind, values, rows)


def event_code(found: Resources, spec: EventSpec) -> Concept:
    """The code of each event: its own, or that of the Medication it contains."""
    frame, file = found.frame, found.file
    if found.name == "Encounter":
        return coding(file, frame, "class")
    code = no_concept(len(found))
    for path in spec.code:
        code = code.or_else(concept(file, frame, path))
    if "medication_record_id" in spec.detail_records:
        code = code.or_else(_contained_medication(found))
    return code


def coded_columns(
    found: Resources, code: Concept, elements: tuple[str, ...], at: Ints | None = None
) -> dict[str, pa.Array]:
    """code, code_system and code_text; words without a code are free text.

    at: the resource of each row (default: one row a resource).
    """
    text = code.text
    if elements and at is None:
        bare = ~code.is_coded
        words = found.frame.text(f"{elements[0]}.text", bare)
        if words.null_count < len(words):
            allowed = found.free_text(f"{elements[0]}.text", words, np.arange(len(found)))
            text = pc.coalesce(text, allowed)
    return {"code": code.code, "code_system": code.system, "code_text": text}


def times(found: Resources, spec: EventSpec) -> dict[str, pa.Array]:
    """Start and end columns of each event."""
    columns: dict[str, pa.Array] = {}
    if spec.start:
        columns |= found.times(found.frame.either(*spec.start), spec.start[0])
    if spec.end:
        columns |= found.times(found.frame.either(*spec.end), spec.end[0], start=False)
    return columns


def qualifier_columns(qualifier: Concept) -> dict[str, pa.Array]:
    """The three columns of a qualifier."""
    return {
        "qualifier_code": qualifier.code,
        "qualifier_code_system": qualifier.system,
        "qualifier_text": qualifier.text,
    }


def days_supply(found: Resources) -> pa.StringArray:
    """Days that a drug's supply lasts; a duration in other units is left, and counted.

    A duration that is no number of days is a rejected cell.
    """
    frame = found.frame
    days = pa.nulls(len(frame), pa.string())
    for path in _ELEMENTS_OF_SUPPLY:
        unit = pc.coalesce(frame.peek(f"{path}.code"), frame.peek(f"{path}.unit"))
        factor = pa.array(list(_DAYS.values())).take(pc.index_in(unit, pa.array(list(_DAYS))))
        is_known = factor.is_valid().to_numpy(zero_copy_only=False)
        if not is_known.any():
            continue
        value = frame.text(f"{path}.value", is_known)
        for name in ("code", "unit", "system"):
            frame.text(f"{path}.{name}", is_known)
        is_bad = pc.invert(pc.match_substring_regex(value, _NUMBER)).fill_null(False)
        bad = is_bad.to_numpy(zero_copy_only=False)
        found.reject_cells(bad, f"{path}.value", "not-a-number", "a number of days or weeks")
        value = pc.if_else(is_bad, NONE, value)
        number = pc.cast(value, pa.float64())
        product = pc.multiply(number, pc.cast(factor, pa.float64())).cast(pa.string())
        whole = pc.replace_substring_regex(product, r"\.0+$", "")
        days = pc.coalesce(days, pc.if_else(pc.equal(factor, "1"), value, whole))
    return days


def _doubts(found: Resources, path: str) -> Concept:
    """Verification statuses that leave a doubt, of those that have one."""
    said = pc.is_in(found.frame.peek(f"{path}.coding.code"), pa.array(DOUBTS))
    mask = said.to_numpy(zero_copy_only=False)
    if not mask.any():
        return no_concept(len(found))
    doubt = concept(found.file, found.frame.only(mask), path)
    at = np.full(len(found), -1, dtype=np.int64)
    at[mask] = np.arange(int(mask.sum()))
    index = pa.array(at, mask=at < 0)
    return Concept(doubt.code.take(index), doubt.system.take(index), doubt.text.take(index))


def _links(found: Resources, spec: EventSpec) -> dict[str, pa.Array]:
    file, frame = found.file, found.frame
    asked = {
        "visit_record_id": (spec.visit, "Encounter"),
        "provider_record_id": (spec.provider, "Practitioner"),
        "care_site_record_id": (spec.care_site, "Organization"),
        "parent_record_id": spec.parent or (None, ""),
    }
    columns = {
        name: file.record_ids(file.refer(frame, path, kind))
        for name, (path, kind) in asked.items()
        if path is not None
    }
    if found.name == "Encounter":  # a part of a visit is a detail of it
        whole = columns.pop("parent_record_id")
        is_part = whole.is_valid()
        columns["visit_record_id"] = whole
        columns["kind"] = pc.if_else(is_part, "visit_detail", "visit")
    return columns


def _contained_medication(found: Resources) -> Concept:
    """Codes of contained Medications, where the reference names one (`#id`)."""
    frame, file = found.frame, found.file
    inside = frame.nested("contained")
    reference = frame.peek("medicationReference.reference")
    if not len(inside):
        return no_concept(len(found))
    named = pc.binary_join_element_wise("#", inside.peek("id"), "")
    asked = reference.take(pa.array(inside.owner))
    mine = pc.equal(named, asked).fill_null(False).to_numpy(zero_copy_only=False)
    medication = inside.only(mine)
    for element in ("resourceType", "id"):
        medication.text(element)
    frame.text("medicationReference.reference")
    code = concept(file, medication, "code")
    at = np.full(len(found), -1, dtype=np.int64)
    at[medication.owner] = np.arange(len(medication))
    index = pa.array(at, mask=at < 0)
    return Concept(code.code.take(index), code.system.take(index), code.text.take(index))


def _said(found: Resources, path: str) -> pa.StringArray:
    """The code of a CodeableConcept as text."""
    return concept(found.file, found.frame, path).code


def _as_text(value: Concept) -> pa.StringArray:
    """system|code, null where there is no code."""
    return pc.binary_join_element_wise(value.system, value.code, "|")
