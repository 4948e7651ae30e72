/* One row per recorded condition. */
MODEL (
  name cdm.condition_occurrence,
  kind FULL
);

SELECT
  CAST(e.fact_id AS BIGINT) AS condition_occurrence_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS condition_concept_id,
  CAST(e.start_date AS DATE) AS condition_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS condition_start_datetime,
  CAST(CASE WHEN e.end_date >= e.start_date THEN e.end_date END AS DATE) AS condition_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS condition_end_datetime,
  CAST(e.type_concept_id AS BIGINT) AS condition_type_concept_id,
  CAST(CASE WHEN NOT e.position IS NULL THEN 0 END AS BIGINT) AS condition_status_concept_id,
  CAST(NULL AS VARCHAR) AS stop_reason,
  CAST(NULL AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(CASE WHEN e.kind = 'value' AND NOT e.source_value IS NULL THEN e.source_code || '=' || e.source_value ELSE e.source_code END, 1, 50) AS VARCHAR) AS condition_source_value,
  CAST(e.source_concept_id AS BIGINT) AS condition_source_concept_id,
  CAST(SUBSTRING(e.position, 1, 50) AS VARCHAR) AS condition_status_source_value
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
WHERE
  e.cdm_table = 'condition_occurrence' AND NOT e.start_date IS NULL
