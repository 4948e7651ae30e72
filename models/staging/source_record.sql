/* One row per delivered record of another OMOP-shaped table (registration, cost, ...) of a linked person, or of nobody. */
MODEL (
  name staging.source_record,
  kind FULL,
  grain row_id,
  references (
    person_id
  ),
  description 'raw.record of linked persons and of nobody (locations, care sites, providers, metadata, relations between these); the others are counted in staging.unlinked. Costs, relations and parts of episodes that name no person are of whom staging.record_owner says.',
  column_descriptions (
    row_id = 'Id of the record of this kind',
    record_id = 'Id of the delivered record',
    study = 'Study of the record',
    source = 'Source within the study',
    person_id = 'Person; null for records of nobody (location, care_site, provider, metadata, fact_relationship)',
    kind = 'registration, enrolment, censoring, observation_period, payer_plan_period, cost, fact_relationship, episode_event, person, location, care_site, provider or metadata',
    code = 'Code as delivered; null if none',
    code_system = 'OMOP vocabulary id of the code',
    label = 'Text delivered with the record, free of identifiers',
    value_number = 'Number delivered with the record',
    reason = 'Why a period ended, as delivered',
    parent_record_id = 'record_id this one belongs to; null if none',
    start_date = 'Local start date; null if none was given',
    start_datetime = 'Local start; null where only a date was given',
    end_date = 'Local end date; null if none was given',
    time_flag = 'Why the time is not what was delivered; see raw.record'
  ),
  audits (unique_key(columns := (
      row_id
  )), not_null(columns := (row_id, record_id, kind)))
);

SELECT
  CAST(r.row_id AS BIGINT) AS row_id,
  CAST(r.record_id AS BIGINT) AS record_id,
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(r.kind AS TEXT) AS kind,
  CAST(r.code AS TEXT) AS code,
  CAST(r.code_system AS TEXT) AS code_system,
  CAST(r.label AS TEXT) AS label,
  CAST(r.number AS DOUBLE) AS value_number,
  CAST(r.reason AS TEXT) AS reason,
  CAST(r.parent_record_id AS BIGINT) AS parent_record_id,
  TRY_CAST(SUBSTRING(r.start_time, 1, 10) AS DATE) AS start_date,
  CAST(CASE WHEN LENGTH(r.start_time) > 10 THEN TRY_CAST(REPLACE(r.start_time, 'T', ' ') AS TIMESTAMP) END AS TIMESTAMP) AS start_datetime,
  TRY_CAST(SUBSTRING(r.end_time, 1, 10) AS DATE) AS end_date,
  CAST(r.time_flag AS TEXT) AS time_flag
FROM raw.record AS r
LEFT JOIN staging.record_owner AS o
  ON r.record_id = o.record_id
LEFT JOIN link.person_bridge AS b
  ON COALESCE(r.source_person_key, o.source_person_key) = b.source_person_key
WHERE
  (
    b.link_status = 'linked' AND NOT b.person_id IS NULL
  )
  OR (
    COALESCE(r.source_person_key, o.source_person_key) IS NULL
    AND r.kind IN ('location', 'care_site', 'provider', 'metadata', 'fact_relationship')
  )
