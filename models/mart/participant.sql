/* One row per linked person of the biobank, in cdm or not. */
MODEL (
  name mart.participant,
  kind FULL,
  grain person_id,
  references (
    person_id
  ),
  description 'Who is in the biobank and how much is known: the first table to look at.',
  column_descriptions (
    person_id = 'Person',
    n_studies = 'Studies the person is part of',
    n_sources = 'Sources with data about the person',
    n_rows = 'Delivered values, events, records and measurements of features',
    is_in_cdm = 'True where the person has a row in cdm.person (needs a year of birth)',
    gender_concept_id = 'OMOP concept of the sex; null if not in cdm',
    year_of_birth = 'Year of birth; null if not known',
    observed_from = 'Start of the first observation period; null if none',
    observed_to = 'End of the last observation period; null if none',
    death_date = 'Date of death; null if alive or not known'
  ),
  audits (unique_key(columns := (
      person_id
    )), not_null(columns := (
      person_id
  )))
);

WITH delivered AS (
  SELECT
    s.person_id,
    s.study,
    s.source,
    SUM(s.n_rows) AS n_rows
  FROM staging.source_person AS s
  WHERE
    NOT s.person_id IS NULL
  GROUP BY
    s.person_id,
    s.study,
    s.source
), known_person AS (
  SELECT
    d.person_id,
    COUNT(DISTINCT d.study) AS n_studies,
    COUNT(*) AS n_sources,
    SUM(d.n_rows) AS n_rows
  FROM delivered AS d
  GROUP BY
    d.person_id
), observed AS (
  SELECT
    o.person_id,
    MIN(o.observation_period_start_date) AS observed_from,
    MAX(o.observation_period_end_date) AS observed_to
  FROM cdm.observation_period AS o
  GROUP BY
    o.person_id
)
SELECT
  CAST(a.person_id AS BIGINT) AS person_id,
  CAST(a.n_studies AS INT) AS n_studies,
  CAST(a.n_sources AS INT) AS n_sources,
  CAST(a.n_rows AS BIGINT) AS n_rows,
  CAST(NOT p.person_id IS NULL AS BOOLEAN) AS is_in_cdm,
  CAST(p.gender_concept_id AS BIGINT) AS gender_concept_id,
  CAST(p.year_of_birth AS INT) AS year_of_birth,
  CAST(o.observed_from AS DATE) AS observed_from,
  CAST(o.observed_to AS DATE) AS observed_to,
  CAST(d.death_date AS DATE) AS death_date
FROM known_person AS a
LEFT JOIN cdm.person AS p
  ON a.person_id = p.person_id
LEFT JOIN observed AS o
  ON a.person_id = o.person_id
LEFT JOIN cdm.death AS d
  ON a.person_id = d.person_id
