"""Each resource type that becomes an event, by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.fhir.delivery import Delivered, ndjson, patient_key, read
from tests.fhir.samples import ANNA, HL7, LOINC, RXNORM, SCT, coded, condition, quantity, resource

LISINOPRIL = coded(RXNORM, "314076", "lisinopril 10 MG Oral Tablet")
VERIFIED = f"{HL7}/condition-ver-status"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "export.ndjson"


def event(found: Delivered) -> dict[str, Any]:
    """The only event, without the columns that are null."""
    (row,) = found.tables["raw.event"]
    return {k: v for k, v in row.items() if v is not None}


def test_an_encounter_is_a_visit_with_places_and_ways_in_and_out(file: Path) -> None:
    visit = resource(
        "Encounter", "v1", status="finished", subject=ANNA,
        class_={"system": f"{HL7}/v3-ActCode", "code": "IMP"},
        type=[coded(SCT, "185347001")],
        participant=[{"individual": {"reference": "Practitioner/p1", "display": "Dr. Jo"}}],
        period={"start": "2020-01-02T03:04:05Z", "end": "2020-01-05"},
        hospitalization={
            "admitSource": coded(f"{HL7}/admit-source", "emd"),
            "dischargeDisposition": coded(f"{HL7}/discharge-disposition", "home"),
        },
        location=[{"location": {"reference": "Location/l1"}}],
        serviceProvider={"reference": "Organization/g1"},
    )  # fmt: skip
    places = [resource("Location", "l1"), resource("Organization", "g1"),
              resource("Practitioner", "p1")]  # fmt: skip
    found = read(file, ndjson(visit, *places))
    row = event(found)
    assert (row["kind"], row["code"], row["code_system"]) == ("visit", "IMP", "fhir:v3-ActCode")
    assert (row["start_time"], row["start_offset_minutes"]) == ("2020-01-02T03:04:05", 0)
    assert (row["end_time"], row["admitted_from"], row["discharged_to"]) == (
        "2020-01-05", "emd", "home",
    )  # fmt: skip
    ids = dict(found.rows("raw.record", "kind", "record_id"))
    assert row["provider_record_id"] == ids["provider"]
    assert row["care_site_record_id"] == ids["care_site"]
    assert found.details["location_record_id"] == str(ids["location"])
    assert found.details["type"] == "SNOMED|185347001"
    assert found.ignored == {"element:Encounter.participant.individual.display": 1}


def test_a_part_of_an_encounter_is_a_detail_of_the_visit(file: Path) -> None:
    whole = resource("Encounter", "v1", status="finished", subject=ANNA)
    part = resource(
        "Encounter", "v2", status="finished", subject=ANNA, partOf={"reference": "Encounter/v1"}
    )
    found = read(file, ndjson(whole, part))
    (outer, inner) = found.events("kind", "record_id", "visit_record_id")
    assert (outer[0], inner[0], inner[2]) == ("visit", "visit_detail", outer[1])


def test_a_condition_has_onset_end_status_and_visit(file: Path) -> None:
    found = read(file, ndjson(condition(
        clinicalStatus=coded(f"{HL7}/condition-clinical", "resolved"),
        abatementDateTime="2021-06", encounter={"reference": "Encounter/v1"},
        recordedDate="2020-03-09")))  # fmt: skip
    row = event(found)
    assert row["source_person_key"] == patient_key("anna")
    assert (row["code"], row["code_system"], row["code_text"]) == ("44054006", "SNOMED", "Diabetes")
    assert (row["start_time"], row["end_time"]) == ("2020-03-04", "2021-06-01")
    assert (row["qualifier_code"], row["origin"]) == ("resolved", "hospital")
    assert row["visit_record_id"] > 0, "a reference to a visit that never came still stands"
    assert found.ignored == {"element:Condition.recordedDate": 1}


@pytest.mark.parametrize(("given", "start"), [("2015", "2015-01-01"), ("2015-03", "2015-03-01")])
def test_a_partial_date_is_flagged(file: Path, given: str, start: str) -> None:
    row = event(read(file, ndjson(condition(onsetDateTime=given))))
    assert (row["start_time"], row["time_source"], row["time_flag"]) == (
        start, given, "partial-date",
    )  # fmt: skip


def test_a_date_that_is_none_is_a_rejected_cell(file: Path) -> None:
    found = read(file, ndjson(condition(onsetDateTime="2015-02-31")))
    assert found.rejects == [(1, "Condition.onsetDateTime", "invalid-date")]
    assert "start_time" not in event(found)
    assert found.books == (1, 1, 0, 0)


def test_a_prescription_has_dose_supply_refills_and_route(file: Path) -> None:
    found = read(file, ndjson(resource(
        "MedicationRequest", status="stopped", intent="order", subject=ANNA,
        medicationCodeableConcept=LISINOPRIL, authoredOn="2020-01-02",
        statusReason=coded("http://x.example/why", "side-effect"),
        dosageInstruction=[{
            "route": coded(SCT, "26643006", "Oral"),
            "doseAndRate": [{"doseQuantity": quantity(2, "{tbl}")}],
            "text": "two with breakfast"}],
        dispenseRequest={"numberOfRepeatsAllowed": 3, "quantity": {"value": 56},
                         "expectedSupplyDuration": quantity(4, "wk")})))  # fmt: skip
    row = event(found)
    assert (row["kind"], row["code"], row["quantity"], row["refills"], row["days_supply"]) == (
        "drug", "314076", "56", "3", "28",
    )  # fmt: skip
    assert (row["dose_unit"], row["qualifier_code"], row["stop_reason"]) == (
        "{tbl}", "26643006", "side-effect",
    )  # fmt: skip
    assert found.details == {"dose_value": "2", "intent": "order"}
    assert found.ignored["element:MedicationRequest.dosageInstruction.text"] == 1


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("MedicationAdministration",
         {"status": "completed", "effectivePeriod": {"start": "2020-01-02", "end": "2020-01-03"},
          "dosage": {"dose": quantity(5, "mg")}, "context": {"reference": "Encounter/v1"}},
         {"start_time": "2020-01-02", "end_time": "2020-01-03", "quantity": "5",
          "dose_unit": "mg"}),
        ("MedicationDispense",
         {"status": "completed", "whenHandedOver": "2020-01-02", "quantity": {"value": 28},
          "daysSupply": quantity(28, "d"),
          "authorizingPrescription": [{"reference": "MedicationRequest/m1"}]},
         {"start_time": "2020-01-02", "quantity": "28", "days_supply": "28"}),
        ("MedicationStatement",
         {"status": "active", "dateAsserted": "2020-01-02"}, {"start_time": "2020-01-02"}),
    ],
)  # fmt: skip
def test_other_drugs(file: Path, kind: str, given: Any, expected: dict[str, str]) -> None:
    found = read(
        file, ndjson(resource(kind, subject=ANNA, medicationCodeableConcept=LISINOPRIL, **given))
    )
    row = event(found)
    assert (row["kind"], row["code"], row["source_table"]) == ("drug", "314076", kind)
    assert {name: row.get(name) for name in expected} == expected
    assert ("parent_record_id" in row) == (kind == "MedicationDispense")


def test_a_contained_medication_gives_its_code(file: Path) -> None:
    inside = {"resourceType": "Medication", "id": "m", "code": LISINOPRIL}
    other = {"resourceType": "Medication", "id": "n", "code": coded(RXNORM, "1")}
    found = read(file, ndjson(resource(
        "MedicationStatement", status="active", subject=ANNA, contained=[other, inside],
        medicationReference={"reference": "#m"})))  # fmt: skip
    assert event(found)["code"] == "314076"
    assert found.ignored["element:MedicationStatement.contained.code.coding.code"] == 1


def test_a_medication_of_its_own_is_a_record_that_the_drug_names(file: Path) -> None:
    drug = resource("MedicationStatement", status="active", subject=ANNA,
                    medicationReference={"reference": "Medication/m"})  # fmt: skip
    found = read(file, ndjson(drug, resource("Medication", "m", status="active", code=LISINOPRIL)))
    ((kind, code, record),) = found.rows("raw.record", "kind", "code", "record_id")
    assert (kind, code) == ("medication", "314076")
    assert found.details["medication_record_id"] == str(record)


def test_an_immunization_has_its_lot(file: Path) -> None:
    row = event(read(file, ndjson(resource(
        "Immunization", status="completed", patient=ANNA, occurrenceDateTime="2020-01-02",
        vaccineCode=coded("http://hl7.org/fhir/sid/cvx", "140"), lotNumber="L7"))))  # fmt: skip
    assert (row["kind"], row["code_system"], row["lot_number"]) == ("drug", "CVX", "L7")


def test_procedures_allergies_reports_specimens_and_notes(file: Path) -> None:
    found = read(file, ndjson(
        resource("Procedure", "a", status="completed", subject=ANNA, code=coded(SCT, "1"),
                 performedPeriod={"start": "2020-01-02", "end": "2020-01-03"}),
        resource("AllergyIntolerance", "b", patient=ANNA, code=coded(RXNORM, "1191"),
                 recordedDate="2020-01-02", criticality="high"),
        resource("DiagnosticReport", "c", status="final", subject=ANNA, code=coded(LOINC, "24323-8"),
                 effectiveDateTime="2020-01-02", conclusion="all is well",
                 conclusionCode=[coded(SCT, "17621005")]),
        resource("Specimen", "d", subject=ANNA, type=coded(SCT, "119297000"),
                 accessionIdentifier={"value": "ACC-1"},
                 collection={"collectedDateTime": "2020-01-02", "quantity": quantity(4, "mL"),
                             "bodySite": coded(SCT, "368208006")}),
        resource("DocumentReference", "e", status="current", subject=ANNA, date="2020-01-02",
                 type=coded(LOINC, "34117-2"),
                 content=[{"attachment": {"contentType": "text/plain", "data": "U01JVEg="}}]),
    ))  # fmt: skip
    assert found.events("kind", "code", "start_time", "end_time", "value_code", "quantity") == [
        ("procedure", "1", "2020-01-02", "2020-01-03", None, None),
        ("observation", "1191", "2020-01-02", None, None, None),
        ("measurement", "24323-8", "2020-01-02", None, "17621005", None),
        ("specimen", "119297000", "2020-01-02", None, None, "4"),
        ("note", "34117-2", "2020-01-02", None, None, None),
    ]
    assert ("sample_id", "ACC-1") in found.identities
    assert found.ignored["element:DocumentReference.content.attachment.data"] == 1
    assert found.ignored["element:DiagnosticReport.conclusion"] == 1
    assert not any("U01JVEg" in str(row) for rows in found.tables.values() for row in rows)


def test_a_device_leaves_its_serial_number_in_the_vault(file: Path) -> None:
    found = read(file, ndjson(
        resource("Device", "d1", type=coded(SCT, "14106009"), patient=ANNA, serialNumber="S-77",
                 udiCarrier=[{"carrierHRF": "(01)123(21)S-77"}]),
        resource("Device", "d2", type=coded(SCT, "1"), serialNumber="S-78"),
        resource("DeviceUseStatement", "u1", status="active", subject=ANNA,
                 timingPeriod={"start": "2020-01-02"}, device={"reference": "Device/d1"}),
    ))  # fmt: skip
    (device, use) = found.events("kind", "code", "start_time", "record_id", "parent_record_id")
    assert device[:3] == ("device", "14106009", None)
    assert use[:3] == ("device", None, "2020-01-02")
    assert use[4] == device[3]
    serials = [value for kind, value in found.identities if kind == "device_serial"]
    assert serials == ["(01)123(21)S-77", "S-77"]
    assert found.ignored == {"device-of-nobody": 1}
    assert found.books == (3, 2, 0, 1)


@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"verificationStatus": coded("x", "entered-in-error")}, "entered-in-error"),
        ({"resourceType": "Observation", "status": "entered-in-error"}, "entered-in-error"),
        ({"resourceType": "Procedure", "status": "not-done"}, "status:Procedure.not-done"),
        ({"resourceType": "Encounter", "status": "planned"}, "status:Encounter.planned"),
        ({"resourceType": "MedicationRequest", "doNotPerform": True}, "do-not-perform"),
        ({"resourceType": "Claim"}, "resource-type:Claim"),
        ({"verificationStatus": coded(VERIFIED, "refuted")}, "status:Condition.refuted"),
        ({"resourceType": "AllergyIntolerance", "patient": ANNA,
          "verificationStatus": coded(VERIFIED, "refuted")}, "status:AllergyIntolerance.refuted"),
        *(({"resourceType": "MedicationRequest", "intent": word},
           f"intent:MedicationRequest.{word}") for word in ("proposal", "plan", "option")),
    ],
)  # fmt: skip
def test_what_did_not_happen_is_ignored_by_rule(file: Path, given: Any, rule: str) -> None:
    found = read(file, ndjson(condition(**given)))
    assert found.ignored == {rule: 1}
    assert found.books == (1, 0, 0, 1)
    assert "raw.event" not in found.tables


@pytest.mark.parametrize("doubt", ["unconfirmed", "provisional", "differential"])
def test_a_diagnosis_in_doubt_says_so_in_its_status(file: Path, doubt: str) -> None:
    active = coded(f"{HL7}/condition-clinical", "active")
    found = read(file, ndjson(
        condition("a", clinicalStatus=active, verificationStatus=coded(VERIFIED, doubt)),
        condition("b", clinicalStatus=active, verificationStatus=coded(VERIFIED, "confirmed"))))  # fmt: skip
    assert found.events("qualifier_code", "qualifier_code_system") == [
        (doubt, "fhir:condition-ver-status"), ("active", "fhir:condition-clinical"),
    ]  # fmt: skip
    assert found.rows("raw.detail", "field", "value") == [
        ("clinical_status", "fhir:condition-clinical|active")
    ]
    counted = found.ignored["element:Condition.verificationStatus.coding.code"]
    assert counted == 1, "confirmed says nothing new"


@pytest.mark.parametrize(
    ("kind", "concept"),
    [("MedicationRequest", 32838), ("MedicationDispense", 32825),
     ("MedicationAdministration", 32818), ("MedicationStatement", None)],
)  # fmt: skip
def test_ordered_dispensed_and_given_drugs_can_be_told_apart(
    file: Path, kind: str, concept: int | None
) -> None:
    text = ndjson(resource(kind, status="completed", subject=ANNA, intent="order",
                           medicationCodeableConcept=LISINOPRIL))  # fmt: skip
    assert read(file, text).events("type_concept_id") == [(concept,)]
    of_claims = read(file, text, origin="claims").events("type_concept_id")
    assert of_claims == [(None,)], "a claim is no health record: the type of the source holds"


@pytest.mark.parametrize("given", ["ten", "1e400", "-7"])
def test_a_supply_that_is_no_number_is_a_rejected_cell(file: Path, given: str) -> None:
    good = quantity(2, "wk")
    drugs = [
        resource("MedicationRequest", id_, status="active", intent="order", subject=ANNA,
                 medicationCodeableConcept=LISINOPRIL,
                 dispenseRequest={"expectedSupplyDuration": supply})
        for id_, supply in (("a", good), ("b", good | {"value": given}))
    ]  # fmt: skip
    found = read(file, ndjson(*drugs))
    assert found.events("days_supply") == [("14",), (None,)]
    element = "MedicationRequest.dispenseRequest.expectedSupplyDuration.value"
    assert found.rejects == [(2, element, "not-a-number")]
