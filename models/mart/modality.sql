/* One row per person and modality with data. */
MODEL (
  name mart.modality,
  kind FULL,
  grain (person_id, modality),
  references (
    person_id
  ),
  description 'Which modalities hold data about whom; a release reads it beside the consents.',
  column_descriptions (
    person_id = 'Person',
    modality = 'questionnaire, health_record, genotype, imaging, wearable or omics; unknown where the source is not declared',
    n_sources = 'Sources of the modality with data about the person',
    n_rows = 'Delivered values, events, records and measurements of features'
  ),
  audits (unique_key(columns := (person_id, modality)), not_null(columns := (person_id, modality)))
);

WITH source_sum AS (
  SELECT
    s.person_id,
    s.study,
    s.source,
    SUM(s.n_rows) AS n_rows
  FROM staging.source_person AS s
  WHERE
    NOT s.person_id IS NULL
  GROUP BY
    s.person_id,
    s.study,
    s.source
)
SELECT
  CAST(s.person_id AS BIGINT) AS person_id,
  CAST(COALESCE(d.modality, 'unknown') AS TEXT) AS modality,
  CAST(COUNT(*) AS INT) AS n_sources,
  CAST(SUM(s.n_rows) AS BIGINT) AS n_rows
FROM source_sum AS s
LEFT JOIN vocab.study_source AS d
  ON s.study = d.study AND s.source = d.source
GROUP BY
  s.person_id,
  COALESCE(d.modality, 'unknown')
