/* One row per delivered value that says that nothing is known, with the reason. */
MODEL (
  name mart.absent_fact,
  kind FULL,
  grain row_id,
  references (
    person_id
  ),
  description 'Absent values of linked persons by person and variable: what a dataset needs to say why a cell is empty. Totals are in mart.missingness.',
  column_descriptions (
    row_id = 'Id of the delivered value',
    person_id = 'Person',
    study = 'Study of the value',
    source = 'Source within the study',
    variable = 'Variable that was absent',
    instance = 'Visit or repeat of the value',
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
