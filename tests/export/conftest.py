"""A small hand-made warehouse with the columns the models give, and its links."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.export.project import OpenProject, create_project
from tests.export.images import IMAGES
from tests.export.records import RECORDS

N_PERSONS = 60
BMI, GLUCOSE, DIABETES = 3038553, 3004501, 201826

STUDY = """
id: {study}
name: {study}
release: "1"
licence: none
time_zone: Europe/London
consent:
  default: {default}
sources:
  baseline: {{connector: delimited, files: ["*.csv"], modality: questionnaire}}
"""

# The person with number n (1 to 60) has id 1000 * n + 7; day n of 2020 is the baseline visit.
WAREHOUSE = f"""
CREATE SCHEMA cdm; CREATE SCHEMA vocab; CREATE SCHEMA mart; CREATE SCHEMA stem;
CREATE TABLE n AS SELECT CAST(range AS BIGINT) AS n, 1000 * range + 7 AS person_id
  FROM range(1, {N_PERSONS + 1});
CREATE TABLE vocab.study_source AS SELECT * FROM (VALUES
  ('one', 'baseline', 'questionnaire', '2006-01-01', '2022-12-31'),
  ('one', 'hospital', 'health_record', '1997-01-01', '2022-12-31'),
  ('one', 'scanner', 'imaging', '2014-01-01', NULL),
  ('two', 'baseline', 'questionnaire', '2010-01-01', NULL)
) AS s(study, source, modality, covers_from, covers_to);
CREATE TABLE vocab.vocabulary AS SELECT 'None' AS vocabulary_id, 'v5 test' AS vocabulary_version;
CREATE TABLE vocab.concept AS SELECT * FROM (VALUES
  ({BMI}, 'BMI', 'LOINC', '39156-5'), ({GLUCOSE}, 'Glucose', 'LOINC', '2345-7'),
  ({DIABETES}, 'Type 2 diabetes', 'SNOMED', '44054006'), (45533021, 'E11.9', 'ICD10', 'E11.9'),
  (201820, 'Diabetes', 'SNOMED', '73211009')
) AS c(concept_id, concept_name, vocabulary_id, concept_code);
CREATE TABLE vocab.concept_ancestor AS SELECT * FROM (VALUES
  (201820, 201820), (201820, {DIABETES}), ({DIABETES}, {DIABETES})
) AS a(ancestor_concept_id, descendant_concept_id);
CREATE TABLE vocab.mapping AS SELECT * FROM (VALUES
  ('one', 'baseline', '21001', {BMI}), ('one', 'scanner', 'lv', {GLUCOSE})
) AS m(study, source, variable, target_concept_id);
CREATE TABLE cdm.person AS SELECT person_id, 8507 AS gender_concept_id,
  CAST(CASE WHEN n = 1 THEN 1925 ELSE 1940 + n % 40 END AS INTEGER) AS year_of_birth,
  CAST(1 + n % 12 AS INTEGER) AS month_of_birth, CAST(NULL AS INTEGER) AS day_of_birth,
  CAST(NULL AS TIMESTAMP) AS birth_datetime, 8527 AS race_concept_id,
  CAST(NULL AS VARCHAR) AS person_source_value, 'White' AS race_source_value,
  0 AS ethnicity_concept_id FROM n;
COMMENT ON TABLE cdm.person IS 'One row per person';
COMMENT ON COLUMN cdm.person.year_of_birth IS 'Year the person''s life began';
CREATE TABLE cdm.observation_period AS SELECT 100000 + n AS observation_period_id, person_id,
  DATE '2020-01-01' + CAST(n AS INTEGER) AS observation_period_start_date,
  DATE '2022-12-31' AS observation_period_end_date, 32817 AS period_type_concept_id FROM n;
CREATE TABLE cdm.visit_occurrence AS SELECT 200000 + n AS visit_occurrence_id, person_id,
  DATE '2021-01-01' + CAST(n AS INTEGER) AS visit_start_date,
  DATE '2021-01-03' + CAST(n AS INTEGER) AS visit_end_date FROM n WHERE n % 2 = 0;
