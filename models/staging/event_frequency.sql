/* One row per study, source, kind, code, delivered concept and absent reason: how often it came. */
MODEL (
  name staging.event_frequency,
  kind FULL,
  grain (
    study,
    source,
    kind,
    code_system,
    code_key,
    origin,
    given_concept_id,
    given_source_concept_id,
    absent_reason
  ),
  description 'Frequencies of staging.source_event; codes are mapped once each, not once per event.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    kind = 'Kind of event',
    code_system = 'OMOP vocabulary id of the code, or study:source; for uncoded events the source table',
    code_key = 'Code to compare by; empty for uncoded events',
    origin = 'hospital, primary-care, register, survey, pharmacy, claims, research or device',
    given_concept_id = 'Standard concept the source delivers; null where the code is to be looked up',
    given_source_concept_id = 'Source concept the source delivers; null otherwise',
    absent_reason = 'Why the event says nothing; null if it says something',
    n_events = 'Events of linked persons',
    n_persons = 'Persons with at least one of them'
  ),
  audits (
    unique_key(
      columns := (
        study,
        source,
        kind,
        code_system,
        code_key,
        origin,
        given_concept_id,
        given_source_concept_id,
        absent_reason
      )
    )
  )
);

SELECT
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.kind AS TEXT) AS kind,
  CAST(e.code_system AS TEXT) AS code_system,
  CAST(e.code_key AS TEXT) AS code_key,
  CAST(e.origin AS TEXT) AS origin,
  CAST(e.given_concept_id AS BIGINT) AS given_concept_id,
  CAST(e.given_source_concept_id AS BIGINT) AS given_source_concept_id,
  CAST(e.absent_reason AS TEXT) AS absent_reason,
  CAST(COUNT(*) AS BIGINT) AS n_events,
  CAST(COUNT(DISTINCT e.person_id) AS BIGINT) AS n_persons
FROM staging.source_event AS e
GROUP BY
  e.study,
  e.source,
  e.kind,
  e.code_system,
  e.code_key,
  e.origin,
  e.given_concept_id,
  e.given_source_concept_id,
  e.absent_reason
