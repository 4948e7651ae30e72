/* One row per study, source, variable or code, and absent reason: how much is missing, and why. */
MODEL (
  name mart.missingness,
  kind FULL,
  grain (study, source, variable, code_system, absent_reason, basis),
  description 'Every gap with its reason. basis says how it is known: coded (the value, or the structure of the source, says so), unreadable (the value is not of its type), no-row (nothing was delivered for the person: FHIR unknown).',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    variable = 'Variable; code of an event as delivered, its kind if it has none',
    code_system = 'OMOP vocabulary id of an event''s code; null for values',
    absent_reason = 'FHIR data-absent-reason',
    basis = 'coded, unreadable or no-row',
    n_values = 'Delivered values or events with this reason; 0 for no-row',
    n_persons = 'Persons with at least one of them',
    n_persons_source = 'Persons with data in the source',
    persons_share = 'n_persons / n_persons_source (0-1)'
  ),
  audits (
    unique_key(columns := (study, source, variable, code_system, absent_reason, basis))
  )
);

WITH source_size AS (
  SELECT
    s.study,
    s.source,
    s.table_name,
    COUNT(DISTINCT s.person_id) AS n_persons
  FROM staging.source_person AS s
  WHERE
    NOT s.person_id IS NULL AND s.table_name IN ('value', 'event')
  GROUP BY
    s.study,
    s.source,
    s.table_name
), asked AS (
  SELECT
    v.study,
    v.source,
    v.variable,
    COUNT(DISTINCT v.person_id) AS n_persons
  FROM staging.source_value AS v
  GROUP BY
    v.study,
    v.source,
    v.variable
), gap AS (
  SELECT
    f.study,
    f.source,
    'value' AS table_name,
    f.variable,
    NULL AS code_system,
    f.absent_reason,
    CASE
      WHEN f.absent_reason IN ('error', 'not-a-number', 'positive-infinity', 'negative-infinity')
      THEN 'unreadable'
      ELSE 'coded'
    END AS basis,
    f.n_values,
    f.n_persons
  FROM staging.value_frequency AS f
  WHERE
    NOT f.absent_reason IS NULL
  UNION ALL
  SELECT
    e.study,
    e.source,
    'event' AS table_name,
    COALESCE(e.code, e.kind) AS variable,
    e.code_system,
    e.absent_reason,
    'coded' AS basis,
    COUNT(*) AS n_values,
    COUNT(DISTINCT e.person_id) AS n_persons
  FROM staging.source_event AS e
  WHERE
    NOT e.absent_reason IS NULL
  GROUP BY
    e.study,
    e.source,
    COALESCE(e.code, e.kind),
    e.code_system,
    e.absent_reason
  UNION ALL
  SELECT
    a.study,
    a.source,
    'value' AS table_name,
    a.variable,
    NULL AS code_system,
    'unknown' AS absent_reason,
    'no-row' AS basis,
    0 AS n_values,
    s.n_persons - a.n_persons AS n_persons
  FROM asked AS a
  INNER JOIN source_size AS s
    ON a.study = s.study AND a.source = s.source AND s.table_name = 'value'
  WHERE
    s.n_persons > a.n_persons
)
SELECT
  CAST(g.study AS TEXT) AS study,
  CAST(g.source AS TEXT) AS source,
  CAST(g.variable AS TEXT) AS variable,
  CAST(g.code_system AS TEXT) AS code_system,
  CAST(g.absent_reason AS TEXT) AS absent_reason,
  CAST(g.basis AS TEXT) AS basis,
  CAST(g.n_values AS BIGINT) AS n_values,
  CAST(g.n_persons AS BIGINT) AS n_persons,
  CAST(s.n_persons AS BIGINT) AS n_persons_source,
  CAST(CAST(g.n_persons AS DOUBLE) / CAST(s.n_persons AS DOUBLE) AS DOUBLE) AS persons_share
FROM gap AS g
INNER JOIN source_size AS s
  ON g.study = s.study AND g.source = s.source AND g.table_name = s.table_name
