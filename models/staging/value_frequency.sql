/* One row per study, source, variable, code and absent reason: how often it was delivered. */
MODEL (
  name staging.value_frequency,
  kind FULL,
  grain (study, source, variable, value_code, absent_reason),
  description 'Frequencies of staging.source_value. Numbers, dates and texts are counted per variable, codes one by one; mapping, books, coverage and missingness start here instead of reading every value again.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    variable = 'Variable',
    value_code = 'Code; null for numbers, dates, texts and absent values',
    absent_reason = 'Why the value is absent; null if it is there',
    n_values = 'Delivered values of linked persons',
    n_persons = 'Persons with at least one of them'
  ),
  audits (
    unique_key(columns := (study, source, variable, value_code, absent_reason))
  )
);

SELECT
  CAST(v.study AS TEXT) AS study,
  CAST(v.source AS TEXT) AS source,
  CAST(v.variable AS TEXT) AS variable,
  CAST(v.value_code AS TEXT) AS value_code,
  CAST(v.absent_reason AS TEXT) AS absent_reason,
  CAST(COUNT(*) AS BIGINT) AS n_values,
  CAST(COUNT(DISTINCT v.person_id) AS BIGINT) AS n_persons
FROM staging.source_value AS v
GROUP BY
  v.study,
  v.source,
  v.variable,
  v.value_code,
  v.absent_reason
