"""MIMIC-IV's tables (synthetic) from file to cdm: what is there equals what was delivered."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from tests.shared.packs import Bank, bank

pytestmark = [pytest.mark.slow, pytest.mark.shared]

HOSP, ICU = "mimic-iv-3.1/hosp", "mimic-iv-3.1/icu"
TABLES = {
    "patients": f"{HOSP}/patients", "admissions": f"{HOSP}/admissions",
    "demographics": f"{HOSP}/admissions", "deaths_in_hospital": f"{HOSP}/admissions",
    "transfers": f"{HOSP}/transfers", "services": f"{HOSP}/services",
    "diagnoses": f"{HOSP}/diagnoses_icd", "procedures": f"{HOSP}/procedures_icd",
    "hcpcs": f"{HOSP}/hcpcsevents", "drg": f"{HOSP}/drgcodes", "labs": f"{HOSP}/labevents",
    "microbiology": f"{HOSP}/microbiologyevents", "omr": f"{HOSP}/omr",
    "prescriptions": f"{HOSP}/prescriptions", "emar": f"{HOSP}/emar",
    "providers": f"{HOSP}/provider", "icustays": f"{ICU}/icustays",
    "chartevents": f"{ICU}/chartevents", "datetimeevents": f"{ICU}/datetimeevents",
    "inputevents": f"{ICU}/inputevents", "ingredientevents": f"{ICU}/ingredientevents",
    "outputevents": f"{ICU}/outputevents", "procedureevents": f"{ICU}/procedureevents",
    "caregivers": f"{ICU}/caregiver",
}  # fmt: skip
CREATININE = ("50912", 3016723)
ANTIBIOTICS = {
    "Vancomycin", "Piperacillin-Tazobactam", "CefePIME", "CefTRIAXone", "Levofloxacin",
    "MetRONIDAZOLE",
}  # fmt: skip


@pytest.fixture(scope="module")
def mimic(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    with bank("mimic4_synthetic", shared_data, tmp_path_factory.mktemp("mimic")) as made:
        yield made


def test_every_record_of_every_table_is_in_the_books(mimic: Bank) -> None:
    delivered = {source: len(mimic.rows(f"{t}.csv.gz")) for source, t in TABLES.items()}
    assert {s: b["records_read"] for s, b in mimic.books.items()} == delivered
    assert all(b["records_rejected"] == 0 for b in mimic.books.values())
    ignored = {s: b["records_ignored"] for s, b in mimic.books.items() if b["records_ignored"]}
    emar = Counter(row["event_txt"] for row in mimic.rows(f"{HOSP}/emar.csv.gz"))
    transfers = Counter(row["eventtype"] for row in mimic.rows(f"{HOSP}/transfers.csv.gz"))
    alive = [r for r in mimic.rows(f"{HOSP}/admissions.csv.gz") if not r["deathtime"]]
    assert ignored == {
        "emar": emar.total() - emar["Administered"] - emar["Started"],
        "transfers": transfers["discharge"],
        "deaths_in_hospital": len(alive),
    }


def test_mapped_share_and_leftovers_are_reported_by_source(mimic: Bank) -> None:
    share = mimic.mapped
    print({source: round(share[source], 3) for source in sorted(share)})
    print(sorted(mimic.unmapped, key=str))
    for source in ("patients", "admissions", "labs", "outputevents", "procedureevents"):
        assert share[source] == 1, source
    assert share["chartevents"] > 0.95 and share["omr"] > 0.9 and share["procedures"] > 0.4
    assert share["diagnoses"] > 0.6 and share["emar"] > 0.6 and share["prescriptions"] > 0.45
    assert share["drg"] == share["services"] == 0, "local codes nobody has mapped"
    assert ("chartevents", "mimic4_synthetic:items", "225664") in mimic.unmapped


def test_persons_have_sex_birth_and_death_as_delivered(mimic: Bank) -> None:
    patients = mimic.rows(f"{HOSP}/patients.csv.gz")
    sexes = {"F": 8532, "M": 8507}
    expected = Counter(
        (int(p["anchor_year"]) - int(p["anchor_age"]), sexes[p["gender"]]) for p in patients
    )
    assert (
        Counter(mimic.query("SELECT year_of_birth, gender_concept_id FROM cdm.person")) == expected
    )
    assert max(year for year, _ in expected) > 2100, "shifted years are years"
    dead = {p["subject_id"] for p in patients if p["dod"]}
    dead |= {r["subject_id"] for r in mimic.rows(f"{HOSP}/admissions.csv.gz") if r["deathtime"]}
    assert mimic.query("SELECT COUNT(*) FROM cdm.death") == [(len(dead),)]


def test_visits_keep_their_hours_and_places(mimic: Bank) -> None:
    expected = sorted(
        (r["admittime"], r["dischtime"], r["admission_location"], r["discharge_location"] or None)
        for r in mimic.rows(f"{HOSP}/admissions.csv.gz")
    )
    found = mimic.query(
        "SELECT CAST(visit_start_datetime AS VARCHAR), CAST(visit_end_datetime AS VARCHAR), "
        "admitted_from_source_value, discharged_to_source_value FROM cdm.visit_occurrence"
    )
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_stays_and_wards_are_details_of_their_visit(mimic: Bank) -> None:
    stays = [r for r in mimic.rows(f"{HOSP}/transfers.csv.gz") if r["eventtype"] != "discharge"]
    expected = Counter((r["intime"], r["outtime"]) for r in stays)
    expected += Counter((r["intime"], r["outtime"]) for r in mimic.rows(f"{ICU}/icustays.csv.gz"))
    found = mimic.query(
        "SELECT CAST(visit_detail_start_datetime AS VARCHAR), "
        "CAST(visit_detail_end_datetime AS VARCHAR) FROM cdm.visit_detail "
        "WHERE visit_occurrence_id IS NOT NULL"
    )
    assert Counter(found) == expected
    charted = sum(len(mimic.rows(f"{ICU}/{t}.csv.gz")) for t in ("chartevents", "outputevents"))
    in_stay = mimic.query(
        "SELECT COUNT(*) FROM stem.event WHERE source IN ('chartevents', 'outputevents') "
        "AND visit_detail_id IS NOT NULL AND provider_id IS NOT NULL"
    )
    assert in_stay == [(charted,)]


def test_prescriptions_keep_dose_route_and_drug(mimic: Bank) -> None:
    rows = mimic.rows(f"{HOSP}/prescriptions.csv.gz")
    found = mimic.query(
        "SELECT route_source_value, dose_unit_source_value, quantity FROM cdm.drug_exposure "
        "WHERE route_source_value IS NOT NULL"
    )
    assert Counter(found) == Counter(
        (r["route"], r["dose_unit_rx"] or None, _number(r["dose_val_rx"])) for r in rows
    )
    ranges = Counter(r["dose_val_rx"] for r in rows if "-" in r["dose_val_rx"])
    said = mimic.query(
        "SELECT sig, COUNT(*) FROM cdm.drug_exposure WHERE sig LIKE '%-%' GROUP BY sig"
    )
    assert dict(said) == ranges and ranges.total() > 100


def test_lab_results_are_found_again_with_value_unit_and_time(mimic: Bank) -> None:
    labs = [r for r in mimic.rows(f"{HOSP}/labevents.csv.gz") if r["itemid"] == CREATININE[0]]
    expected = Counter((float(r["valuenum"]), r["valueuom"], r["charttime"]) for r in labs)
    found = mimic.query(
        "SELECT value_as_number, unit_source_value, CAST(measurement_datetime AS VARCHAR) "
        f"FROM cdm.measurement WHERE measurement_concept_id = {CREATININE[1]}"
    )
    assert Counter(found) == expected and len(labs) > 100
    ranges = mimic.query(
        "SELECT range_low, range_high FROM cdm.measurement "
        f"WHERE measurement_concept_id = {CREATININE[1]}"
    )
    assert Counter(ranges) == Counter(
        (_number(r["ref_range_lower"]), _number(r["ref_range_upper"])) for r in labs
    )
    limit = mimic.query(
        "SELECT COUNT(*), MIN(value_as_number) FROM cdm.measurement "
        "WHERE value_source_value = '<0.01' AND operator_concept_id <> 0"
    )
    below = [r for r in mimic.rows(f"{HOSP}/labevents.csv.gz") if r["value"] == "<0.01"]
    assert limit == [(len(below), 0.01)]


def test_blood_pressures_are_two_measurements(mimic: Bank) -> None:
    pairs = [
        (r["chartdate"], *map(float, r["result_value"].split("/")))
        for r in mimic.rows(f"{HOSP}/omr.csv.gz")
        if r["result_name"].startswith("Blood Pressure")
    ]
    for concept, place in ((3004249, 1), (3012888, 2)):
        found = mimic.query(
            "SELECT CAST(measurement_date AS VARCHAR), value_as_number FROM cdm.measurement "
            f"WHERE measurement_concept_id = {concept} AND measurement_source_value LIKE 'Blood%'"
        )
        assert Counter(found) == Counter((p[0], p[place]) for p in pairs)


def test_persons_with_type_2_diabetes_are_found_by_its_concept(mimic: Bank) -> None:
    coded = {
        r["subject_id"]
        for r in mimic.rows(f"{HOSP}/diagnoses_icd.csv.gz")
        if (r["icd_version"], r["icd_code"])
        in {("9", "25000"), ("9", "25002"), ("10", "E119"), ("10", "E1165")}
    }
    found = mimic.query(
        "SELECT COUNT(DISTINCT person_id) FROM cdm.condition_occurrence "
        "WHERE condition_concept_id = 201826"
    )
    assert found == [(len(coded),)] and coded


def test_doubled_creatinine_within_a_stay_is_found(mimic: Bank) -> None:
    """KDIGO's stage 2: twice an earlier value of the same admission."""
    by_stay = defaultdict(list)
    for row in mimic.rows(f"{HOSP}/labevents.csv.gz"):
        if row["itemid"] == CREATININE[0] and row["hadm_id"]:
            by_stay[row["hadm_id"]].append((row["charttime"], float(row["valuenum"])))
    expected = sorted(
        max(later / earlier for t, earlier in values for u, later in values if t < u)
        for values in map(sorted, by_stay.values())
        if any(later >= 2 * earlier for t, earlier in values for u, later in values if t < u)
    )
    found = mimic.query(
        f"""
        WITH creatinine AS (
          SELECT visit_occurrence_id AS stay, measurement_datetime AS at, value_as_number AS value
          FROM cdm.measurement WHERE measurement_concept_id = {CREATININE[1]}
        )
        SELECT MAX(b.value / a.value) FROM creatinine a JOIN creatinine b
        ON a.stay = b.stay AND a.at < b.at GROUP BY a.stay HAVING MAX(b.value / a.value) >= 2
        """
    )
    assert sorted(ratio for (ratio,) in found) == pytest.approx(expected) and expected


