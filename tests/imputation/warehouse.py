"""A small warehouse with the tables a plan reads, of persons measured at irregular times."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

ORIGIN = date(2010, 1, 1)
BMI, HBA1C, RARE = 3038553, 3004410, 3020460
_TABLES = """
CREATE SCHEMA cdm; CREATE SCHEMA mart; CREATE SCHEMA stem;
CREATE TABLE cdm.person (person_id BIGINT, gender_concept_id BIGINT, year_of_birth INTEGER,
  care_site_id BIGINT);
CREATE TABLE cdm.observation_period (observation_period_id BIGINT, person_id BIGINT,
  observation_period_start_date DATE, observation_period_end_date DATE);
CREATE TABLE cdm.measurement (measurement_id BIGINT, person_id BIGINT,
  measurement_concept_id BIGINT, measurement_date DATE, measurement_datetime TIMESTAMP,
  value_as_number DOUBLE, unit_concept_id BIGINT, operator_concept_id BIGINT);
CREATE TABLE cdm.observation (observation_id BIGINT, person_id BIGINT,
  observation_concept_id BIGINT, observation_date DATE, observation_datetime TIMESTAMP,
  value_as_number DOUBLE, unit_concept_id BIGINT);
CREATE TABLE mart.person_attribute (person_id BIGINT, attribute VARCHAR, scheme VARCHAR,
  level VARCHAR);
CREATE TABLE mart.source_coverage (person_id BIGINT, study VARCHAR, source VARCHAR,
  covered_from DATE, covered_to DATE);
CREATE TABLE mart.absent_fact (person_id BIGINT, study VARCHAR, source VARCHAR,
  variable VARCHAR, code_system VARCHAR, start_date DATE, absent_reason VARCHAR);
CREATE TABLE stem.event (study VARCHAR, source VARCHAR, source_code VARCHAR, code_system VARCHAR,
  concept_id BIGINT);
"""


def empty() -> duckdb.DuckDBPyConnection:
    """The tables without rows."""
    con = duckdb.connect()
    con.execute(_TABLES)
    return con


def person(
    con: duckdb.DuckDBPyConnection, person_id: int, *periods: tuple[int, int], sex: int = 8532
) -> None:
    """A person with follow-ups given as days from ORIGIN."""
    con.execute("INSERT INTO cdm.person VALUES (?, ?, 1960, NULL)", [person_id, sex])
    for n, (first, last) in enumerate(periods):
        con.execute(
            "INSERT INTO cdm.observation_period VALUES (?, ?, ?, ?)",
            [person_id * 10 + n, person_id, ORIGIN + timedelta(first), ORIGIN + timedelta(last)],
        )


def measured(
    con: duckdb.DuckDBPyConnection,
    person_id: int,
    concept: int,
    day: int,
    value: float,
    unit: int | None = None,
    operator: int | None = None,
) -> None:
    """One measurement on a day from ORIGIN."""
    con.execute(
        "INSERT INTO cdm.measurement SELECT count(*) + 1, ?, ?, ?, NULL, ?, ?, ? FROM cdm.measurement",
        [person_id, concept, ORIGIN + timedelta(day), value, unit, operator],
    )


def cohort(n_persons: int, seed: int) -> duckdb.DuckDBPyConnection:
    """Persons with two related variables on some of eight days each, and their attributes."""
    con = empty()
    draw = np.random.default_rng(seed)
    persons = np.arange(1, n_persons + 1)
    sex = np.where(draw.random(n_persons) < 0.5, 8532, 8507)
    _insert(con, "cdm.person", {"person_id": persons, "gender_concept_id": sex,
                                "year_of_birth": draw.integers(1940, 1980, n_persons)})  # fmt: skip
    start = np.datetime64(ORIGIN)
    _insert(con, "cdm.observation_period", {
        "observation_period_id": persons, "person_id": persons,
        "observation_period_start_date": np.full(n_persons, start),
        "observation_period_end_date": np.full(n_persons, start + 4000)})  # fmt: skip
    _insert(con, "mart.person_attribute", {
        "person_id": persons, "attribute": np.full(n_persons, "sex"),
        "scheme": np.full(n_persons, "omop-gender"),
        "level": np.where(sex == 8532, "female", "male")})  # fmt: skip
    _insert(con, "mart.source_coverage", {
        "person_id": persons, "study": np.full(n_persons, "s"), "source": np.full(n_persons, "main"),
        "covered_from": np.full(n_persons, start),
        "covered_to": np.full(n_persons, start + 4000)})  # fmt: skip
    con.execute("INSERT INTO stem.event VALUES ('s', 'main', 'b', NULL, ?), ('s', 'main', 'h', NULL, ?)",
                [BMI, HBA1C])  # fmt: skip
    at = np.repeat(persons, 8)
    day = np.sort(draw.integers(0, 4000, (n_persons, 8)), axis=1).ravel()
    level = np.repeat(draw.normal(size=n_persons), 8)
    shared = 0.5 * draw.normal(size=len(at))
    bmi = 26 + 4 * (level + shared + 0.2 * draw.normal(size=len(at)))
    hba1c = np.exp(1.7 + 0.2 * (level + shared + 0.4 * draw.normal(size=len(at))))
    for concept, value, seen in ((BMI, bmi, 0.8), (HBA1C, hba1c, 0.6)):
        kept = draw.random(len(at)) < seen
        n = int(kept.sum())
        _insert(con, "cdm.measurement", {
            "measurement_id": np.arange(n) + concept * 100_000, "person_id": at[kept],
            "measurement_concept_id": np.full(n, concept),
            "measurement_date": (start + day[kept]), "value_as_number": value[kept]})  # fmt: skip
    return con


def _insert(con: duckdb.DuckDBPyConnection, table: str, columns: dict[str, object]) -> None:
    con.register("given", pa.table(columns))
    con.execute(f"INSERT INTO {table} ({', '.join(columns)}) SELECT * FROM given")
    con.unregister("given")
