"""Records, eras and days at risk of the hand-made warehouse."""

from __future__ import annotations

TOKEN = "00112233445566778899aabbccddeeff"
# Ids of person n: home 900000 + n, plan 800000 + n; of even n: cost 810000 + n of the
# condition, 820000 + n of the same known to the baseline, eras 830000 + n (delivered) and
# 840000 + n (derived).
RECORDS = f"""
CREATE SCHEMA staging;
CREATE TABLE cdm.drug_exposure (drug_exposure_id BIGINT, person_id BIGINT, drug_concept_id BIGINT,
  drug_exposure_start_date DATE);
CREATE TABLE n AS SELECT (person_id - 7) // 1000 AS n, person_id FROM cdm.person;
ALTER TABLE vocab.study_source ADD COLUMN origin VARCHAR;
UPDATE vocab.study_source SET origin = CASE source WHEN 'hospital' THEN 'hospital' ELSE 'research' END;
CREATE TABLE vocab.study_censoring AS SELECT 'one' AS study, 'hospital' AS source, '2' AS region,
  '2018-08-31' AS covers_to;
ALTER TABLE cdm.person ADD COLUMN location_id BIGINT;
UPDATE cdm.person SET location_id = 900000 + (person_id - 7) // 1000;
CREATE TABLE cdm.location AS SELECT CAST(900000 + n AS BIGINT) AS location_id, 'AB1' AS zip,
  'Town' AS city, CAST(NULL AS VARCHAR) AS address_1, '{TOKEN}' AS location_source_value,
  42035286 AS country_concept_id, CAST(55.9 AS DOUBLE) AS latitude, CAST(-3.2 AS DOUBLE) AS longitude FROM n
  UNION ALL SELECT 999001, 'AB2', 'Town', NULL, NULL, 42035286, 1, 2
  UNION ALL SELECT 999002, 'AB3', 'Town', NULL, NULL, 42035286, 1, 2;
CREATE TABLE cdm.care_site AS SELECT CAST(950001 AS BIGINT) AS care_site_id, 'St Mary' AS care_site_name,
  CAST(999001 AS BIGINT) AS location_id, '{TOKEN}' AS care_site_source_value;
CREATE TABLE cdm.provider AS SELECT CAST(960001 AS BIGINT) AS provider_id, CAST(950001 AS BIGINT) AS care_site_id,
  CAST(1970 AS INTEGER) AS year_of_birth, '{TOKEN}' AS provider_source_value, 'gp' AS specialty_source_value;
CREATE TABLE cdm.metadata AS SELECT CAST(970001 AS BIGINT) AS metadata_id, 'extract' AS name,
  DATE '2022-12-31' AS metadata_date;
CREATE TABLE cdm.payer_plan_period AS SELECT CAST(800000 + n AS BIGINT) AS payer_plan_period_id, person_id,
  DATE '2020-01-01' + CAST(n AS INTEGER) AS payer_plan_period_start_date,
  DATE '2021-01-01' AS payer_plan_period_end_date, '{TOKEN}' AS family_source_value FROM n;
CREATE TABLE cdm.cost AS SELECT CAST(810000 + n AS BIGINT) AS cost_id, CAST(300000 + n AS BIGINT) AS cost_event_id,
  'Condition' AS cost_domain_id, CAST(800000 + n AS BIGINT) AS payer_plan_period_id FROM n WHERE n % 2 = 0
  UNION ALL SELECT 820000 + n, 300000 + n, 'Condition', NULL FROM n WHERE n % 2 = 0;
CREATE TABLE cdm.condition_era AS SELECT CAST(i.id + n.n AS BIGINT) AS condition_era_id, n.person_id,
  201826 AS condition_concept_id, DATE '2021-01-01' AS condition_era_start_date,
  DATE '2021-04-01' AS condition_era_end_date FROM n, (VALUES (830000), (840000)) AS i(id) WHERE n.n % 2 = 0;
CREATE TABLE cdm.fact_relationship AS SELECT 56 AS domain_concept_id_1, person_id AS fact_id_1,
  56 AS domain_concept_id_2, person_id + 2000 AS fact_id_2, 1 AS relationship_concept_id
  FROM n WHERE n % 2 = 0 AND n < 60
  UNION ALL SELECT 8, 200000 + n, 19, 300000 + n, 2 FROM n WHERE n % 2 = 0
  UNION ALL SELECT 57, 950001, 57, 950001, 3;
CREATE TABLE cdm.episode_event AS SELECT CAST(200000 + n AS BIGINT) AS episode_id,
  CAST(300000 + n AS BIGINT) AS event_id, 1147127 AS episode_event_field_concept_id FROM n WHERE n % 2 = 0;
CREATE TABLE staging.source_record AS
  SELECT 800000 + n AS record_id, person_id, 'one' AS study, 'hospital' AS source, DATE '2020-02-01' AS start_date FROM n
  UNION ALL SELECT 810000 + n, person_id, 'one', 'hospital', NULL FROM n
  UNION ALL SELECT 820000 + n, person_id, 'one', 'baseline', NULL FROM n
  UNION ALL SELECT 950001, NULL, 'one', 'hospital', NULL;
CREATE TABLE staging.source_event AS SELECT 830000 + n AS row_id, person_id, 'one' AS study,
  'hospital' AS source, 'condition_era' AS kind, DATE '2021-01-01' AS start_date FROM n WHERE n % 2 = 0;
CREATE TABLE stem.drug_ingredient (drug_concept_id BIGINT, ingredient_concept_id BIGINT);
CREATE TABLE mart.follow_up AS SELECT person_id, 'hospital' AS origin, 'condition_occurrence' AS outcome_table,
  1 AS period_number, DATE '2000-01-01' AS at_risk_from, DATE '2022-12-31' AS at_risk_to FROM n;
CREATE TABLE mart.outcome AS SELECT person_id, 'one' AS study, 'hospital' AS source, 'hospital' AS origin,
  201826 AS concept_id, DATE '2021-01-01' + CAST(n AS INTEGER) AS first_date FROM n WHERE n % 2 = 0;
CREATE TABLE mart.death_record AS SELECT CAST(600000 + person_id AS BIGINT) AS fact_id, person_id, 'one' AS study,
  'hospital' AS source, DATE '2022-05-01' + CAST(n AS INTEGER) AS start_date, 1 AS place FROM n WHERE n % 10 = 0;
CREATE TABLE mart.death_agreement AS SELECT 'hospital' AS chosen_origin, 3 AS n_persons;
DROP TABLE n;
"""
# Person 37: two stretches of hospital records with a scan between them.
TWO_STRETCHES = """
DELETE FROM mart.source_coverage WHERE person_id = 37007;
INSERT INTO mart.source_coverage VALUES
  (37007, 'one', 'hospital', 'health_record', '2000-01-01', '2001-01-01', 'registration-ended', NULL),
  (37007, 'one', 'hospital', 'health_record', '2010-01-01', '2012-01-01', 'registration-ended', NULL),
  (37007, 'one', 'scanner', 'imaging', '2005-01-01', '2005-01-01', 'last-record', NULL);
"""
