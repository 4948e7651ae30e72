"""Encounters, conditions and procedures of a hospital's patients, as FHIR resources."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import Dates, date, joined, number, pick, same, where
from biobraid.ingest.sample.draws import Flags, Ints
from biobraid.ingest.sample.fhir import codes
from biobraid.ingest.sample.fhir.places import reference
from biobraid.ingest.sample.fhir.ward import (
    EXPORTED,
    OPENED,
    ROUTINE,
    Contacts,
    Ward,
    end_of_records,
    moment,
    resource_ids,
    updated,
)
from biobraid.ingest.sample.illness import DISEASES
from biobraid.ingest.sample.json_lines import filled, optional

ENCOUNTER = (
    '{"resourceType":"Encounter","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode",'
    '"code":"{{class}}"},"type":[{"coding":[{"system":"http://snomed.info/sct","code":"{{type}}"}]}],'
    '"subject":{"reference":"Patient/{{patient}}","display":"{{name}}"},'
    '"participant":[{"individual":{"reference":"{{doctor}}"}}],'
    '"period":{"start":"{{start}}","end":"{{end}}"},'
    '"location":[{"location":{"reference":"{{location}}"}}],'
    '"serviceProvider":{"reference":"{{org}}"}{{discharge}}}'
)
_DISCHARGE = (
    ',"hospitalization":{"dischargeDisposition":{"coding":[{"system":"http://terminology.hl7.org/'
    'CodeSystem/discharge-disposition","code":"home"}]}}'
)
CONDITION = (
    '{"resourceType":"Condition","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    'condition-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":'
    '"http://terminology.hl7.org/CodeSystem/condition-ver-status","code":"{{status}}"}]},'
    '"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category",'
    '"code":"{{category}}"}]}],"code":{"coding":[{{coding}}]},'
    '"subject":{"reference":"Patient/{{patient}}"}{{encounter}},"onsetDateTime":"{{onset}}",'
    '"recordedDate":"{{recorded}}"}'
)
_IN_ENCOUNTER = ',"encounter":{"reference":"Encounter/{{encounter}}"}'
_SNOMED = '{"system":"http://snomed.info/sct","code":"{{snomed}}","display":"{{label}}"}'
_ICD10 = ',{"system":"http://hl7.org/fhir/sid/icd-10","code":"{{icd10}}"}'
PROCEDURE = (
    '{"resourceType":"Procedure","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"completed","code":{"coding":[{"system":"http://snomed.info/sct","code":"{{code}}"}]},'
    '"subject":{"reference":"Patient/{{patient}}"},"encounter":{"reference":"Encounter/{{encounter}}"},'
    '"performedDateTime":"{{when}}"}'
)
_SHARE_PARTIAL = 0.04  # of the onsets on the problem list: month or year only


@dataclass(frozen=True)
class Lines:
    """Lines of one resource type, by person; `is_late` ones became known after the export."""

    lines: pa.Array
    row: Ints  # the person's row in the block
    k: Ints
    is_late: Flags

    def where(self, keep: Flags) -> Lines:
        """Those of the lines."""
        kept = self.lines.filter(pa.array(keep))
        return Lines(kept, self.row[keep], self.k[keep], self.is_late[keep])


def encounter_lines(ward: Ward) -> Lines:
    """One Encounter per contact."""
    seen, hospital = ward.seen, ward.hospital
    draws = ward.draws(seen.row)
    letter = hospital.name[0]
    who = ward.block.identity
    last = seen.day + seen.days
    cells = {
        **_common(ward, seen, last, "e"),
        "class": pick(["AMB", "IMP", "EMER"], seen.kind),
        "type": pick(["185349003", "32485007", "50849002"], seen.kind),
        "name": joined([who.first_name.take(pa.array(seen.row)), " ",
                        who.surname.take(pa.array(seen.row))]),
        "doctor": reference(hospital, "Practitioner", "staff",
                            joined([f"{letter}doc", number(draws.below("doctor", 5, seen.k))])),
        "location": reference(hospital, "Location", "ward",
                              joined([f"{letter}loc", number(seen.kind)])),
        "org": reference(hospital, "Organization", "site", same(f"{letter}org", len(seen.row))),
        "start": moment(draws, seen.day, "start", seen.k),
        "end": joined([date(last, "%Y-%m-%d"), "T18:30:00+00:00"]),
        "discharge": where(seen.kind == 1, _DISCHARGE, ""),
    }  # fmt: skip
    return Lines(filled(ENCOUNTER, cells), seen.row, seen.k, last >= EXPORTED)


def condition_lines(ward: Ward) -> Lines:
    """Every disease a patient has by the end: at its encounter, or on the problem list."""
    block, ends = ward.block, end_of_records(ward.block)
    onset = block.illness.onset[ward.rows]
    had = ~np.isnat(onset) & (onset < np.datetime64("2022-10-31", "D"))
    at, disease = np.nonzero(had & (onset < ends[ward.rows][:, None]))
    row, onset = ward.rows[at], onset[at, disease]
    draws = ward.draws(row)
    known, is_seen = _first_contact(ward, row, disease, onset)
    part = draws.choose("partial-onset", (1 - _SHARE_PARTIAL, _SHARE_PARTIAL / 2,
                                          _SHARE_PARTIAL / 2), disease)  # fmt: skip
    part = np.where(is_seen, 0, part)
    when = where(part == 1, date(onset, "%Y-%m"), date(onset, "%Y-%m-%d"))
    when = where(part == 2, date(onset, "%Y"), when)
    icd10 = [d.icd10 if len(d.icd10) < 4 else f"{d.icd10[:3]}.{d.icd10[3:]}" for d in DISEASES]
    names = [d.name.replace("_", " ") for d in DISEASES]
    coding = filled(_SNOMED, {"snomed": pick(codes.SNOMED, disease), "label": pick(names, disease)})
    both = joined([coding, filled(_ICD10, {"icd10": pick(icd10, disease)})])
    cells = {
        "id": resource_ids(ward, row, "c", disease),
        "updated": updated(known),
        "patient": ward.patient.take(pa.array(row)),
        "status": same("confirmed", len(row)),
        "category": where(is_seen, "encounter-diagnosis", "problem-list-item"),
        "coding": where(draws.chance("icd10-too", 0.3, disease), both, coding),
        "encounter": optional(
            _IN_ENCOUNTER, is_seen, {"encounter": resource_ids(ward, row, "e", disease)}
        ),
        "onset": when,
        "recorded": date(known, "%Y-%m-%d"),
    }
    return Lines(filled(CONDITION, cells), row, disease, known >= EXPORTED)


def _first_contact(ward: Ward, row: Ints, disease: Ints, onset: Dates) -> tuple[Dates, Flags]:
    """When the hospital learnt of a disease: at its encounter, or when the list was begun."""
    seen = ward.seen
    ill = seen.disease != ROUTINE
    held = seen.row[ill] * len(DISEASES) + seen.disease[ill]
    last = (seen.day + seen.days)[ill]
    order = np.argsort(held)
    place = np.searchsorted(held[order], row * len(DISEASES) + disease)
    inside = place < len(held)
    spot = order[np.where(inside, place, 0)] if len(held) else np.zeros(len(row), dtype=np.int64)
    is_seen = inside & (held[spot] == row * len(DISEASES) + disease) if len(held) else inside
    listed = np.maximum(onset, OPENED)
    return np.where(is_seen, last[spot] if len(held) else listed, listed), is_seen


def procedure_lines(ward: Ward) -> Lines:
    """Operations of half the admissions for a disease that is operated."""
    operation = [codes.OPERATIONS.get(d.name, "") for d in DISEASES]
    has = np.array([bool(o) for o in operation])
    draws = ward.draws(ward.seen.row)
    done = (ward.seen.disease != ROUTINE) & has[ward.seen.disease]
    done &= (ward.seen.kind == 1) & draws.chance("operated", 0.6, ward.seen.k)
    seen = ward.seen.where(done)
    last = seen.day + seen.days
    cells = {
        **_common(ward, seen, last, "p"),
        "code": pick(operation, seen.disease),
        "encounter": resource_ids(ward, seen.row, "e", seen.k),
        "when": moment(ward.draws(seen.row), seen.day, "operation", seen.k),
    }
    return Lines(filled(PROCEDURE, cells), seen.row, seen.k, last >= EXPORTED)


def _common(ward: Ward, seen: Contacts, known: Dates, letter: str) -> dict[str, pa.Array | str]:
    return {
        "id": resource_ids(ward, seen.row, letter, seen.k),
        "updated": updated(known),
        "patient": ward.patient.take(pa.array(seen.row)),
    }
