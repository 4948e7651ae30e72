"""Patients, consents, questionnaires, cover and the people and places of a hospital."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from biobraid.ingest.connectors.contract import Variable
from tests.fhir.delivery import ndjson, read
from tests.fhir.samples import ANNA, HL7, SCT, coded, resource

US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-"
RACE = "urn:oid:2.16.840.1.113883.6.238"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.ndjson"


def _category(code: str, part: str = "ombCategory") -> dict[str, Any]:
    return {"url": part, "valueCoding": {"system": RACE, "code": code}}


ANNA_SMITH = resource(
    "Patient", "anna",
    extension=[
        {"url": f"{US_CORE}race", "extension": [
            _category("2106-3"), _category("2028-9"), {"url": "text", "valueString": "mixed"}]},
        {"url": f"{US_CORE}ethnicity", "extension": [_category("2186-5")]},
        {"url": f"{US_CORE}birthsex", "valueCode": "F"},
    ],
    identifier=[
        {"system": "https://fhir.nhs.uk/Id/nhs-number", "value": "9434765919"},
        {"type": coded(f"{HL7}/v2-0203", "MR"), "system": "http://h.example", "value": "MRN-1"},
        {"system": "http://hl7.org/fhir/sid/us-ssn", "value": "999-94-5397"},
        {"system": "http://other.example", "value": "X-1"},
    ],
    name=[{"use": "official", "family": "Smith", "given": ["Anna", "Maria"], "prefix": ["Mrs."]},
          {"use": "maiden", "family": "Jones"}],
    telecom=[{"system": "phone", "value": "020 7946 0018"},
             {"system": "email", "value": "a@x.org"}],
    gender="female", birthDate="1961-04-30", deceasedDateTime="2021-02-03",
    address=[{"line": ["1 High St"], "city": "Leeds", "state": "WY", "postalCode": "LS1 4AB",
              "country": "GB"}],
    contact=[{"name": {"family": "Smithson"}}],
)  # fmt: skip
SECRETS = ("9434765919", "MRN-1", "999-94-5397", "X-1", "Smith", "Anna", "Maria", "Jones", "7946",
           "a@x.org", "High St", "Leeds", "LS1 4AB", "1961-04", "anna")  # fmt: skip


def test_a_patient_leaves_identifiers_in_the_vault_and_little_in_landing(file: Path) -> None:
    found = read(file, ndjson(ANNA_SMITH))
    assert set(found.identities) == {
        ("native_id", "anna"), ("nhs_number", "9434765919"), ("mrn", "MRN-1"),
        ("national_id", "999-94-5397"), ("other", "X-1"), ("surname", "Smith"),
        ("first_name", "Anna"), ("other", "Maria"), ("other", "Mrs."), ("other", "Jones"),
        ("phone", "020 7946 0018"), ("email", "a@x.org"), ("sex", "female"),
        ("birth_date", "1961-04-30"), ("address", "1 High St"), ("address", "Leeds"),
        ("postcode", "LS1 4AB"),
    }  # fmt: skip
    assert sorted(found.rows("raw.value", "variable", "array_index", "value")) == [
        ("address.country", 0, "GB"), ("address.state", 0, "WY"), ("birthDate", 0, "1961"),
        ("gender", 0, "female"), ("us-core-birthsex", 0, "F"), ("us-core-ethnicity", 0, "2186-5"),
        ("us-core-race", 0, "2106-3"), ("us-core-race", 1, "2028-9"),
    ]  # fmt: skip
    assert found.events("kind", "start_time") == [("death", "2021-02-03")]
    assert found.ignored["element:Patient.contact.name.family"] == 1
    landed = str([found.tables, found.tally])
    assert not [word for word in SECRETS if word in landed]


def test_identifier_systems_can_be_declared(file: Path) -> None:
    found = read(file, ndjson(ANNA_SMITH), options={"identifiers": {"http://other.example": "mrn"}})
    assert ("mrn", "X-1") in found.identities


def test_dead_without_a_date_and_alive(file: Path) -> None:
    found = read(file, ndjson(resource("Patient", "a", deceasedBoolean=True),
                              resource("Patient", "b", deceasedBoolean=False)))  # fmt: skip
    assert found.events("kind", "start_time") == [("death", None)]
    assert found.ignored == {"element:Patient.deceasedBoolean": 1}


def test_a_consent_says_given_refused_or_expired(file: Path) -> None:
    def consent(id_: str, status: str, scope: str = "research", **given: Any) -> dict[str, Any]:
        named = {"coding": [{"system": f"{HL7}/consentscope", "code": scope}]}
        return resource("Consent", id_, status=status, scope=named, patient=ANNA,
                        dateTime="2020-01-02", **given)  # fmt: skip

    found = read(file, ndjson(
        consent("a", "active", provision={"type": "permit"}),
        consent("b", "active", provision={"type": "deny"}),
        consent("c", "inactive"), consent("d", "rejected"), consent("e", "active", "treatment"),
        consent("f", "draft"), consent("g", "bogus"),
    ), options={"consent_modality": "genotype"})  # fmt: skip
    assert sorted(found.rows("raw.consent", "modality", "status", "start_time")) == [
        ("genotype", "expired", "2020-01-02"), ("genotype", "given", "2020-01-02"),
        ("genotype", "refused", "2020-01-02"), ("genotype", "refused", "2020-01-02"),
    ]  # fmt: skip
    assert found.ignored == {"consent-scope": 1, "status:Consent.draft": 1}
    assert found.rejects == [(7, "Consent.status", "unknown-status")]


def _permit(**given: Any) -> dict[str, Any]:
    return resource("Consent", status="active", patient=ANNA, dateTime="2014-01-02",
                    provision={"type": "permit", **given})  # fmt: skip


def _consents(file: Path, consent: dict[str, Any], **options: str) -> list[tuple[Any, ...]]:
    found = read(file, ndjson(consent), options=options)
    return sorted(found.rows("raw.consent", "modality", "status", "start_time"))


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        ({"start": "2015-01-01", "end": "2016-01-01"},
         [("*", "expired", "2016-01-01"), ("*", "given", "2015-01-01")]),
        ({"end": "2016"}, [("*", "expired", "2016-01-01"), ("*", "given", "2014-01-02")]),
        ({"end": "2013-12-31"}, [("*", "expired", "2014-01-02")]),
        ({"start": "2015-01-01", "end": "2015-01-01"}, [("*", "expired", "2015-01-01")]),
    ],
)  # fmt: skip
def test_a_permission_ends_with_its_period(file: Path, period: Any, expected: Any) -> None:
    assert _consents(file, _permit(period=period)) == expected


def _deny(*classes: str, **given: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"type": "deny", **given}
    return found | ({"class": [{"system": "x", "code": c} for c in classes]} if classes else {})


@pytest.mark.parametrize(
    ("inner", "expected"),
    [
        ([_deny("genomics")], {("*", "given"), ("genotype", "refused"), ("omics", "refused")}),
        ([_deny("ImagingStudy"), _deny("Questionnaire")],
         {("*", "given"), ("imaging", "refused"), ("questionnaire", "refused")}),
        ([{"type": "permit", "provision": [_deny("imaging")]}],
         {("*", "given"), ("imaging", "refused")}),
        ([{"type": "permit"}], {("*", "given")}),
        ([_deny()], {("*", "refused")}),
        ([_deny("imaging", "shoe-size")], {("*", "refused")}),
        ([{"class": [{"code": "shoe-size"}]}], {("*", "refused")}),
    ],
)  # fmt: skip
def test_what_an_exception_to_a_permission_denies_is_refused(
    file: Path, inner: Any, expected: set[tuple[str, str]]
) -> None:
    found = _consents(file, _permit(provision=inner))
    assert {(modality, status) for modality, status, _ in found} == expected
    assert {start for *_, start in found} == {"2014-01-02"}
    assert len(found) == len(expected)


def test_an_exception_that_does_not_tell_denies_what_the_consent_speaks_about(file: Path) -> None:
    found = _consents(file, _permit(provision=[_deny()]), consent_modality="imaging")
    assert found == [("imaging", "refused", "2014-01-02")]


def test_answers_of_nested_items_become_values_of_one_survey(file: Path) -> None:
    response = resource(
        "QuestionnaireResponse", questionnaire="http://q.example/phq9|2", status="completed",
        subject=ANNA, authored="2020-01-02T10:00:00Z",
        item=[
            {"linkId": "g", "item": [
                {"linkId": "g.1", "text": "How often?", "answer": [{"valueInteger": 2}]},
                {"linkId": "g.2", "answer": [
                    {"valueCoding": {"system": SCT, "code": "1", "display": "one"}},
                    {"valueCoding": {"system": SCT, "code": "2"}, "item": [
                        {"linkId": "g.2.a", "answer": [{"valueBoolean": True}]}]}]}]},
            {"linkId": "w", "answer": [{"valueQuantity": {"value": 70, "unit": "kg"}}]},
            {"linkId": "t", "answer": [{"valueString": "I am Anna"}]},
            {"linkId": "d", "answer": [{"valueDate": "2019-12-24"}]},
        ],
    )  # fmt: skip
    found = read(file, ndjson(response))
    ((kind, record, code, origin),) = found.events("kind", "record_id", "code", "origin")
    assert (kind, code, origin) == ("survey", "http://q.example/phq9|2", "survey")
    columns = ("variable", "array_index", "value", "unit", "survey_record_id")
    assert sorted(found.rows("raw.value", *columns)) == [
        ("d", 0, "2019-12-24", None, record), ("g.1", 0, "2", None, record),
        ("g.2", 0, "1", None, record), ("g.2", 1, "2", None, record),
        ("g.2.a", 0, "true", None, record), ("w", 0, "70", "kg", record),
    ]  # fmt: skip
    assert found.ignored == {
        "element:QuestionnaireResponse.item.item.text": 1,
        "free-text-undeclared": 1,
    }
    rule = {"variable": "t", "rule": "allow", "reason": "for the test"}
    allowed = read(file, ndjson(response), free_text=[rule])
    assert ("t", "I am Anna") in allowed.rows("raw.value", "variable", "value")
    declared = read(file, ndjson(response), variables=[Variable("t", value_type="code")])
    assert ("t", "I am Anna") in declared.rows("raw.value", "variable", "value")


def test_cover_is_a_period_and_the_subscriber_is_nobody_elses_business(file: Path) -> None:
    found = read(file, ndjson(
        resource("Coverage", "k", status="active", beneficiary=ANNA, subscriberId="SUB-1",
                 type=coded(f"{HL7}/v3-ActCode", "EHCPOL"),
                 period={"start": "2019-01-01", "end": "2020-12-31"},
                 relationship=coded(f"{HL7}/subscriber-relationship", "self"),
                 payor=[{"reference": "Organization/g", "display": "Mr. Payer"}]),
        resource("Organization", "g", name="Payers Inc."),
    ))  # fmt: skip
    rows = found.rows("raw.record", "kind", "code", "start_time", "end_time", "record_id")
    (period, house) = rows
    assert period[:4] == ("payer_plan_period", "EHCPOL", "2019-01-01", "2020-12-31")
    assert found.details["payer_record_id"] == str(house[4])
    assert found.details["relationship"] == "self"
    token = found.details["family_token"]
    assert re.fullmatch("[0-9a-f]{16}", token), "who shares a policy shares its token"
    assert ("other", "SUB-1") in found.identities
    assert "Payer" not in str(found.tables)


def test_staff_and_places_keep_state_and_specialty_but_no_names(file: Path) -> None:
    npi = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "9999974592"}
    found = read(file, ndjson(
        resource("Practitioner", "p", identifier=[npi], name=[{"family": "Kunze"}], gender="male",
                 telecom=[{"value": "555"}], address=[{"line": ["2 Low Rd"]}]),
        resource("PractitionerRole", "r", practitioner={"identifier": npi},
                 organization={"reference": "Organization/g"},
                 specialty=[coded("http://nucc.org/provider-taxonomy", "208D00000X")]),
        resource("Organization", "g", name="KUNZE CLINIC",
                 address=[{"city": "Emporia", "state": "KS", "country": "US"}]),
        resource("Location", "l", name="WARD 7", address={"state": "KS"},
                 managingOrganization={"reference": "Organization/g"}),
    ))  # fmt: skip
    rows = found.rows("raw.record", "kind", "code", "record_id", "parent_record_id")
    (doctor, role, house, place, ward) = rows
    kinds = ["provider", "provider", "care_site", "location", "location"]
    assert [row[0] for row in rows] == kinds
    assert role[1] == "208D00000X"
    assert [key for (key,) in found.rows("raw.record", "source_person_key")] == [None] * 5
    details = found.rows("raw.detail", "record_id", "field", "value")
    assert (doctor[2], "gender_source_value", "male") in details
    assert (doctor[2], "gender_concept_id", "8507") in details
    assert (role[2], "care_site_id", str(house[2])) in details
    # An organisation that says where it is, is a location too.
    assert place[2] == house[2]
    assert (house[2], "location_id", str(house[2])) in details
    located = found.rows("raw.detail", "kind", "record_id", "field", "value")
    assert ("location", house[2], "state", "KS") in located
    assert ("location", house[2], "country_source_value", "US") in located
    assert (ward[2], "care_site_record_id", str(house[2])) in details
    # The role names the practitioner by number, under which the practitioner lands an alias.
    assert (doctor[2], "alias_record_id", str(role[3])) in details
    landed = str(found.tables)
    words = ("Kunze", "KUNZE", "9999974592", "555", "Low Rd", "Emporia", "WARD 7")
    assert not [word for word in words if word in landed]


def test_a_conditional_reference_by_uuid_meets_the_resource_itself(file: Path) -> None:
    uuid = "3b23bdf7-5bd6-30bf-85a9-a37d7d74938a"
    found = read(file, ndjson(
        resource("Location", uuid, identifier=[{"system": "http://h.example", "value": uuid}]),
        resource("Procedure", "a", status="completed", subject=ANNA, code=coded(SCT, "1"),
                 location={"reference": f"Location?identifier=http://h.example|{uuid}"}),
    ))  # fmt: skip
    ((record,),) = found.rows("raw.record", "record_id")
    assert found.details == {"location_record_id": str(record)}
