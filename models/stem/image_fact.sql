/* One row per fact that was derived from an asset: which one, and how. */
MODEL (
  name stem.image_fact,
  kind FULL,
  grain fact_id,
  references (person_id, asset_id),
  description 'Facts of records that name the asset they were derived from (raw.detail, kind image_feature): imaging-derived phenotypes and findings.',
  column_descriptions (
    fact_id = 'Fact, as in stem.event',
    person_id = 'Person of the fact',
    asset_id = 'Asset it was derived from',
    study = 'Study of the fact',
    source = 'Source within the study',
    cdm_table = 'Table of cdm the fact goes to',
    concept_id = 'Concept of the fact; 0 if none',
    type_concept_id = 'OMOP type concept of the fact',
    start_date = 'Local date of the fact; null if none can be known',
    alg_system = 'Algorithm that derived it, as delivered; null if not stated',
    alg_datetime = 'When the algorithm ran; null if not stated'
  ),
  audits (unique_key(columns := (
      fact_id
  )), not_null(columns := (fact_id, person_id, asset_id, cdm_table)))
);

WITH named AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'asset_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS asset_id,
    MAX(CASE WHEN d.field = 'alg_system' THEN d.value_text END) AS alg_system,
    MAX(CASE WHEN d.field = 'alg_datetime' THEN d.value_text END) AS alg_datetime
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'image_feature'
  GROUP BY
    d.record_id
)
SELECT
  CAST(e.fact_id AS BIGINT) AS fact_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(n.asset_id AS BIGINT) AS asset_id,
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.cdm_table AS TEXT) AS cdm_table,
  CAST(e.concept_id AS BIGINT) AS concept_id,
  CAST(e.type_concept_id AS BIGINT) AS type_concept_id,
  CAST(e.start_date AS DATE) AS start_date,
  CAST(n.alg_system AS TEXT) AS alg_system,
  TRY_CAST(REPLACE(n.alg_datetime, 'T', ' ') AS TIMESTAMP) AS alg_datetime
FROM stem.event AS e
INNER JOIN named AS n
  ON e.record_id = n.record_id
WHERE
  e.kind = 'value'
  AND NOT n.asset_id IS NULL
  AND e.cdm_table IN ('measurement', 'observation', 'condition_occurrence')
