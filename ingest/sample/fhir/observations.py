"""Vital signs and laboratory results of check-ups, with their panels' reports and specimens."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import date, joined, number, pick, same, where
from biobraid.ingest.sample.draws import Flags, Floats, Ints
from biobraid.ingest.sample.fhir import codes
from biobraid.ingest.sample.fhir.codes import BLOOD_PRESSURE, ITEMS, PLACE, SMOKES
from biobraid.ingest.sample.fhir.events import Lines
from biobraid.ingest.sample.fhir.paths import path
from biobraid.ingest.sample.fhir.ward import (
    EXPORTED,
    ROUTINE,
    SOUTHGATE,
    Contacts,
    Ward,
    moment,
    resource_ids,
    updated,
)
from biobraid.ingest.sample.json_lines import filled, optional
from biobraid.ingest.sample.labs import (
    MG_PER_MMOL_CHOLESTEROL,
    MG_PER_MMOL_GLUCOSE,
    ngsp_percent,
)
from biobraid.ingest.sample.planted import IN_ERROR, Planted

UMOL_PER_MG_CREATININE = 88.42
POUNDS_PER_KG = 1 / 0.45359237
OBSERVATION = (
    '{"resourceType":"Observation","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"{{status}}","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    'observation-category","code":"{{category}}"}]}],"code":{"coding":[{"system":"http://loinc.org",'
    '"code":"{{code}}","display":"{{label}}"}]},"subject":{"reference":"Patient/{{patient}}"},'
    '"encounter":{"reference":"Encounter/{{encounter}}"},"effectiveDateTime":"{{when}}",{{value}}}'
)
_QUANTITY = '"valueQuantity":{"value":{{number}}{{comparator}},{{unit}}}{{range}}'
_UNIT = '"unit":"{{unit}}","system":"http://unitsofmeasure.org","code":"{{unit}}"'
_ABSENT = (
    '"dataAbsentReason":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    'data-absent-reason","code":"not-performed"}]}'
)
_RANGE = ',"referenceRange":[{"low":{"value":{{low}}},"high":{"value":{{high}}}}]'
_PRESSURE = (
    '"component":[{"code":{"coding":[{"system":"http://loinc.org","code":"8480-6"}]},"valueQuantity":'
    '{"value":{{systolic}},"unit":"mmHg","system":"http://unitsofmeasure.org","code":"mm[Hg]"}},'
    '{"code":{"coding":[{"system":"http://loinc.org","code":"8462-4"}]},{{diastolic}}}]'
)
_DIASTOLIC = (
    '"valueQuantity":{"value":{{diastolic}},"unit":"mmHg","system":"http://unitsofmeasure.org",'
    '"code":"mm[Hg]"}'
)
_SMOKING = (
    '"valueCodeableConcept":{"coding":[{"system":"http://snomed.info/sct","code":"{{answer}}",'
    '"display":"{{said}}"}]}'
)
_SHARE_NOT_WEIGHED = 0.03
_SHARE_ERROR = 0.006
_SHARE_POUNDS = 0.3  # of southgate's contacts
_SHARE_BARE_UNIT = 0.2  # of southgate's results: the unit as text only
WRONG_FROM, WRONG_TO = np.datetime64("2019-03-01", "D"), np.datetime64("2019-04-01", "D")


@dataclass(frozen=True)
class Results:
    """What was measured, one element per observation."""

    contact: Ints  # position in the ward's contacts
    what: Ints  # position in ITEMS, BLOOD_PRESSURE or SMOKES
    k: Ints  # unique within a person
    is_error: Flags  # entered in error
    is_wrong: Flags  # southgate's mg/dL under the name of mmol/L
    drift: Floats  # deviation from the true value, as a share
    number: Floats  # in `unit`; NaN for panels and answers
    in_pounds: Flags


def results(ward: Ward, again: bool = False) -> Results:
    """Everything measured at check-ups; `again`: the values of a second look, for corrections."""
    seen, block = ward.seen, ward.block
    check_up = np.flatnonzero(seen.disease == ROUTINE)
    contact = np.repeat(check_up, SMOKES + 1)
    what = np.tile(np.arange(SMOKES + 1, dtype=np.int64), len(check_up))
    first_only = (what == PLACE["height"]) | (what == SMOKES)
    keep = ~first_only | (seen.k[contact] == _first_k(seen)[contact])
    contact, what = contact[keep], what[keep]
    row, k = seen.row[contact], seen.k[contact] * 20 + what
    draws = ward.draws(row)
    drift = 0.03 * draws.normal("result/again" if again else "result", k)
    is_american = ward.hospital is SOUTHGATE
    day = seen.day[contact]
    wrong = is_american & (what == PLACE["glucose"]) & (day >= WRONG_FROM) & (day < WRONG_TO)
    pounds = is_american & (what == PLACE["weight"])
    pounds &= draws.chance("pounds", _SHARE_POUNDS, seen.k[contact])
    error = draws.chance("in-error", _SHARE_ERROR, k)
    error |= (block.draws.numbers[row] == IN_ERROR) & (what == PLACE["pulse"])
    error &= ~wrong
    exact = _true_values(ward, row, what, int(is_american))
    exact = np.where(pounds, exact * POUNDS_PER_KG, exact)
    exact = np.where(wrong, exact * MG_PER_MMOL_GLUCOSE, exact)
    # Heights and BMI vary little; laboratory values by three per cent.
    steady = np.isin(what, (PLACE["height"], PLACE["weight"], PLACE["bmi"]))
    return Results(
        contact, what, k, error, wrong, drift, exact * (1 + np.where(steady, 0.3, 1.0) * drift),
        pounds,
    )  # fmt: skip


def _first_k(seen: Contacts) -> Ints:
    """k of the person's earliest check-up by number, for each contact (contacts are sorted)."""
    is_first = np.ones(len(seen.row), dtype=np.bool_)
    routine = seen.disease == ROUTINE
    is_first[1:] = (seen.row[1:] != seen.row[:-1]) | (routine[1:] & ~routine[:-1])
    return np.where(is_first & routine, seen.k, -1)


