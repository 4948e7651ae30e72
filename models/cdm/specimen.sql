/* One row per specimen. */
MODEL (
  name cdm.specimen,
  kind FULL,
  grain specimen_id,
  references (
    person_id
  ),
  description 'Facts of stem.event whose concept is of domain Specimen, and unmapped specimens. specimen_source_id is the keyed id of the delivered record, never the source''s own.',
  column_descriptions (
    specimen_id = 'Unique identifier for each specimen',
    person_id = 'The person from whom the specimen is collected',
    specimen_concept_id = 'Specimen concept id',
    specimen_type_concept_id = 'Specimen type concept id',
    specimen_date = 'The date the specimen was collected',
    specimen_datetime = 'Specimen datetime; null where the source gives none',
    quantity = 'The amount of specimen collected from the person',
    unit_concept_id = 'The unit for the quantity of the specimen',
    anatomic_site_concept_id = 'This is the site on the body where the specimen is from',
    disease_status_concept_id = 'Disease status concept id; null where the source gives none',
    specimen_source_id = 'This is the identifier for the specimen from the source system',
    specimen_source_value = 'Specimen source value; null where the source gives none',
    unit_source_value = 'Unit source value; null where the source gives none',
    anatomic_site_source_value = 'Anatomic site source value; null where the source gives none',
    disease_status_source_value = 'Disease status source value; null where the source gives none'
  ),
  audits (
    not_null(columns := (specimen_id, person_id, specimen_concept_id, specimen_type_concept_id, specimen_date)),
    unique_key(columns := (
      specimen_id
    )),
    positive(key := specimen_id),
    refers_to_person(key := person_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS specimen_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS specimen_concept_id,
  CAST(e.type_concept_id AS BIGINT) AS specimen_type_concept_id,
  CAST(e.start_date AS DATE) AS specimen_date,
  CAST(e.start_datetime AS TIMESTAMP) AS specimen_datetime,
  CAST(COALESCE(e.quantity, e.value_number) AS DOUBLE) AS quantity,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(e.qualifier_concept_id AS BIGINT) AS anatomic_site_concept_id,
  CAST(COALESCE(d.disease_status_concept_id, CASE WHEN NOT d.disease_status_source_value IS NULL THEN 0 END) AS BIGINT) AS disease_status_concept_id,
  CAST(CASE WHEN e.kind = 'specimen' THEN CAST(e.record_id AS TEXT) END AS TEXT) AS specimen_source_id,
  CAST(SUBSTRING(
    CASE
      WHEN e.kind = 'value' AND NOT e.source_value IS NULL
      THEN e.source_code || '=' || e.source_value
      ELSE e.source_code
    END,
    1,
    50
  ) AS TEXT) AS specimen_source_value,
  CAST(SUBSTRING(e.source_unit, 1, 50) AS TEXT) AS unit_source_value,
  CAST(SUBSTRING(e.qualifier_source_value, 1, 50) AS TEXT) AS anatomic_site_source_value,
  CAST(SUBSTRING(d.disease_status_source_value, 1, 50) AS TEXT) AS disease_status_source_value
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
WHERE
  e.cdm_table = 'specimen' AND NOT e.start_date IS NULL
