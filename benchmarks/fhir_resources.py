"""Resources of every type that the `fhir` benchmark uses, drawn one by one."""

from __future__ import annotations

import random
from collections.abc import Callable

from benchmarks import fhir_drugs as drugs
from benchmarks.fhir_elements import (
    HL7,
    LOINC,
    RXNORM,
    SCT,
    Resource,
    coded,
    instant,
    person,
    practitioner,
    quantity,
    visit,
)

_LABS = (
    ("2339-0", "Glucose [Mass/volume] in Blood", "mg/dL", 60, 200),
    ("2947-0", "Sodium [Moles/volume] in Blood", "mmol/L", 130, 150),
    ("6298-4", "Potassium [Moles/volume] in Blood", "mmol/L", 3, 6),
    ("29463-7", "Body weight", "kg", 40, 140),
    ("8302-2", "Body height", "cm", 140, 200),
    ("718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", 8, 18),
)
_CONDITIONS = (("44054006", "Diabetes mellitus type 2 (disorder)"), ("38341003", "Hypertension"),
               ("195662009", "Acute viral pharyngitis (disorder)"))  # fmt: skip


def make(kind: str, number: int, draw: random.Random) -> Resource:
    """One resource; a ~ in its ids stands for what tells one repeat from the next."""
    head: Resource = {
        "resourceType": kind,
        "id": f"{kind.lower()[:12]}-{number}-~",
        "meta": {
            "lastUpdated": "2024-05-01T10:00:00.000+01:00",
            "profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{kind.lower()}"],
        },
    }
    return head | _MAKERS[kind](draw)


def _patient(draw: random.Random) -> Resource:
    race = {"system": "urn:oid:2.16.840.1.113883.6.238", "code": "2106-3", "display": "White"}
    return {
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
        "extension": [{
            "url": "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race",
            "extension": [{"url": "ombCategory", "valueCoding": race},
                          {"url": "text", "valueString": "White"}]}],
        "identifier": [{"system": "https://fhir.nhs.uk/Id/nhs-number",
                        "value": str(draw.randrange(10**9, 10**10))}],
        "name": [{"use": "official", "family": f"Fam{draw.randrange(999)}",
                  "given": [f"Giv{draw.randrange(999)}"]}],
        "telecom": [{"system": "phone", "value": "020 7946 0018", "use": "home"}],
        "gender": draw.choice(["male", "female"]),
        "birthDate": f"19{draw.randrange(20, 99)}-03-12",
        "address": [{"line": ["1 High St"], "city": "Leeds", "state": "WY", "postalCode": "LS1 4AB",
                     "country": "GB"}],
    }  # fmt: skip


def _encounter(draw: random.Random) -> Resource:
    start = instant(draw)
    return {
        "status": "finished",
        "class": {"system": f"{HL7}/v3-ActCode", "code": draw.choice(["AMB", "IMP", "EMER"])},
        "type": [coded(SCT, "185347001", "Encounter for problem (procedure)")],
        "subject": person(draw) | {"display": "Mrs. Jo Smith"},
        "participant": [{"period": {"start": start, "end": start},
                         "individual": practitioner(draw)}],
        "period": {"start": start, "end": start},
        "reasonCode": [coded(SCT, "46177005", "End-stage renal disease (disorder)")],
        "location": [{"location": {"reference": "Location?identifier=http://h.example|7"}}],
        "serviceProvider": {"reference": "Organization/organization-1-~", "display": "LEEDS"},
    }  # fmt: skip


def _condition(draw: random.Random) -> Resource:
    return {
        "clinicalStatus": {"coding": [{"system": f"{HL7}/condition-clinical", "code": "active"}]},
        "verificationStatus": {
            "coding": [{"system": f"{HL7}/condition-ver-status", "code": "confirmed"}]
        },
        "category": [coded(f"{HL7}/condition-category", "encounter-diagnosis", "Diagnosis")],
        "code": coded(SCT, *draw.choice(_CONDITIONS)),
        "subject": person(draw),
        "encounter": visit(draw),
        "onsetDateTime": instant(draw),
        "recordedDate": instant(draw),
    }


