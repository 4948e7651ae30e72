/* One row per delivered statement about a source as a whole. */
MODEL (
  name cdm.metadata,
  kind FULL,
  grain metadata_id,
  description 'Records of kind metadata: statements about a source as a whole, about no person.',
  column_descriptions (
    metadata_id = 'The unique key given to a Metadata record',
    metadata_concept_id = 'Metadata concept id',
    metadata_type_concept_id = 'Metadata type concept id',
    name = 'Name',
    value_as_string = 'Value as string; null where the source gives none',
    value_as_concept_id = 'Value as concept id; null where the source gives none',
    value_as_number = 'This is the numerical value of the result of the Metadata, if applicable and available',
    metadata_date = 'Metadata date; null where the source gives none',
    metadata_datetime = 'Metadata datetime; null where the source gives none'
  ),
  audits (
    not_null(columns := (metadata_id, metadata_concept_id, metadata_type_concept_id, name)),
    unique_key(columns := (
      metadata_id
    )),
    positive(key := metadata_id)
  )
);

WITH field AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'metadata_concept_id' THEN d.value_text END) AS metadata_concept_id,
    MAX(CASE WHEN d.field = 'metadata_type_concept_id' THEN d.value_text END) AS metadata_type_concept_id,
    MAX(CASE WHEN d.field = 'name' THEN d.value_text END) AS name,
    MAX(CASE WHEN d.field = 'value_as_string' THEN d.value_text END) AS value_as_string,
    MAX(CASE WHEN d.field = 'value_as_concept_id' THEN d.value_text END) AS value_as_concept_id,
    MAX(CASE WHEN d.field = 'value_as_number' THEN d.value_text END) AS value_as_number
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'metadata'
  GROUP BY
    d.record_id
)
SELECT
  CAST(r.record_id AS BIGINT) AS metadata_id,
  CAST(COALESCE(TRY_CAST(f.metadata_concept_id AS BIGINT), 0) AS BIGINT) AS metadata_concept_id,
  CAST(COALESCE(TRY_CAST(f.metadata_type_concept_id AS BIGINT), 0) AS BIGINT) AS metadata_type_concept_id,
  CAST(SUBSTRING(COALESCE(f.name, r.label, r.code), 1, 250) AS TEXT) AS name,
  CAST(SUBSTRING(f.value_as_string, 1, 250) AS TEXT) AS value_as_string,
  TRY_CAST(f.value_as_concept_id AS BIGINT) AS value_as_concept_id,
  CAST(COALESCE(TRY_CAST(f.value_as_number AS DOUBLE), r.value_number) AS DOUBLE) AS value_as_number,
  CAST(r.start_date AS DATE) AS metadata_date,
  CAST(r.start_datetime AS TIMESTAMP) AS metadata_datetime
FROM staging.source_record AS r
LEFT JOIN field AS f
  ON r.record_id = f.record_id
WHERE
  r.kind = 'metadata' AND NOT COALESCE(f.name, r.label, r.code) IS NULL
