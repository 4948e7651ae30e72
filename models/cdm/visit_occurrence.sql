/* One row per visit to the health system. */
MODEL (
  name cdm.visit_occurrence,
  kind FULL
);

SELECT
  CAST(e.fact_id AS BIGINT) AS visit_occurrence_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS visit_concept_id,
  CAST(e.start_date AS DATE) AS visit_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS visit_start_datetime,
  CAST(GREATEST(e.start_date, COALESCE(e.end_date, e.start_date)) AS DATE) AS visit_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS visit_end_datetime,
  CAST(e.type_concept_id AS BIGINT) AS visit_type_concept_id,
  CAST(NULL AS BIGINT) AS provider_id,
  CAST(NULL AS BIGINT) AS care_site_id,
  CAST(SUBSTRING(COALESCE(e.source_code, e.origin), 1, 50) AS VARCHAR) AS visit_source_value,
  CAST(e.source_concept_id AS BIGINT) AS visit_source_concept_id,
  CAST(CASE WHEN NOT e.admitted_from IS NULL THEN 0 END AS BIGINT) AS admitted_from_concept_id,
  CAST(SUBSTRING(e.admitted_from, 1, 50) AS VARCHAR) AS admitted_from_source_value,
  CAST(CASE WHEN NOT e.discharged_to IS NULL THEN 0 END AS BIGINT) AS discharged_to_concept_id,
  CAST(SUBSTRING(e.discharged_to, 1, 50) AS VARCHAR) AS discharged_to_source_value,
  CAST(NULL AS BIGINT) AS preceding_visit_occurrence_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
WHERE
  e.cdm_table = 'visit_occurrence' AND NOT e.start_date IS NULL
