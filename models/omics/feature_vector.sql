/* One row per asset, model and version: a vector computed from the asset. */
MODEL (
  name omics.feature_vector,
  kind FULL,
  grain (asset_id, model, version),
  references (
    person_id
  ),
  description 'Embeddings of images and waveforms. A vector whose asset is unknown, or is of another person, is kept too: asset_id then joins nothing. Similar persons can be found by a vector: treat it as personal data.',
  column_descriptions (
    asset_id = 'Asset the vector was computed from, as in omics.asset',
    person_id = 'Person',
    study = 'Study of the vector',
    source = 'Source within the study',
    model = 'Model that computed it',
    version = 'Version of the model; empty where none is stated',
    vector = 'The vector; its length is fixed by the model',
    start_date = 'Local date of the image as delivered with the vector, else that of the asset; null if not known'
  ),
  audits (
    unique_key(columns := (asset_id, model, version)),
    not_null(columns := (asset_id, person_id, study, source, model, version, vector)),
    refers_to_person(key := person_id)
  )
);

WITH linked AS (
  SELECT
    v.asset_id,
    v.study,
    v.source,
    v.model,
    v.version,
    v.vector,
    v.start_time,
    b.person_id,
    ROW_NUMBER() OVER (PARTITION BY v.asset_id, v.model, v.version ORDER BY v.row_id) AS place
  FROM raw.vector AS v
  INNER JOIN link.person_bridge AS b
    ON v.source_person_key = b.source_person_key
  WHERE
    b.link_status = 'linked' AND NOT b.person_id IS NULL
)
SELECT
  CAST(v.asset_id AS BIGINT) AS asset_id,
  CAST(v.person_id AS BIGINT) AS person_id,
  CAST(v.study AS TEXT) AS study,
  CAST(v.source AS TEXT) AS source,
  CAST(v.model AS TEXT) AS model,
  CAST(v.version AS TEXT) AS version,
  CAST(v.vector AS REAL[]) AS vector,
  CAST(COALESCE(TRY_CAST(SUBSTRING(v.start_time, 1, 10) AS DATE), a.start_date) AS DATE) AS start_date
FROM linked AS v
INNER JOIN cdm.person AS p
  ON v.person_id = p.person_id
LEFT JOIN stem.asset AS a
  ON v.asset_id = a.asset_id AND v.person_id = a.person_id
WHERE
  v.place = 1
