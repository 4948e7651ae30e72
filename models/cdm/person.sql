/* One row per linked person whose year of birth is known. */
MODEL (
  name cdm.person,
  kind FULL
);

WITH fact AS (
  SELECT
    e.person_id,
    e.person_field,
    e.concept_id,
    e.source_concept_id,
    e.source_value,
    CASE
      WHEN e.person_field = 'birth' THEN TRY_CAST(SUBSTRING(e.source_value, 1, 4) AS INTEGER)
      WHEN e.person_field = 'year_of_birth' THEN CAST(COALESCE(e.value_number, TRY_CAST(SUBSTRING(e.source_value, 1, 4) AS DOUBLE)) AS INTEGER)
    END AS birth_year,
    CASE
      WHEN e.person_field = 'birth' THEN TRY_CAST(SUBSTRING(e.source_value, 6, 2) AS INTEGER)
      WHEN e.person_field = 'month_of_birth' THEN CAST(COALESCE(e.value_number, TRY_CAST(e.source_value AS DOUBLE)) AS INTEGER)
    END AS birth_month,
    CASE
      WHEN e.person_field = 'birth' THEN TRY_CAST(SUBSTRING(e.source_value, 9, 2) AS INTEGER)
      WHEN e.person_field = 'day_of_birth' THEN CAST(COALESCE(e.value_number, TRY_CAST(e.source_value AS DOUBLE)) AS INTEGER)
    END AS birth_day
  FROM stem.event AS e
  WHERE
    e.cdm_table = 'person'
), year_vote AS (
  SELECT
    f.person_id,
    f.birth_year,
    ROW_NUMBER() OVER (PARTITION BY f.person_id ORDER BY COUNT(*) DESC NULLS LAST, f.birth_year NULLS LAST) AS place
  FROM fact AS f
  WHERE
    f.birth_year BETWEEN 1850 AND 2100
  GROUP BY
    f.person_id,
    f.birth_year
), year_chosen AS (
  SELECT
    v.person_id,
    v.birth_year
  FROM year_vote AS v
  WHERE
    v.place = 1
), month_vote AS (
  SELECT
    f.person_id,
    f.birth_month,
    ROW_NUMBER() OVER (PARTITION BY f.person_id ORDER BY COUNT(*) DESC NULLS LAST, f.birth_month NULLS LAST) AS place
  FROM fact AS f
  INNER JOIN year_chosen AS y
    ON f.person_id = y.person_id
  WHERE
    f.birth_month BETWEEN 1 AND 12 AND COALESCE(f.birth_year, y.birth_year) = y.birth_year
  GROUP BY
    f.person_id,
    f.birth_month
), month_chosen AS (
  SELECT
    v.person_id,
    v.birth_month
  FROM month_vote AS v
  WHERE
    v.place = 1
), day_vote AS (
  SELECT
    f.person_id,
    f.birth_day,
    ROW_NUMBER() OVER (PARTITION BY f.person_id ORDER BY COUNT(*) DESC NULLS LAST, f.birth_day NULLS LAST) AS place
  FROM fact AS f
  INNER JOIN year_chosen AS y
    ON f.person_id = y.person_id
  INNER JOIN month_chosen AS m
    ON f.person_id = m.person_id
  WHERE
    f.birth_day BETWEEN 1 AND 31
    AND COALESCE(f.birth_year, y.birth_year) = y.birth_year
    AND COALESCE(f.birth_month, m.birth_month) = m.birth_month
  GROUP BY
    f.person_id,
    f.birth_day
), day_chosen AS (
  SELECT
    v.person_id,
    v.birth_day
  FROM day_vote AS v
  WHERE
    v.place = 1
), concept_vote AS (
  SELECT
    f.person_id,
    f.person_field,
    f.concept_id,
    MIN(f.source_concept_id) AS source_concept_id,
    MIN(f.source_value) AS source_value,
    ROW_NUMBER() OVER (PARTITION BY f.person_id, f.person_field ORDER BY CASE WHEN f.concept_id = 0 THEN 1 ELSE 0 END NULLS LAST, COUNT(*) DESC NULLS LAST, f.concept_id NULLS LAST) AS place
  FROM fact AS f
  WHERE
    f.person_field IN ('gender', 'race', 'ethnicity')
  GROUP BY
    f.person_id,
    f.person_field,
    f.concept_id
), concept_chosen AS (
  SELECT
    v.person_id,
    MAX(CASE WHEN v.person_field = 'gender' THEN v.concept_id END) AS gender_concept_id,
    MAX(CASE WHEN v.person_field = 'gender' THEN v.source_value END) AS gender_source_value,
    MAX(CASE WHEN v.person_field = 'gender' THEN v.source_concept_id END) AS gender_source_concept_id,
    MAX(CASE WHEN v.person_field = 'race' THEN v.concept_id END) AS race_concept_id,
    MAX(CASE WHEN v.person_field = 'race' THEN v.source_value END) AS race_source_value,
    MAX(CASE WHEN v.person_field = 'race' THEN v.source_concept_id END) AS race_source_concept_id,
    MAX(CASE WHEN v.person_field = 'ethnicity' THEN v.concept_id END) AS ethnicity_concept_id,
    MAX(CASE WHEN v.person_field = 'ethnicity' THEN v.source_value END) AS ethnicity_source_value,
    MAX(CASE WHEN v.person_field = 'ethnicity' THEN v.source_concept_id END) AS ethnicity_source_concept_id
  FROM concept_vote AS v
  WHERE
    v.place = 1
  GROUP BY
    v.person_id
)
SELECT
  CAST(y.person_id AS BIGINT) AS person_id,
  CAST(COALESCE(c.gender_concept_id, 0) AS BIGINT) AS gender_concept_id,
  CAST(y.birth_year AS INTEGER) AS year_of_birth,
  CAST(m.birth_month AS INTEGER) AS month_of_birth,
  CAST(d.birth_day AS INTEGER) AS day_of_birth,
  TRY_CAST(
    CAST(y.birth_year AS VARCHAR) || '-' || LPAD(CAST(m.birth_month AS VARCHAR), 2, '0') || '-' || LPAD(CAST(d.birth_day AS VARCHAR), 2, '0') || ' 00:00:00' AS TIMESTAMP
  ) AS birth_datetime,
  CAST(COALESCE(c.race_concept_id, 0) AS BIGINT) AS race_concept_id,
  CAST(COALESCE(c.ethnicity_concept_id, 0) AS BIGINT) AS ethnicity_concept_id,
  CAST(NULL AS BIGINT) AS location_id,
  CAST(NULL AS BIGINT) AS provider_id,
  CAST(NULL AS BIGINT) AS care_site_id,
  CAST(NULL AS VARCHAR) AS person_source_value,
  CAST(SUBSTRING(c.gender_source_value, 1, 50) AS VARCHAR) AS gender_source_value,
  CAST(COALESCE(c.gender_source_concept_id, 0) AS BIGINT) AS gender_source_concept_id,
  CAST(SUBSTRING(c.race_source_value, 1, 50) AS VARCHAR) AS race_source_value,
  CAST(COALESCE(c.race_source_concept_id, 0) AS BIGINT) AS race_source_concept_id,
  CAST(SUBSTRING(c.ethnicity_source_value, 1, 50) AS VARCHAR) AS ethnicity_source_value,
  CAST(COALESCE(c.ethnicity_source_concept_id, 0) AS BIGINT) AS ethnicity_source_concept_id
FROM year_chosen AS y
LEFT JOIN month_chosen AS m
  ON y.person_id = m.person_id
LEFT JOIN day_chosen AS d
  ON y.person_id = d.person_id
LEFT JOIN concept_chosen AS c
  ON y.person_id = c.person_id
