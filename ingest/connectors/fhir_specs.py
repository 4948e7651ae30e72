"""Which elements of a resource become which columns of its event: data, not code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class EventSpec:
    """Elements of a resource type that becomes one raw.event.

    code, qualifier: CodeableConcepts, the first that has a code counts. start, end: elements in
    the order in which they are asked. texts: column -> elements. visit, provider, care_site,
    parent: (element, type it refers to). codes: column -> CodeableConcept whose code is text.
    details: field of raw.detail -> elements; detail_codes, detail_records likewise for
    CodeableConcepts ("system|code") and references. doubt: CodeableConcept that qualifies the
    event in the place of `qualifier` where it says one of DOUBTS. type_concept: OMOP type of the
    records where the source is a health record or a pharmacy; null leaves that of the source.
    """

    kind: str
    code: tuple[str, ...] = ("code",)
    start: tuple[str, ...] = ()
    end: tuple[str, ...] = ()
    qualifier: tuple[str, ...] = ()
    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    codes: Mapping[str, str] = field(default_factory=dict)
    visit: str | None = "encounter"
    provider: str | None = None
    care_site: str | None = None
    parent: tuple[str, str] | None = None
    value_code: str | None = None
    details: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    detail_codes: Mapping[str, str] = field(default_factory=dict)
    detail_records: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    vault: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    doubt: str | None = None
    type_concept: int | None = None


# Verification statuses of what may turn out not to be there.
DOUBTS = ("unconfirmed", "provisional", "differential", "presumed")
# Origins whose drugs are ordered, dispensed and given, not claimed or told of.
RECORD_ORIGINS = ("hospital", "primary-care", "pharmacy")

_MEDICATION = {"medication_record_id": ("medicationReference", "Medication")}
_DOSE = "dosageInstruction.doseAndRate.doseQuantity"
_SIG = {
    "dose_value": (f"{_DOSE}.value",),
    "dose_frequency": ("dosageInstruction.timing.repeat.frequency",),
    "dose_period": ("dosageInstruction.timing.repeat.period",),
    "dose_period_unit": ("dosageInstruction.timing.repeat.periodUnit",),
}

EVENTS: Mapping[str, EventSpec] = {
    "Encounter": EventSpec(
        "visit",
        code=(),  # `class` is a Coding; see fhir_events
        start=("period.start",),
        end=("period.end",),
        qualifier=("serviceType",),
        codes={
            "admitted_from": "hospitalization.admitSource",
            "discharged_to": "hospitalization.dischargeDisposition",
        },
        visit=None,
        provider="participant.individual",
        care_site="serviceProvider",
        parent=("partOf", "Encounter"),
        detail_codes={"type": "type", "priority": "priority"},
        detail_records={"location_record_id": ("location.location", "Location")},
    ),
    "Condition": EventSpec(
        "condition",
        start=("onsetDateTime", "onsetPeriod.start", "recordedDate"),
        end=("abatementDateTime", "abatementPeriod.end"),
        qualifier=("clinicalStatus",),
        doubt="verificationStatus",
        provider="asserter",
        detail_codes={"category": "category", "severity": "severity"},
    ),
    "Procedure": EventSpec(
        "procedure",
        start=("performedDateTime", "performedPeriod.start"),
        end=("performedPeriod.end",),
        provider="performer.actor",
        detail_codes={"body_site": "bodySite", "outcome": "outcome"},
        detail_records={"location_record_id": ("location", "Location")},
    ),
    "AllergyIntolerance": EventSpec(
        "observation",
        start=("onsetDateTime", "onsetPeriod.start", "recordedDate"),
        qualifier=("clinicalStatus",),
        doubt="verificationStatus",
        provider="recorder",
        details={"criticality": ("criticality",), "type": ("type",)},
        detail_codes={"manifestation": "reaction.manifestation"},
    ),
    "Immunization": EventSpec(
        "drug",
        code=("vaccineCode",),
        start=("occurrenceDateTime",),
        qualifier=("route",),
        texts={
            "quantity": ("doseQuantity.value",),
            "dose_unit": ("doseQuantity.unit", "doseQuantity.code"),
            "lot_number": ("lotNumber",),
        },
        provider="performer.actor",
        detail_records={"location_record_id": ("location", "Location")},
    ),
    "MedicationRequest": EventSpec(
        "drug",
        type_concept=32838,  # EHR prescription
        code=("medicationCodeableConcept",),
        start=("authoredOn", "dispenseRequest.validityPeriod.start"),
        end=("dispenseRequest.validityPeriod.end",),
        qualifier=("dosageInstruction.route",),
        texts={
            "quantity": ("dispenseRequest.quantity.value",),
            "refills": ("dispenseRequest.numberOfRepeatsAllowed",),
            "dose_unit": (f"{_DOSE}.unit", f"{_DOSE}.code"),
        },
        codes={"stop_reason": "statusReason"},
        provider="requester",
        details={**_SIG, "intent": ("intent",)},
        detail_records=_MEDICATION,
    ),
    "MedicationAdministration": EventSpec(
        "drug",
        type_concept=32818,  # EHR administration record
        code=("medicationCodeableConcept",),
        start=("effectiveDateTime", "effectivePeriod.start"),
        end=("effectivePeriod.end",),
        qualifier=("dosage.route",),
        texts={
            "quantity": ("dosage.dose.value",),
            "dose_unit": ("dosage.dose.unit", "dosage.dose.code"),
        },
        codes={"stop_reason": "statusReason"},
        visit="context",
        provider="performer.actor",
        parent=("request", "MedicationRequest"),
        detail_records=_MEDICATION,
    ),
    "MedicationDispense": EventSpec(
        "drug",
        type_concept=32825,  # EHR dispensing record
        code=("medicationCodeableConcept",),
        start=("whenHandedOver", "whenPrepared"),
        qualifier=("dosageInstruction.route",),
        texts={
            "quantity": ("quantity.value",),
            "dose_unit": (f"{_DOSE}.unit", f"{_DOSE}.code"),
        },
        codes={"stop_reason": "statusReasonCodeableConcept"},
        visit="context",
        provider="performer.actor",
        parent=("authorizingPrescription", "MedicationRequest"),
        details=_SIG,
        detail_records=_MEDICATION,
    ),
    "MedicationStatement": EventSpec(
        "drug",
        code=("medicationCodeableConcept",),
        start=("effectiveDateTime", "effectivePeriod.start", "dateAsserted"),
        end=("effectivePeriod.end",),
        qualifier=("dosage.route",),
        texts={
            "dose_unit": (
                "dosage.doseAndRate.doseQuantity.unit",
                "dosage.doseAndRate.doseQuantity.code",
            )
        },
        codes={"stop_reason": "statusReason"},
        visit="context",
        details={"dose_value": ("dosage.doseAndRate.doseQuantity.value",)},
        detail_records=_MEDICATION,
    ),
    "DiagnosticReport": EventSpec(
        "measurement",
        start=("effectiveDateTime", "effectivePeriod.start", "issued"),
        end=("effectivePeriod.end",),
        provider="performer",
        value_code="conclusionCode",
        detail_codes={"category": "category"},
    ),
    "Device": EventSpec(
        "device",
        code=("type",),
        visit=None,
        vault={
            "device_serial": (
                "serialNumber",
                "udiCarrier.carrierHRF",
                "udiCarrier.carrierAIDC",
                "udiCarrier.deviceIdentifier",
                "distinctIdentifier",
                "identifier.value",
            )
        },
    ),
    "DeviceUseStatement": EventSpec(
        "device",
        code=(),
        start=("timingPeriod.start", "timingDateTime", "recordedOn"),
        end=("timingPeriod.end",),
        visit=None,
        parent=("device", "Device"),
        detail_codes={"body_site": "bodySite"},
    ),
    "Specimen": EventSpec(
        "specimen",
        code=("type",),
        start=("collection.collectedDateTime", "collection.collectedPeriod.start", "receivedTime"),
        end=("collection.collectedPeriod.end",),
        qualifier=("collection.bodySite",),
        texts={
            "quantity": ("collection.quantity.value",),
            "unit": ("collection.quantity.code", "collection.quantity.unit"),
        },
        visit=None,
        provider="collection.collector",
        parent=("parent", "Specimen"),
        vault={"sample_id": ("identifier.value", "accessionIdentifier.value")},
    ),
    "DocumentReference": EventSpec(
        "note",
        code=("type",),
        start=("date", "context.period.start"),
        visit="context.encounter",
        provider="author",
        detail_codes={"category": "category"},
        details={"content_type": ("content.attachment.contentType",)},
    ),
}