CREATE TABLE cdm.condition_occurrence AS SELECT 300000 + n AS condition_occurrence_id, person_id,
  {DIABETES} AS condition_concept_id, DATE '2021-01-01' + CAST(n AS INTEGER)
    AS condition_start_date, 200000 + n AS visit_occurrence_id,
  CASE WHEN n = 2 THEN 'first_mi=2011-02-03' ELSE 'E119' END AS condition_source_value FROM n WHERE n % 2 = 0;
CREATE TABLE cdm.measurement AS SELECT 400000 + 10 * n AS measurement_id, person_id,
  {BMI} AS measurement_concept_id, DATE '2020-01-01' + CAST(n AS INTEGER) AS measurement_date,
  TIMESTAMP '2020-01-01 09:30:00' + to_days(CAST(n AS INTEGER)) AS measurement_datetime,
  CAST(20 + n AS DOUBLE) AS value_as_number, 9531 AS unit_concept_id, '21001' AS measurement_source_value,
  CAST(NULL AS VARCHAR) AS value_source_value FROM n WHERE n <> 20;
INSERT INTO cdm.measurement SELECT measurement_id + 1, person_id, {GLUCOSE}, DATE '2021-06-01',
  NULL, value_as_number, 8753, 'lv', '2021-06-01' FROM cdm.measurement;
CREATE TABLE cdm.observation AS SELECT 500000 + n AS observation_id, person_id,
  0 AS observation_concept_id, DATE '2020-01-01' + CAST(n AS INTEGER) AS observation_date,
  strftime(DATE '2020-01-01' + CAST(n AS INTEGER), '%Y-%m-%d') AS value_as_string,
  CASE WHEN n % 2 = 0 THEN '03/05/2010' ELSE 'often' END AS value_source_value FROM n;
CREATE TABLE cdm.death AS SELECT person_id, DATE '2022-05-01' + CAST(n AS INTEGER) AS death_date
  FROM n WHERE n % 10 = 0;
CREATE TABLE cdm.cdm_source AS SELECT 'test' AS cdm_source_name;
CREATE TABLE cdm.note_nlp AS SELECT 1 AS note_nlp_id, 'x' AS lexical_variant;
CREATE TABLE stem.event AS
  SELECT measurement_id AS fact_id, 'one' AS study,
    CASE WHEN measurement_concept_id = {BMI} THEN 'baseline' ELSE 'scanner' END AS source,
    person_id, 'measurement' AS cdm_table, CAST(NULL AS VARCHAR) AS person_field,
    measurement_date AS start_date, CAST(NULL AS DATE) AS end_date, 'own' AS date_origin
    FROM cdm.measurement
  UNION ALL SELECT condition_occurrence_id, 'one', 'hospital', person_id, 'condition_occurrence',
    NULL, condition_start_date, NULL, 'own' FROM cdm.condition_occurrence
  UNION ALL SELECT visit_occurrence_id, 'one', 'hospital', person_id, 'visit_occurrence',
    NULL, visit_start_date, visit_end_date, 'own' FROM cdm.visit_occurrence
  UNION ALL SELECT observation_id, 'two', 'baseline', person_id, 'observation', NULL,
    observation_date, NULL, 'own' FROM cdm.observation
  UNION ALL SELECT 600000 + person_id, 'one', 'hospital', person_id, 'death', NULL, death_date,
    NULL, 'own' FROM cdm.death
  UNION ALL SELECT 700000 + person_id, 'one', 'baseline', person_id, 'person', 'race', NULL,
    NULL, 'none' FROM n;
CREATE TABLE mart.source_coverage AS SELECT n.person_id, s.study, s.source, s.modality,
  DATE '2020-01-01' + CAST(n.n AS INTEGER) AS covered_from, DATE '2022-12-31' AS covered_to,
  'administrative-censoring' AS end_reason, CAST(NULL AS VARCHAR) AS end_detail FROM n CROSS JOIN vocab.study_source AS s;
