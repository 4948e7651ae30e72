"""Places and staff of a hospital, and how its resources refer to them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import joined
from biobraid.ingest.sample.fhir.paths import path
from biobraid.ingest.sample.fhir.ward import Hospital, updated
from biobraid.ingest.sample.json_lines import filled
from biobraid.ingest.sample.planted import Planted

_STAFF = ("Fernquist", "Ottermole", "Grubwell", "Hensby", "Qwackenzyx")  # the last is a canary
STAFF_CANARY = _STAFF[-1]
_WARDS = ("Outpatients", "Medical ward", "Emergency department")
ORGANIZATION = (
    '{"resourceType":"Organization","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"identifier":[{"system":"{{system}}/site","value":"{{id}}"}],"active":true,"type":[{"coding":'
    '[{"system":"http://terminology.hl7.org/CodeSystem/organization-type","code":"prov"}]}],'
    '"name":"{{name}}","address":[{"line":["1 Hospital Way"],"city":"Invented Town","country":"GB"}]}'
)
LOCATION = (
    '{"resourceType":"Location","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"identifier":[{"system":"{{system}}/ward","value":"{{id}}"}],"status":"active",'
    '"name":"{{name}}","address":{"city":"Invented Town","postalCode":"YO1 1ZZ","country":"GB"},'
    '"managingOrganization":{"reference":"Organization/{{org}}"}}'
)
PRACTITIONER = (
    '{"resourceType":"Practitioner","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"identifier":[{"system":"{{system}}/staff","value":"{{id}}"}],"active":true,'
    '"name":[{"family":"{{name}}","prefix":["Dr"]}],"gender":"female","qualification":[{"code":'
    '{"coding":[{"system":"http://snomed.info/sct","code":"158965000"}]}}]}'
)


def place_lines(hospital: Hospital, planted: Planted) -> dict[str, pa.Array]:
    """Organization, Location and Practitioner: few, and the same whoever the patients are."""
    letter = hospital.name[0]
    common = {
        "updated": updated(np.array([np.datetime64("2022-01-03", "D")]))[0].as_py(),
        "system": hospital.system,
        "org": f"{letter}org",
    }
    planted.canary("surname", STAFF_CANARY, hospital.name, path("Practitioner"), "name")
    return {
        "Organization": filled(
            ORGANIZATION,
            {**common, "id": pa.array([f"{letter}org"]),
             "name": pa.array([hospital.name.title() + " Hospital"])},
        ),
        "Location": filled(
            LOCATION,
            {**common, "id": pa.array([f"{letter}loc{i}" for i in range(len(_WARDS))]),
             "name": pa.array(list(_WARDS))},
        ),
        "Practitioner": filled(
            PRACTITIONER,
            {**common, "id": pa.array([f"{letter}doc{i}" for i in range(len(_STAFF))]),
             "name": pa.array(list(_STAFF))},
        ),
    }  # fmt: skip


def reference(hospital: Hospital, kind: str, system: str, ids: pa.Array) -> pa.Array:
    """References in the hospital's form: Practitioner/x, or Practitioner?identifier=system|x."""
    if hospital.is_american:
        return joined([f"{kind}?identifier={hospital.system}/{system}|", ids])
    return joined([f"{kind}/", ids])
