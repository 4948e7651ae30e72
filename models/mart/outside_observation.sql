/* One row per study, source and table of cdm: facts dated outside the observation periods of their person. */
MODEL (
  name mart.outside_observation,
  kind FULL,
  grain (study, source, cdm_table),
  description 'Facts that tools looking only within cdm.observation_period do not see: dated before a registration, in a gap, or after the end of coverage. They are in cdm and are counted here, with those inside.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    cdm_table = 'Table of cdm the facts are in',
    n_facts = 'Dated facts of persons of cdm',
    n_outside = 'Of these, facts that start outside every observation period of their person',
    n_before = 'Of these, facts before the first one, or of persons without any',
    n_persons = 'Persons with facts outside'
  ),
  audits (
    unique_key(columns := (study, source, cdm_table))
  )
);

WITH first_period AS (
  SELECT
    o.person_id,
    MIN(o.observation_period_start_date) AS first_date
  FROM cdm.observation_period AS o
  GROUP BY
    o.person_id
), fact AS (
  SELECT
    e.study,
    e.source,
    e.cdm_table,
    e.person_id,
    CASE WHEN o.person_id IS NULL THEN 1 ELSE 0 END AS is_outside,
    CASE
      WHEN o.person_id IS NULL AND (
        f.first_date IS NULL OR e.start_date < f.first_date
      )
      THEN 1
      ELSE 0
    END AS is_before
  FROM stem.event AS e
  INNER JOIN cdm.person AS p
    ON e.person_id = p.person_id
  LEFT JOIN cdm.observation_period AS o
    ON e.person_id = o.person_id
    AND e.start_date BETWEEN o.observation_period_start_date AND o.observation_period_end_date
  LEFT JOIN first_period AS f
    ON e.person_id = f.person_id
  WHERE
    NOT e.cdm_table IN ('person', 'person_attribute') AND NOT e.start_date IS NULL
)
SELECT
  CAST(f.study AS TEXT) AS study,
  CAST(f.source AS TEXT) AS source,
  CAST(f.cdm_table AS TEXT) AS cdm_table,
  CAST(COUNT(*) AS BIGINT) AS n_facts,
  CAST(SUM(f.is_outside) AS BIGINT) AS n_outside,
  CAST(SUM(f.is_before) AS BIGINT) AS n_before,
  CAST(COUNT(DISTINCT CASE WHEN f.is_outside = 1 THEN f.person_id END) AS BIGINT) AS n_persons
FROM fact AS f
GROUP BY
  f.study,
  f.source,
  f.cdm_table