def _observation(draw: random.Random) -> Resource:
    code, name, unit, low, high = draw.choice(_LABS)
    found: Resource = {
        "status": "final",
        "category": [coded(f"{HL7}/observation-category", "laboratory", "Laboratory")],
        "code": coded(LOINC, code, name),
        "subject": person(draw),
        "encounter": visit(draw),
        "effectiveDateTime": instant(draw),
        "issued": instant(draw),
    }
    if draw.random() < 0.15:
        parts = (("8480-6", "Systolic", 90, 160), ("8462-4", "Diastolic", 50, 100))
        found["code"] = coded(LOINC, "85354-9", "Blood pressure panel")
        found["component"] = [
            {"code": coded(LOINC, part, name),
             "valueQuantity": quantity(draw, "mm[Hg]", lower, upper)}
            for part, name, lower, upper in parts
        ]  # fmt: skip
    elif draw.random() < 0.05:
        absent = {"system": f"{HL7}/data-absent-reason", "code": "not-performed"}
        found["dataAbsentReason"] = {"coding": [absent]}
    else:
        found["valueQuantity"] = quantity(draw, unit, low, high)
        found["referenceRange"] = [{"low": {"value": low}, "high": {"value": high}}]
    return found


def _report(draw: random.Random) -> Resource:
    return {
        "status": "final",
        "category": [coded(f"{HL7}/v2-0074", "LAB", "Laboratory")],
        "code": coded(LOINC, "24323-8", "Comprehensive metabolic panel"),
        "subject": person(draw),
        "encounter": visit(draw),
        "effectiveDateTime": instant(draw),
        "issued": instant(draw),
        "performer": [practitioner(draw)],
        "result": [{"reference": f"Observation/observation-{draw.randrange(400)}-~"}] * 4,
    }


def _procedure(draw: random.Random) -> Resource:
    start = instant(draw)
    return {
        "status": "completed",
        "code": coded(SCT, "430193006", "Medication Reconciliation (procedure)"),
        "subject": person(draw),
        "encounter": visit(draw),
        "performedPeriod": {"start": start, "end": start},
        "location": {"reference": "Location?identifier=http://h.example|7", "display": "LEEDS"},
    }


def _allergy(draw: random.Random) -> Resource:
    return {
        "type": "allergy",
        "category": ["medication"],
        "criticality": "low",
        "code": coded(RXNORM, "1191", "Aspirin"),
        "patient": person(draw),
        "recordedDate": instant(draw),
        "reaction": [{"manifestation": [coded(SCT, "271807003", "Eruption of skin")]}],
    }


def _device(draw: random.Random) -> Resource:
    return {
        "udiCarrier": [{"deviceIdentifier": "96702913868313", "carrierHRF": "(01)96702913868313"}],
        "status": "active",
        "serialNumber": str(draw.randrange(10**7)),
        "type": coded(SCT, "337414009", "Blood glucose meter (physical object)"),
        "patient": person(draw),
    }


def _device_use(draw: random.Random) -> Resource:
    return {
        "status": "active",
        "subject": person(draw),
        "timingPeriod": {"start": instant(draw)},
        "device": {"reference": f"Device/device-{draw.randrange(400)}-~"},
    }


def _specimen(draw: random.Random) -> Resource:
    return {
        "accessionIdentifier": {
            "system": "http://lab.example",
            "value": str(draw.randrange(10**8)),
        },
        "type": coded(SCT, "119297000", "Blood specimen"),
        "subject": person(draw),
        "collection": {"collectedDateTime": instant(draw), "quantity": quantity(draw, "mL", 2, 9)},
    }


