"""Codes, references and free text: the rules that hold for every resource type."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fhir.delivery import bundle, ndjson, patient_key, read
from tests.fhir.samples import SCT, condition


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.ndjson"


def test_of_several_codings_one_is_chosen_by_rule_and_the_others_are_counted(file: Path) -> None:
    local = {"system": "http://local.example", "code": "D1"}
    icd = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": "E11.9"}
    snomed = {"system": SCT, "code": "44054006", "userSelected": True}
    found = read(file, ndjson(
        condition("a", code={"coding": [local, icd, {k: snomed[k] for k in ("system", "code")}]}),
        condition("b", code={"coding": [local, icd, snomed]}),
        condition("c", code={"coding": [local]}),
    ))  # fmt: skip
    assert found.events("code", "code_system") == [
        ("E11.9", "ICD10CM"), ("44054006", "SNOMED"), ("D1", "toy:ehr"),
    ]  # fmt: skip
    assert found.ignored["element:Condition.code.coding.code"] == 4
    assert found.tally.warnings == {"unknown-code-system:http://local.example": 1}


def test_words_without_a_code_are_free_text(file: Path) -> None:
    text = ndjson(condition(code={"text": "sugar, says Mrs. Smith"}))
    found = read(file, text)
    assert found.events("code", "code_text") == [(None, None)]
    assert found.ignored == {"free-text-undeclared": 1}
    rule = {"variable": "Condition.code.text", "reason": "for the test"}
    found = read(file, text, free_text=[{**rule, "rule": "allow"}])
    assert found.events("code_text") == [("sugar, says Mrs. Smith",)]
    found = read(file, text, free_text=[{**rule, "rule": "vault"}])
    assert ("free_text", "sugar, says Mrs. Smith") in found.identities
    assert found.tally.facts_to_vault == 1


def test_references_of_every_form_name_the_same_person(file: Path) -> None:
    uuid = "0b9875ba-9310-313d-93d4-bf552585d527"
    forms = [
        f"Patient/{uuid}", f"https://ehr.example/fhir/Patient/{uuid}/_history/2",
        f"urn:uuid:{uuid}", f"Patient?identifier=http://h.example|{uuid}",
    ]  # fmt: skip
    rows = [condition(f"c{i}", subject={"reference": form}) for i, form in enumerate(forms)]
    found = read(file, ndjson(*rows))
    assert {key for (key,) in found.events("source_person_key")} == {patient_key(uuid)}
    assert found.identities == [("native_id", uuid)]


@pytest.mark.parametrize(
    ("subject", "reason"),
    [
        ({}, "missing-person-id"),
        ({"display": "somebody"}, "missing-person-id"),
        ({"reference": "#p"}, "missing-person-id"),
        ({"reference": "Group/g1"}, "subject-is-no-patient"),
    ],
)
def test_a_reference_to_nobody_rejects_the_record(file: Path, subject: Any, reason: str) -> None:
    found = read(file, ndjson(condition("a"), condition("b", subject=subject)))
    assert found.rejects == [(2, "Condition.subject", reason)]
    assert found.books == (2, 1, 1, 0)


def test_entries_of_a_bundle_are_named_by_their_uuid(file: Path) -> None:
    uuid = "11111111-2222-3333-4444-555555555555"
    text = bundle(
        {
            "fullUrl": f"urn:uuid:{uuid}",
            "resource": {"resourceType": "Patient", "gender": "female"},
        },
        {"resource": condition(subject={"reference": f"urn:uuid:{uuid}"})},
    )
    found = read(file.with_suffix(".json"), text)
    assert found.events("source_person_key") == [(patient_key(uuid),)]
    assert found.books == (2, 2, 0, 0)
