/* One row per delivered field that has no column of its own, of a record of a linked person or of nobody. */
MODEL (
  name staging.source_detail,
  kind FULL,
  grain row_id,
  references (
    person_id
  ),
  description 'raw.detail of linked persons and of nobody (locations, care sites, providers, metadata, relations between these); the others are counted in staging.unlinked. Costs, relations and parts of episodes that name no person are of whom staging.record_owner says.',
  column_descriptions (
    row_id = 'Id of the delivered field',
    record_id = 'Id of the record it stood in',
    study = 'Study of the row',
    source = 'Source within the study',
    person_id = 'Person; null for records of nobody (location, care_site, provider, metadata, fact_relationship)',
    kind = 'Kind of event or record the field belongs to',
    field = 'Name of the field',
    value_text = 'Value as text; a reference to another record is its record_id in digits'
  ),
  audits (unique_key(columns := (
      row_id
  )), not_null(columns := (row_id, record_id, kind, field)))
);

SELECT
  CAST(r.row_id AS BIGINT) AS row_id,
  CAST(r.record_id AS BIGINT) AS record_id,
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(r.kind AS TEXT) AS kind,
  CAST(r.field AS TEXT) AS field,
  CAST(r.value AS TEXT) AS value_text
FROM raw.detail AS r
LEFT JOIN staging.record_owner AS o
  ON r.record_id = o.record_id
LEFT JOIN link.person_bridge AS b
  ON COALESCE(r.source_person_key, o.source_person_key) = b.source_person_key
WHERE
  (
    b.link_status = 'linked' AND NOT b.person_id IS NULL
  )
  OR (
    COALESCE(r.source_person_key, o.source_person_key) IS NULL
    AND r.kind IN ('location', 'care_site', 'provider', 'metadata', 'fact_relationship')
  )
