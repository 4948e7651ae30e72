/* One row per drug exposure. */
MODEL (
  name cdm.drug_exposure,
  kind FULL
);

SELECT
  CAST(e.fact_id AS BIGINT) AS drug_exposure_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS drug_concept_id,
  CAST(e.start_date AS DATE) AS drug_exposure_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS drug_exposure_start_datetime,
  CAST(GREATEST(e.start_date, COALESCE(e.end_date, e.start_date)) AS DATE) AS drug_exposure_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS drug_exposure_end_datetime,
  CAST(e.end_date AS DATE) AS verbatim_end_date,
  CAST(e.type_concept_id AS BIGINT) AS drug_type_concept_id,
  CAST(NULL AS VARCHAR) AS stop_reason,
  CAST(NULL AS INTEGER) AS refills,
  CAST(e.quantity AS DOUBLE) AS quantity,
  CAST(NULL AS INTEGER) AS days_supply,
  CAST(NULL AS VARCHAR) AS sig,
  CAST(NULL AS BIGINT) AS route_concept_id,
  CAST(NULL AS VARCHAR) AS lot_number,
  CAST(NULL AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(NULL AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(CASE WHEN e.kind = 'value' AND NOT e.source_value IS NULL THEN e.source_code || '=' || e.source_value ELSE e.source_code END, 1, 50) AS VARCHAR) AS drug_source_value,
  CAST(e.source_concept_id AS BIGINT) AS drug_source_concept_id,
  CAST(NULL AS VARCHAR) AS route_source_value,
  CAST(SUBSTRING(e.source_unit, 1, 50) AS VARCHAR) AS dose_unit_source_value
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
WHERE
  e.cdm_table = 'drug_exposure' AND NOT e.start_date IS NULL
