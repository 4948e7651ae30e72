/* One row per observation: answers, and every fact that no other table takes. */
MODEL (
  name cdm.observation,
  kind FULL,
  grain observation_id,
  references (
    person_id
  ),
  depends_on (cdm.visit_detail, cdm.visit_occurrence),
  description 'Facts of stem.event whose concept is of domain Observation or of one without a table, and unmapped values.',
  column_descriptions (
    observation_id = 'The unique key given to an Observation record for a Person',
    person_id = 'The PERSON_ID of the Person for whom the Observation is recorded',
    observation_concept_id = 'The OBSERVATION_CONCEPT_ID field is recommended for primary use in analyses, and must be used for network studies',
    observation_date = 'The date of when the Observation was obtained',
    observation_datetime = 'Observation datetime; null where the source gives none',
    observation_type_concept_id = 'This field can be used to determine the provenance of the Observation record, as in whether the measurement was from an EHR system, insurance claim, registry, or other sources',
    value_as_number = 'This is the numerical value of the Result of the Observation, if applicable and available',
    value_as_string = 'This is the categorical value of the Result of the Observation, if applicable and available',
    value_as_concept_id = 'It is possible that some records destined for the Observation table have two clinical ideas represented in one source code',
    qualifier_concept_id = 'This field contains all attributes specifying the clinical fact further, such as as degrees, severities, drug-drug interaction alerts etc',
    unit_concept_id = 'There is currently no recommended unit for individual observation concepts',
    provider_id = 'The provider associated with the observation record, e.g. the provider who ordered the test or the provider who recorded the result',
    visit_occurrence_id = 'The visit during which the Observation occurred',
    visit_detail_id = 'The VISIT_DETAIL record during which the Observation occurred',
    observation_source_value = 'This field houses the verbatim value from the source data representing the Observation that occurred',
    observation_source_concept_id = 'This is the concept representing the OBSERVATION_SOURCE_VALUE and may not necessarily be standard',
    unit_source_value = 'This field houses the verbatim value from the source data representing the unit of the Observation that occurred',
    qualifier_source_value = 'This field houses the verbatim value from the source data representing the qualifier of the Observation that occurred',
    value_source_value = 'This field houses the verbatim result value of the Observation from the source data',
    observation_event_id = 'If the Observation record is related to another record in the database, this field is the primary key of the linked record',
    obs_event_field_concept_id = 'If the Observation record is related to another record in the database, this field is the CONCEPT_ID that identifies which table the primary key of the linked record came from'
  ),
  audits (
    not_null(
      columns := (observation_id, person_id, observation_concept_id, observation_date, observation_type_concept_id)
    ),
    unique_key(columns := (
      observation_id
    )),
    positive(key := observation_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id),
    refers_to_visit_detail(key := visit_detail_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS observation_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS observation_concept_id,
  CAST(e.start_date AS DATE) AS observation_date,
  CAST(e.start_datetime AS TIMESTAMP) AS observation_datetime,
  CAST(e.type_concept_id AS BIGINT) AS observation_type_concept_id,
  CAST(e.value_number AS DOUBLE) AS value_as_number,
  CAST(SUBSTRING(COALESCE(d.value_as_string, e.value_text), 1, 60) AS TEXT) AS value_as_string,
  CAST(e.value_concept_id AS BIGINT) AS value_as_concept_id,
  CAST(e.qualifier_concept_id AS BIGINT) AS qualifier_concept_id,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(e.provider_id AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(e.visit_detail_id AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(e.source_code, 1, 50) AS TEXT) AS observation_source_value,
  CAST(e.source_concept_id AS BIGINT) AS observation_source_concept_id,
  CAST(SUBSTRING(e.source_unit, 1, 50) AS TEXT) AS unit_source_value,
  CAST(SUBSTRING(COALESCE(e.qualifier_source_value, e.position), 1, 50) AS TEXT) AS qualifier_source_value,
  CAST(SUBSTRING(e.source_value, 1, 50) AS TEXT) AS value_source_value,
  CAST(e.parent_id AS BIGINT) AS observation_event_id,
  CAST(COALESCE(
    NULLIF(e.parent_field_concept_id, 0),
    CASE WHEN NOT e.parent_id IS NULL THEN COALESCE(d.event_field_concept_id, 0) END
  ) AS BIGINT) AS obs_event_field_concept_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
WHERE
  e.cdm_table = 'observation' AND NOT e.start_date IS NULL
