/* One row per measurement, in UCUM units. */
MODEL (
  name cdm.measurement,
  kind FULL
);

SELECT
  CAST(e.fact_id AS BIGINT) AS measurement_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS measurement_concept_id,
  CAST(e.start_date AS DATE) AS measurement_date,
  CAST(e.start_datetime AS TIMESTAMP) AS measurement_datetime,
  CAST(SUBSTRING(CAST(e.start_datetime AS VARCHAR), 12, 8) AS VARCHAR) AS measurement_time,
  CAST(e.type_concept_id AS BIGINT) AS measurement_type_concept_id,
  CAST(CASE WHEN NOT e.value_operator IS NULL THEN COALESCE(o.concept_id, 0) END AS BIGINT) AS operator_concept_id,
  CAST(e.value_number AS DOUBLE) AS value_as_number,
  CAST(e.value_concept_id AS BIGINT) AS value_as_concept_id,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(NULL AS DOUBLE) AS range_low,
  CAST(NULL AS DOUBLE) AS range_high,
  CAST(NULL AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(e.source_code, 1, 50) AS VARCHAR) AS measurement_source_value,
  CAST(e.source_concept_id AS BIGINT) AS measurement_source_concept_id,
  CAST(SUBSTRING(e.source_unit, 1, 50) AS VARCHAR) AS unit_source_value,
  CAST(NULL AS BIGINT) AS unit_source_concept_id,
  CAST(SUBSTRING(e.source_value, 1, 50) AS VARCHAR) AS value_source_value,
  CAST(NULL AS BIGINT) AS measurement_event_id,
  CAST(NULL AS BIGINT) AS meas_event_field_concept_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN vocab.concept AS o
  ON CASE e.value_operator WHEN '<' THEN 4171756 WHEN '<=' THEN 4171754 WHEN '>' THEN 4172704 WHEN '>=' THEN 4171755 END = o.concept_id
WHERE
  e.cdm_table = 'measurement' AND NOT e.start_date IS NULL
