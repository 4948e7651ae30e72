/* One row per person, source, table and concept: when it was first and last recorded. */
MODEL (
  name mart.outcome,
  kind FULL,
  grain (person_id, study, source, outcome_table, concept_id),
  references (
    person_id
  ),
  description 'What can be followed up, and who recorded it: conditions, procedures, drugs and devices of cdm, by the source and the kind of source they come from. Counting persons without a row as free of the outcome is right only where mart.follow_up covers them.',
  column_descriptions (
    person_id = 'Person',
    study = 'Study',
    source = 'Source within the study',
    origin = 'Kind of the source: hospital, primary-care, register, ...',
    outcome_table = 'condition_occurrence, procedure_occurrence, drug_exposure or device_exposure',
    concept_id = 'Standard concept; unmapped facts are not here',
    first_date = 'First local date it was recorded',
    last_date = 'Last local date it was recorded',
    n_facts = 'How often it was recorded'
  ),
  audits (
    unique_key(columns := (person_id, study, source, outcome_table, concept_id)),
    not_null(columns := (person_id, outcome_table, concept_id, first_date))
  )
);

SELECT
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(MIN(s.origin) AS TEXT) AS origin,
  CAST(e.cdm_table AS TEXT) AS outcome_table,
  CAST(e.concept_id AS BIGINT) AS concept_id,
  CAST(MIN(e.start_date) AS DATE) AS first_date,
  CAST(MAX(e.start_date) AS DATE) AS last_date,
  CAST(COUNT(*) AS BIGINT) AS n_facts
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN vocab.study_source AS s
  ON e.study = s.study AND e.source = s.source
WHERE
  e.cdm_table IN ('condition_occurrence', 'procedure_occurrence', 'drug_exposure', 'device_exposure')
  AND e.concept_id <> 0
  AND NOT e.start_date IS NULL
GROUP BY
  e.person_id,
  e.study,
  e.source,
  e.cdm_table,
  e.concept_id
