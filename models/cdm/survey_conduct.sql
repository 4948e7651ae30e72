/* One row per filled-in survey. */
MODEL (
  name cdm.survey_conduct,
  kind FULL,
  grain survey_conduct_id,
  references (
    person_id
  ),
  depends_on (
    cdm.visit_occurrence
  ),
  description 'Filled-in surveys (a table of CDM 6): answers point here by observation_event_id or measurement_event_id with field concept 1147833. survey_source_identifier is the keyed id of the delivered record.',
  column_descriptions (
    survey_conduct_id = 'Unique key given to a filled-in survey',
    person_id = 'Person who filled in, or was asked, the survey',
    survey_concept_id = 'Concept of the survey or instrument; 0 if none',
    survey_start_date = 'Local date on which the survey was started',
    survey_start_datetime = 'Local time at which the survey was started',
    survey_end_date = 'Local date on which the survey was completed',
    survey_end_datetime = 'Local time at which the survey was completed; that of the start, or midnight, where only a date is known',
    provider_id = 'Provider who was associated with the survey',
    assisted_concept_id = 'Whether the survey was completed with assistance; 0 if not known',
    respondent_type_concept_id = 'Who answered: the person or a proxy; 0 if not known',
    timing_concept_id = 'When the survey was taken relative to the event of interest; 0 if not known',
    collection_method_concept_id = 'Paper, telephone, electronic, ...; 0 if not known',
    assisted_source_value = 'Verbatim value of the assistance',
    respondent_type_source_value = 'Verbatim value of the respondent type',
    timing_source_value = 'Verbatim value of the timing',
    collection_method_source_value = 'Verbatim value of the collection method',
    survey_source_value = 'Verbatim name or code of the survey',
    survey_source_concept_id = 'Concept of survey_source_value; 0 if none',
    survey_source_identifier = 'Identifier of the filled-in survey in the source, as a keyed token',
    validated_survey_concept_id = 'Whether the survey is a validated instrument; 0 if not known',
    validated_survey_source_value = 'Verbatim value of the validation',
    survey_version_number = 'Version of the instrument',
    visit_occurrence_id = 'Visit during which the survey was filled in',
    response_visit_occurrence_id = 'Visit to which the answers refer'
  ),
  audits (
    not_null(
      columns := (
        survey_conduct_id,
        person_id,
        survey_concept_id,
        survey_end_datetime,
        assisted_concept_id,
        respondent_type_concept_id,
        timing_concept_id,
        collection_method_concept_id,
        survey_source_concept_id,
        validated_survey_concept_id
      )
    ),
    unique_key(columns := (
      survey_conduct_id
    )),
    positive(key := survey_conduct_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS survey_conduct_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS survey_concept_id,
  CAST(e.start_date AS DATE) AS survey_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS survey_start_datetime,
  CAST(GREATEST(e.start_date, COALESCE(e.end_date, e.start_date)) AS DATE) AS survey_end_date,
  CAST(COALESCE(
    CASE
      WHEN e.end_datetime >= COALESCE(e.start_datetime, CAST(e.start_date AS TIMESTAMP))
      THEN e.end_datetime
    END,
    CASE WHEN e.end_date > e.start_date THEN CAST(e.end_date AS TIMESTAMP) END,
    e.start_datetime,
    CAST(e.start_date AS TIMESTAMP)
  ) AS TIMESTAMP) AS survey_end_datetime,
  CAST(e.provider_id AS BIGINT) AS provider_id,
  CAST(COALESCE(d.assisted_concept_id, 0) AS BIGINT) AS assisted_concept_id,
  CAST(COALESCE(d.respondent_type_concept_id, 0) AS BIGINT) AS respondent_type_concept_id,
  CAST(COALESCE(d.timing_concept_id, 0) AS BIGINT) AS timing_concept_id,
  CAST(COALESCE(d.collection_method_concept_id, 0) AS BIGINT) AS collection_method_concept_id,
  CAST(SUBSTRING(d.assisted_source_value, 1, 100) AS TEXT) AS assisted_source_value,
  CAST(SUBSTRING(d.respondent_type_source_value, 1, 100) AS TEXT) AS respondent_type_source_value,
  CAST(SUBSTRING(d.timing_source_value, 1, 100) AS TEXT) AS timing_source_value,
  CAST(SUBSTRING(d.collection_method_source_value, 1, 100) AS TEXT) AS collection_method_source_value,
  CAST(SUBSTRING(e.source_code, 1, 100) AS TEXT) AS survey_source_value,
  CAST(e.source_concept_id AS BIGINT) AS survey_source_concept_id,
  CAST(CAST(e.record_id AS TEXT) AS TEXT) AS survey_source_identifier,
  CAST(COALESCE(d.validated_survey_concept_id, 0) AS BIGINT) AS validated_survey_concept_id,
  CAST(SUBSTRING(d.validated_survey_source_value, 1, 100) AS TEXT) AS validated_survey_source_value,
  CAST(SUBSTRING(d.survey_version_number, 1, 20) AS TEXT) AS survey_version_number,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(r.fact_id AS BIGINT) AS response_visit_occurrence_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
LEFT JOIN stem.record_fact AS r
  ON d.response_visit_occurrence_id = r.record_id
  AND r.cdm_table = 'visit_occurrence'
  AND e.person_id = r.person_id
WHERE
  e.cdm_table = 'survey_conduct' AND NOT e.start_date IS NULL
