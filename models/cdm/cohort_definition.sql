/* One row per cohort; empty, as cohorts live in the projects. */
MODEL (
  name cdm.cohort_definition,
  kind FULL,
  grain cohort_definition_id,
  description 'Empty: cohorts belong to projects and are kept in their own files.',
  column_descriptions (
    cohort_definition_id = 'This is the identifier given to the cohort, usually by the ATLAS application',
    cohort_definition_name = 'A short description of the cohort',
    cohort_definition_description = 'A complete description of the cohort',
    definition_type_concept_id = 'Type defining what kind of Cohort Definition the record represents and how the syntax may be executed',
    cohort_definition_syntax = 'Syntax or code to operationalize the Cohort Definition',
    subject_concept_id = 'This field contains a Concept that represents the domain of the subjects that are members of the cohort (e.g., Person, Provider, Visit)',
    cohort_initiation_date = 'A date to indicate when the Cohort was initiated in the COHORT table'
  ),
  audits (
    not_null(
      columns := (cohort_definition_id, cohort_definition_name, definition_type_concept_id, subject_concept_id)
    ),
    unique_key(columns := (
      cohort_definition_id
    )),
    positive(key := cohort_definition_id)
  )
);

SELECT
  CAST(NULL AS BIGINT) AS cohort_definition_id,
  CAST(NULL AS TEXT) AS cohort_definition_name,
  CAST(NULL AS TEXT) AS cohort_definition_description,
  CAST(NULL AS BIGINT) AS definition_type_concept_id,
  CAST(NULL AS TEXT) AS cohort_definition_syntax,
  CAST(NULL AS BIGINT) AS subject_concept_id,
  CAST(NULL AS DATE) AS cohort_initiation_date
FROM meta.biobank AS b
WHERE
  FALSE
