"""Drugs of the `fhir` benchmark, ordered, given, dispensed and stated."""

from __future__ import annotations

import random

from benchmarks.fhir_elements import (
    RXNORM,
    SCT,
    UCUM,
    Resource,
    coded,
    instant,
    person,
    practitioner,
    visit,
)

_DRUGS = (("314076", "lisinopril 10 MG Oral Tablet"), ("860975", "metformin 500 MG Oral Tablet"),
          ("313782", "acetaminophen 325 MG Oral Tablet"))  # fmt: skip


def _sig() -> list[Resource]:
    repeat = {"frequency": 1, "period": 1.0, "periodUnit": "d"}
    return [{"sequence": 1, "timing": {"repeat": repeat}, "asNeededBoolean": False,
             "route": coded(SCT, "26643006", "Oral route"),
             "doseAndRate": [{"doseQuantity": {"value": 1.0, "unit": "tablet"}}]}]  # fmt: skip


def request(draw: random.Random) -> Resource:
    """A resource without type and id."""
    return {
        "status": "active",
        "intent": "order",
        "medicationCodeableConcept": coded(RXNORM, *draw.choice(_DRUGS)),
        "subject": person(draw),
        "encounter": visit(draw),
        "authoredOn": instant(draw),
        "requester": practitioner(draw),
        "dosageInstruction": _sig(),
        "dispenseRequest": {
            "numberOfRepeatsAllowed": 3,
            "quantity": {"value": 30, "unit": "tablet"},
            "expectedSupplyDuration": {"value": 30, "system": UCUM, "code": "d"},
        },
    }


def administration(draw: random.Random) -> Resource:
    """A resource without type and id."""
    return {
        "status": "completed",
        "medicationCodeableConcept": coded(RXNORM, *draw.choice(_DRUGS)),
        "subject": person(draw),
        "context": visit(draw),
        "effectiveDateTime": instant(draw),
        "dosage": {"dose": {"value": 10, "unit": "mg", "system": UCUM, "code": "mg"}},
    }


def dispense(draw: random.Random) -> Resource:
    """A resource without type and id."""
    medication = {"resourceType": "Medication", "id": "m1",
                  "code": coded(RXNORM, *draw.choice(_DRUGS))}  # fmt: skip
    return {
        "contained": [medication],
        "status": "completed",
        "medicationReference": {"reference": "#m1"},
        "subject": person(draw),
        "authorizingPrescription": [
            {"reference": f"MedicationRequest/medicationre-{draw.randrange(400)}-~"}
        ],
        "quantity": {"value": 28, "unit": "tablet"},
        "daysSupply": {"value": 28, "unit": "day", "system": UCUM, "code": "d"},
        "whenHandedOver": instant(draw),
    }


def statement(draw: random.Random) -> Resource:
    """A resource without type and id."""
    return {
        "status": "active",
        "medicationReference": {"reference": f"Medication/medication-{draw.randrange(400)}-~"},
        "subject": person(draw),
        "effectivePeriod": {"start": instant(draw)},
        "dateAsserted": instant(draw),
    }


def immunization(draw: random.Random) -> Resource:
    """A resource without type and id."""
    return {
        "status": "completed",
        "vaccineCode": coded("http://hl7.org/fhir/sid/cvx", "140", "Influenza"),
        "patient": person(draw),
        "encounter": visit(draw),
        "occurrenceDateTime": instant(draw),
        "primarySource": True,
        "lotNumber": f"L{draw.randrange(999)}",
    }


def medication(draw: random.Random) -> Resource:
    """A resource without type and id."""
    return {"status": "active", "code": coded(RXNORM, *draw.choice(_DRUGS))}
