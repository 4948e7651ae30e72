/* One row per study, source, code system and code that stands as a value or a qualifier of events. */
MODEL (
  name staging.event_term,
  kind FULL,
  grain (study, source, code_system, code_key),
  description 'Coded values and qualifiers of staging.source_event that came without a concept; they are looked up once each.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    code_system = 'OMOP vocabulary id of the code, or study:source; unknown where the source gives none',
    code_key = 'Code to compare by',
    n_events = 'Events of linked persons with it, as a value or as a qualifier'
  ),
  audits (
    unique_key(columns := (study, source, code_system, code_key))
  )
);

WITH used AS (
  SELECT
    e.study,
    e.source,
    e.value_code_system AS code_system,
    e.value_code_key AS code_key,
    COUNT(*) AS n_events
  FROM staging.source_event AS e
  WHERE
    NOT e.value_code_key IS NULL AND e.given_value_concept_id IS NULL
  GROUP BY
    e.study,
    e.source,
    e.value_code_system,
    e.value_code_key
  UNION ALL
  SELECT
    e.study,
    e.source,
    e.qualifier_code_system AS code_system,
    e.qualifier_code_key AS code_key,
    COUNT(*) AS n_events
  FROM staging.source_event AS e
  WHERE
    NOT e.qualifier_code_key IS NULL AND e.given_qualifier_concept_id IS NULL
  GROUP BY
    e.study,
    e.source,
    e.qualifier_code_system,
    e.qualifier_code_key
)
SELECT
  CAST(u.study AS TEXT) AS study,
  CAST(u.source AS TEXT) AS source,
  CAST(u.code_system AS TEXT) AS code_system,
  CAST(u.code_key AS TEXT) AS code_key,
  CAST(SUM(u.n_events) AS BIGINT) AS n_events
FROM used AS u
GROUP BY
  u.study,
  u.source,
  u.code_system,
  u.code_key