def _consent(draw: random.Random) -> Resource:
    return {
        "status": "active",
        "scope": {"coding": [{"system": f"{HL7}/consentscope", "code": "research"}]},
        "category": [coded(LOINC, "59284-0", "Consent document")],
        "patient": person(draw),
        "dateTime": instant(draw),
        "policyRule": {"coding": [{"system": f"{HL7}/v3-ActCode", "code": "OPTIN"}]},
        "provision": {"type": "permit"},
    }


def _response(draw: random.Random) -> Resource:
    items = [{"linkId": f"q{i}", "text": f"Question {i}",
              "answer": [{"valueInteger": draw.randrange(10)}]} for i in range(8)]  # fmt: skip
    return {
        "questionnaire": "http://example.org/Questionnaire/phq-9|1.0",
        "status": "completed",
        "subject": person(draw),
        "encounter": visit(draw),
        "authored": instant(draw),
        "item": [{"linkId": "g", "item": items}],
    }


def _coverage(draw: random.Random) -> Resource:
    return {
        "status": "active",
        "type": coded(f"{HL7}/v3-ActCode", "EHCPOL", "extended healthcare"),
        "subscriberId": str(draw.randrange(10**8)),
        "beneficiary": person(draw),
        "period": {"start": "2019-01-01", "end": "2020-12-31"},
        "payor": [{"reference": "Organization/organization-2-~"}],
    }


def _location(draw: random.Random) -> Resource:
    return {
        "identifier": [{"system": "http://h.example", "value": str(draw.randrange(10**6))}],
        "status": "active",
        "name": "LEEDS GENERAL",
        "address": {"line": ["1 High St"], "city": "Leeds", "state": "WY", "country": "GB"},
        "managingOrganization": {"reference": "Organization/organization-1-~"},
    }


def _organization(draw: random.Random) -> Resource:
    return {
        "identifier": [{"system": "http://h.example", "value": str(draw.randrange(10**6))}],
        "active": True,
        "type": [coded(f"{HL7}/organization-type", "prov", "Healthcare Provider")],
        "name": "LEEDS GENERAL",
        "address": [{"line": ["1 High St"], "city": "Leeds", "state": "WY", "country": "GB"}],
    }


def _doctor(draw: random.Random) -> Resource:
    npi = {"system": "http://hl7.org/fhir/sid/us-npi", "value": str(draw.randrange(10**10))}
    return {"identifier": [npi], "active": True, "gender": "female",
            "name": [{"family": f"Fam{draw.randrange(99)}", "given": ["Jo"]}]}  # fmt: skip


def _role(draw: random.Random) -> Resource:
    family = coded("http://nucc.org/provider-taxonomy", "208D00000X", "General Practice")
    return {
        "practitioner": practitioner(draw),
        "organization": {"reference": "Organization/organization-1-~"},
        "specialty": [family],
    }


def _document(draw: random.Random) -> Resource:
    return {
        "status": "current",
        "type": coded(LOINC, "34117-2", "History and physical note"),
        "subject": person(draw),
        "date": instant(draw),
        "author": [practitioner(draw)],
        "content": [{"attachment": {"contentType": "text/plain", "data": "CjE5ODct" * 60}}],
        "context": {"encounter": [visit(draw)]},
    }


_MAKERS: dict[str, Callable[[random.Random], Resource]] = {
    "Patient": _patient, "Encounter": _encounter, "Condition": _condition,
    "Observation": _observation, "DiagnosticReport": _report, "MedicationRequest": drugs.request,
    "MedicationAdministration": drugs.administration, "MedicationDispense": drugs.dispense,
    "MedicationStatement": drugs.statement, "Immunization": drugs.immunization, "Procedure": _procedure,
    "AllergyIntolerance": _allergy, "Device": _device, "DeviceUseStatement": _device_use,
    "Specimen": _specimen, "Consent": _consent, "QuestionnaireResponse": _response,
    "Coverage": _coverage, "Location": _location, "Organization": _organization,
    "Practitioner": _doctor, "PractitionerRole": _role, "Medication": drugs.medication,
    "DocumentReference": _document,
}  # fmt: skip
