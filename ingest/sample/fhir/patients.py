"""Patient resources, as each hospital registered its people."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import date, number, pick, same, where
from biobraid.ingest.sample.draws import Ints
from biobraid.ingest.sample.fhir.paths import path
from biobraid.ingest.sample.fhir.ward import EXPORTED, Ward, updated
from biobraid.ingest.sample.identities import CANARY_KIN, nhs_numbers, nhs_text
from biobraid.ingest.sample.json_lines import after_last, filled, optional
from biobraid.ingest.sample.planted import (
    CANARIES,
    CHANGED,
    OTHERS_NHS,
    OTHERS_NHS_OWNER,
    TWO_PATIENTS,
    Planted,
)
from biobraid.ingest.sample.traits import ETHNICITIES

PATIENT = (
    '{"resourceType":"Patient","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"text":{"status":"generated","div":"<div>{{first}} {{surname}}</div>"},'
    '"extension":[{{extension}}],'
    '"identifier":[{{nhs}}{"type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    'v2-0203","code":"MR"}]},"system":"{{system}}/mrn","value":"{{mrn}}"}],"active":true,'
    '"name":[{"use":"official","family":"{{surname}}","given":["{{first}}"]}],'
    '"telecom":[{"system":"phone","value":"{{phone}}"},{"system":"email","value":"{{email}}"}],'
    '"gender":"{{gender}}","birthDate":"{{birth}}"{{deceased}},'
    '"address":[{"use":"home","line":["{{house}} {{street}}"],"city":"Invented Town",'
    '"postalCode":"{{postcode}}","country":"GB"}]{{kin}}}'
)
_NHS = '{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"{{nhs}}"},'
_KIN = ',"contact":[{"name":{"family":"{{kin}}"}}]'
_UK_CORE = (
    '{"url":"https://fhir.hl7.org.uk/StructureDefinition/Extension-UKCore-EthnicCategory",'
    '"valueCodeableConcept":{"coding":[{"system":"https://fhir.hl7.org.uk/CodeSystem/'
    'UKCore-EthnicCategory","code":"{{code}}"}]}}'
)
_US_CORE = (
    '{"url":"http://hl7.org/fhir/us/core/StructureDefinition/us-core-race","extension":[{"url":'
    '"ombCategory","valueCoding":{"system":"urn:oid:2.16.840.1.113883.6.238","code":"{{code}}"'
    '}},{"url":"text","valueString":"{{label}}"}]},{"url":"http://hl7.org/fhir/us/core/'
    'StructureDefinition/us-core-birthsex","valueCode":"{{birthsex}}"}'
)
# Codes of the NHS ethnic category and of the OMB race, in the order of ETHNICITIES.
_NHS_ETHNICITY = ("A", "B", "C", "F", "H", "J", "M", "N", "R", "S", "Z", "Z")
_OMB_RACE = (
    "2106-3", "2106-3", "2106-3", "2131-1", "2028-9", "2028-9", "2054-5", "2054-5", "2028-9",
    "2131-1", "UNK", "ASKU",
)  # fmt: skip
_STREETS = ("Mill Lane", "Church Street", "Station Road", "High Street", "Park Avenue")
CANARY_FIELDS = {
    "id": "native_id", "mrn": "mrn", "nhs_plain": "nhs_number", "first": "first_name",
    "surname": "surname", "birth": "birth_date", "postcode": "postcode", "email": "email",
    "phone": "phone",
}  # fmt: skip


def patient_lines(ward: Ward, planted: Planted) -> tuple[pa.Array, pa.Array]:
    """Lines of Patient.000.ndjson.gz, of the first export and of the delta."""
    cells = _cells(ward)
    numbers = ward.block.draws.numbers[ward.rows]
    lines = filled(PATIENT, cells)
    study = ward.hospital.name
    _plant_canaries(cells, numbers, study, planted)
    planted.expect(study, "Patient", "delivered", len(lines))
    if study == "northgate":
        lines = _twice(ward, lines, planted)
        theirs = int((numbers == OTHERS_NHS).sum())
        planted.count("wrong-nhs-number", study, path("Patient"), "", theirs)
    moved = ward.draws(ward.rows).chance("moved-house", 0.05) | (numbers == CHANGED)
    planted.expect(study, "Patient", "updated", int(moved.sum()))
    new_home = {
        **cells,
        "updated": updated(_days(len(numbers), np.datetime64("2022-12-06", "D"))),
        "street": same("New Road", len(numbers)),
    }
    return lines, filled(PATIENT, new_home).filter(pa.array(moved))


def _cells(ward: Ward) -> dict[str, pa.Array | str]:
    block, rows, at = ward.block, ward.rows, pa.array(ward.rows)
    who, true, study = block.identity, block.traits, ward.hospital.name
    draws, numbers = ward.draws(rows), block.draws.numbers[rows]
    others = (numbers == OTHERS_NHS) & (study == "northgate")
    owner = nhs_numbers(block.draws.seed, np.full(len(rows), OTHERS_NHS_OWNER))
    gives = block.attends.gives_nhs[study][rows]
    nhs = nhs_text(np.where(others, owner, who.nhs[rows]), absent=~gives)
    death = block.part.death[rows]
    is_known = ~np.isnat(death) & (death < EXPORTED)
    male = true.male[rows]
    extension = filled(
        _US_CORE if ward.hospital.is_american else _UK_CORE,
        {
            "code": pick(_OMB_RACE if ward.hospital.is_american else _NHS_ETHNICITY,
                         true.ethnicity[rows]),
            "label": pick([e[0] for e in ETHNICITIES], true.ethnicity[rows]),
            "birthsex": pick(["F", "M"], male.astype(np.int64)),
        },
    )  # fmt: skip
    is_canary = np.isin(numbers, CANARIES)
    return {
        "id": ward.patient.take(at),
        "updated": updated(_days(len(rows), np.datetime64("2022-06-30", "D"))),
        "extension": extension,
        "nhs": optional(_NHS, gives, {"nhs": nhs}),
        "nhs_plain": nhs,
        "system": ward.hospital.system,
        "mrn": ward.mrn.take(at),
        "first": who.first_name.take(at),
        "surname": who.surname.take(at),
        "gender": pick(["female", "male"], male.astype(np.int64)),
        "birth": where(
            block.attends.birth_is_partial[study][rows],
            date(who.birth[rows], "%Y"),
            date(who.birth[rows], "%Y-%m-%d"),
        ),
        "deceased": optional(
            ',"deceasedDateTime":"{{day}}"', is_known, {"day": date(death, "%Y-%m-%d")}
        ),
        "house": number(1 + draws.below("house", 140)),
        "street": pick(_STREETS, draws.below("street", len(_STREETS))),
        "postcode": who.postcode.take(at),
        "email": who.email.take(at),
        "phone": who.phone.take(at),
        "kin": optional(_KIN, is_canary, {"kin": same(CANARY_KIN, len(rows))}),
    }


def _twice(ward: Ward, lines: pa.Array, planted: Planted) -> pa.Array:
    """One person registered a second time under another id and record number."""
    is_theirs = ward.block.draws.numbers[ward.rows] == TWO_PATIENTS
    at = np.flatnonzero(is_theirs)
    if not len(at):
        return lines
    study, row = ward.hospital.name, int(at[0])
    patient, mrn = ward.patient[int(ward.rows[row])].as_py(), ward.mrn[int(ward.rows[row])].as_py()
    again = lines[row].as_py().replace(patient, second_id(patient)).replace(mrn, second_id(mrn))
    planted.count("patient-twice", study, path("Patient"), "")
    planted.expect(study, "Patient", "delivered")
    return after_last(lines, is_theirs, [again])


def second_id(native: str) -> str:
    """The id of the second registration of the person who was registered twice."""
    return native[:-1] + ("1" if native[-1] == "0" else "0")


def _plant_canaries(
    cells: dict[str, pa.Array | str], numbers: Ints, study: str, planted: Planted
) -> None:
    file = path("Patient")
    for row in np.flatnonzero(np.isin(numbers, CANARIES)):
        for column, kind in CANARY_FIELDS.items():
            cell = cells[column]
            value = cell if isinstance(cell, str) else cell[int(row)].as_py()
            if value:
                planted.canary(kind, value, study, file, column)
        planted.canary("surname", CANARY_KIN, study, file, "contact")


def _days(n: int, day: np.datetime64) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    return np.full(n, day)
