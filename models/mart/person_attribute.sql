/* One row per person, attribute and scheme: the group the person is counted in. */
MODEL (
  name mart.person_attribute,
  kind FULL,
  grain (person_id, attribute, scheme),
  references (
    person_id
  ),
  description 'Groups for audits, weights and tables one: sex, age band at the first observed day, ethnicity, and whatever mappings declare as attribute:name:scheme. Of several answers of a person the one of the lowest instance counts, then the earliest, then the lowest array index.',
  column_descriptions (
    person_id = 'Person',
    attribute = 'sex, age_band, ethnicity, education, income, ...',
    scheme = 'Coding the level belongs to (omop-gender, ten-years-at-entry, omop-race, ...)',
    level = 'Group: label of the code, or the value where there is no label'
  ),
  audits (
    unique_key(columns := (person_id, attribute, scheme)),
    not_null(columns := (person_id, attribute, scheme, level))
  )
);

WITH sex AS (
  SELECT
    p.person_id,
    'sex' AS attribute,
    'omop-gender' AS scheme,
    CASE p.gender_concept_id
      WHEN 8507
      THEN 'male'
      WHEN 8532
      THEN 'female'
      ELSE LOWER(COALESCE(c.concept_name, 'unknown'))
    END AS level
  FROM cdm.person AS p
  LEFT JOIN vocab.concept AS c
    ON p.gender_concept_id = c.concept_id
  WHERE
    p.gender_concept_id <> 0
), entry_age AS (
  SELECT
    p.person_id,
    CAST(FLOOR((
      EXTRACT(YEAR FROM MIN(o.observation_period_start_date)) - p.year_of_birth
    ) / 10) AS INT) * 10 AS decade
  FROM cdm.person AS p
  INNER JOIN cdm.observation_period AS o
    ON p.person_id = o.person_id
  GROUP BY
    p.person_id,
    p.year_of_birth
), age_band AS (
  SELECT
    a.person_id,
    'age_band' AS attribute,
    'ten-years-at-entry' AS scheme,
    CASE
      WHEN a.decade < 0
      THEN 'before birth'
      WHEN a.decade >= 90
      THEN '90+'
      ELSE CAST(a.decade AS TEXT) || '-' || CAST(a.decade + 9 AS TEXT)
    END AS level
  FROM entry_age AS a
), ethnicity AS (
  SELECT
    p.person_id,
    'ethnicity' AS attribute,
    CASE WHEN p.race_concept_id <> 0 THEN 'omop-race' ELSE 'omop-ethnicity' END AS scheme,
    CASE
      WHEN c.concept_name IS NULL OR c.concept_name = 'unverified'
      THEN 'concept ' || CAST(CASE WHEN p.race_concept_id <> 0 THEN p.race_concept_id ELSE p.ethnicity_concept_id END AS TEXT)
      ELSE c.concept_name
    END AS level
  FROM cdm.person AS p
  LEFT JOIN vocab.concept AS c
    ON CASE WHEN p.race_concept_id <> 0 THEN p.race_concept_id ELSE p.ethnicity_concept_id END = c.concept_id
  WHERE
    p.race_concept_id <> 0 OR p.ethnicity_concept_id <> 0
), declared_ranked AS (
  SELECT
    e.person_id,
    SPLIT_PART(e.person_field, ':', 2) AS attribute,
    CASE
      WHEN SPLIT_PART(e.person_field, ':', 3) = ''
      THEN e.study
      ELSE SPLIT_PART(e.person_field, ':', 3)
    END AS scheme,
    COALESCE(e.value_text, e.source_value) AS level,
    e.instance,
    e.start_date,
    e.array_index,
    e.fact_id
  FROM stem.event AS e
  WHERE
    e.cdm_table = 'person_attribute'
), declared_placed AS (
  SELECT
    r.person_id,
    r.attribute,
    r.scheme,
    r.level,
    ROW_NUMBER() OVER (
      PARTITION BY r.person_id, r.attribute, r.scheme
      ORDER BY r.instance, r.start_date, r.array_index, r.fact_id
    ) AS place
  FROM declared_ranked AS r
), attribute_level AS (
  SELECT
    person_id,
    attribute,
    scheme,
    level
  FROM sex
  UNION ALL
  SELECT
    person_id,
    attribute,
    scheme,
    level
  FROM age_band
  UNION ALL
  SELECT
    person_id,
    attribute,
    scheme,
    level
  FROM ethnicity
  UNION ALL
  SELECT
    d.person_id,
    d.attribute,
    d.scheme,
    d.level
  FROM declared_placed AS d
  WHERE
    d.place = 1
)
SELECT
  CAST(a.person_id AS BIGINT) AS person_id,
  CAST(a.attribute AS TEXT) AS attribute,
  CAST(a.scheme AS TEXT) AS scheme,
  CAST(a.level AS TEXT) AS level
FROM attribute_level AS a
