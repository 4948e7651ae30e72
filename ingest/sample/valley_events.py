"""Visits, diagnoses, drugs, procedures, results and eras of the OMOP extract."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.sample.attendance import hashed
from biobraid.ingest.sample.cells import date, number, pick, same, where
from biobraid.ingest.sample.draws import Ints, expand
from biobraid.ingest.sample.fhir import codes
from biobraid.ingest.sample.fhir.codes import BLOOD_PRESSURE, ITEMS, PLACE, SMOKES
from biobraid.ingest.sample.fhir.observations import results
from biobraid.ingest.sample.fhir.ward import OPENED, ROUTINE, Contacts, Ward, end_of_records
from biobraid.ingest.sample.illness import DISEASES, DRUGS

ISO = "%Y-%m-%d"
EVENT_COLUMNS = {
    "visit_occurrence": "visit_occurrence_id person_id visit_concept_id visit_start_date "
    "visit_start_datetime visit_end_date visit_end_datetime visit_type_concept_id provider_id "
    "care_site_id visit_source_value visit_source_concept_id admitted_from_concept_id "
    "admitted_from_source_value discharged_to_concept_id discharged_to_source_value "
    "preceding_visit_occurrence_id",
    "condition_occurrence": "condition_occurrence_id person_id condition_concept_id "
    "condition_start_date condition_start_datetime condition_end_date condition_end_datetime "
    "condition_type_concept_id condition_status_concept_id stop_reason provider_id "
    "visit_occurrence_id visit_detail_id condition_source_value condition_source_concept_id "
    "condition_status_source_value",
    "drug_exposure": "drug_exposure_id person_id drug_concept_id drug_exposure_start_date "
    "drug_exposure_start_datetime drug_exposure_end_date drug_exposure_end_datetime "
    "verbatim_end_date drug_type_concept_id stop_reason refills quantity days_supply sig "
    "route_concept_id lot_number provider_id visit_occurrence_id visit_detail_id "
    "drug_source_value drug_source_concept_id route_source_value dose_unit_source_value",
    "procedure_occurrence": "procedure_occurrence_id person_id procedure_concept_id "
    "procedure_date procedure_datetime procedure_end_date procedure_end_datetime "
    "procedure_type_concept_id modifier_concept_id quantity provider_id visit_occurrence_id "
    "visit_detail_id procedure_source_value procedure_source_concept_id modifier_source_value",
    "measurement": "measurement_id person_id measurement_concept_id measurement_date "
    "measurement_datetime measurement_time measurement_type_concept_id operator_concept_id "
    "value_as_number value_as_concept_id unit_concept_id range_low range_high provider_id "
    "visit_occurrence_id visit_detail_id measurement_source_value measurement_source_concept_id "
    "unit_source_value unit_source_concept_id value_source_value measurement_event_id "
    "meas_event_field_concept_id",
    "observation": "observation_id person_id observation_concept_id observation_date "
    "observation_datetime observation_type_concept_id value_as_number value_as_string "
    "value_as_concept_id qualifier_concept_id unit_concept_id provider_id visit_occurrence_id "
    "visit_detail_id observation_source_value observation_source_concept_id unit_source_value "
    "qualifier_source_value value_source_value observation_event_id obs_event_field_concept_id",
    "condition_era": "condition_era_id person_id condition_concept_id condition_era_start_date "
    "condition_era_end_date condition_occurrence_count",
    "drug_era": "drug_era_id person_id drug_concept_id drug_era_start_date drug_era_end_date "
    "drug_exposure_count gap_days",
}
# Standard concept of each disease, in the order of DISEASES; 0 where none is in the vocabulary.
CONDITIONS = (
    "320128", "201826", "4329847", "317009", "4152280", "313217", "0", "440674", "4079750",
    "4079749", "4230399", "255848", "316139", "381316", "4180790", "4112853", "0", "140673",
    "196456", "81902", "439777", "318800", "317576",
)  # fmt: skip
# Ingredient of each of DRUGS.
INGREDIENTS = (
    "1539403", "1545958", "1332418", "1334456", "1503297", "1501700", "1154343", "1308216",
    "1112807", "0", "1125315",
)  # fmt: skip
_OPERATIONS = {
    "mi": "4216130", "knee_arthrosis": "43531648", "hip_arthrosis": "4203771",
    "gallstones": "4242997", "coronary_disease": "4336464",
}  # fmt: skip
_MEASURED = ("3036277", "3025315", "3038553", "3027018", "3004501", "3016723", "3027114",
             "3004410", "3000963", "3020460")  # fmt: skip
_UNITS = {"cm": "8582", "kg": "9529", "kg/m2": "9531", "/min": "8541", "mg/dL": "8840",
          "%": "8554", "g/dL": "8713", "mg/L": "8751"}  # fmt: skip
_EHR, _LABORATORY, _PRESCRIPTION = "32817", "32856", "32838"
_LESS_THAN = "4171756"


def event_rows(here: Ward, ids: Ints, persons: pa.Array) -> dict[str, dict[str, pa.Array]]:
    """Cells of each event table; `ids` and `persons`: person_id of the block's persons."""
    conditions = _conditions(here, ids, persons)
    return {
        "visit_occurrence": _visits(here, ids, persons),
        "condition_occurrence": conditions[0],
        "condition_era": conditions[1],
        **_drugs(here, ids, persons),
        "procedure_occurrence": _procedures(here, ids, persons),
        **_results(here, ids, persons),
    }


