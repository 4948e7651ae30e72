/* One row per linked person whose year of birth is known. */
MODEL (
  name cdm.person,
  kind FULL,
  grain person_id,
  description 'Linked persons with a known year of birth; the others are in stem.excluded_person, numbers that no column can hold in stem.person_leftover. Where sources disagree, the most frequent answer counts, then the smallest. person_source_value is always null: no native id enters the cdm.',
  column_descriptions (
    person_id = 'It is assumed that every person with a different unique identifier is in fact a different person and should be treated independently',
    gender_concept_id = 'This field is meant to capture the biological sex at birth of the Person',
    year_of_birth = 'Compute age using year_of_birth',
    month_of_birth = 'Month of birth; null where the source gives none',
    day_of_birth = 'Day of birth; null where the source gives none',
    birth_datetime = 'Birth datetime; null where the source gives none',
    race_concept_id = 'This field captures race or ethnic background of the person',
    ethnicity_concept_id = 'This field captures Ethnicity as defined by the Office of Management and Budget (OMB) of the US Government: it distinguishes only between Hispanic and Not Hispanic',
    location_id = 'The location refers to the physical address of the person',
    provider_id = 'The Provider refers to the last known primary care provider (General Practitioner)',
    care_site_id = 'The Care Site refers to where the Provider typically provides the primary care',
    person_source_value = 'Use this field to link back to persons in the source data',
    gender_source_value = 'This field is used to store the biological sex of the person from the source data',
    gender_source_concept_id = 'Due to the small number of options, this tends to be zero',
    race_source_value = 'This field is used to store the race of the person from the source data',
    race_source_concept_id = 'Due to the small number of options, this tends to be zero',
    ethnicity_source_value = 'This field is used to store the ethnicity of the person from the source data',
    ethnicity_source_concept_id = 'Due to the small number of options, this tends to be zero'
  ),
  audits (
    not_null(columns := (person_id, gender_concept_id, year_of_birth, race_concept_id, ethnicity_concept_id)),
    unique_key(columns := (
      person_id
    )),
    positive(key := person_id)
  )
);

