"""Elements that the benchmark's resources are made of."""

from __future__ import annotations

import random
from typing import Any

Resource = dict[str, Any]
PERSONS = 40  # of a block
SCT, LOINC = "http://snomed.info/sct", "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem"


def coded(system: str, code: str, display: str) -> Resource:
    """A CodeableConcept with display and text."""
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def person(draw: random.Random) -> Resource:
    """A Patient of the block."""
    return {"reference": f"Patient/patient-{draw.randrange(PERSONS)}-~"}


def visit(draw: random.Random) -> Resource:
    """An Encounter of the block."""
    return {"reference": f"Encounter/encounter-{draw.randrange(400)}-~"}


def practitioner(draw: random.Random) -> Resource:
    """A Practitioner of the block."""
    return {"reference": f"Practitioner/practitioner-{draw.randrange(50)}-~",
            "display": "Dr. Jo Smith"}  # fmt: skip


def instant(draw: random.Random) -> str:
    """An instant of the years 1990 to 2023."""
    return (
        f"{draw.randrange(1990, 2024)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 29):02d}"
        f"T{draw.randrange(24):02d}:{draw.randrange(60):02d}:{draw.randrange(60):02d}+01:00"
    )


def quantity(draw: random.Random, unit: str, low: float, high: float) -> Resource:
    """A Quantity in a UCUM unit."""
    return {"value": round(draw.uniform(low, high), 2), "unit": unit, "system": UCUM, "code": unit}
