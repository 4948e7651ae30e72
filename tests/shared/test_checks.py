"""Checks of the shared OMOP samples: no errors, and counts that SQL of its own comes to as well.

The SQL here is written from OHDSI's description of each check, one query per check and without
any of the code under test; counts that it shares with that code by luck alone are unlikely.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import pytest

from biobraid.quality.checks.evaluate import Result, totals
from biobraid.quality.checks.run import Asked, run_checks

pytestmark = [pytest.mark.shared, pytest.mark.slow]

BORN = (
    "coalesce(p.birth_datetime::DATE, make_date(p.year_of_birth::INT, "
    "coalesce(p.month_of_birth::INT, 1), coalesce(p.day_of_birth::INT, 1)))"
)


def _dangling(table: str, field: str, parent: str, key: str) -> str:
    return (f"SELECT count(*) FROM {table} a LEFT JOIN {parent} b ON a.{field} = b.{key} "
            f"WHERE b.{key} IS NULL AND a.{field} IS NOT NULL")  # fmt: skip


def _concept(table: str, field: str, condition: str) -> str:
    return (f"SELECT count(*) FROM {table} a JOIN concept c ON a.{field} = c.concept_id "
            f"WHERE c.concept_id <> 0 AND ({condition})")  # fmt: skip


def _persons_without(table: str) -> str:
    return f"SELECT count(*) FROM person WHERE person_id NOT IN (SELECT person_id FROM {table} WHERE person_id IS NOT NULL)"


def _after_death(table: str, field: str) -> str:
    return (f"SELECT count(*) FROM {table} a JOIN death d USING (person_id) "
            f"WHERE a.{field}::DATE > d.death_date::DATE + 60")  # fmt: skip


def _before_birth(table: str, field: str) -> str:
    return (f"SELECT count(*) FROM {table} a JOIN person p USING (person_id) "
            f"WHERE a.{field}::DATE < {BORN}")  # fmt: skip


def _repeated(table: str, field: str) -> str:
    return (f"SELECT count(*) FROM {table} WHERE {field} IN "
            f"(SELECT {field} FROM {table} GROUP BY 1 HAVING count(*) > 1)")  # fmt: skip


def _outside_visit(table: str, field: str) -> str:
    return (f"SELECT count(*) FROM {table} a JOIN visit_occurrence v USING (visit_occurrence_id) WHERE "
            f"a.{field}::DATE < v.visit_start_date::DATE - 7 OR a.{field}::DATE > v.visit_end_date::DATE + 7")  # fmt: skip


def _unmapped(table: str, field: str, source: str | None = None) -> str:
    also = f" OR ({field} IS NULL AND {source} IS NOT NULL)" if source else ""
    return f"SELECT count(*) FROM {table} WHERE {field} = 0{also}"


NOT_STANDARD = "coalesce(c.standard_concept, '') <> 'S' OR c.invalid_reason IS NOT NULL"
COMMON = {
    "measurePersonCompleteness.drug_exposure": _persons_without("drug_exposure"),
    "measurePersonCompleteness.death": _persons_without("death"),
    "measureConditionEraCompleteness.condition_era": "SELECT count(DISTINCT person_id) FROM "
        "condition_occurrence WHERE condition_concept_id <> 0 AND person_id NOT IN (SELECT person_id FROM condition_era)",
    "measureObservationPeriodOverlap.observation_period": "SELECT count(DISTINCT a.person_id) FROM "
        "observation_period a JOIN observation_period b ON a.person_id = b.person_id AND "
        "a.observation_period_id <> b.observation_period_id AND a.observation_period_start_date <= "
        "b.observation_period_end_date + 1 AND b.observation_period_start_date <= a.observation_period_end_date + 1",
    "isPrimaryKey.measurement.measurement_id": _repeated("measurement", "measurement_id"),
    "isPrimaryKey.concept.concept_id": _repeated("concept", "concept_id"),
    "isForeignKey.measurement.measurement_type_concept_id": _dangling("measurement", "measurement_type_concept_id", "concept", "concept_id"),
    "isForeignKey.death.death_type_concept_id": _dangling("death", "death_type_concept_id", "concept", "concept_id"),
    "isForeignKey.measurement.person_id": _dangling("measurement", "person_id", "person", "person_id"),
    "isForeignKey.drug_exposure.visit_occurrence_id": _dangling("drug_exposure", "visit_occurrence_id", "visit_occurrence", "visit_occurrence_id"),
    "fkDomain.measurement.measurement_concept_id": _concept("measurement", "measurement_concept_id", "c.domain_id <> 'Measurement'"),
    "fkDomain.condition_occurrence.condition_concept_id": _concept("condition_occurrence", "condition_concept_id", "c.domain_id <> 'Condition'"),
    "isStandardValidConcept.procedure_occurrence.procedure_concept_id": _concept("procedure_occurrence", "procedure_concept_id", NOT_STANDARD),
    "isStandardValidConcept.measurement.measurement_type_concept_id": _concept("measurement", "measurement_type_concept_id", NOT_STANDARD),
    "measureValueCompleteness.measurement.value_as_number": "SELECT count(*) FROM measurement WHERE value_as_number IS NULL",
    "measureValueCompleteness.condition_occurrence.condition_end_date": "SELECT count(*) FROM condition_occurrence WHERE condition_end_date IS NULL",
    "isRequired.person.gender_concept_id": "SELECT count(*) FROM person WHERE gender_concept_id IS NULL",
    "standardConceptRecordCompleteness.condition_occurrence.condition_concept_id": _unmapped("condition_occurrence", "condition_concept_id"),
    "standardConceptRecordCompleteness.measurement.unit_concept_id": _unmapped("measurement", "unit_concept_id", "unit_source_value"),
    "sourceConceptRecordCompleteness.drug_exposure.drug_source_concept_id": _unmapped("drug_exposure", "drug_source_concept_id", "drug_source_value"),
    "sourceValueCompleteness.measurement.measurement_source_value": "SELECT count(*) FROM (SELECT DISTINCT measurement_source_value FROM measurement WHERE measurement_concept_id = 0)",
    "sourceValueCompleteness.drug_exposure.drug_source_value": "SELECT count(*) FROM (SELECT DISTINCT drug_source_value FROM drug_exposure WHERE drug_concept_id = 0)",
    "plausibleValueLow.drug_exposure.days_supply": "SELECT count(*) FROM drug_exposure WHERE days_supply < 1",
    "plausibleValueHigh.drug_exposure.days_supply": "SELECT count(*) FROM drug_exposure WHERE days_supply > 365",
    "plausibleValueLow.condition_occurrence.condition_start_date": "SELECT count(*) FROM condition_occurrence WHERE condition_start_date < DATE '1950-01-01'",
    "plausibleValueHigh.death.death_date": "SELECT count(*) FROM death WHERE death_date > DATE '2020-01-02'",
    "plausibleTemporalAfter.visit_occurrence.visit_start_date": "SELECT count(*) FROM visit_occurrence a JOIN person p USING (person_id) "
        "WHERE coalesce(p.birth_datetime::DATE, make_date(p.year_of_birth::INT, 6, 1)) > a.visit_start_date",
    "plausibleDuringLife.condition_occurrence.condition_start_date": _after_death("condition_occurrence", "condition_start_date"),
    "plausibleBeforeDeath.measurement.measurement_date": _after_death("measurement", "measurement_date"),
    "plausibleBeforeDeath.visit_occurrence.visit_end_date": _after_death("visit_occurrence", "visit_end_date"),
    "plausibleAfterBirth.observation.observation_date": _before_birth("observation", "observation_date"),
    "withinVisitDates.measurement.measurement_date": _outside_visit("measurement", "measurement_date"),
    "withinVisitDates.drug_exposure.drug_exposure_start_date": _outside_visit("drug_exposure", "drug_exposure_start_date"),
    "plausibleStartBeforeEnd.drug_exposure.drug_exposure_start_date": "SELECT count(*) FROM drug_exposure WHERE drug_exposure_start_date > drug_exposure_end_date",
    "cdmDatatype.drug_exposure.days_supply": "SELECT count(*) FROM drug_exposure WHERE NOT regexp_full_match(days_supply::VARCHAR, '[0-9]+')",
    "plausibleUnitConceptIds.measurement.measurement_concept_id.3004249": "SELECT count(*) FROM measurement WHERE measurement_concept_id = 3004249 AND unit_concept_id NOT IN (8876, 0)",
}  # fmt: skip
OWN = {
    "synthea27nj": {
        "plausibleRange.measurement.measurement_concept_id.3020630.8713": "SELECT count(*) FROM measurement WHERE measurement_concept_id = 3020630 AND unit_concept_id = 8713 AND value_as_number NOT BETWEEN 1 AND 20",
    },
    "lite_1001": {
        "cdmDatatype.drug_era.gap_days": "SELECT count(*) FROM drug_era WHERE gap_days < 0",
        "plausibleAfterBirth.specimen.specimen_date": _before_birth("specimen", "specimen_date"),
        "plausibleTemporalAfter.specimen.specimen_date": "SELECT count(*) FROM specimen a JOIN person p USING (person_id) WHERE coalesce(p.birth_datetime::DATE, make_date(p.year_of_birth::INT, 6, 1)) > a.specimen_date",
        "withinFollowUp.specimen.specimen_date": "SELECT count(*) FROM specimen s JOIN person USING (person_id) WHERE NOT EXISTS (SELECT 1 FROM observation_period o WHERE o.person_id = s.person_id AND s.specimen_date BETWEEN o.observation_period_start_date AND o.observation_period_end_date)",
    },
}  # fmt: skip
SEXES = (
    "SELECT count(*) FROM {table} a JOIN person p USING (person_id) "
    "WHERE a.{field} = {concept} AND p.gender_concept_id <> {sex}"
)


@dataclass(frozen=True)
class Sample:
    """One sample with its run, all of whose tables are in the schema cdm."""

    name: str
    con: duckdb.DuckDBPyConnection
    results: dict[str, Result]
    totals: dict[str, int]


@pytest.fixture(scope="module", params=["synthea27nj", "lite_1001"])
def sample(
    request: pytest.FixtureRequest, shared_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Sample:
    folder = shared_data / f"omop_{request.param}"
    unpacked = tmp_path_factory.mktemp(request.param)
    for archive in folder.glob("*.zip"):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(unpacked)
    con = duckdb.connect(config={"threads": "2"})
    con.execute("CREATE SCHEMA cdm; SET schema = 'cdm'")
    for path in sorted([*folder.glob("*.parquet"), *unpacked.glob("Synthea*/*.parquet")]):
        con.execute(f"CREATE TABLE {path.stem} AS FROM '{path}'")
    asked = Asked("run", request.param, date(2020, 1, 1), with_vocabulary=True)
    done = run_checks(con, asked)
    results = {r.rule.check_id: r for r in done.results}
    return Sample(request.param, con, results, totals(done.results))


def test_all_checks_run_without_an_error(sample: Sample) -> None:
    assert sample.totals["n_checks"] > 2600
    assert sample.totals["n_error"] == 0
    assert sample.totals["n_passed"] > 900


def test_counts_agree_with_sql_of_its_own(sample: Sample) -> None:
    compared: dict[str, int] = {}
    for check_id, sql in {**COMMON, **OWN[sample.name]}.items():
        result = sample.results[check_id]
        if result.state == "not_applicable":
            continue
        (expected,) = sample.con.execute(sql).fetchone() or (None,)
        assert result.n_violated == expected, check_id
        compared[result.rule.check] = max(compared.get(result.rule.check, 0), result.n_violated)
    assert len(compared) >= 20, sorted(compared)
    found = [check for check, n in compared.items() if n > 0]
    assert len(found) >= 7, sorted(found)


def test_sex_specific_concepts_agree(sample: Sample) -> None:
    checked = 0
    for result in sample.results.values():
        rule = result.rule
        if rule.check == "plausibleGender" and result.n_denominator:
            sql = SEXES.format(table=rule.table, field=rule.field, concept=rule.concept_ids[0], sex=rule.argument)  # fmt: skip
            assert sample.con.execute(sql).fetchone() == (result.n_violated,)
            checked += 1
    assert checked


def test_domains_and_denominators_are_rows(sample: Sample) -> None:
    for table in ("measurement", "condition_occurrence", "drug_exposure"):
        n = sample.con.execute(f"SELECT count(*) FROM {table}").fetchone()
        assert n == (sample.results[f"isForeignKey.{table}.person_id"].n_denominator,)
        assert n == (sample.results[f"isRequired.{table}.person_id"].n_denominator,)