WITH fact AS (
  SELECT
    e.person_id,
    e.study,
    e.source,
    SPLIT_PART(e.person_field, '_', 1) AS attribute,
    e.person_field,
    e.concept_id,
    e.source_concept_id,
    e.source_value,
    TRY_CAST(e.value_number AS BIGINT) AS delivered_id,
    CASE
      WHEN e.person_field = 'birth'
      THEN TRY_CAST(SUBSTRING(e.source_value, 1, 4) AS INT)
      WHEN e.person_field = 'year_of_birth'
      THEN TRY_CAST(COALESCE(e.value_number, TRY_CAST(SUBSTRING(e.source_value, 1, 4) AS DOUBLE)) AS INT)
      WHEN e.person_field = 'age'
      THEN TRY_CAST(EXTRACT(YEAR FROM e.start_date) - FLOOR(COALESCE(e.value_number, TRY_CAST(e.source_value AS DOUBLE))) AS INT)
    END AS birth_year,
    CASE
      WHEN e.person_field = 'birth'
      THEN TRY_CAST(SUBSTRING(e.source_value, 6, 2) AS INT)
      WHEN e.person_field = 'month_of_birth'
      THEN TRY_CAST(COALESCE(e.value_number, TRY_CAST(e.source_value AS DOUBLE)) AS INT)
    END AS birth_month,
    CASE
      WHEN e.person_field = 'birth'
      THEN TRY_CAST(SUBSTRING(e.source_value, 9, 2) AS INT)
      WHEN e.person_field = 'day_of_birth'
      THEN TRY_CAST(COALESCE(e.value_number, TRY_CAST(e.source_value AS DOUBLE)) AS INT)
    END AS birth_day
  FROM stem.event AS e
  WHERE
    e.cdm_table = 'person'
), year_vote AS (
  SELECT
    f.person_id,
    f.birth_year,
    ROW_NUMBER() OVER (PARTITION BY f.person_id ORDER BY COUNT(*) DESC, f.birth_year) AS place
  FROM fact AS f
  WHERE
    f.birth_year BETWEEN 1850 AND 2200
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
    ROW_NUMBER() OVER (PARTITION BY f.person_id ORDER BY COUNT(*) DESC, f.birth_month) AS place
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
    ROW_NUMBER() OVER (PARTITION BY f.person_id ORDER BY COUNT(*) DESC, f.birth_day) AS place
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
), delivered_wording AS (
  SELECT
    f.person_id,
    f.study,
    f.source,
    f.attribute,
    MIN(CASE WHEN f.person_field LIKE '%_source_value' THEN f.source_value END) AS source_value,
    MIN(CASE WHEN f.person_field LIKE '%_source_concept_id' THEN f.delivered_id END) AS source_concept_id
  FROM fact AS f
  WHERE
    f.person_field LIKE '%_source_value' OR f.person_field LIKE '%_source_concept_id'
  GROUP BY
    f.person_id,
    f.study,
    f.source,
    f.attribute
), concept_fact AS (
  SELECT
    f.person_id,
    f.person_field,
    f.concept_id,
    f.source_concept_id,
    f.source_value
  FROM fact AS f
  WHERE
    f.person_field IN ('gender', 'race', 'ethnicity')
  UNION ALL
  SELECT
    f.person_id,
    f.attribute AS person_field,
    COALESCE(f.delivered_id, 0) AS concept_id,
    w.source_concept_id,
    w.source_value
  FROM fact AS f
  LEFT JOIN delivered_wording AS w
    ON f.person_id = w.person_id AND f.study = w.study AND f.source = w.source AND f.attribute = w.attribute
  WHERE
    f.person_field IN ('gender_concept_id', 'race_concept_id', 'ethnicity_concept_id')
), concept_vote AS (
  SELECT
    f.person_id,
    f.person_field,
    f.concept_id,
    MIN(f.source_concept_id) AS source_concept_id,
    MIN(f.source_value) AS source_value,
    ROW_NUMBER() OVER (
      PARTITION BY f.person_id, f.person_field
      ORDER BY CASE WHEN f.concept_id = 0 THEN 1 ELSE 0 END, COUNT(*) DESC, f.concept_id
    ) AS place
  FROM concept_fact AS f
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
), belonging_vote AS (
  SELECT
    d.person_id,
    r.kind,
    r.record_id,
    ROW_NUMBER() OVER (PARTITION BY d.person_id, r.kind ORDER BY COUNT(*) DESC, r.record_id) AS place
  FROM staging.source_detail AS d
  INNER JOIN staging.source_record AS r
    ON TRY_CAST(d.value_text AS BIGINT) = r.record_id
    AND CASE d.field
      WHEN 'location_id'
      THEN 'location'
      WHEN 'provider_id'
      THEN 'provider'
      WHEN 'care_site_id'
      THEN 'care_site'
    END = r.kind
  WHERE
    d.kind = 'person' AND NOT d.person_id IS NULL
  GROUP BY
    d.person_id,
    r.kind,
    r.record_id
), belonging AS (
  SELECT
    v.person_id,
    MAX(CASE WHEN v.kind = 'location' THEN v.record_id END) AS location_id,
    MAX(CASE WHEN v.kind = 'provider' THEN v.record_id END) AS provider_id,
    MAX(CASE WHEN v.kind = 'care_site' THEN v.record_id END) AS care_site_id
  FROM belonging_vote AS v
  WHERE
    v.place = 1
  GROUP BY
    v.person_id
)
SELECT
  CAST(y.person_id AS BIGINT) AS person_id,
  CAST(COALESCE(c.gender_concept_id, 0) AS BIGINT) AS gender_concept_id,
  CAST(y.birth_year AS INT) AS year_of_birth,
  CAST(m.birth_month AS INT) AS month_of_birth,
  CAST(d.birth_day AS INT) AS day_of_birth,
  TRY_CAST(CAST(y.birth_year AS TEXT) || '-' || LPAD(CAST(m.birth_month AS TEXT), 2, '0') || '-' || LPAD(CAST(d.birth_day AS TEXT), 2, '0') || ' 00:00:00' AS TIMESTAMP) AS birth_datetime,
  CAST(COALESCE(c.race_concept_id, 0) AS BIGINT) AS race_concept_id,
  CAST(COALESCE(c.ethnicity_concept_id, 0) AS BIGINT) AS ethnicity_concept_id,
  CAST(b.location_id AS BIGINT) AS location_id,
  CAST(b.provider_id AS BIGINT) AS provider_id,
  CAST(b.care_site_id AS BIGINT) AS care_site_id,
  CAST(NULL AS TEXT) AS person_source_value,
  CAST(SUBSTRING(c.gender_source_value, 1, 50) AS TEXT) AS gender_source_value,
  CAST(COALESCE(c.gender_source_concept_id, 0) AS BIGINT) AS gender_source_concept_id,
  CAST(SUBSTRING(c.race_source_value, 1, 50) AS TEXT) AS race_source_value,
  CAST(COALESCE(c.race_source_concept_id, 0) AS BIGINT) AS race_source_concept_id,
  CAST(SUBSTRING(c.ethnicity_source_value, 1, 50) AS TEXT) AS ethnicity_source_value,
  CAST(COALESCE(c.ethnicity_source_concept_id, 0) AS BIGINT) AS ethnicity_source_concept_id
FROM year_chosen AS y
LEFT JOIN month_chosen AS m
  ON y.person_id = m.person_id
LEFT JOIN day_chosen AS d
  ON y.person_id = d.person_id
LEFT JOIN concept_chosen AS c
  ON y.person_id = c.person_id
LEFT JOIN belonging AS b
  ON y.person_id = b.person_id
