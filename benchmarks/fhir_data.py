"""A bulk export of any size with every resource type, one file a type, as NDJSON.

Each file repeats blocks of some hundred resources that were made one by one, with ids and
references of their own in every repeat, so that writing hundreds of megabytes takes seconds.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

Resource = dict[str, Any]
PERSONS = 40  # of a block
_SCT, _LOINC = "http://snomed.info/sct", "http://loinc.org"
_RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
_UCUM = "http://unitsofmeasure.org"
_HL7 = "http://terminology.hl7.org/CodeSystem"
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
_DRUGS = (("314076", "lisinopril 10 MG Oral Tablet"), ("860975", "metformin 500 MG Oral Tablet"),
          ("313782", "acetaminophen 325 MG Oral Tablet"))  # fmt: skip
# Share of the bytes of each type; observations are what hospitals send most of.
SHARES = {
    "Patient": 0.02, "Encounter": 0.12, "Condition": 0.07, "Observation": 0.34,
    "DiagnosticReport": 0.06, "MedicationRequest": 0.08, "MedicationAdministration": 0.03,
    "MedicationDispense": 0.03, "MedicationStatement": 0.02, "Immunization": 0.02,
    "Procedure": 0.07, "AllergyIntolerance": 0.01, "Device": 0.01, "DeviceUseStatement": 0.01,
    "Specimen": 0.02, "Consent": 0.01, "QuestionnaireResponse": 0.03, "Coverage": 0.01,
    "Location": 0.005, "Organization": 0.005, "Practitioner": 0.005, "PractitionerRole": 0.005,
    "Medication": 0.005, "DocumentReference": 0.015,
}  # fmt: skip


def write_export(folder: Path, megabytes: float, seed: int) -> None:
    """Files `<Type>.000.ndjson` of about so many megabytes together."""
    folder.mkdir(parents=True, exist_ok=True)
    for kind, share in SHARES.items():
        draw = random.Random(f"{seed}/{kind}")
        lines = [json.dumps(_resource(kind, i, draw), separators=(",", ":")) for i in range(400)]
        block = "\n".join(lines) + "\n"
        wanted = max(1, round(megabytes * 1e6 * share / len(block)))
        with (folder / f"{kind}.000.ndjson").open("w", encoding="utf-8") as file:
            for repeat in range(wanted):
                file.write(block.replace("~", f"{repeat:05d}"))


def write_mixed(path: Path, megabytes: float, seed: int) -> None:
    """One file of resources of all types, in the same shares."""
    draw = random.Random(f"{seed}/mixed")
    kinds = draw.choices(list(SHARES), list(SHARES.values()), k=2000)
    rows = [_resource(kind, i, draw) for i, kind in enumerate(kinds)]
    block = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    with path.open("w", encoding="utf-8") as file:
        for repeat in range(max(1, round(megabytes * 1e6 / len(block)))):
            file.write(block.replace("~", f"{repeat:05d}"))


def _resource(kind: str, number: int, draw: random.Random) -> Resource:
    head: Resource = {
        "resourceType": kind,
        "id": f"{kind.lower()[:12]}-{number}-~",
        "meta": {
            "lastUpdated": "2024-05-01T10:00:00.000+01:00",
            "profile": [f"http://hl7.org/fhir/us/core/StructureDefinition/us-core-{kind.lower()}"],
        },
    }
    return head | _MAKERS[kind](draw)


def _coded(system: str, code: str, display: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _person(draw: random.Random) -> Resource:
    return {"reference": f"Patient/patient-{draw.randrange(PERSONS)}-~"}


def _visit(draw: random.Random) -> Resource:
    return {"reference": f"Encounter/encounter-{draw.randrange(400)}-~"}


def _practitioner(draw: random.Random) -> Resource:
    return {"reference": f"Practitioner/practitioner-{draw.randrange(50)}-~",
            "display": "Dr. Jo Smith"}  # fmt: skip


def _time(draw: random.Random) -> str:
    return (
        f"{draw.randrange(1990, 2024)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
        f"T{draw.randrange(24):02d}:{draw.randrange(60):02d}:{draw.randrange(60):02d}+01:00"
    )


def _quantity(draw: random.Random, unit: str, low: float, high: float) -> Resource:
    return {"value": round(draw.uniform(low, high), 2), "unit": unit, "system": _UCUM, "code": unit}


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
    start = _time(draw)
    return {
        "status": "finished",
        "class": {"system": f"{_HL7}/v3-ActCode", "code": draw.choice(["AMB", "IMP", "EMER"])},
        "type": [_coded(_SCT, "185347001", "Encounter for problem (procedure)")],
        "subject": _person(draw) | {"display": "Mrs. Jo Smith"},
        "participant": [{"period": {"start": start, "end": start},
                         "individual": _practitioner(draw)}],
        "period": {"start": start, "end": start},
        "reasonCode": [_coded(_SCT, "46177005", "End-stage renal disease (disorder)")],
        "location": [{"location": {"reference": "Location?identifier=http://h.example|7"}}],
        "serviceProvider": {"reference": "Organization/organization-1-~", "display": "LEEDS"},
    }  # fmt: skip


def _condition(draw: random.Random) -> Resource:
    return {
        "clinicalStatus": {"coding": [{"system": f"{_HL7}/condition-clinical", "code": "active"}]},
        "verificationStatus": {
            "coding": [{"system": f"{_HL7}/condition-ver-status", "code": "confirmed"}]
        },
        "category": [_coded(f"{_HL7}/condition-category", "encounter-diagnosis", "Diagnosis")],
        "code": _coded(_SCT, *draw.choice(_CONDITIONS)),
        "subject": _person(draw),
        "encounter": _visit(draw),
        "onsetDateTime": _time(draw),
        "recordedDate": _time(draw),
    }


def _observation(draw: random.Random) -> Resource:
    code, name, unit, low, high = draw.choice(_LABS)
    found: Resource = {
        "status": "final",
        "category": [_coded(f"{_HL7}/observation-category", "laboratory", "Laboratory")],
        "code": _coded(_LOINC, code, name),
        "subject": _person(draw),
        "encounter": _visit(draw),
        "effectiveDateTime": _time(draw),
        "issued": _time(draw),
    }
    if draw.random() < 0.15:
        parts = (("8480-6", "Systolic", 90, 160), ("8462-4", "Diastolic", 50, 100))
        found["code"] = _coded(_LOINC, "85354-9", "Blood pressure panel")
        found["component"] = [
            {"code": _coded(_LOINC, part, name),
             "valueQuantity": _quantity(draw, "mm[Hg]", lower, upper)}
            for part, name, lower, upper in parts
        ]  # fmt: skip
    elif draw.random() < 0.05:
        absent = {"system": f"{_HL7}/data-absent-reason", "code": "not-performed"}
        found["dataAbsentReason"] = {"coding": [absent]}
    else:
        found["valueQuantity"] = _quantity(draw, unit, low, high)
        found["referenceRange"] = [{"low": {"value": low}, "high": {"value": high}}]
    return found


def _report(draw: random.Random) -> Resource:
    return {
        "status": "final",
        "category": [_coded(f"{_HL7}/v2-0074", "LAB", "Laboratory")],
        "code": _coded(_LOINC, "24323-8", "Comprehensive metabolic panel"),
        "subject": _person(draw),
        "encounter": _visit(draw),
        "effectiveDateTime": _time(draw),
        "issued": _time(draw),
        "performer": [_practitioner(draw)],
        "result": [{"reference": f"Observation/observation-{draw.randrange(400)}-~"}] * 4,
    }


def _sig() -> list[Resource]:
    repeat = {"frequency": 1, "period": 1.0, "periodUnit": "d"}
    return [{"sequence": 1, "timing": {"repeat": repeat}, "asNeededBoolean": False,
             "route": _coded(_SCT, "26643006", "Oral route"),
             "doseAndRate": [{"doseQuantity": {"value": 1.0, "unit": "tablet"}}]}]  # fmt: skip


def _request(draw: random.Random) -> Resource:
    return {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": _coded(_RXNORM, *draw.choice(_DRUGS)),
        "subject": _person(draw),
        "encounter": _visit(draw),
        "authoredOn": _time(draw),
        "requester": _practitioner(draw),
        "dosageInstruction": _sig(),
        "dispenseRequest": {
            "numberOfRepeatsAllowed": 3,
            "quantity": {"value": 30, "unit": "tablet"},
            "expectedSupplyDuration": {"value": 30, "system": _UCUM, "code": "d"},
        },
    }


def _administration(draw: random.Random) -> Resource:
    return {
        "status": "completed",
        "medicationCodeableConcept": _coded(_RXNORM, *draw.choice(_DRUGS)),
        "subject": _person(draw),
        "context": _visit(draw),
        "effectiveDateTime": _time(draw),
        "dosage": {"dose": {"value": 10, "unit": "mg", "system": _UCUM, "code": "mg"}},
    }


def _dispense(draw: random.Random) -> Resource:
    medication = {"resourceType": "Medication", "id": "m1",
                  "code": _coded(_RXNORM, *draw.choice(_DRUGS))}  # fmt: skip
    return {
        "contained": [medication],
        "status": "completed",
        "medicationReference": {"reference": "#m1"},
        "subject": _person(draw),
        "authorizingPrescription": [
            {"reference": f"MedicationRequest/medicationre-{draw.randrange(400)}-~"}
        ],
        "quantity": {"value": 28, "unit": "tablet"},
        "daysSupply": {"value": 28, "unit": "day", "system": _UCUM, "code": "d"},
        "whenHandedOver": _time(draw),
    }


def _statement(draw: random.Random) -> Resource:
    return {
        "status": "active",
        "medicationReference": {"reference": f"Medication/medication-{draw.randrange(400)}-~"},
        "subject": _person(draw),
        "effectivePeriod": {"start": _time(draw)},
        "dateAsserted": _time(draw),
    }


def _immunization(draw: random.Random) -> Resource:
    return {
        "status": "completed",
        "vaccineCode": _coded("http://hl7.org/fhir/sid/cvx", "140", "Influenza"),
        "patient": _person(draw),
        "encounter": _visit(draw),
        "occurrenceDateTime": _time(draw),
        "primarySource": True,
        "lotNumber": f"L{draw.randrange(999)}",
    }


def _procedure(draw: random.Random) -> Resource:
    start = _time(draw)
    return {
        "status": "completed",
        "code": _coded(_SCT, "430193006", "Medication Reconciliation (procedure)"),
        "subject": _person(draw),
        "encounter": _visit(draw),
        "performedPeriod": {"start": start, "end": start},
        "location": {"reference": "Location?identifier=http://h.example|7", "display": "LEEDS"},
    }


def _allergy(draw: random.Random) -> Resource:
    return {
        "type": "allergy",
        "category": ["medication"],
        "criticality": "low",
        "code": _coded(_RXNORM, "1191", "Aspirin"),
        "patient": _person(draw),
        "recordedDate": _time(draw),
        "reaction": [{"manifestation": [_coded(_SCT, "271807003", "Eruption of skin")]}],
    }


def _device(draw: random.Random) -> Resource:
    return {
        "udiCarrier": [{"deviceIdentifier": "96702913868313", "carrierHRF": "(01)96702913868313"}],
        "status": "active",
        "serialNumber": str(draw.randrange(10**7)),
        "type": _coded(_SCT, "337414009", "Blood glucose meter (physical object)"),
        "patient": _person(draw),
    }


def _device_use(draw: random.Random) -> Resource:
    return {
        "status": "active",
        "subject": _person(draw),
        "timingPeriod": {"start": _time(draw)},
        "device": {"reference": f"Device/device-{draw.randrange(400)}-~"},
    }


def _specimen(draw: random.Random) -> Resource:
    return {
        "accessionIdentifier": {
            "system": "http://lab.example",
            "value": str(draw.randrange(10**8)),
        },
        "type": _coded(_SCT, "119297000", "Blood specimen"),
        "subject": _person(draw),
        "collection": {"collectedDateTime": _time(draw), "quantity": _quantity(draw, "mL", 2, 9)},
    }


def _consent(draw: random.Random) -> Resource:
    return {
        "status": "active",
        "scope": {"coding": [{"system": f"{_HL7}/consentscope", "code": "research"}]},
        "category": [_coded(_LOINC, "59284-0", "Consent document")],
        "patient": _person(draw),
        "dateTime": _time(draw),
        "policyRule": {"coding": [{"system": f"{_HL7}/v3-ActCode", "code": "OPTIN"}]},
        "provision": {"type": "permit"},
    }


def _response(draw: random.Random) -> Resource:
    items = [{"linkId": f"q{i}", "text": f"Question {i}",
              "answer": [{"valueInteger": draw.randrange(10)}]} for i in range(8)]  # fmt: skip
    return {
        "questionnaire": "http://example.org/Questionnaire/phq-9|1.0",
        "status": "completed",
        "subject": _person(draw),
        "encounter": _visit(draw),
        "authored": _time(draw),
        "item": [{"linkId": "g", "item": items}],
    }


def _coverage(draw: random.Random) -> Resource:
    return {
        "status": "active",
        "type": _coded(f"{_HL7}/v3-ActCode", "EHCPOL", "extended healthcare"),
        "subscriberId": str(draw.randrange(10**8)),
        "beneficiary": _person(draw),
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
        "type": [_coded(f"{_HL7}/organization-type", "prov", "Healthcare Provider")],
        "name": "LEEDS GENERAL",
        "address": [{"line": ["1 High St"], "city": "Leeds", "state": "WY", "country": "GB"}],
    }


def _doctor(draw: random.Random) -> Resource:
    npi = {"system": "http://hl7.org/fhir/sid/us-npi", "value": str(draw.randrange(10**10))}
    return {"identifier": [npi], "active": True, "gender": "female",
            "name": [{"family": f"Fam{draw.randrange(99)}", "given": ["Jo"]}]}  # fmt: skip


def _role(draw: random.Random) -> Resource:
    family = _coded("http://nucc.org/provider-taxonomy", "208D00000X", "General Practice")
    return {
        "practitioner": _practitioner(draw),
        "organization": {"reference": "Organization/organization-1-~"},
        "specialty": [family],
    }


def _medication(draw: random.Random) -> Resource:
    return {"status": "active", "code": _coded(_RXNORM, *draw.choice(_DRUGS))}


def _document(draw: random.Random) -> Resource:
    return {
        "status": "current",
        "type": _coded(_LOINC, "34117-2", "History and physical note"),
        "subject": _person(draw),
        "date": _time(draw),
        "author": [_practitioner(draw)],
        "content": [{"attachment": {"contentType": "text/plain", "data": "CjE5ODct" * 60}}],
        "context": {"encounter": [_visit(draw)]},
    }


_MAKERS: dict[str, Callable[[random.Random], Resource]] = {
    "Patient": _patient, "Encounter": _encounter, "Condition": _condition,
    "Observation": _observation, "DiagnosticReport": _report, "MedicationRequest": _request,
    "MedicationAdministration": _administration, "MedicationDispense": _dispense,
    "MedicationStatement": _statement, "Immunization": _immunization, "Procedure": _procedure,
    "AllergyIntolerance": _allergy, "Device": _device, "DeviceUseStatement": _device_use,
    "Specimen": _specimen, "Consent": _consent, "QuestionnaireResponse": _response,
    "Coverage": _coverage, "Location": _location, "Organization": _organization,
    "Practitioner": _doctor, "PractitionerRole": _role, "Medication": _medication,
    "DocumentReference": _document,
}  # fmt: skip