def _id(ids: Ints, row: Ints, table: int, k: Ints) -> pa.Array:
    """Ids of rows: hashes of the person's, the table and k."""
    return pc.cast(pa.array(hashed(ids[row] + (k + 1) * 64 + table)), pa.string())


def _visits(here: Ward, ids: Ints, persons: pa.Array) -> dict[str, pa.Array]:
    seen, n = here.seen, len(here.seen.row)
    return {
        "visit_occurrence_id": _id(ids, seen.row, 1, seen.k),
        "person_id": persons.take(pa.array(seen.row)),
        "visit_concept_id": pick(["9202", "9201", "9203"], seen.kind),
        "visit_start_date": date(seen.day, ISO),
        "visit_end_date": date(seen.day + seen.days, ISO),
        "visit_type_concept_id": same(_EHR, n),
        "visit_source_value": pick(["outpatient", "inpatient", "emergency"], seen.kind),
        "visit_source_concept_id": same("0", n),
    }


def _conditions(
    here: Ward, ids: Ints, persons: pa.Array
) -> tuple[dict[str, pa.Array], dict[str, pa.Array]]:
    """condition_occurrence and condition_era: one of each for each disease a person has."""
    block, ends = here.block, end_of_records(here.block)
    onset = block.illness.onset[here.rows]
    had = ~np.isnat(onset) & (onset < ends[here.rows][:, None])
    at, disease = np.nonzero(had)
    row, day = here.rows[at], onset[at, disease]
    visit = _visit_ids(here.seen, ids, row, disease)
    common = {
        "person_id": persons.take(pa.array(row)),
        "condition_concept_id": pick(CONDITIONS, disease),
    }
    icd10 = [d.icd10 if len(d.icd10) < 4 else f"{d.icd10[:3]}.{d.icd10[3:]}" for d in DISEASES]
    return {
        "condition_occurrence_id": _id(ids, row, 2, disease),
        **common,
        "condition_start_date": date(day, ISO),
        "condition_type_concept_id": same(_EHR, len(row)),
        "visit_occurrence_id": visit,
        "condition_source_value": pick(icd10, disease),
        "condition_source_concept_id": same("0", len(row)),
    }, {
        "condition_era_id": _id(ids, row, 3, disease),
        **common,
        "condition_era_start_date": date(day, ISO),
        "condition_era_end_date": date(day, ISO),
        "condition_occurrence_count": same("1", len(row)),
    }


def _visit_ids(seen: Contacts, ids: Ints, row: Ints, disease: Ints) -> pa.Array:
    """Id of the visit at which a disease was found; null if it was not at one."""
    has = np.isin(row * len(DISEASES) + disease, _at_a_visit(seen))
    return where(has, _id(ids, row, 1, disease), None)


def _at_a_visit(seen: Contacts) -> Ints:
    """One number for each person and disease that was found at a visit."""
    ill = seen.disease != ROUTINE
    found: Ints = seen.row[ill] * len(DISEASES) + seen.disease[ill]
    return found


