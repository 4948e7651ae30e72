/* One row per delivered event record that has fields without a column in raw.event. */
MODEL (
  name stem.event_detail,
  kind FULL,
  grain (record_id, kind),
  description 'Fields of staging.source_detail that a table of clinical events has a column for, side by side.',
  column_descriptions (
    record_id = 'Id of the delivered record',
    kind = 'Kind of event',
    verbatim_end_date = 'Field verbatim_end_date; null if not delivered',
    sig = 'Field sig; null if not delivered',
    unique_device_id = 'Field unique_device_id; null if not delivered',
    unit_source_concept_id = 'Field unit_source_concept_id; null if not delivered',
    value_as_string = 'Field value_as_string; null if not delivered',
    admitted_from_concept_id = 'Field admitted_from_concept_id; null if not delivered',
    discharged_to_concept_id = 'Field discharged_to_concept_id; null if not delivered',
    preceding_visit_detail_id = 'record_id of the visit detail before; null if not delivered',
    disease_status_concept_id = 'Field disease_status_concept_id; null if not delivered',
    disease_status_source_value = 'Field disease_status_source_value; null if not delivered',
    assisted_concept_id = 'Field assisted_concept_id; null if not delivered',
    assisted_source_value = 'Field assisted_source_value; null if not delivered',
    respondent_type_concept_id = 'Field respondent_type_concept_id; null if not delivered',
    respondent_type_source_value = 'Field respondent_type_source_value; null if not delivered',
    timing_concept_id = 'Field timing_concept_id; null if not delivered',
    timing_source_value = 'Field timing_source_value; null if not delivered',
    collection_method_concept_id = 'Field collection_method_concept_id; null if not delivered',
    collection_method_source_value = 'Field collection_method_source_value; null if not delivered',
    survey_source_identifier = 'Field survey_source_identifier; null if not delivered',
    validated_survey_concept_id = 'Field validated_survey_concept_id; null if not delivered',
    validated_survey_source_value = 'Field validated_survey_source_value; null if not delivered',
    survey_version_number = 'Field survey_version_number; null if not delivered',
    response_visit_occurrence_id = 'record_id of the visit the answers belong to; null if not delivered',
    episode_parent_id = 'record_id of the episode this one is part of; null if not delivered',
    episode_number = 'Field episode_number; null if not delivered',
    episode_object_concept_id = 'Field episode_object_concept_id; null if not delivered',
    note_title = 'Field note_title; null if not delivered',
    note_class_concept_id = 'Field note_class_concept_id; null if not delivered',
    encoding_concept_id = 'Field encoding_concept_id; null if not delivered',
    language_concept_id = 'Field language_concept_id; null if not delivered',
    note_source_value = 'Field note_source_value; null if not delivered',
    event_field_concept_id = 'Field meas_, obs_ or note_event_field_concept_id; null if not delivered'
  ),
  audits (
    unique_key(columns := (record_id, kind))
  )
);

SELECT
  CAST(d.record_id AS BIGINT) AS record_id,
  CAST(d.kind AS TEXT) AS kind,
  CAST(MAX(CASE WHEN d.field = 'verbatim_end_date' THEN TRY_CAST(SUBSTRING(d.value_text, 1, 10) AS DATE) END) AS DATE) AS verbatim_end_date,
  CAST(MAX(CASE WHEN d.field = 'sig' THEN d.value_text END) AS TEXT) AS sig,
  CAST(MAX(CASE WHEN d.field = 'unique_device_id' THEN d.value_text END) AS TEXT) AS unique_device_id,
  CAST(MAX(CASE WHEN d.field = 'unit_source_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS unit_source_concept_id,
  CAST(MAX(CASE WHEN d.field = 'value_as_string' THEN d.value_text END) AS TEXT) AS value_as_string,
  CAST(MAX(CASE WHEN d.field = 'admitted_from_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS admitted_from_concept_id,
  CAST(MAX(CASE WHEN d.field = 'discharged_to_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS discharged_to_concept_id,
  CAST(MAX(CASE WHEN d.field = 'preceding_visit_detail_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS preceding_visit_detail_id,
  CAST(MAX(CASE WHEN d.field = 'disease_status_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS disease_status_concept_id,
  CAST(MAX(CASE WHEN d.field = 'disease_status_source_value' THEN d.value_text END) AS TEXT) AS disease_status_source_value,
  CAST(MAX(CASE WHEN d.field = 'assisted_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS assisted_concept_id,
  CAST(MAX(CASE WHEN d.field = 'assisted_source_value' THEN d.value_text END) AS TEXT) AS assisted_source_value,
  CAST(MAX(CASE WHEN d.field = 'respondent_type_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS respondent_type_concept_id,
  CAST(MAX(CASE WHEN d.field = 'respondent_type_source_value' THEN d.value_text END) AS TEXT) AS respondent_type_source_value,
  CAST(MAX(CASE WHEN d.field = 'timing_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS timing_concept_id,
  CAST(MAX(CASE WHEN d.field = 'timing_source_value' THEN d.value_text END) AS TEXT) AS timing_source_value,
  CAST(MAX(CASE WHEN d.field = 'collection_method_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS collection_method_concept_id,
  CAST(MAX(CASE WHEN d.field = 'collection_method_source_value' THEN d.value_text END) AS TEXT) AS collection_method_source_value,
  CAST(MAX(CASE WHEN d.field = 'survey_source_identifier' THEN d.value_text END) AS TEXT) AS survey_source_identifier,
  CAST(MAX(CASE WHEN d.field = 'validated_survey_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS validated_survey_concept_id,
  CAST(MAX(CASE WHEN d.field = 'validated_survey_source_value' THEN d.value_text END) AS TEXT) AS validated_survey_source_value,
  CAST(MAX(CASE WHEN d.field = 'survey_version_number' THEN d.value_text END) AS TEXT) AS survey_version_number,
  CAST(MAX(CASE WHEN d.field = 'response_visit_occurrence_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS response_visit_occurrence_id,
  CAST(MAX(CASE WHEN d.field = 'episode_parent_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS episode_parent_id,
  CAST(MAX(CASE WHEN d.field = 'episode_number' THEN TRY_CAST(d.value_text AS INT) END) AS INT) AS episode_number,
  CAST(MAX(CASE WHEN d.field = 'episode_object_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS episode_object_concept_id,
  CAST(MAX(CASE WHEN d.field = 'note_title' THEN d.value_text END) AS TEXT) AS note_title,
  CAST(MAX(CASE WHEN d.field = 'note_class_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS note_class_concept_id,
  CAST(MAX(CASE WHEN d.field = 'encoding_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS encoding_concept_id,
  CAST(MAX(CASE WHEN d.field = 'language_concept_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS BIGINT) AS language_concept_id,
  CAST(MAX(CASE WHEN d.field = 'note_source_value' THEN d.value_text END) AS TEXT) AS note_source_value,
  CAST(MAX(
    CASE
      WHEN d.field IN ('meas_event_field_concept_id', 'obs_event_field_concept_id', 'note_event_field_concept_id')
      THEN TRY_CAST(d.value_text AS BIGINT)
    END
  ) AS BIGINT) AS event_field_concept_id
FROM staging.source_detail AS d
WHERE
  d.kind IN (
    'visit',
    'visit_detail',
    'condition',
    'drug',
    'procedure',
    'device',
    'measurement',
    'observation',
    'specimen',
    'survey',
    'note',
    'episode'
  )
GROUP BY
  d.record_id,
  d.kind
