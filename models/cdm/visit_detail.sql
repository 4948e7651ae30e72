/* One row per part of a visit: a stay on a ward, a contact within an encounter. */
MODEL (
  name cdm.visit_detail,
  kind FULL,
  grain visit_detail_id,
  references (
    person_id
  ),
  depends_on (
    cdm.visit_occurrence
  ),
  description 'Facts of stem.event for this table. The CDM asks for the visit: parts of visits that were not delivered are counted in stem.arrival. A part without an end ends where it starts.',
  column_descriptions (
    visit_detail_id = 'Use this to identify unique interactions between a person and the health care system',
    person_id = 'Person id',
    visit_detail_concept_id = 'This field contains a concept id representing the kind of visit detail, like inpatient or outpatient',
    visit_detail_start_date = 'This is the date of the start of the encounter',
    visit_detail_start_datetime = 'Visit detail start datetime; null where the source gives none',
    visit_detail_end_date = 'This the end date of the patient-provider interaction',
    visit_detail_end_datetime = 'If a Person is still an inpatient in the hospital at the time of the data extract and does not have a visit_end_datetime, then set the visit_end_datetime to the datetime of the data pull',
    visit_detail_type_concept_id = 'Use this field to understand the provenance of the visit detail record, or where the record comes from',
    provider_id = 'There will only be one provider per **visit** record and the ETL document should clearly state how they were chosen (attending, admitting, etc.)',
    care_site_id = 'This field provides information about the Care Site where the Visit Detail took place',
    visit_detail_source_value = 'This field houses the verbatim value from the source data representing the kind of visit detail that took place (inpatient, outpatient, emergency, etc.)',
    visit_detail_source_concept_id = 'Visit detail source concept id; null where the source gives none',
    admitted_from_concept_id = 'Use this field to determine where the patient was admitted from',
    admitted_from_source_value = 'Admitted from source value; null where the source gives none',
    discharged_to_source_value = 'Discharged to source value; null where the source gives none',
    discharged_to_concept_id = 'Use this field to determine where the patient was discharged to after a visit',
    preceding_visit_detail_id = 'Use this field to find the visit detail that occurred for the person prior to the given visit detail record',
    parent_visit_detail_id = 'Use this field to find the visit detail that subsumes the given visit detail record',
    visit_occurrence_id = 'Use this field to link the VISIT_DETAIL record to its VISIT_OCCURRENCE'
  ),
  audits (
    not_null(
      columns := (
        visit_detail_id,
        person_id,
        visit_detail_concept_id,
        visit_detail_start_date,
        visit_detail_end_date,
        visit_detail_type_concept_id,
        visit_occurrence_id
      )
    ),
    unique_key(columns := (
      visit_detail_id
    )),
    positive(key := visit_detail_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS visit_detail_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS visit_detail_concept_id,
  CAST(e.start_date AS DATE) AS visit_detail_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS visit_detail_start_datetime,
  CAST(GREATEST(e.start_date, COALESCE(e.end_date, e.start_date)) AS DATE) AS visit_detail_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS visit_detail_end_datetime,
  CAST(e.type_concept_id AS BIGINT) AS visit_detail_type_concept_id,
  CAST(e.provider_id AS BIGINT) AS provider_id,
  CAST(e.care_site_id AS BIGINT) AS care_site_id,
  CAST(SUBSTRING(CASE WHEN e.has_given_concept THEN e.source_code ELSE COALESCE(e.source_code, e.origin) END, 1, 50) AS TEXT) AS visit_detail_source_value,
  CAST(e.source_concept_id AS BIGINT) AS visit_detail_source_concept_id,
  CAST(COALESCE(d.admitted_from_concept_id, CASE WHEN NOT e.admitted_from IS NULL THEN 0 END) AS BIGINT) AS admitted_from_concept_id,
  CAST(SUBSTRING(e.admitted_from, 1, 50) AS TEXT) AS admitted_from_source_value,
  CAST(SUBSTRING(e.discharged_to, 1, 50) AS TEXT) AS discharged_to_source_value,
  CAST(COALESCE(d.discharged_to_concept_id, CASE WHEN NOT e.discharged_to IS NULL THEN 0 END) AS BIGINT) AS discharged_to_concept_id,
  CAST(b.fact_id AS BIGINT) AS preceding_visit_detail_id,
  CAST(CASE WHEN e.parent_table = 'visit_detail' THEN e.parent_id END AS BIGINT) AS parent_visit_detail_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
LEFT JOIN stem.record_fact AS b
  ON d.preceding_visit_detail_id = b.record_id
  AND b.cdm_table = 'visit_detail'
  AND e.person_id = b.person_id
WHERE
  e.cdm_table = 'visit_detail' AND NOT e.start_date IS NULL AND NOT e.visit_occurrence_id IS NULL
