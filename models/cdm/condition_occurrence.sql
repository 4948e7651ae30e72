/* One row per recorded condition. */
MODEL (
  name cdm.condition_occurrence,
  kind FULL,
  grain condition_occurrence_id,
  references (
    person_id
  ),
  depends_on (cdm.visit_detail, cdm.visit_occurrence),
  description 'Facts of stem.event whose concept is of domain Condition, and unmapped condition events.',
  column_descriptions (
    condition_occurrence_id = 'The unique key given to a condition record for a person',
    person_id = 'The PERSON_ID of the PERSON for whom the condition is recorded',
    condition_concept_id = 'The CONDITION_CONCEPT_ID field is recommended for primary use in analyses, and must be used for network studies',
    condition_start_date = 'Use this date to determine the start date of the condition',
    condition_start_datetime = 'Condition start datetime; null where the source gives none',
    condition_end_date = 'Use this date to determine the end date of the condition',
    condition_end_datetime = 'Condition end datetime; null where the source gives none',
    condition_type_concept_id = 'This field can be used to determine the provenance of the Condition record, as in whether the condition was from an EHR system, insurance claim, registry, or other sources',
    condition_status_concept_id = 'This concept represents the point during the visit the diagnosis was given (admitting diagnosis, final diagnosis), whether the diagnosis was determined due to laboratory findings, if the diagnosis was exclusionary, or if it was a preliminary diagnosis, among others',
    stop_reason = 'The Stop Reason indicates why a Condition is no longer valid with respect to the purpose within the source data',
    provider_id = 'The provider associated with condition record, e.g. the provider who made the diagnosis or the provider who recorded the symptom',
    visit_occurrence_id = 'The visit during which the condition occurred',
    visit_detail_id = 'The VISIT_DETAIL record during which the condition occurred',
    condition_source_value = 'This field houses the verbatim value from the source data representing the condition that occurred',
    condition_source_concept_id = 'This is the concept representing the condition source value and may not necessarily be standard',
    condition_status_source_value = 'This field houses the verbatim value from the source data representing the condition status'
  ),
  audits (
    not_null(
      columns := (
        condition_occurrence_id,
        person_id,
        condition_concept_id,
        condition_start_date,
        condition_type_concept_id
      )
    ),
    unique_key(columns := (
      condition_occurrence_id
    )),
    positive(key := condition_occurrence_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id),
    refers_to_visit_detail(key := visit_detail_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS condition_occurrence_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS condition_concept_id,
  CAST(e.start_date AS DATE) AS condition_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS condition_start_datetime,
  CAST(CASE WHEN e.end_date >= e.start_date THEN e.end_date END AS DATE) AS condition_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS condition_end_datetime,
  CAST(e.type_concept_id AS BIGINT) AS condition_type_concept_id,
  CAST(COALESCE(e.qualifier_concept_id, CASE WHEN NOT e.position IS NULL THEN COALESCE(o.concept_id, 0) END) AS BIGINT) AS condition_status_concept_id,
  CAST(SUBSTRING(e.stop_reason, 1, 20) AS TEXT) AS stop_reason,
  CAST(e.provider_id AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(e.visit_detail_id AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(
    CASE
      WHEN e.kind = 'value' AND NOT e.source_value IS NULL
      THEN e.source_code || '=' || e.source_value
      ELSE e.source_code
    END,
    1,
    50
  ) AS TEXT) AS condition_source_value,
  CAST(e.source_concept_id AS BIGINT) AS condition_source_concept_id,
  CAST(SUBSTRING(COALESCE(e.qualifier_source_value, e.position), 1, 50) AS TEXT) AS condition_status_source_value
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN vocab.concept AS o
  ON CASE e.position WHEN 'primary' THEN 32902 WHEN 'secondary' THEN 32908 END = o.concept_id
WHERE
  e.cdm_table = 'condition_occurrence' AND NOT e.start_date IS NULL
