"""Versions of a resource in one file are told apart, however the JSON is wrapped."""

from __future__ import annotations

import json
from typing import Any

import pytest

from biobraid.core.home import Home
from tests.fhir.samples import condition, resource
from tests.fhir.test_ingest import declare, deliver, landed, run, version
from tests.landing.bank import rows

ENTRIES: list[dict[str, Any]] = [
    {"resource": version("a", "2024-01-02T00:00:00Z", "2001-02-01")},
    {"resource": version("a", "2024-01-01T00:00:00Z", "2001-01-01")},
    {"resource": condition("b", onsetDateTime="2002-01-01")},
    {"resource": condition("b", onsetDateTime="2002-02-01")},
    {"resource": resource("Patient", "anna", gender="female")},
    {"resource": resource("Patient", "anna", gender="male")},
    {"resource": version("c", "2024-01-01T00:00:00Z", "2003-01-01")},
    {"request": {"method": "DELETE", "url": "Condition/c"}},
]
WHOLE = {"resourceType": "Bundle", "type": "transaction",
         "meta": {"lastUpdated": "2024-02-01T00:00:00Z"}, "entry": ENTRIES}  # fmt: skip
FORMS = {
    "one-line": json.dumps(WHOLE),
    "pretty": json.dumps(WHOLE, indent=1),
    "compact": json.dumps(WHOLE, separators=(",", ":")),
    "a-bundle-a-line": "".join(
        json.dumps({**WHOLE, "entry": part}) + "\n" for part in (ENTRIES[:3], ENTRIES[3:])
    ),
}


@pytest.mark.parametrize("delivery", ["full", "delta"])
@pytest.mark.parametrize("form", FORMS)
def test_the_newest_version_stays_and_a_deletion_holds(
    home: Home, form: str, delivery: str
) -> None:
    declare(home, delivery=delivery)
    deliver(home, "1.ndjson" if form == "a-bundle-a-line" else "1.json", FORMS[form])
    assert run(home).exit_code == 0
    assert [start for _, start in landed(home)] == ["2001-02-01", "2002-02-01"]
    assert rows(home, "value") == [("male",)]
