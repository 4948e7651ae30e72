"""A bulk export of any size with every resource type, one file a type, as NDJSON.

Each file repeats blocks of some hundred resources that were made one by one, with ids and
references of their own in every repeat, so that writing hundreds of megabytes takes seconds.
"""

from __future__ import annotations

import json
import random
from pathlib import Path

from benchmarks.fhir_resources import make

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
        lines = [json.dumps(make(kind, i, draw), separators=(",", ":")) for i in range(400)]
        block = "\n".join(lines) + "\n"
        wanted = max(1, round(megabytes * 1e6 * share / len(block)))
        with (folder / f"{kind}.000.ndjson").open("w", encoding="utf-8") as file:
            for repeat in range(wanted):
                file.write(block.replace("~", f"{repeat:05d}"))


def write_mixed(path: Path, megabytes: float, seed: int) -> None:
    """One file of resources of all types, in the same shares."""
    draw = random.Random(f"{seed}/mixed")
    kinds = draw.choices(list(SHARES), list(SHARES.values()), k=2000)
    rows = [make(kind, i, draw) for i, kind in enumerate(kinds)]
    block = "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
    with path.open("w", encoding="utf-8") as file:
        for repeat in range(max(1, round(megabytes * 1e6 / len(block)))):
            file.write(block.replace("~", f"{repeat:05d}"))
