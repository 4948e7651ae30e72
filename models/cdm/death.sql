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

SELECT
  CAST(d.person_id AS BIGINT) AS person_id,
  CAST(d.start_date AS DATE) AS death_date,
  CAST(e.start_datetime AS TIMESTAMP) AS death_datetime,
  CAST(d.type_concept_id AS BIGINT) AS death_type_concept_id,
  CAST(d.cause_concept_id AS BIGINT) AS cause_concept_id,
  CAST(SUBSTRING(d.cause_source_value, 1, 50) AS TEXT) AS cause_source_value,
  CAST(d.cause_source_concept_id AS BIGINT) AS cause_source_concept_id
FROM mart.death_record AS d
INNER JOIN stem.event AS e
  ON d.fact_id = e.fact_id
INNER JOIN cdm.person AS p
  ON d.person_id = p.person_id
WHERE
  d.place = 1 AND e.cdm_table = 'death'