def _true_values(ward: Ward, row: Ints, what: Ints, side: int) -> Floats:
    """True values in the hospital's usual units; side 0 is northgate, 1 southgate."""
    true, draws = ward.block.traits, ward.block.draws.at(row)
    creatinine = np.where(true.male[row], 0.98, 0.80) * np.exp(0.15 * draws.normal("creatinine"))
    grams = np.where(true.male[row], 14.8, 13.4) + 0.9 * draws.normal("haemoglobin")
    of = {
        "height": true.height_cm[row],
        "weight": true.bmi[row] * (true.height_cm[row] / 100) ** 2,
        "bmi": true.bmi[row],
        "pulse": 70 + 9 * draws.normal("pulse"),
        "glucose": true.glucose[row] * (1.0 if side else MG_PER_MMOL_GLUCOSE),
        "creatinine": creatinine * (UMOL_PER_MG_CREATININE if side else 1.0),
        "cholesterol": true.cholesterol[row] * (1.0 if side else MG_PER_MMOL_CHOLESTEROL),
        "hba1c": ngsp_percent(true.hba1c[row]),
        "haemoglobin": grams * (10.0 if side else 1.0),
        "crp": true.crp[row],
    }
    out = np.full(len(row), np.nan)
    for name, values in of.items():
        out = np.where(what == PLACE[name], values, out)
    return out


def observation_lines(
    ward: Ward, found: Results, when: pa.Array, status: pa.Array, known: pa.Array
) -> Lines:
    """One Observation per result; `when`, `status` and `known` (lastUpdated) one per result."""
    seen = ward.seen
    row = seen.row[found.contact]
    draws = ward.draws(row)
    item = np.minimum(found.what, len(ITEMS) - 1)
    is_item = found.what < len(ITEMS)
    absent = (found.what == PLACE["weight"]) & draws.chance(
        "no-weight", _SHARE_NOT_WEIGHED, found.k
    )
    systolic = ward.block.traits.systolic[row] * (1 + found.drift)
    diastolic = number(ward.block.traits.diastolic[row] * (1 + found.drift))
    half_done = draws.chance("no-diastolic", 0.01, found.k)
    value = where(absent, _ABSENT, filled(_QUANTITY, _quantity(ward, found, item)))
    pressure = {
        "systolic": number(systolic),
        "diastolic": where(half_done, _ABSENT, filled(_DIASTOLIC, {"diastolic": diastolic})),
    }
    value = where(found.what == BLOOD_PRESSURE, filled(_PRESSURE, pressure), value)
    answer = ward.block.traits.smoking[row]
    said = {"answer": pick(codes.SMOKING, answer), "said": pick(codes.SMOKING_LABELS, answer)}
    value = where(found.what == SMOKES, filled(_SMOKING, said), value)
    others = ("85354-9", "72166-2"), ("Blood pressure", "Tobacco smoking status")
    is_lab = np.array([i.is_lab for i in ITEMS])[item] & is_item
    category = np.where(found.what == SMOKES, 2, is_lab.astype(np.int64))
    cells = {
        "id": resource_ids(ward, row, "o", found.k),
        "updated": known,
        "status": status,
        "category": pick(["vital-signs", "laboratory", "social-history"], category),
        "code": pick([*(i.loinc for i in ITEMS), *others[0]], found.what),
        "label": pick([*(i.label for i in ITEMS), *others[1]], found.what),
        "patient": ward.patient.take(pa.array(row)),
        "encounter": resource_ids(ward, row, "e", seen.k[found.contact]),
        "when": when,
        "value": value,
    }
    late = (seen.day + seen.days)[found.contact] >= EXPORTED
    return Lines(filled(OBSERVATION, cells), row, found.k, late)


