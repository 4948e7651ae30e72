/* One row per study, source and column of the person: how many delivered numbers cdm.person cannot hold. */
MODEL (
  name stem.person_leftover,
  kind FULL,
  grain (study, source, person_field),
  description 'Facts for columns of cdm.person whose number is none, or none that the column can hold: a year of birth outside 1850 to 2200, a month or day that no calendar has, a concept id without a value. They count among n_facts_person in stem.books and fill nothing. Columns without such facts are left out.',
  column_descriptions (
    study = 'Study of the fact',
    source = 'Source within the study',
    person_field = 'Column of the person: birth, year_of_birth, month_of_birth, day_of_birth, age, or a delivered concept id',
    n_facts = 'Facts for the column',
    n_unusable = 'Those whose number the column cannot hold'
  ),
  audits (
    unique_key(columns := (study, source, person_field)),
    not_null(columns := (study, source, person_field))
  )
);

WITH fact AS (
  SELECT
    e.study,
    e.source,
    e.person_field,
    CASE
      WHEN e.person_field = 'birth'
      THEN TRY_CAST(SUBSTRING(e.source_value, 1, 4) AS DOUBLE)
      WHEN e.person_field = 'year_of_birth'
      THEN COALESCE(e.value_number, TRY_CAST(SUBSTRING(e.source_value, 1, 4) AS DOUBLE))
      WHEN e.person_field = 'age'
      THEN EXTRACT(YEAR FROM e.start_date) - FLOOR(COALESCE(e.value_number, TRY_CAST(e.source_value AS DOUBLE)))
      WHEN e.person_field IN ('month_of_birth', 'day_of_birth')
      THEN COALESCE(e.value_number, TRY_CAST(e.source_value AS DOUBLE))
      ELSE TRY_CAST(TRY_CAST(e.value_number AS BIGINT) AS DOUBLE)
    END AS number
  FROM stem.event AS e
  WHERE
    e.cdm_table = 'person'
    AND (
      e.person_field IN ('birth', 'year_of_birth', 'month_of_birth', 'day_of_birth', 'age')
      OR e.person_field LIKE '%_concept_id'
    )
), judged AS (
  SELECT
    f.study,
    f.source,
    f.person_field,
    CASE
      WHEN f.person_field IN ('birth', 'year_of_birth', 'age')
      THEN CASE WHEN f.number BETWEEN 1850 AND 2200 THEN 0 ELSE 1 END
      WHEN f.person_field = 'month_of_birth'
      THEN CASE WHEN f.number BETWEEN 1 AND 12 THEN 0 ELSE 1 END
      WHEN f.person_field = 'day_of_birth'
      THEN CASE WHEN f.number BETWEEN 1 AND 31 THEN 0 ELSE 1 END
      ELSE CASE WHEN f.number IS NULL THEN 1 ELSE 0 END
    END AS is_unusable
  FROM fact AS f
)
SELECT
  CAST(j.study AS TEXT) AS study,
  CAST(j.source AS TEXT) AS source,
  CAST(j.person_field AS TEXT) AS person_field,
  CAST(COUNT(*) AS BIGINT) AS n_facts,
  CAST(SUM(j.is_unusable) AS BIGINT) AS n_unusable
FROM judged AS j
GROUP BY
  j.study,
  j.source,
  j.person_field
HAVING
  SUM(j.is_unusable) > 0
