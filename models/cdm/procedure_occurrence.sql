/* One row per procedure. */
MODEL (
  name cdm.procedure_occurrence,
  kind FULL,
  grain procedure_occurrence_id,
  references (
    person_id
  ),
  depends_on (cdm.visit_detail, cdm.visit_occurrence),
  description 'Facts of stem.event whose concept is of domain Procedure, and unmapped procedure events.',
  column_descriptions (
    procedure_occurrence_id = 'The unique key given to a procedure record for a person',
    person_id = 'The PERSON_ID of the PERSON for whom the procedure is recorded',
    procedure_concept_id = 'The PROCEDURE_CONCEPT_ID field is recommended for primary use in analyses, and must be used for network studies',
    procedure_date = 'Use this date to determine the date the procedure started',
    procedure_datetime = 'Procedure datetime; null where the source gives none',
    procedure_end_date = 'Use this field to house the date that the procedure ended',
    procedure_end_datetime = 'Use this field to house the datetime that the procedure ended',
    procedure_type_concept_id = 'This field can be used to determine the provenance of the Procedure record, as in whether the procedure was from an EHR system, insurance claim, registry, or other sources',
    modifier_concept_id = 'The modifiers are intended to give additional information about the procedure but as of now the vocabulary is under review',
    quantity = 'If the quantity value is omitted, a single procedure is assumed',
    provider_id = 'The provider associated with the procedure record, e.g. the provider who performed the Procedure',
    visit_occurrence_id = 'The visit during which the procedure occurred',
    visit_detail_id = 'The VISIT_DETAIL record during which the Procedure occurred',
    procedure_source_value = 'This field houses the verbatim value from the source data representing the procedure that occurred',
    procedure_source_concept_id = 'This is the concept representing the procedure source value and may not necessarily be standard',
    modifier_source_value = 'This field houses the verbatim value from the source data representing the modifier code for the procedure that occurred'
  ),
  audits (
    not_null(
      columns := (procedure_occurrence_id, person_id, procedure_concept_id, procedure_date, procedure_type_concept_id)
    ),
    unique_key(columns := (
      procedure_occurrence_id
    )),
    positive(key := procedure_occurrence_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id),
    refers_to_visit_detail(key := visit_detail_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS procedure_occurrence_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS procedure_concept_id,
  CAST(e.start_date AS DATE) AS procedure_date,
  CAST(e.start_datetime AS TIMESTAMP) AS procedure_datetime,
  CAST(CASE WHEN e.end_date >= e.start_date THEN e.end_date END AS DATE) AS procedure_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS procedure_end_datetime,
  CAST(e.type_concept_id AS BIGINT) AS procedure_type_concept_id,
  CAST(e.qualifier_concept_id AS BIGINT) AS modifier_concept_id,
  TRY_CAST(e.quantity AS INT) AS quantity,
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
  ) AS TEXT) AS procedure_source_value,
  CAST(e.source_concept_id AS BIGINT) AS procedure_source_concept_id,
  CAST(SUBSTRING(COALESCE(e.qualifier_source_value, e.position), 1, 50) AS TEXT) AS modifier_source_value
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
WHERE
  e.cdm_table = 'procedure_occurrence' AND NOT e.start_date IS NULL
