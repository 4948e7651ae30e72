/* One row per study, source and variable or code: facts that no date can be given to. */
MODEL (
  name stem.undated,
  kind FULL,
  grain (study, source, cdm_table, source_code),
  description 'Facts of stem.event without a date: the tables of the CDM require one, so they stop here. Facts about the person itself need none and are not counted.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    cdm_table = 'Table the facts would have gone to',
    source_code = 'Variable, or code of an event; null for a bare event',
    n_facts = 'Facts without a date',
    n_persons = 'Persons with at least one of them'
  ),
  audits (
    unique_key(columns := (study, source, cdm_table, source_code))
  )
);

SELECT
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.cdm_table AS TEXT) AS cdm_table,
  CAST(e.source_code AS TEXT) AS source_code,
  CAST(COUNT(*) AS BIGINT) AS n_facts,
  CAST(COUNT(DISTINCT e.person_id) AS BIGINT) AS n_persons
FROM stem.event AS e
WHERE
  e.start_date IS NULL AND NOT e.cdm_table IN ('person', 'person_attribute')
GROUP BY
  e.study,
  e.source,
  e.cdm_table,
  e.source_code
