/* One row per member of a cohort; empty, as cohorts live in the projects. */
MODEL (
  name cdm.cohort,
  kind FULL,
  grain (cohort_definition_id, subject_id, cohort_start_date, cohort_end_date),
  description 'Empty: cohorts belong to projects and are kept in their own files.',
  column_descriptions (
    cohort_definition_id = 'Cohort definition id',
    subject_id = 'Subject id',
    cohort_start_date = 'Cohort start date',
    cohort_end_date = 'Cohort end date'
  ),
  audits (
    not_null(columns := (cohort_definition_id, subject_id, cohort_start_date, cohort_end_date)),
    unique_key(columns := (cohort_definition_id, subject_id, cohort_start_date, cohort_end_date))
  )
);

SELECT
  CAST(NULL AS BIGINT) AS cohort_definition_id,
  CAST(NULL AS BIGINT) AS subject_id,
  CAST(NULL AS DATE) AS cohort_start_date,
  CAST(NULL AS DATE) AS cohort_end_date
FROM meta.biobank AS b
WHERE
  FALSE