def _drugs(here: Ward, ids: Ints, persons: pa.Array) -> dict[str, dict[str, pa.Array]]:
    """drug_exposure, and drug_era: the courses of one disease, 84 days apart, are eras apart."""
    block, ends = here.block, end_of_records(here.block)
    drug_of = np.array([d.drug for d in DISEASES])
    onset = block.illness.onset[here.rows]
    at, disease = np.nonzero((drug_of >= 0) & (onset >= OPENED))
    event, ordinal = expand(1 + here.draws(here.rows[at]).below("orders", 3, disease))
    row, disease = here.rows[at[event]], disease[event]
    day = block.illness.onset[row, disease] + 3 + 84 * ordinal
    keep = np.flatnonzero(day + 28 < ends[row])
    row, disease, day, k = row[keep], disease[keep], day[keep], (disease * 10 + ordinal)[keep]
    drug, n = drug_of[disease], len(keep)
    person, concept = persons.take(pa.array(row)), pick(INGREDIENTS, drug)
    exposure = {
        "drug_exposure_id": _id(ids, row, 4, k),
        "person_id": person,
        "drug_concept_id": concept,
        "drug_exposure_start_date": date(day, ISO),
        "drug_exposure_end_date": date(day + 28, ISO),
        "drug_type_concept_id": same(_PRESCRIPTION, n),
        "quantity": pick([d[4] for d in DRUGS], drug),
        "days_supply": same("28", n),
        "drug_source_value": pick(codes.RXNORM, drug),
        "drug_source_concept_id": same("0", n),
        "route_source_value": same("oral", n),
    }
    era = {
        "drug_era_id": _id(ids, row, 5, k),
        "person_id": person,
        "drug_concept_id": concept,
        "drug_era_start_date": date(day, ISO),
        "drug_era_end_date": date(day + 28, ISO),
        "drug_exposure_count": same("1", n),
        "gap_days": same("0", n),
    }
    return {"drug_exposure": exposure, "drug_era": era}


def _procedures(here: Ward, ids: Ints, persons: pa.Array) -> dict[str, pa.Array]:
    has = np.array([d.name in codes.OPERATIONS for d in DISEASES])
    done = (here.seen.disease != ROUTINE) & has[here.seen.disease] & (here.seen.kind == 1)
    seen = here.seen.where(done)
    return {
        "procedure_occurrence_id": _id(ids, seen.row, 6, seen.k),
        "person_id": persons.take(pa.array(seen.row)),
        "procedure_concept_id": pick([_OPERATIONS.get(d.name, "0") for d in DISEASES],
                                     seen.disease),
        "procedure_date": date(seen.day, ISO),
        "procedure_type_concept_id": same(_EHR, len(seen.row)),
        "visit_occurrence_id": _id(ids, seen.row, 1, seen.k),
        "procedure_source_value": pick([codes.OPERATIONS.get(d.name, "") for d in DISEASES],
                                       seen.disease),
        "procedure_source_concept_id": same("0", len(seen.row)),
    }  # fmt: skip


def _results(here: Ward, ids: Ints, persons: pa.Array) -> dict[str, dict[str, pa.Array]]:
    """measurement (without panels) and observation (smoking)."""
    found = results(here)
    row, day = here.seen.row[found.contact], here.seen.day[found.contact]
    visit = _id(ids, row, 1, here.seen.k[found.contact])
    m = np.flatnonzero((found.what < BLOOD_PRESSURE) & ~found.is_error)
    s = np.flatnonzero(found.what == SMOKES)
    what = found.what[m]
    little = (what == PLACE["crp"]) & (found.number[m] < 0.5)
    value = where(little, "0.5", number(found.number[m], 2))
    unit = [item.unit[0] for item in ITEMS]
    lab = np.array([item.is_lab for item in ITEMS])[what]
    smoking = here.block.traits.smoking[row[s]]
    return {
        "measurement": {
            "measurement_id": _id(ids, row[m], 7, found.k[m]),
            **_where(persons, visit, row, m),
            "measurement_concept_id": pick(_MEASURED, what),
            "measurement_date": date(day[m], ISO),
            "measurement_type_concept_id": where(lab, _LABORATORY, _EHR),
            "operator_concept_id": where(little, _LESS_THAN, None),
            "value_as_number": value,
            "unit_concept_id": pick([_UNITS[u] for u in unit], what),
            "range_low": pick([item.low for item in ITEMS], what),
            "range_high": pick([item.high for item in ITEMS], what),
            "measurement_source_value": pick([item.loinc for item in ITEMS], what),
            "measurement_source_concept_id": same("0", len(m)),
            "unit_source_value": pick(unit, what),
            "value_source_value": where(little, "<0.5", value),
        },
        "observation": {
            "observation_id": _id(ids, row[s], 8, found.k[s]),
            **_where(persons, visit, row, s),
            "observation_concept_id": same("43054909", len(s)),
            "observation_date": date(day[s], ISO),
            "observation_type_concept_id": same(_EHR, len(s)),
            "value_as_concept_id": same("0", len(s)),
            "observation_source_value": same("72166-2", len(s)),
            "observation_source_concept_id": same("0", len(s)),
            "value_source_value": pick(codes.SMOKING, smoking),
        },
    }


def _where(persons: pa.Array, visit: pa.Array, row: Ints, at: Ints) -> dict[str, pa.Array]:
    return {
        "person_id": persons.take(pa.array(row[at])),
        "visit_occurrence_id": visit.take(pa.array(at)),
    }
