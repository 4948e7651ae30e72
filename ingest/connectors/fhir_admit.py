"""Which resources of a block land: keyed, valid, of a person where they must be."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.connectors.contract import VERSION, Chunk, Counts
from biobraid.ingest.connectors.delimited_keys import sortable
from biobraid.ingest.connectors.fhir_file import FhirFile, parse_references
from biobraid.ingest.connectors.fhir_frame import Frame
from biobraid.ingest.connectors.fhir_resources import Resources
from biobraid.ingest.connectors.fhir_stream import Block
from biobraid.ingest.connectors.fhir_tokens import Bools
from biobraid.ingest.hashing import positive
from biobraid.ingest.tabular.block import reject_table

ERROR = "entered-in-error"
# The greatest version there is: a request to delete that does not say when, holds.
_ALWAYS = "9999-12-31T23:59:59"
# Statuses by which a resource tells of nothing that happened.
NOT_DONE: Mapping[str, tuple[str, ...]] = {
    "Encounter": ("planned", "cancelled"),
    "Observation": ("registered", "cancelled"),
    "DiagnosticReport": ("registered", "cancelled"),
    "Procedure": ("preparation", "not-done"),
    "Immunization": ("not-done",),
    "MedicationRequest": ("draft", "cancelled"),
    "MedicationAdministration": ("not-done",),
    "MedicationDispense": ("preparation", "cancelled", "declined"),
    "MedicationStatement": ("not-taken", "intended"),
    "Consent": ("draft", "proposed"),
    "Coverage": ("draft", "cancelled"),
}
# Verification statuses by which a diagnosis or allergy was found not to be there.
NOT_TRUE: Mapping[str, tuple[str, ...]] = {
    "Condition": ("refuted",),
    "AllergyIntolerance": ("refuted",),
}
# Intents by which nothing was ordered yet.
NOT_ORDERED: Mapping[str, tuple[str, ...]] = {"MedicationRequest": ("proposal", "plan", "option")}
# Element that names the person; types without one are about nobody.
PERSON: Mapping[str, str] = {
    "AllergyIntolerance": "patient",
    "Condition": "subject",
    "Consent": "patient",
    "Coverage": "beneficiary",
    "Device": "patient",
    "DeviceUseStatement": "subject",
    "DiagnosticReport": "subject",
    "DocumentReference": "subject",
    "Encounter": "subject",
    "Immunization": "patient",
    "MedicationAdministration": "subject",
    "MedicationDispense": "subject",
    "MedicationRequest": "subject",
    "MedicationStatement": "subject",
    "Observation": "subject",
    "Procedure": "subject",
    "QuestionnaireResponse": "subject",
    "Specimen": "subject",
}


def admit(file: FhirFile, name: str, frame: Frame, block: Block, kept: Bools) -> Resources:
    """The resources that land; the others are rejected or ignored, and counted."""
    keys = _keys(frame)
    nobody = pa.nulls(len(frame), pa.string())
    start = Resources(
        file=file,
        name=name,
        frame=frame,
        keys=keys,
        records=file.records(pa.array([name] * len(frame), pa.string()), keys),
        natives=nobody,
        persons=file.persons(nobody),
        numbers=block.numbers[frame.line],
        kept=kept,
        counts=Counts(records_read=len(frame)),
    )
    has_key = keys.is_valid().to_numpy(zero_copy_only=False)
    keyed = start.reject(~has_key, "missing-record-key", "an id, or a urn:uuid fullUrl", "id")
    found = _requested(keyed)
    found = _of_status(found)
    found = _of_persons(found)
    _versions(keyed, found)
    return found


def _keys(frame: Frame) -> pa.StringArray:
    """Ids; in a Bundle that names its entries by UUID, those, since references do so too."""
    ids = frame.text("id")
    urls = frame.text("@entry.fullUrl")
    if urls.null_count == len(urls):
        return ids
    uuid = pc.struct_field(pc.extract_regex(urls, r"^urn:(?:uuid|oid):(?P<key>.+)$"), "key")
    return pc.coalesce(uuid, ids)


def _requested(found: Resources) -> Resources:
    """Leave out what a Bundle carries to be deleted or was only asked for."""
    method = found.frame.text("@entry.request.method")
    for path in ("@entry.request.url", "@entry.response.status", "@entry.search.mode"):
        found.frame.text(path)
    if method.null_count == len(method):
        return found
    is_gone = pc.equal(method, "DELETE").fill_null(False).to_numpy(zero_copy_only=False)
    return found.ignore(is_gone, "deletion-record")


def _of_status(found: Resources) -> Resources:
    status = found.frame.text("status")
    verified = found.frame.peek("verificationStatus.coding.code")
    is_error = pc.or_(
        pc.equal(status, ERROR).fill_null(False), pc.equal(verified, ERROR).fill_null(False)
    ).to_numpy(zero_copy_only=False)
    found = found.ignore(is_error, ERROR)
    for path, rule, words in (
        ("status", "status", NOT_DONE),
        ("verificationStatus.coding.code", "status", NOT_TRUE),
        ("intent", "intent", NOT_ORDERED),
    ):
        for word in words.get(found.name, ()):
            said = pc.equal(found.frame.peek(path), word).fill_null(False)
            mask = said.to_numpy(zero_copy_only=False)
            found = found.ignore(mask, f"{rule}:{found.name}.{word}")
    if found.name == "MedicationRequest":
        forbids = pc.equal(found.frame.peek("doNotPerform"), "true").fill_null(False)
        found = found.ignore(forbids.to_numpy(zero_copy_only=False), "do-not-perform")
    return found


def _of_persons(found: Resources) -> Resources:
    if found.name == "Patient":
        natives = found.keys
    elif found.name in PERSON:
        element = PERSON[found.name]
        target = found.file.refer(found.frame, element, "Patient")
        mask = pc.equal(target.type, "Patient").fill_null(False).to_numpy(zero_copy_only=False)
        named = target.key.is_valid().to_numpy(zero_copy_only=False)
        natives = target.key
        found, mask, natives = _named(found, element, mask, named, natives)
        others = found.reject(~mask, "subject-is-no-patient", "a Patient", element)
        natives = natives.filter(pa.array(mask))
        found = others
    else:
        return found
    found.natives, found.persons = natives, found.file.persons(natives)
    found.chunks += found.file.name_persons(natives)
    return found


def _named(
    found: Resources, element: str, mask: Bools, named: Bools, natives: pa.StringArray
) -> tuple[Resources, Bools, pa.StringArray]:
    if named.all():
        return found, mask, natives
    if found.name == "Device":  # a device of the house, not in anybody
        left = found.ignore(~named, "device-of-nobody")
    else:
        left = found.reject(~named, "missing-person-id", "a reference to a Patient", element)
    return left, mask[named], natives.filter(pa.array(named))


def _versions(keyed: Resources, found: Resources) -> None:
    """Versions of what landed, and of what is left out on purpose: that takes the old away."""
    file = keyed.file
    ids = positive(keyed.records.copy()).to_numpy()
    file.ids.append(ids)
    stamps = keyed.frame.text("meta.lastUpdated")
    for path in ("meta.versionId", "meta.source", "implicitRules"):
        keyed.frame.text(path)
    keyed.frame.all_texts("meta.profile")
    if not (file.is_delta or file.job.keys_repeat):
        return
    is_gone = ~keyed.kept[keyed.frame.line]
    shown = ~np.isin(keyed.frame.line, found.rejected)
    stamps = stamps.filter(pa.array(shown))
    numbers = keyed.numbers[shown]
    found.chunks.append(version_chunk(file, ids[shown], stamps, is_gone[shown], numbers))


def version_chunk(
    file: FhirFile, ids: np.ndarray, stamps: pa.StringArray, is_deleted: Bools, numbers: np.ndarray
) -> Chunk:
    """Rows of the table "version"; see contract.Chunk."""
    columns = {
        "record_id": pa.array(ids, pa.int64()),
        "version": sortable(stamps, "ymd", file.zone),
        "is_deleted": pa.array(is_deleted),
    }
    if file.job.keys_repeat:
        columns["row_number"] = pa.array(numbers, pa.int64())
    fields = [VERSION.field(name) for name in columns]
    return Chunk("version", pa.table(columns, schema=pa.schema(fields)))


def delete(file: FhirFile, frame: Frame, block: Block, kept: Bools) -> tuple[list[Chunk], Counts]:
    """Requests of a Bundle's entries that hold no resource: deletions, and others."""
    counts = Counts(records_read=len(frame))
    kept[frame.line] = False
    method, urls = frame.peek("request.method"), frame.peek("request.url")
    target = parse_references(urls, "")
    is_deletion = pc.equal(method, "DELETE").fill_null(False)
    is_named = target.type.is_valid() if len(frame) else is_deletion
    good = pc.and_(is_deletion, is_named).to_numpy(zero_copy_only=False)
    bad = is_deletion.to_numpy(zero_copy_only=False) & ~good
    chunks = []
    if bad.any():
        numbers = block.numbers[frame.line[bad]]
        chunks.append(
            Chunk("raw.reject", reject_table(numbers, "unresolved-deletion", "Type/id as the url"))
        )
    counts.records_rejected = int(bad.sum())
    counts.records_ignored = len(frame) - counts.records_rejected
    counts.ignored["deletion-record"] += int(good.sum())
    if rest := counts.records_ignored - int(good.sum()):
        counts.ignored["entry-without-resource"] += rest
    at = pa.array(good)
    ids = positive(file.records(target.type.filter(at), target.key.filter(at))).to_numpy()
    stamps = pc.coalesce(
        frame.peek("response.lastModified"), pa.scalar(block.stamp, pa.string()), pa.scalar(_ALWAYS)
    )
    if good.any() and (file.is_delta or file.job.keys_repeat):
        numbers = block.numbers[frame.line[good]]
        chunks.append(version_chunk(file, ids, stamps.filter(at), np.ones(len(ids), bool), numbers))
        file.ids.append(ids)
    elif good.any():
        counts.warnings["deletion-without-delta:delivery"] += int(good.sum())
    return chunks, counts