CREATE TABLE mart.absent_fact AS SELECT person_id, 'one' AS study, 'baseline' AS source,
  '21001' AS variable, DATE '2020-01-21' AS start_date, 'asked-declined' AS absent_reason
  FROM n WHERE n = 20;
CREATE TABLE mart.modality AS SELECT DISTINCT person_id, modality, 1 AS n_sources, 9 AS n_rows
  FROM mart.source_coverage;
CREATE TABLE mart.participant AS SELECT p.person_id, 2 AS n_studies, 9 AS n_rows,
  p.year_of_birth, o.observation_period_start_date AS observed_from,
  o.observation_period_end_date AS observed_to, d.death_date
  FROM cdm.person AS p JOIN cdm.observation_period AS o USING (person_id)
  LEFT JOIN cdm.death AS d USING (person_id);
CREATE TABLE mart.person_attribute AS SELECT person_id, 'ethnicity' AS attribute, 'omop' AS scheme,
  'White' AS level FROM n
  UNION ALL SELECT person_id, 'age_band', 'ten-years-at-entry', '0-9' FROM n
  UNION ALL SELECT person_id, 'sex', 'omop-gender', 'male' FROM n;
CREATE TABLE mart.coverage AS SELECT 'one' AS study, 59 AS n_facts;
DROP TABLE n;
"""


def person(n: int) -> int:
    """person_id of the n-th person."""
    return 1000 * n + 7


def put_links(
    home: Home,
    statuses: dict[int, str] | None = None,
    consents: list[tuple[int, str, str, str | None, str | None]] | None = None,
) -> None:
    """Put a bridge (both studies) and consents in force: person, modality, status, level, from."""
    folder = home.landing / "link"
    folder.mkdir(parents=True, exist_ok=True)
    con = duckdb.connect()
    con.execute("""CREATE TABLE bridge (source_person_key VARCHAR, study VARCHAR,
        person_id BIGINT, link_status VARCHAR, method VARCHAR, certainty DOUBLE)""")
    con.execute("""CREATE TABLE consent (person_id BIGINT, modality VARCHAR, status VARCHAR,
        level VARCHAR, effective_from VARCHAR)""")
    con.execute(
        f"""INSERT INTO bridge SELECT study || n, study, 1000 * n + 7, 'linked', 'minted', 1
        FROM range(1, {N_PERSONS + 1}) AS r(n), (VALUES ('one'), ('two')) AS s(study)"""
    )
    for n, status in (statuses or {}).items():
        con.execute("UPDATE bridge SET link_status = ? WHERE person_id = ?", [status, person(n)])
    for n, *rest in consents or []:
        con.execute("INSERT INTO consent VALUES (?, ?, ?, ?, ?)", [person(n), *rest])
    with Manifest(home) as manifest, manifest.transaction():
        for name in ("bridge", "consent"):
            path = folder / f"{name}.parquet"
            con.execute(f"COPY {name} TO '{path}' (FORMAT parquet)")
            full = "link.person_bridge" if name == "bridge" else "link.consent"
            manifest.put_object(full, f"link/{name}.parquet", 1, name)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The warehouse's file, made once."""
    path = tmp_path_factory.mktemp("built") / "warehouse.duckdb"
    with duckdb.connect(str(path)) as con:
        con.execute(WAREHOUSE + RECORDS + IMAGES)
    return path


@pytest.fixture
def bank(home: Home, built: Path) -> Iterator[Home]:
    """A home with 60 linked persons in a built warehouse."""
    for study, default in (("one", "given"), ("two", "given")):
        (home.studies / study).mkdir()
        text = STUDY.format(study=study, default=default)
        (home.studies / study / "study.yaml").write_text(text)
    shutil.copyfile(built, home.warehouse)
    put_links(home)
    yield home


@pytest.fixture
def alpha(bank: Home) -> OpenProject:
    """A project with all modalities and shifted dates."""
    return create_project(bank, "alpha", title="Alpha")


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    """Rows of a query on a file opened by plain DuckDB under the alias `r`."""
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{path}' AS r (READ_ONLY)")
        found: list[tuple[object, ...]] = con.execute(sql).fetchall()
        return found
