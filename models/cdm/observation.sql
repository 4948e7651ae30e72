/* One row per observation: answers, and every fact that no other table takes. */
MODEL (
  name cdm.observation,
  kind FULL
);

SELECT
  CAST(e.fact_id AS BIGINT) AS observation_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS observation_concept_id,
  CAST(e.start_date AS DATE) AS observation_date,
  CAST(e.start_datetime AS TIMESTAMP) AS observation_datetime,
  CAST(e.type_concept_id AS BIGINT) AS observation_type_concept_id,
  CAST(e.value_number AS DOUBLE) AS value_as_number,
  CAST(SUBSTRING(e.value_text, 1, 60) AS VARCHAR) AS value_as_string,
  CAST(e.value_concept_id AS BIGINT) AS value_as_concept_id,
  CAST(NULL AS BIGINT) AS qualifier_concept_id,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(NULL AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(e.source_code, 1, 50) AS VARCHAR) AS observation_source_value,
  CAST(e.source_concept_id AS BIGINT) AS observation_source_concept_id,
  CAST(SUBSTRING(e.source_unit, 1, 50) AS VARCHAR) AS unit_source_value,
  CAST(SUBSTRING(e.position, 1, 50) AS VARCHAR) AS qualifier_source_value,
  CAST(SUBSTRING(e.source_value, 1, 50) AS VARCHAR) AS value_source_value,
  CAST(NULL AS BIGINT) AS observation_event_id,
  CAST(NULL AS BIGINT) AS obs_event_field_concept_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
WHERE
  e.cdm_table = 'observation' AND NOT e.start_date IS NULL
