/* One row per study and step: how many persons are left, from delivery to the observation period. */
MODEL (
  name mart.attrition,
  kind FULL,
  grain (study, step_order),
  description 'Persons at each step, per study and (study *) over all. delivered and linked count source persons; from persons on, a person in two studies counts once in each and once in *.',
  column_descriptions (
    study = 'Study, or * for all',
    step_order = 'Order of the step, from 1',
    step = 'delivered, linked, persons, with-birth-year, with-sex, observed',
    n_persons = 'Persons left at this step'
  ),
  audits (unique_key(columns := (study, step_order)), not_null(columns := (study, step, n_persons)))
);

WITH delivered_key AS (
  SELECT
    s.study,
    s.source_person_key,
    s.person_id
  FROM staging.source_person AS s
  WHERE
    NOT s.source_person_key IS NULL
  GROUP BY
    s.study,
    s.source_person_key,
    s.person_id
), either AS (
  SELECT
    s.study,
    s.source_person_key,
    s.person_id
  FROM delivered_key AS s
  UNION ALL
  SELECT
    '*' AS study,
    s.source_person_key,
    s.person_id
  FROM delivered_key AS s
), counted AS (
  SELECT
    e.study,
    COUNT(DISTINCT e.source_person_key) AS n_delivered,
    COUNT(DISTINCT CASE WHEN NOT e.person_id IS NULL THEN e.source_person_key END) AS n_linked,
    COUNT(DISTINCT e.person_id) AS n_people,
    COUNT(DISTINCT p.person_id) AS n_birth_year,
    COUNT(DISTINCT CASE WHEN p.gender_concept_id <> 0 THEN p.person_id END) AS n_sex,
    COUNT(DISTINCT o.person_id) AS n_observed
  FROM either AS e
  LEFT JOIN cdm.person AS p
    ON e.person_id = p.person_id
  LEFT JOIN cdm.observation_period AS o
    ON e.person_id = o.person_id
  GROUP BY
    e.study
), step AS (
  SELECT
    study,
    1 AS step_order,
    'delivered' AS step,
    n_delivered AS n_persons
  FROM counted
  UNION ALL
  SELECT
    study,
    2 AS step_order,
    'linked' AS step,
    n_linked AS n_persons
  FROM counted
  UNION ALL
  SELECT
    study,
    3 AS step_order,
    'persons' AS step,
    n_people AS n_persons
  FROM counted
  UNION ALL
  SELECT
    study,
    4 AS step_order,
    'with-birth-year' AS step,
    n_birth_year AS n_persons
  FROM counted
  UNION ALL
  SELECT
    study,
    5 AS step_order,
    'with-sex' AS step,
    n_sex AS n_persons
  FROM counted
  UNION ALL
  SELECT
    study,
    6 AS step_order,
    'observed' AS step,
    n_observed AS n_persons
  FROM counted
)
SELECT
  CAST(s.study AS TEXT) AS study,
  CAST(s.step_order AS INT) AS step_order,
  CAST(s.step AS TEXT) AS step,
  CAST(s.n_persons AS BIGINT) AS n_persons
FROM step AS s
