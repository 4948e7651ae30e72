/* One row per dated death or cause of death that was recorded about a person. */
MODEL (
  name mart.death_record,
  kind FULL,
  grain fact_id,
  references (
    person_id
  ),
  description 'All deaths and causes of persons of cdm, with the place each has: register before hospital before primary care before the rest before survey, then a date that is certain before one that was completed or flagged, the earliest date, a record with a cause, the primary one, a mapped one, the smallest id. Place 1 is cdm.death; reason says why the others are not.',
  column_descriptions (
    fact_id = 'Fact of stem.event',
    person_id = 'Person',
    study = 'Study of the record',
    source = 'Source within the study',
    origin = 'Where the record comes from: register, hospital, ...; that of the source where the record has none',
    start_date = 'Date of death',
    is_certain_date = 'False where the date was completed from a partial one or is flagged',
    position = 'Rank of the cause in its record; null if none',
    cause_concept_id = 'Standard concept of the cause; 0 if unmapped, null if the record has no cause',
    cause_source_value = 'Cause as delivered; null if none',
    cause_source_concept_id = 'Source concept of the cause; null if the record has no cause',
    type_concept_id = 'OMOP type concept of the record',
    place = '1 for the record that is cdm.death',
    reason = 'chosen; further-cause (same date and origin), same-date (of another origin), uncertain-date, other-date-less-trusted-origin, other-date-same-origin',
    days_from_chosen = 'Days from the chosen date to this one'
  ),
  audits (
    unique_key(columns := (
      fact_id
    )),
    not_null(columns := (fact_id, person_id, start_date, place, reason)),
    refers_to_person(key := person_id)
  )
);

WITH flagged AS (
  SELECT
    s.row_id
  FROM staging.source_event AS s
  WHERE
    s.kind = 'death' AND NOT s.time_flag IS NULL
), recorded AS (
  SELECT
    e.fact_id,
    e.person_id,
    e.study,
    e.source,
    COALESCE(e.origin, s.origin) AS origin,
    CASE COALESCE(e.origin, s.origin)
      WHEN 'register'
      THEN 0
      WHEN 'hospital'
      THEN 1
      WHEN 'primary-care'
      THEN 2
      WHEN 'survey'
      THEN 4
      ELSE 3
    END AS trust,
    e.start_date,
    CASE WHEN f.row_id IS NULL THEN 0 ELSE 1 END AS is_flagged,
    e.position,
    CASE
      WHEN e.kind = 'value' OR (
        e.source_code IS NULL AND e.concept_id = 0
      )
      THEN NULL
      ELSE e.concept_id
    END AS cause_concept_id,
    CASE WHEN e.kind = 'value' THEN NULL ELSE e.source_code END AS cause_source_value,
    CASE
      WHEN e.kind = 'value' OR (
        e.source_code IS NULL AND e.source_concept_id = 0
      )
      THEN NULL
      ELSE e.source_concept_id
    END AS cause_source_concept_id,
    e.type_concept_id
  FROM stem.event AS e
  INNER JOIN cdm.person AS p
    ON e.person_id = p.person_id
  LEFT JOIN vocab.study_source AS s
    ON e.study = s.study AND e.source = s.source
  LEFT JOIN flagged AS f
    ON e.row_id = f.row_id
  WHERE
    e.cdm_table = 'death' AND NOT e.start_date IS NULL
), ranked AS (
  SELECT
    r.fact_id,
    r.person_id,
    r.study,
    r.source,
    r.origin,
    r.trust,
    r.start_date,
    r.is_flagged,
    r.position,
    r.cause_concept_id,
    r.cause_source_value,
    r.cause_source_concept_id,
    r.type_concept_id,
    ROW_NUMBER() OVER (
      PARTITION BY r.person_id
      ORDER BY r.trust, r.is_flagged, r.start_date, CASE WHEN r.cause_source_value IS NULL AND r.cause_concept_id IS NULL THEN 1 ELSE 0 END, CASE WHEN r.position = 'primary' THEN 0 ELSE 1 END, CASE WHEN r.cause_concept_id = 0 THEN 1 ELSE 0 END, r.fact_id
    ) AS place
  FROM recorded AS r
), chosen AS (
  SELECT
    k.person_id,
    k.trust,
    k.start_date
  FROM ranked AS k
  WHERE
    k.place = 1
)
SELECT
  CAST(k.fact_id AS BIGINT) AS fact_id,
  CAST(k.person_id AS BIGINT) AS person_id,
  CAST(k.study AS TEXT) AS study,
  CAST(k.source AS TEXT) AS source,
  CAST(k.origin AS TEXT) AS origin,
  CAST(k.start_date AS DATE) AS start_date,
  CAST(k.is_flagged = 0 AS BOOLEAN) AS is_certain_date,
  CAST(k.position AS TEXT) AS position,
  CAST(k.cause_concept_id AS BIGINT) AS cause_concept_id,
  CAST(k.cause_source_value AS TEXT) AS cause_source_value,
  CAST(k.cause_source_concept_id AS BIGINT) AS cause_source_concept_id,
  CAST(k.type_concept_id AS BIGINT) AS type_concept_id,
  CAST(k.place AS INT) AS place,
  CAST(CASE
    WHEN k.place = 1
    THEN 'chosen'
    WHEN k.start_date = c.start_date AND k.trust = c.trust
    THEN 'further-cause'
    WHEN k.start_date = c.start_date
    THEN 'same-date'
    WHEN k.is_flagged = 1
    THEN 'uncertain-date'
    WHEN k.trust > c.trust
    THEN 'other-date-less-trusted-origin'
    ELSE 'other-date-same-origin'
  END AS TEXT) AS reason,
  CAST(DATE_DIFF('DAY', c.start_date, k.start_date) AS INT) AS days_from_chosen
FROM ranked AS k
INNER JOIN chosen AS c
  ON k.person_id = c.person_id
