"""Where each resource type lies in a hospital's deliveries."""

from __future__ import annotations

from biobraid.ingest.sample.identities import CANARY_SURNAMES

FIRST = "2022-10-03_full"
DELTA = "2023-01-09_delta"
RESOURCES = (
    "Organization", "Location", "Practitioner", "Patient", "Encounter", "Condition", "Observation",
    "DiagnosticReport", "Specimen", "MedicationRequest", "Procedure", "Immunization",
    "AllergyIntolerance", "Device", "Consent", "QuestionnaireResponse", "Coverage",
    "DocumentReference",
)  # fmt: skip
CHANGING = (
    "Patient", "Encounter", "Condition", "Observation", "DiagnosticReport", "Specimen",
    "MedicationRequest", "Procedure", "Immunization", "QuestionnaireResponse", "deleted",
)  # fmt: skip


def path(kind: str, delivery: str = FIRST) -> str:
    """The file of a resource type below the hospital's folder, as the truth names it."""
    # Somebody named the letters' file after a patient.
    part = CANARY_SURNAMES[0] if kind == "DocumentReference" else "000"
    return f"{delivery}/{kind}.{part}.ndjson.gz"
