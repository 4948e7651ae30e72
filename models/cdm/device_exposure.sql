/* One row per device exposure. */
MODEL (
  name cdm.device_exposure,
  kind FULL
);

SELECT
  CAST(e.fact_id AS BIGINT) AS device_exposure_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS device_concept_id,
  CAST(e.start_date AS DATE) AS device_exposure_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS device_exposure_start_datetime,
  CAST(CASE WHEN e.end_date >= e.start_date THEN e.end_date END AS DATE) AS device_exposure_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS device_exposure_end_datetime,
  CAST(e.type_concept_id AS BIGINT) AS device_type_concept_id,
  CAST(NULL AS VARCHAR) AS unique_device_id,
  CAST(NULL AS VARCHAR) AS production_id,
  TRY_CAST(e.quantity AS INTEGER) AS quantity,
  CAST(NULL AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(CASE WHEN e.kind = 'value' AND NOT e.source_value IS NULL THEN e.source_code || '=' || e.source_value ELSE e.source_code END, 1, 50) AS VARCHAR) AS device_source_value,
  CAST(e.source_concept_id AS BIGINT) AS device_source_concept_id,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(SUBSTRING(e.source_unit, 1, 50) AS VARCHAR) AS unit_source_value,
  CAST(NULL AS BIGINT) AS unit_source_concept_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
WHERE
  e.cdm_table = 'device_exposure' AND NOT e.start_date IS NULL
