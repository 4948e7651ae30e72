"""Medication orders, vaccinations, allergies and devices, as FHIR resources."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import date, joined, number, pick, where
from biobraid.ingest.sample.draws import expand
from biobraid.ingest.sample.fhir import codes
from biobraid.ingest.sample.fhir.events import Lines
from biobraid.ingest.sample.fhir.ward import (
    EXPORTED,
    OPENED,
    Ward,
    end_of_records,
    moment,
    resource_ids,
    updated,
)
from biobraid.ingest.sample.illness import DISEASES, DRUGS, INDEX
from biobraid.ingest.sample.json_lines import filled
from biobraid.ingest.sample.planted import CANARIES

REQUEST = (
    '{"resourceType":"MedicationRequest","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"}'
    '{{contained}},"status":"completed","intent":"order",{{drug}},'
    '"subject":{"reference":"Patient/{{patient}}"},"authoredOn":"{{when}}",'
    '"dosageInstruction":[{"route":{"coding":[{"system":"http://snomed.info/sct","code":"26643006",'
    '"display":"Oral route"}]},"doseAndRate":[{"doseQuantity":{"value":1,"unit":"tablet"}}]}],'
    '"dispenseRequest":{"numberOfRepeatsAllowed":1,"quantity":{"value":{{quantity}}},'
    '"expectedSupplyDuration":{"value":28,"unit":"d","system":"http://unitsofmeasure.org",'
    '"code":"d"}}}'
)
_DRUG = (
    '{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"{{rxnorm}}",'
    '"display":"{{label}}"}]}'
)
VACCINATION = (
    '{"resourceType":"Immunization","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx",'
    '"code":"{{code}}","display":"{{label}}"}]},"patient":{"reference":"Patient/{{patient}}"},'
    '"occurrenceDateTime":"{{when}}","primarySource":true,"lotNumber":"L{{lot}}"}'
)
ALLERGY = (
    '{"resourceType":"AllergyIntolerance","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    'allergyintolerance-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":'
    '"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"confirmed"}]},'
    '"code":{"coding":[{"system":"{{system}}","code":"{{code}}","display":"{{label}}"}]},'
    '"patient":{"reference":"Patient/{{patient}}"},"recordedDate":"{{when}}"}'
)
DEVICE = (
    '{"resourceType":"Device","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"udiCarrier":[{"deviceIdentifier":"0967{{lot}}"}],"status":"active",'
    '"manufactureDate":"{{when}}","lotNumber":"D{{lot}}","serialNumber":"{{serial}}",'
    '"type":{"coding":[{"system":"http://snomed.info/sct","code":"{{code}}","display":"{{label}}"}]},'
    '"patient":{"reference":"Patient/{{patient}}"}}'
)
_SHARE_CONTAINED = 0.1  # of the orders: the drug is a contained Medication


def medication_lines(ward: Ward) -> Lines:
    """One to three orders of the drug of each treated disease; RxNorm ingredients."""
    block, ends = ward.block, end_of_records(ward.block)
    drug_of = np.array([d.drug for d in DISEASES])
    onset = block.illness.onset[ward.rows]
    treated = (drug_of >= 0) & (onset >= OPENED) & (onset < np.datetime64("2022-10-31", "D"))
    at, disease = np.nonzero(treated)
    event, ordinal = expand(1 + ward.draws(ward.rows[at]).below("orders", 3, disease))
    row, disease = ward.rows[at[event]], disease[event]
    day = block.illness.onset[row, disease] + 3 + 84 * ordinal
    keep = np.flatnonzero(day < ends[row])
    row, disease, day, k = row[keep], disease[keep], day[keep], (disease * 10 + ordinal)[keep]
    draws, drug = ward.draws(row), drug_of[disease]
    named = filled(
        _DRUG, {"rxnorm": pick(codes.RXNORM, drug), "label": pick([d[0] for d in DRUGS], drug)}
    )
    is_contained = draws.chance("contained", _SHARE_CONTAINED, k)
    cells = {
        "id": resource_ids(ward, row, "m", k),
        "updated": updated(day),
        "patient": ward.patient.take(pa.array(row)),
        "contained": where(
            is_contained,
            joined([',"contained":[{"resourceType":"Medication","id":"med","code":', named, "}]"]),
            "",
        ),
        "drug": where(
            is_contained,
            '"medicationReference":{"reference":"#med"}',
            joined(['"medicationCodeableConcept":', named]),
        ),
        "when": moment(draws, day, "order", k),
        "quantity": pick([d[4] for d in DRUGS], drug),
    }
    return Lines(filled(REQUEST, cells), row, k, day >= EXPORTED)


def vaccination_lines(ward: Ward) -> Lines:
    """None to three vaccinations a patient."""
    at, k = expand(ward.draws(ward.rows).below("vaccinations", 4))
    row = ward.rows[at]
    draws = ward.draws(row)
    day = np.datetime64("2014-10-01", "D") + 365 * k + draws.below("vaccinated", 900, k)
    keep = np.flatnonzero(day < end_of_records(ward.block)[row])
    row, k, day = row[keep], k[keep], day[keep]
    draws, which = ward.draws(row), ward.draws(row).choose("vaccine", (0.7, 0.2, 0.1), k)
    cells = {
        "id": resource_ids(ward, row, "v", k),
        "updated": updated(day),
        "patient": ward.patient.take(pa.array(row)),
        "code": pick([v[0] for v in codes.VACCINES], which),
        "label": pick([v[1] for v in codes.VACCINES], which),
        "when": date(day, "%Y-%m-%d"),
        "lot": number(10_000 + draws.below("lot", 90_000, k)),
    }
    return Lines(filled(VACCINATION, cells), row, k, day >= EXPORTED)


def allergy_lines(ward: Ward) -> Lines:
    """One patient in eight has an allergy noted."""
    row = ward.rows[ward.draws(ward.rows).chance("allergic", 0.12)]
    draws, k = ward.draws(row), np.zeros(len(row), dtype=np.int64)
    day = np.datetime64("2013-03-01", "D") + draws.below("allergy-day", 900)
    which = draws.below("allergy", len(codes.ALLERGIES))
    cells = {
        "id": resource_ids(ward, row, "a", k),
        "updated": updated(day),
        "patient": ward.patient.take(pa.array(row)),
        "system": pick([a[0] for a in codes.ALLERGIES], which),
        "code": pick([a[1] for a in codes.ALLERGIES], which),
        "label": pick([a[2] for a in codes.ALLERGIES], which),
        "when": date(day, "%Y-%m-%d"),
    }
    return Lines(filled(ALLERGY, cells), row, k, np.zeros(len(row), dtype=np.bool_))


def device_lines(ward: Ward) -> tuple[Lines, list[str]]:
    """Implanted devices, and the serial numbers of the canary persons'."""
    onset, found = ward.block.illness.onset, []
    ends = end_of_records(ward.block)[ward.rows]
    numbers = ward.block.draws.numbers
    for name, (_, _, share) in codes.DEVICES.items():
        day = onset[ward.rows, INDEX[name]]
        has = (day < ends) & ward.draws(ward.rows).chance(f"device/{name}", share)
        if name == "t2dm":  # the canaries wear one whatever they have
            has |= np.isin(numbers[ward.rows], CANARIES)
        found.append(has)
    at, which = np.nonzero(np.stack(found, axis=1))
    row = ward.rows[at]
    draws = ward.draws(row)
    given = np.datetime64("2015-02-02", "D") + draws.below("device-day", 2000, which)
    lot = number(10_000 + draws.below("device-lot", 90_000, which))
    serial = joined(["SN", number(10_000_000 + draws.below("serial", 89_999_999, which))])
    devices = list(codes.DEVICES.values())
    cells = {
        "id": resource_ids(ward, row, "d", which),
        "updated": updated(given),
        "patient": ward.patient.take(pa.array(row)),
        "code": pick([d[0] for d in devices], which),
        "label": pick([d[1] for d in devices], which),
        "when": date(given, "%Y-%m-%d"),
        "lot": lot,
        "serial": serial,
    }
    worn = serial.filter(pa.array(np.isin(numbers[row], CANARIES))).to_pylist()
    late = np.zeros(len(row), dtype=np.bool_)
    return Lines(filled(DEVICE, cells), row, which, late), worn
