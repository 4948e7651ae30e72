"""FHIR through the real ingest: deltas, deletions, repeated ids, faults, settings, doctor."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from biobraid.cli.main import run as command
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.warehouse import connect
from biobraid.ingest.landing import IngestResult, check_books, ingest
from tests.fhir.delivery import bundle, ndjson
from tests.fhir.samples import RXNORM, SCT, coded, condition, observation, quantity, resource
from tests.landing.bank import rows

Resource = dict[str, Any]


def declare(home: Home, **source: Any) -> None:
    pack = home.studies / "ward"
    pack.mkdir(exist_ok=True)
    declared = {"connector": "fhir", "files": ["*.json", "*.ndjson"], "origin": "hospital",
                "modality": "health_record", **source}  # fmt: skip
    study = {"id": "ward", "name": "Ward", "release": "1", "licence": "none", "time_zone": "UTC",
             "sources": {"ehr": declared}}  # fmt: skip
    (pack / "study.yaml").write_text(yaml.safe_dump(study))


def deliver(home: Home, name: str, text: str) -> Path:
    path = home.deliveries / "ward" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def run(home: Home) -> IngestResult:
    with writer(home):
        result = ingest(home, workers=1)
    assert check_books(home) == []
    return result


def landed(home: Home) -> list[Any]:
    return rows(home, "code, start_time", "raw.event")


def version(id_: str, stamp: str, onset: str, **given: Any) -> Resource:
    return condition(id_, meta={"lastUpdated": stamp}, onsetDateTime=onset, **given)


FIRST = ndjson(
    version("a", "2024-01-01T00:00:00Z", "2001-01-01"),
    version("b", "2024-01-01T00:00:00Z", "2002-01-01"),
    version("c", "2024-01-01T00:00:00Z", "2003-01-01"),
    version("d", "2024-01-01T00:00:00Z", "2004-01-01"),
)
SECOND = ndjson(  # 01:30 in Paris is before 01:00 in London
    version("a", "2024-02-01T01:30:00+01:00", "2001-02-01"),
    version("a", "2024-02-01T01:00:00Z", "2001-03-01"),
    version("d", "2024-02-01T00:00:00Z", "2004-02-01",
            verificationStatus={"coding": [{"code": "entered-in-error"}]}),
)  # fmt: skip
DELETED = bundle(
    {"request": {"method": "DELETE", "url": "Condition/b"}},
    {"request": {"method": "DELETE", "url": "Condition/c"}},
    type="transaction",
    meta={"lastUpdated": "2024-03-01T00:00:00Z"},
)
REVIVED = ndjson(version("c", "2024-04-01T00:00:00Z", "2003-04-01"))
FILES = {"1.ndjson": FIRST, "2.ndjson": SECOND, "3.json": DELETED, "4.ndjson": REVIVED}


@pytest.mark.parametrize("order", list(itertools.permutations(FILES))[::5])
def test_deltas_and_deletions_in_any_order_end_in_the_same_rows(
    home: Home, order: tuple[str, ...]
) -> None:
    declare(home, delivery="delta")
    for name in order:
        deliver(home, name, FILES[name])
        assert run(home).exit_code == 0
    assert [start for _, start in landed(home)] == ["2001-03-01", "2003-04-01"]


def test_a_deletion_that_does_not_say_when_holds(home: Home) -> None:
    declare(home, delivery="delta")
    deliver(home, "1.ndjson", FIRST)
    deleted = {"resourceType": "Bundle", "type": "transaction",
               "entry": [{"request": {"method": "DELETE", "url": "Condition/a"}}]}  # fmt: skip
    deliver(home, "2.ndjson", ndjson(deleted))
    assert run(home).exit_code == 0
    assert len(landed(home)) == 3


def test_an_id_that_stands_twice_in_a_file_keeps_the_newest(home: Home) -> None:
    declare(home)
    deliver(home, "1.ndjson", ndjson(
        version("a", "2024-01-02T00:00:00Z", "2001-02-01"),
        version("a", "2024-01-01T00:00:00Z", "2001-01-01"),
        condition("b", onsetDateTime="2002-01-01"),
        condition("b", onsetDateTime="2002-02-01"),
        resource("Patient", "anna", gender="female"),
        resource("Patient", "anna", gender="male"),
    ))  # fmt: skip
    assert run(home).exit_code == 0
    assert [start for _, start in landed(home)] == ["2001-02-01", "2002-02-01"]
    assert rows(home, "value") == [("male",)]
    rejected = rows(home, "row_number, reason", "raw.reject")
    assert rejected == [(2, "duplicate-key"), (3, "duplicate-key"), (5, "duplicate-key")]


@pytest.mark.parametrize(
    ("name", "bad", "good", "words"),
    [
        ("b.json", bundle({"resource": condition()})[:-9], bundle({"resource": condition()}),
         "ends in the middle"),
        ("b.ndjson", "no JSON\n", ndjson(condition()), "not-json (1)"),
        ("b.ndjson", ndjson(condition(subject={})), ndjson(condition()), "missing-person-id (1)"),
    ],
)  # fmt: skip
def test_a_faulty_file_lands_nothing_and_the_repaired_one_everything(
    home: Home, name: str, bad: str, good: str, words: str
) -> None:
    declare(home)
    path = deliver(home, name, bad)
    result = run(home)
    assert result.exit_code == 11
    assert any(words in f.text() for o in result.outcomes for f in o.faults)
    assert landed(home) == []
    path.write_text(good, encoding="utf-8")
    assert run(home).exit_code == 0
    assert len(landed(home)) == 1


def test_what_fhir_fixes_cannot_be_declared(home: Home) -> None:
    declare(home, person_id="id", version="meta")
    deliver(home, "a.ndjson", ndjson(condition()))
    result = run(home)
    assert result.exit_code == 10
    told = " ".join(f.text() for o in result.outcomes for f in o.faults)
    assert "ehr.person_id" in told
    assert "ehr.version" in told


def test_doctor_looks_through_the_connector(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    declare(home, options={"identifiers": {"http://x.example": "mnr"}})
    deliver(home, "a.ndjson", ndjson(condition(), condition("c1"), condition("c2", subject={})))
    assert command(["--home", str(home.root), "doctor"]) == 10
    assert "did you mean mrn" in capsys.readouterr().out
    declare(home)
    command(["--home", str(home.root), "--json", "doctor"])
    told = json.dumps(json.loads(capsys.readouterr().out))
    assert "rejected as missing person id" in told
    assert "dictionary.csv" not in told, "what FHIR fixes needs no dictionary"


@pytest.mark.slow
def test_from_files_to_the_warehouse(home: Home, capsys: pytest.CaptureFixture[str]) -> None:
    declare(home)
    deliver(home, "a.ndjson", ndjson(
        resource("Patient", "anna", gender="female", birthDate="1961-04-30"),
        resource("Encounter", "v", status="finished", subject={"reference": "Patient/anna"},
                 period={"start": "2020-03-01", "end": "2020-03-05"},
                 serviceProvider={"reference": "Organization?identifier=http://h.example|77"},
                 class_={"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                         "code": "IMP"}),
        condition(encounter={"reference": "Encounter/v"}),
        observation(valueQuantity=quantity(99, "mg/dL"), encounter={"reference": "Encounter/v"}),
        observation("o2", dataAbsentReason={"coding": [{"code": "not-performed"}]}),
        resource("MedicationStatement", "m", status="active", subject={"reference": "Patient/anna"},
                 effectiveDateTime="2020-03-02",
                 medicationReference={"reference": "Medication/aspirin"}),
        resource("Device", "d", type=coded(SCT, "14106009"), patient={"reference": "Patient/anna"}),
        resource("DeviceUseStatement", "u", status="active", subject={"reference": "Patient/anna"},
                 timingDateTime="2020-03-03", device={"reference": "Device/d"}),
        resource("MedicationRequest", "order", status="active", intent="order",
                 subject={"reference": "Patient/anna"}, authoredOn="2020-03-04",
                 requester={"reference": "PractitionerRole/oncologist"},
                 medicationCodeableConcept=coded(RXNORM, "314076")),
        resource("Coverage", "k", status="active", beneficiary={"reference": "Patient/anna"},
                 subscriberId="SUB-1", period={"start": "2019-01-01"},
                 type=coded("http://terminology.hl7.org/CodeSystem/v3-ActCode", "EHCPOL"),
                 payor=[{"reference": "Organization?identifier=http://h.example|77"}]),
    ))  # fmt: skip
    deliver(home, "b.ndjson", ndjson(
        resource("Organization", "leeds",
                 identifier=[{"system": "http://h.example", "value": "77"}],
                 address=[{"state": "WY", "country": "GB"}]),
        resource("Practitioner", "jo", gender="female"),
        resource("PractitionerRole", "oncologist", practitioner={"reference": "Practitioner/jo"},
                 organization={"reference": "Organization?identifier=http://h.example|77"},
                 specialty=[coded("http://nucc.org/provider-taxonomy", "207RX0202X")]),
        resource("Medication", "aspirin", code=coded(RXNORM, "1191", "Aspirin"))))  # fmt: skip
    assert command(["--home", str(home.root), "--quiet", "run"]) == 0
    with connect(home, read_only=True) as con:
        person = "SELECT gender_concept_id, year_of_birth FROM cdm.person"
        assert con.execute(person).fetchall() == [(8532, 1961)]
        visit = "SELECT visit_concept_id, visit_start_date::VARCHAR FROM cdm.visit_occurrence"
        assert con.execute(visit).fetchall() == [(9201, "2020-03-01")]
        joined = "SELECT COUNT(*) FROM cdm.condition_occurrence SEMI JOIN cdm.visit_occurrence USING (visit_occurrence_id)"
        assert con.execute(joined).fetchall() == [(1,)]
        drug = "SELECT drug_source_value, drug_type_concept_id FROM cdm.drug_exposure ORDER BY 1"
        drugs = [("1191", 32817), ("314076", 32838)]
        assert con.execute(drug).fetchall() == drugs, "one of a Medication in another file"
        device = "SELECT code FROM staging.source_event WHERE source_table = 'DeviceUseStatement'"
        assert con.execute(device).fetchall() == [("14106009",)]
        site = (
            "SELECT COUNT(*) FROM cdm.visit_occurrence SEMI JOIN cdm.care_site USING (care_site_id)"
        )
        assert con.execute(site).fetchall() == [(1,)], "named by its number"
        number = "SELECT MAX(value_as_number) FROM cdm.measurement"
        assert con.execute(number).fetchall() == [(99.0,)]
        staff = """
            SELECT specialty_source_value, gender_concept_id, gender_source_value, state,
              drug_source_value
            FROM cdm.provider JOIN cdm.care_site USING (care_site_id)
            JOIN cdm.location USING (location_id) JOIN cdm.drug_exposure USING (provider_id)"""
        jo = ("207RX0202X", 8532, "female", "WY", "314076")
        assert con.execute(staff).fetchall() == [jo], "who ordered in a role"
        assert con.execute("SELECT COUNT(*) FROM cdm.provider").fetchall() == [(1,)]
        plan = """
            SELECT plan_source_value, length(family_source_value) FROM cdm.payer_plan_period
            JOIN cdm.care_site ON payer_source_value = care_site_id::VARCHAR"""
        assert con.execute(plan).fetchall() == [("EHCPOL", 16)]
        unread = "SELECT kind, field, COUNT(*) FROM raw.detail WHERE field = 'intent' GROUP BY ALL"
        assert con.execute(unread).fetchall() == [("drug", "intent", 1)]
