/* One row per note of which metadata were delivered. */
MODEL (
  name cdm.note,
  kind FULL,
  grain note_id,
  references (
    person_id
  ),
  depends_on (cdm.visit_detail, cdm.visit_occurrence),
  description 'Metadata of notes. note_text is always empty: no text enters the cdm.',
  column_descriptions (
    note_id = 'A unique identifier for each note',
    person_id = 'Person id',
    note_date = 'The date the note was recorded',
    note_datetime = 'Note datetime; null where the source gives none',
    note_type_concept_id = 'The provenance of the note',
    note_class_concept_id = 'A Standard Concept Id representing the HL7 LOINC Document Type Vocabulary classification of the note',
    note_title = 'The title of the note',
    note_text = 'The content of the note',
    encoding_concept_id = 'This is the Concept representing the character encoding type',
    language_concept_id = 'The language of the note',
    provider_id = 'The Provider who wrote the note',
    visit_occurrence_id = 'The Visit during which the note was written',
    visit_detail_id = 'The Visit Detail during which the note was written',
    note_source_value = 'Note source value; null where the source gives none',
    note_event_id = 'If the Note record is related to another record in the database, this field is the primary key of the linked record',
    note_event_field_concept_id = 'If the Note record is related to another record in the database, this field is the CONCEPT_ID that identifies which table the primary key of the linked record came from'
  ),
  audits (
    not_null(
      columns := (
        note_id,
        person_id,
        note_date,
        note_type_concept_id,
        note_class_concept_id,
        note_text,
        encoding_concept_id,
        language_concept_id
      )
    ),
    unique_key(columns := (
      note_id
    )),
    positive(key := note_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id),
    refers_to_visit_detail(key := visit_detail_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS note_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.start_date AS DATE) AS note_date,
  CAST(e.start_datetime AS TIMESTAMP) AS note_datetime,
  CAST(e.type_concept_id AS BIGINT) AS note_type_concept_id,
  CAST(COALESCE(NULLIF(d.note_class_concept_id, 0), e.concept_id) AS BIGINT) AS note_class_concept_id,
  CAST(SUBSTRING(d.note_title, 1, 250) AS TEXT) AS note_title,
  CAST('' AS TEXT) AS note_text,
  CAST(COALESCE(d.encoding_concept_id, 0) AS BIGINT) AS encoding_concept_id,
  CAST(COALESCE(d.language_concept_id, 0) AS BIGINT) AS language_concept_id,
  CAST(e.provider_id AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(e.visit_detail_id AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(COALESCE(d.note_source_value, e.source_code), 1, 50) AS TEXT) AS note_source_value,
  CAST(e.parent_id AS BIGINT) AS note_event_id,
  CAST(COALESCE(
    NULLIF(e.parent_field_concept_id, 0),
    CASE WHEN NOT e.parent_id IS NULL THEN COALESCE(d.event_field_concept_id, 0) END
  ) AS BIGINT) AS note_event_field_concept_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
WHERE
  e.cdm_table = 'note' AND NOT e.start_date IS NULL
