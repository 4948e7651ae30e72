"""The hospitals' FHIR exports: real forms, and changes that truth counts."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from biobraid.ingest.sample.fhir.paths import DELTA, FIRST, RESOURCES
from tests.sample.conftest import Sample

Resource = dict[str, Any]
HOSPITALS = ("northgate", "southgate")
NOBODY = "n-000000000000"


def resources(folder: Path) -> tuple[list[Resource], int]:
    """Resources of a delivery, and the lines that are no JSON."""
    found, n_bad = [], 0
    for path in sorted(folder.glob("*.ndjson.gz")):
        for line in gzip.decompress(path.read_bytes()).decode().splitlines():
            try:
                found.append(json.loads(line))
            except json.JSONDecodeError:
                n_bad += 1
    return found, n_bad


@pytest.fixture(scope="module", params=HOSPITALS)
def hospital(request: pytest.FixtureRequest, sample: Sample) -> tuple[str, Path]:
    return str(request.param), sample.deliveries / str(request.param)


def test_every_resource_type_is_delivered_and_one_line_breaks_off(
    hospital: tuple[str, Path],
) -> None:
    name, folder = hospital
    first, n_bad = resources(folder / FIRST)
    assert {r["resourceType"] for r in first} == set(RESOURCES)
    assert n_bad == (name == "northgate")
    ids = Counter((r["resourceType"], r["id"]) for r in first)
    assert set(ids.values()) == {1}
    for r in first:
        assert datetime.fromisoformat(r["meta"]["lastUpdated"]).year <= 2022


def test_references_lead_to_delivered_resources(hospital: tuple[str, Path]) -> None:
    name, folder = hospital
    found = resources(folder / FIRST)[0] + resources(folder / DELTA)[0]
    ids = {f"{r['resourceType']}/{r['id']}" for r in found if "id" in r}
    named = {
        f"{r['resourceType']}?identifier={i['system']}|{i['value']}"
        for r in found
        for i in r.get("identifier", [])
    }
    lost = [
        r for r in found for ref in _references(r)
        if not ref.startswith("#") and ref not in ids and ref not in named
    ]  # fmt: skip
    assert len(lost) == (name == "northgate")
    assert all(r["subject"]["reference"] == f"Patient/{NOBODY}" for r in lost)
    conditional = any("?identifier=" in ref for r in found for ref in _references(r))
    assert conditional == (name == "southgate"), "one hospital refers by identifier"


def _references(node: Any) -> list[str]:
    if isinstance(node, list):
        return [ref for child in node for ref in _references(child)]
    if not isinstance(node, dict):
        return []
    own = [node["reference"]] if isinstance(node.get("reference"), str) else []
    return own + [ref for child in node.values() for ref in _references(child)]


def test_the_delta_ends_in_the_state_that_truth_tells(
    hospital: tuple[str, Path], sample: Sample
) -> None:
    name, folder = hospital
    latest: dict[tuple[str, str], Resource] = {}
    delivered: Counter[str] = Counter()
    for delivery in (FIRST, DELTA):
        found, n_bad = resources(folder / delivery)
        delivered["Observation"] += n_bad
        for r in found:
            if r["resourceType"] == "Bundle":
                [entry] = r["entry"]
                assert entry["request"]["method"] == "DELETE"
                kind, _, key = entry["request"]["url"].partition("/")
                del latest[(kind, key)]  # only what had been delivered is deleted
                continue
            delivered[r["resourceType"]] += 1
            before = latest.get((r["resourceType"], r["id"]))
            if before is not None:
                assert before["meta"]["lastUpdated"] < r["meta"]["lastUpdated"]
            latest[(r["resourceType"], r["id"])] = r
    expected = sample.expected(name)
    current = Counter(
        kind
        for (kind, _), r in latest.items()
        if r.get("status") != "entered-in-error"
        and "entered-in-error" not in json.dumps(r.get("verificationStatus", {}))
        and r.get("subject", {}).get("reference") != f"Patient/{NOBODY}"
    )
    for kind in delivered:
        assert delivered[kind] == expected[(kind, "delivered")] + expected[(kind, "updated")], kind
        if (kind, "current") in expected:
            assert current[kind] == expected[(kind, "current")], kind
    states = Counter(r["status"] for (kind, _), r in latest.items() if kind == "Observation")
    assert states["corrected"] == expected[("Observation", "corrected")] > 0
    assert states["entered-in-error"] == (
        expected[("Observation", "entered-in-error")] + expected[("Observation", "taken-back")]
    )


def test_one_month_of_glucose_went_out_in_the_wrong_unit(sample: Sample) -> None:
    found = resources(sample.deliveries / "southgate" / FIRST)[0]
    glucose = [
        r for r in found
        if r["resourceType"] == "Observation" and r["code"]["coding"][0]["code"] == "2345-7"
    ]  # fmt: skip
    assert {r["valueQuantity"]["unit"] for r in glucose} == {"mmol/L"}
    wrong = [r for r in glucose if r["valueQuantity"]["value"] > 40]  # nobody lives with that
    assert {r["effectiveDateTime"][:7] for r in wrong} == {"2019-03"}
    planted = sum(
        n for (defect, study, *_), n in sample.defects().items()
        if (defect, study) == ("wrong-unit", "southgate")
    )  # fmt: skip
    assert len(wrong) == planted > 3


def test_each_hospital_has_its_own_units_and_gaps(sample: Sample) -> None:
    units: dict[str, set[str]] = {}
    gaps = 0
    for name in HOSPITALS:
        for r in resources(sample.deliveries / name / FIRST)[0]:
            if r["resourceType"] != "Observation":
                continue
            gaps += "dataAbsentReason" in r
            code = r["code"]["coding"][0]["code"]
            unit = r.get("valueQuantity", {}).get("unit")
            if code in ("2160-0", "29463-7", "2093-3") and unit:
                units.setdefault(f"{name} {code}", set()).add(unit)
    assert units["northgate 2160-0"] == {"mg/dL"}
    assert units["southgate 2160-0"] == {"umol/L"}
    assert units["southgate 29463-7"] == {"kg", "[lb_av]"}
    assert gaps > 20


def test_local_times_carry_the_offset_of_london(sample: Sample) -> None:
    from zoneinfo import ZoneInfo

    for r in resources(sample.deliveries / "northgate" / FIRST)[0]:
        if r["resourceType"] == "Encounter":
            start = datetime.fromisoformat(r["period"]["start"])
            there = start.astimezone(ZoneInfo("Europe/London"))
            assert start.utcoffset() == there.utcoffset()
            assert start < datetime.fromisoformat(r["period"]["end"])
