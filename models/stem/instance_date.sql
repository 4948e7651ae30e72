/* One row per study, person, time variable and instance: the date of that visit. */
MODEL (
  name stem.instance_date,
  kind FULL,
  grain (study, person_id, variable, instance),
  description 'Dates of the instances of a study (UK Biobank field 53), for values that have no date of their own. Where a date was delivered several times, the earliest.',
  column_descriptions (
    study = 'Study',
    person_id = 'Person',
    variable = 'Time variable the dates come from',
    instance = 'Visit or repeat',
    instance_date = 'Local date'
  ),
  audits (
    unique_key(columns := (study, person_id, variable, instance)),
    not_null(columns := (
      instance_date
    ))
  )
);

WITH time_variable AS (
  SELECT
    v.study,
    v.time_variable AS variable
  FROM vocab.variable AS v
  WHERE
    NOT v.time_variable IS NULL
  GROUP BY
    v.study,
    v.time_variable
)
SELECT
  CAST(s.study AS TEXT) AS study,
  CAST(s.person_id AS BIGINT) AS person_id,
  CAST(s.variable AS TEXT) AS variable,
  CAST(s.instance AS INT) AS instance,
  CAST(MIN(s.value_date) AS DATE) AS instance_date
FROM staging.source_value AS s
INNER JOIN time_variable AS t
  ON s.study = t.study AND s.variable = t.variable
WHERE
  NOT s.value_date IS NULL
GROUP BY
  s.study,
  s.person_id,
  s.variable,
  s.instance