def test_a_culture_and_an_antibiotic_within_two_days(mimic: Bank) -> None:
    """Suspected infection (Sepsis-3), by person; each culture once though its rows repeat."""
    rows = mimic.rows(f"{HOSP}/microbiologyevents.csv.gz")
    cultures = {
        (r["subject_id"], r["micro_specimen_id"], r["test_seq"], r["org_itemid"], r["isolate_num"]):
        (r["subject_id"], r["charttime"] or r["chartdate"])
        for r in rows
    }  # fmt: skip
    given = [
        (r["subject_id"], r["charttime"])
        for r in mimic.rows(f"{HOSP}/emar.csv.gz")
        if r["medication"] in ANTIBIOTICS and r["event_txt"] in ("Administered", "Started")
    ]
    expected = {
        who
        for who, at in cultures.values()
        for person, start in given
        if person == who and abs(_time(at) - _time(start)) <= timedelta(hours=48)
    }
    names = ", ".join(f"'{name}'" for name in sorted(ANTIBIOTICS))
    culture = (
        "SELECT person_id, COALESCE(start_datetime, CAST(start_date AS TIMESTAMP)) AS at "
        "FROM stem.event WHERE source = 'microbiology' AND kind = 'measurement' "
        "AND source_code IN ('90201', '90039', '90111', '90152')"
    )
    assert mimic.query(f"SELECT COUNT(*) FROM ({culture})") == [(len(cultures),)]
    found = mimic.query(
        f"""
        SELECT COUNT(DISTINCT c.person_id) FROM ({culture}) c JOIN cdm.drug_exposure d
        ON c.person_id = d.person_id AND d.drug_source_value IN ({names})
        AND ABS(EPOCH(c.at) - EPOCH(d.drug_exposure_start_datetime)) <= 48 * 3600
        """
    )
    assert found == [(len(expected),)] and expected
    tested = Counter(r["interpretation"] for r in rows if r["ab_itemid"])
    results = mimic.query(
        "SELECT value, COUNT(*) FROM raw.event WHERE source = 'microbiology' "
        "AND value IN ('S', 'I', 'R') GROUP BY value"
    )
    assert dict(results) == tested


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
