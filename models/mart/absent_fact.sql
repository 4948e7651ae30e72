/* One row per delivered value or event that says that nothing is known, with the reason. */
MODEL (
  name mart.absent_fact,
  kind FULL,
  grain row_id,
  references (
    person_id
  ),
  description 'Absent values and events of linked persons: what a dataset needs to say why a cell is empty. Totals are in mart.missingness.',
  column_descriptions (
    row_id = 'Id of the delivered value or event',
    person_id = 'Person',
    study = 'Study of the value',
    source = 'Source within the study',
    variable = 'Variable that was absent; code of an event as delivered, its kind if it has none',
    code_system = 'OMOP vocabulary id of an event''s code; null for values',
    concept_id = 'Standard concept of an event''s code, 0 if none; null for values',
    instance = 'Visit or repeat of the value; null for events',
    start_date = 'Local date of the value, or of its instance; null if neither is known',
    absent_reason = 'FHIR data-absent-reason; error where the value could not be read'
  ),
  audits (unique_key(columns := (
      row_id
  )), not_null(columns := (person_id, variable, absent_reason)))
);

SELECT
  CAST(v.row_id AS BIGINT) AS row_id,
  CAST(v.person_id AS BIGINT) AS person_id,
  CAST(v.study AS TEXT) AS study,
  CAST(v.source AS TEXT) AS source,
  CAST(v.variable AS TEXT) AS variable,
  CAST(NULL AS TEXT) AS code_system,
  CAST(NULL AS BIGINT) AS concept_id,
  CAST(v.instance AS INT) AS instance,
  CAST(COALESCE(v.start_date, i.instance_date) AS DATE) AS start_date,
  CAST(v.absent_reason AS TEXT) AS absent_reason
FROM staging.source_value AS v
LEFT JOIN vocab.variable AS d
  ON v.study = d.study AND v.source = d.source AND v.variable = d.variable
LEFT JOIN stem.instance_date AS i
  ON v.study = i.study
  AND v.person_id = i.person_id
  AND d.time_variable = i.variable
  AND v.instance = i.instance
WHERE
  NOT v.absent_reason IS NULL
UNION ALL
SELECT
  CAST(e.row_id AS BIGINT) AS row_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(COALESCE(e.code, e.kind) AS TEXT) AS variable,
  CAST(e.code_system AS TEXT) AS code_system,
  CAST(COALESCE(t.concept_id, 0) AS BIGINT) AS concept_id,
  CAST(NULL AS INT) AS instance,
  CAST(COALESCE(e.start_date, w.start_date) AS DATE) AS start_date,
  CAST(e.absent_reason AS TEXT) AS absent_reason
FROM staging.source_event AS e
LEFT JOIN stem.event_target AS t
  ON e.study = t.study
  AND e.source = t.source
  AND e.kind = t.kind
  AND e.code_system = t.code_system
  AND e.code_key = t.code_key
  AND e.origin = t.origin
  AND e.given_concept_id IS NOT DISTINCT FROM t.given_concept_id
  AND e.given_source_concept_id IS NOT DISTINCT FROM t.given_source_concept_id
  AND t.target_ordinal <= 1
LEFT JOIN stem.visit AS w
  ON e.visit_record_id = w.record_id AND e.person_id = w.person_id
WHERE
  NOT e.absent_reason IS NULL
