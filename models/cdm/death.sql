/* One row per deceased person: the death that counts, by a stated rule. */
MODEL (
  name cdm.death,
  kind FULL,
  grain person_id,
  references (
    person_id
  ),
  description 'Every death and cause is in stem.event and mart.death_record; here the one in first place there: register before hospital before primary care before the rest, then a date that is certain before one that is not, the earliest date, a record with a cause, the primary one, a mapped one.',
  column_descriptions (
    person_id = 'Person id',
    death_date = 'The date the person was deceased',
    death_datetime = 'Death datetime; null where the source gives none',
    death_type_concept_id = 'This is the provenance of the death record, i.e., where it came from',
    cause_concept_id = 'This is the Standard Concept representing the Persons cause of death, if available',
    cause_source_value = 'Cause source value; null where the source gives none',
    cause_source_concept_id = 'Cause source concept id; null where the source gives none'
  ),
  audits (
    not_null(columns := (person_id, death_date)),
    unique_key(columns := (
      person_id
    )),
    positive(key := person_id),
    refers_to_person(key := person_id)
  )
);

WITH ranked AS (
  SELECT
    e.person_id,
    e.start_date,
    e.start_datetime,
    e.type_concept_id,
    CASE WHEN e.kind = 'value' OR e.source_code IS NULL THEN NULL ELSE e.concept_id END AS cause_concept_id,
    CASE WHEN e.kind = 'value' THEN NULL ELSE e.source_code END AS cause_source_value,
    CASE WHEN e.kind = 'value' OR e.source_code IS NULL THEN NULL ELSE e.source_concept_id END AS cause_source_concept_id,
    ROW_NUMBER() OVER (
      PARTITION BY e.person_id
      ORDER BY CASE e.origin WHEN 'register' THEN 0 WHEN 'hospital' THEN 1 WHEN 'primary-care' THEN 2 ELSE 3 END, e.start_date, CASE WHEN e.source_code IS NULL OR e.kind = 'value' THEN 1 ELSE 0 END, CASE WHEN e.position = 'primary' THEN 0 ELSE 1 END, CASE WHEN e.concept_id = 0 THEN 1 ELSE 0 END, e.fact_id
    ) AS place
  FROM stem.event AS e
  INNER JOIN cdm.person AS p
    ON e.person_id = p.person_id
  WHERE
    e.cdm_table = 'death' AND NOT e.start_date IS NULL
)
SELECT
  CAST(r.person_id AS BIGINT) AS person_id,
  CAST(r.start_date AS DATE) AS death_date,
  CAST(r.start_datetime AS TIMESTAMP) AS death_datetime,
  CAST(r.type_concept_id AS BIGINT) AS death_type_concept_id,
  CAST(r.cause_concept_id AS BIGINT) AS cause_concept_id,
  CAST(SUBSTRING(r.cause_source_value, 1, 50) AS TEXT) AS cause_source_value,
  CAST(r.cause_source_concept_id AS BIGINT) AS cause_source_concept_id
FROM ranked AS r
WHERE
  r.place = 1
