"""Small resources for the tests, as few elements as say something."""

from __future__ import annotations

from typing import Any

Resource = dict[str, Any]
SCT, LOINC = "http://snomed.info/sct", "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
UCUM = "http://unitsofmeasure.org"
HL7 = "http://terminology.hl7.org/CodeSystem"
ANNA = {"reference": "Patient/anna"}


def coded(system: str, code: str, display: str | None = None) -> Resource:
    """A CodeableConcept with one coding."""
    coding = {"system": system, "code": code}
    return {"coding": [coding | ({"display": display} if display else {})]}


def quantity(value: float, unit: str) -> Resource:
    """A Quantity in a UCUM unit."""
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def resource(kind: str, id_: str = "r1", **given: Any) -> Resource:
    """A resource; names that Python keeps for itself end in an underscore."""
    head = {"resourceType": kind, "id": id_}
    return head | {name.rstrip("_"): value for name, value in given.items()}


def condition(id_: str = "c1", **given: Any) -> Resource:
    """A diagnosis of Anna's."""
    found = {"code": coded(SCT, "44054006", "Diabetes"), "subject": ANNA,
             "onsetDateTime": "2020-03-04"}  # fmt: skip
    return resource("Condition", id_, **{**found, **given})


def observation(id_: str = "o1", **given: Any) -> Resource:
    """A laboratory result of Anna's, without a value."""
    found = {"status": "final", "code": coded(LOINC, "2339-0", "Glucose"), "subject": ANNA,
             "effectiveDateTime": "2020-03-04T05:06:07+02:00"}  # fmt: skip
    return resource("Observation", id_, **{**found, **given})
