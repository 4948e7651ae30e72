/* One row per visit to the health system. */
MODEL (
  name cdm.visit_occurrence,
  kind FULL,
  grain visit_occurrence_id,
  references (
    person_id
  ),
  description 'Facts of stem.event for this table. A visit without an end ends where it starts.',
  column_descriptions (
    visit_occurrence_id = 'Use this to identify unique interactions between a person and the health care system',
    person_id = 'Person id',
    visit_concept_id = 'This field contains a concept id representing the kind of visit, like inpatient or outpatient',
    visit_start_date = 'For inpatient visits, the start date is typically the admission date',
    visit_start_datetime = 'Visit start datetime; null where the source gives none',
    visit_end_date = 'For inpatient visits the end date is typically the discharge date',
    visit_end_datetime = 'If a Person is still an inpatient in the hospital at the time of the data extract and does not have a visit_end_datetime, then set the visit_end_datetime to the datetime of the data pull',
    visit_type_concept_id = 'Use this field to understand the provenance of the visit record, or where the record comes from',
    provider_id = 'There will only be one provider per visit record and the ETL document should clearly state how they were chosen (attending, admitting, etc.)',
    care_site_id = 'This field provides information about the Care Site where the Visit took place',
    visit_source_value = 'This field houses the verbatim value from the source data representing the kind of visit that took place (inpatient, outpatient, emergency, etc.)',
    visit_source_concept_id = 'Visit source concept id; null where the source gives none',
    admitted_from_concept_id = 'Use this field to determine where the patient was admitted from',
    admitted_from_source_value = 'Admitted from source value; null where the source gives none',
    discharged_to_concept_id = 'Use this field to determine where the patient was discharged to after a visit',
    discharged_to_source_value = 'Discharged to source value; null where the source gives none',
    preceding_visit_occurrence_id = 'Use this field to find the visit that occurred for the person prior to the given visit'
  ),
  audits (
    not_null(
      columns := (
        visit_occurrence_id,
        person_id,
        visit_concept_id,
        visit_start_date,
        visit_end_date,
        visit_type_concept_id
      )
    ),
    unique_key(columns := (
      visit_occurrence_id
    )),
    positive(key := visit_occurrence_id),
    refers_to_person(key := person_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS visit_occurrence_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS visit_concept_id,
  CAST(e.start_date AS DATE) AS visit_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS visit_start_datetime,
  CAST(GREATEST(e.start_date, COALESCE(e.end_date, e.start_date)) AS DATE) AS visit_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS visit_end_datetime,
  CAST(e.type_concept_id AS BIGINT) AS visit_type_concept_id,
  CAST(e.provider_id AS BIGINT) AS provider_id,
  CAST(e.care_site_id AS BIGINT) AS care_site_id,
  CAST(SUBSTRING(CASE WHEN e.has_given_concept THEN e.source_code ELSE COALESCE(e.source_code, e.origin) END, 1, 50) AS TEXT) AS visit_source_value,
  CAST(e.source_concept_id AS BIGINT) AS visit_source_concept_id,
  CAST(COALESCE(d.admitted_from_concept_id, CASE WHEN NOT e.admitted_from IS NULL THEN 0 END) AS BIGINT) AS admitted_from_concept_id,
  CAST(SUBSTRING(e.admitted_from, 1, 50) AS TEXT) AS admitted_from_source_value,
  CAST(COALESCE(d.discharged_to_concept_id, CASE WHEN NOT e.discharged_to IS NULL THEN 0 END) AS BIGINT) AS discharged_to_concept_id,
  CAST(SUBSTRING(e.discharged_to, 1, 50) AS TEXT) AS discharged_to_source_value,
  CAST(CASE WHEN e.parent_table = 'visit_occurrence' THEN e.parent_id END AS BIGINT) AS preceding_visit_occurrence_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
WHERE
  e.cdm_table = 'visit_occurrence' AND NOT e.start_date IS NULL
