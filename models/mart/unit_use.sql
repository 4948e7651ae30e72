/* One row per study, source, concept, unit delivered and unit stored: how many numbers came so. */
MODEL (
  name mart.unit_use,
  kind FULL,
  grain (study, source, cdm_table, concept_id, source_unit, unit_concept_id, unit_state),
  description 'Where the units of numbers come from. unconvertible: the concept has a unit of its own, and the delivered one is not known or of another dimension; such numbers keep their own unit. Work down from the largest n_values.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    cdm_table = 'Table of the facts',
    concept_id = 'Standard concept; 0 if none',
    source_unit = 'Unit as delivered, else as the dictionary writes it; null if there is none',
    unit_concept_id = 'Unit of the stored numbers; 0 if no concept matches; null if there is none',
    unit_state = 'converted, as-delivered, unconvertible or no-unit',
    n_values = 'Numbers',
    n_persons = 'Persons with at least one of them'
  ),
  audits (
    unique_key(columns := (study, source, cdm_table, concept_id, source_unit, unit_concept_id, unit_state))
  )
);

SELECT
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.cdm_table AS TEXT) AS cdm_table,
  CAST(e.concept_id AS BIGINT) AS concept_id,
  CAST(e.source_unit AS TEXT) AS source_unit,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(e.unit_state AS TEXT) AS unit_state,
  CAST(COUNT(*) AS BIGINT) AS n_values,
  CAST(COUNT(DISTINCT e.person_id) AS BIGINT) AS n_persons
FROM stem.event AS e
WHERE
  NOT e.unit_state IS NULL AND NOT e.cdm_table IN ('person', 'person_attribute')
GROUP BY
  e.study,
  e.source,
  e.cdm_table,
  e.concept_id,
  e.source_unit,
  e.unit_concept_id,
  e.unit_state
