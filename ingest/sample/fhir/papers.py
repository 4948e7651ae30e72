"""Consents, questionnaires, insurance and letters of a hospital's patients, as FHIR resources."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import date, number, pick, same, where
from biobraid.ingest.sample.draws import Ints
from biobraid.ingest.sample.fhir.events import Lines
from biobraid.ingest.sample.fhir.ward import EXPORTED, ROUTINE, Ward, resource_ids, updated
from biobraid.ingest.sample.identities import CANARY_KIN, CANARY_SURNAMES
from biobraid.ingest.sample.json_lines import filled
from biobraid.ingest.sample.planted import CANARIES

CONSENT = (
    '{"resourceType":"Consent","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    'consentscope","code":"research"}]},"category":[{"coding":[{"system":"http://loinc.org",'
    '"code":"59284-0"}]}],"patient":{"reference":"Patient/{{patient}}"},"dateTime":"{{day}}",'
    '"policyRule":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode",'
    '"code":"{{rule}}"}]},"provision":{"type":"{{type}}"}}'
)
ANSWERS = (
    '{"resourceType":"QuestionnaireResponse","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"questionnaire":"{{system}}/Questionnaire/phq2|1.1","status":"completed",'
    '"subject":{"reference":"Patient/{{patient}}"},"encounter":{"reference":"Encounter/{{encounter}}"},'
    '"authored":"{{day}}","item":[{"linkId":"interest","text":"Little interest or pleasure",'
    '"answer":[{"valueCoding":{"system":"http://loinc.org","code":"{{interest}}"}}]},'
    '{"linkId":"down","text":"Feeling down","answer":[{"valueCoding":{"system":"http://loinc.org",'
    '"code":"{{down}}"}}]},{"linkId":"total","answer":[{"valueInteger":{{total}}}]},'
    '{"linkId":"remark","answer":[{"valueString":"{{remark}}"}]}]}'
)
COVERAGE = (
    '{"resourceType":"Coverage","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"active","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    'v3-ActCode","code":"EHCPOL"}]},"beneficiary":{"reference":"Patient/{{patient}}"},'
    '"period":{"start":"{{day}}","end":"{{end}}"},"payor":[{"display":"National cover"}]}'
)
LETTER = (
    '{"resourceType":"DocumentReference","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"current","type":{"coding":[{"system":"http://loinc.org","code":"34133-9",'
    '"display":"Summary of episode note"}]},"subject":{"reference":"Patient/{{patient}}"},'
    '"date":"{{day}}T12:00:00+00:00","content":[{"attachment":{"contentType":"text/plain",'
    '"title":"Letter about {{about}}","url":"letters/{{about}}.txt","data":"TGV0dGVy"}}]}'
)
_FREQUENCIES = ("LA6568-5", "LA6569-3", "LA6570-1", "LA6571-9")  # not at all .. nearly every day
SHARE_REFUSED = 0.03


def paper_lines(ward: Ward) -> dict[str, Lines]:
    """Lines of Consent, QuestionnaireResponse, Coverage and DocumentReference."""
    return {
        "Consent": _consents(ward),
        "QuestionnaireResponse": _answers(ward),
        "Coverage": _coverages(ward),
        "DocumentReference": _letters(ward),
    }


def refuses(ward: Ward) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which patients refuse research at this hospital; the planted persons do not."""
    drawn = ward.draws(ward.rows).chance("refuses", SHARE_REFUSED)
    return drawn & (ward.block.draws.numbers[ward.rows] >= 30)


def _consents(ward: Ward) -> Lines:
    row, no = ward.rows, refuses(ward)
    day = np.datetime64("2018-01-08", "D") + ward.draws(row).below("consent-day", 500)
    k = np.zeros(len(row), dtype=np.int64)
    cells = {
        **_common(ward, row, "n", k, day),
        "rule": where(no, "OPTOUT", "OPTIN"),
        "type": where(no, "deny", "permit"),
    }
    return Lines(filled(CONSENT, cells), row, k, k > 0)


def _answers(ward: Ward) -> Lines:
    seen = ward.seen
    asked = (seen.disease == ROUTINE) & ward.draws(seen.row).chance("asked", 0.4, seen.k)
    asked |= np.isin(ward.block.draws.numbers[seen.row], CANARIES) & (seen.k == 100)
    seen = seen.where(asked)
    row, k, draws = seen.row, seen.k, ward.draws(seen.row)
    low = ward.block.illness.has("depression")[row]
    answers = [np.minimum(3, draws.below(f"phq{i}", 3, k) + low) for i in (0, 1)]
    is_canary = np.isin(ward.block.draws.numbers[row], CANARIES)
    cells = {
        **_common(ward, row, "q", k, seen.day),
        "system": ward.hospital.system,
        "encounter": resource_ids(ward, row, "e", k),
        "interest": pick(_FREQUENCIES, answers[0]),
        "down": pick(_FREQUENCIES, answers[1]),
        "total": number(answers[0] + answers[1]),
        "remark": where(is_canary, f"Misses {CANARY_KIN}", "none"),
    }
    return Lines(filled(ANSWERS, cells), row, k, seen.day >= EXPORTED)


def _coverages(ward: Ward) -> Lines:
    row = ward.rows[ward.draws(ward.rows).chance("covered", 0.4)]
    k = np.zeros(len(row), dtype=np.int64)
    start = np.datetime64("2012-01-01", "D") + 30 * ward.draws(row).below("covered-from", 60)
    cells = {
        **_common(ward, row, "i", k, start),
        "end": date(start + 365 * (2 + ward.draws(row).below("covered-for", 4)), "%Y-%m-%d"),
    }
    return Lines(filled(COVERAGE, cells), row, k, k > 0)


def _letters(ward: Ward) -> Lines:
    numbers = ward.block.draws.numbers
    is_canary = np.isin(numbers[ward.rows], CANARIES)
    row = ward.rows[ward.draws(ward.rows).chance("letter", 0.2) | is_canary]
    k = np.zeros(len(row), dtype=np.int64)
    day = np.datetime64("2016-05-01", "D") + ward.draws(row).below("letter-day", 1500)
    cells = {
        **_common(ward, row, "l", k, day),
        "about": where(
            np.isin(numbers[row], CANARIES), CANARY_SURNAMES[0], same("the patient", len(row))
        ),
    }
    return Lines(filled(LETTER, cells), row, k, k > 0)


def _common(
    ward: Ward,
    row: Ints,
    letter: str,
    k: Ints,
    day: np.ndarray[tuple[int], np.dtype[np.datetime64]],
) -> dict[str, pa.Array | str]:
    return {
        "id": resource_ids(ward, row, letter, k),
        "updated": updated(day),
        "patient": ward.patient.take(pa.array(row)),
        "day": date(day, "%Y-%m-%d"),
    }