def _quantity(ward: Ward, found: Results, item: Ints) -> dict[str, pa.Array | str]:
    """value, comparator, unit and reference range of each result."""
    side = int(ward.hospital is SOUTHGATE)
    draws = ward.draws(ward.seen.row[found.contact])
    decimals = np.array([i.decimals for i in ITEMS])[item]
    plain = np.nan_to_num(found.number)  # panels and answers have no number and no such value
    value = where(decimals == 0, number(plain), number(plain, 1))
    value = where(decimals == 2, number(plain, 2), value)
    little = (found.what == PLACE["crp"]) & (plain < 0.5)
    unit = pick([i.unit[side] for i in ITEMS], item)
    unit = where(found.in_pounds, "[lb_av]", unit)
    bare = side * draws.chance("bare-unit", _SHARE_BARE_UNIT, found.k) > 0
    coded = filled(_UNIT, {"unit": unit})
    low, high = pick([i.low for i in ITEMS], item), pick([i.high for i in ITEMS], item)
    has_range = np.array([bool(i.low) for i in ITEMS])[item]
    return {
        "number": where(little, "0.5", value),
        "comparator": where(little, ',"comparator":"<"', ""),
        "unit": where(bare, joined(['"unit":"', unit, '"']), coded),
        "range": optional(_RANGE, has_range, {"low": low, "high": high}),
    }


def first_statements(
    ward: Ward, found: Results, planted: Planted
) -> tuple[pa.Array, pa.Array, pa.Array]:
    """When each result was taken, its status, and when it became known."""
    seen = ward.seen
    draws = ward.draws(seen.row[found.contact])
    day = seen.day[found.contact]
    when = moment(draws, day, "taken", seen.k[found.contact])
    status = where(found.is_error, "entered-in-error", same("final", len(found.k)))
    file, n_wrong = path("Observation"), int(found.is_wrong.sum())
    planted.count("wrong-unit", ward.hospital.name, file, "glucose", n_wrong)
    return when, status, updated((seen.day + seen.days)[found.contact])


REPORT = (
    '{"resourceType":"DiagnosticReport","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/'
    'v2-0074","code":"LAB"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"24323-8",'
    '"display":"Comprehensive metabolic panel"}]},"subject":{"reference":"Patient/{{patient}}"},'
    '"encounter":{"reference":"Encounter/{{encounter}}"},"effectiveDateTime":"{{day}}",'
    '"result":[{"reference":"Observation/{{glucose}}"},{"reference":"Observation/{{creatinine}}"}]'
    "{{conclusion}}}"
)
SPECIMEN = (
    '{"resourceType":"Specimen","id":"{{id}}","meta":{"lastUpdated":"{{updated}}"},'
    '"status":"available","type":{"coding":[{"system":"http://snomed.info/sct","code":"{{type}}",'
    '"display":"Blood specimen"}]},"subject":{"reference":"Patient/{{patient}}"},'
    '"collection":{"collectedDateTime":"{{day}}","quantity":{"value":9,"unit":"mL","system":'
    '"http://unitsofmeasure.org","code":"mL"},"bodySite":{"coding":[{"system":'
    '"http://snomed.info/sct","code":"368208006"}]}}}'
)


def laboratory_lines(ward: Ward, remarks: pa.Array) -> dict[str, Lines]:
    """A report and a specimen for each check-up; `remarks`: conclusions, one per person, or null."""
    seen = ward.seen.where(ward.seen.disease == ROUTINE)
    last = seen.day + seen.days
    said = remarks.take(pa.array(seen.row))
    common = {
        "updated": updated(last),
        "patient": ward.patient.take(pa.array(seen.row)),
        "day": date(seen.day, "%Y-%m-%d"),
    }
    report = {
        **common,
        "id": resource_ids(ward, seen.row, "r", seen.k),
        "encounter": resource_ids(ward, seen.row, "e", seen.k),
        "glucose": resource_ids(ward, seen.row, "o", seen.k * 20 + PLACE["glucose"]),
        "creatinine": resource_ids(ward, seen.row, "o", seen.k * 20 + PLACE["creatinine"]),
        "conclusion": optional(
            ',"conclusion":"{{said}}"', np.asarray(said.is_valid()), {"said": said}
        ),
    }
    specimen = {
        **common,
        "id": resource_ids(ward, seen.row, "s", seen.k),
        "type": same("123038009", len(seen.row)),
    }
    late = last >= EXPORTED
    return {
        "DiagnosticReport": Lines(filled(REPORT, report), seen.row, seen.k, late),
        "Specimen": Lines(filled(SPECIMEN, specimen), seen.row, seen.k, late),
    }
