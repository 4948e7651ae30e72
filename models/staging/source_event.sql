/* One row per delivered clinical event of a linked person, with typed times and numbers. */
MODEL (
  name staging.source_event,
  kind FULL,
  grain row_id,
  references (
    person_id
  ),
  description 'raw.event of linked persons; the others are counted in staging.unlinked.',
  column_descriptions (
    row_id = 'Id of the event',
    record_id = 'Id of the delivered record it stood in',
    study = 'Study of the event',
    source = 'Source within the study',
    person_id = 'Person',
    kind = 'visit, condition, drug, procedure, device, death, measurement or observation',
    source_table = 'Table or file kind the event stood in',
    variable = 'Dictionary variable of the coded column; null if the code system alone says it',
    code = 'Code as delivered; null for an uncoded event',
    code_system = 'OMOP vocabulary id of the code, or study:source; for an uncoded event its source_table, else its kind',
    code_key = 'Code to compare by: without dots, and in upper case except for Read codes; empty if uncoded',
    code_text = 'Label delivered beside the code',
    position = 'Rank of the code in its record',
    source_value = 'Value delivered with the event, as text',
    value_number = 'The same as a number; for <5 the limit; null if it is none',
    value_operator = '<, <=, > or >= where the value is a limit; else null',
    source_unit = 'Unit delivered with the value',
    quantity = 'Amount delivered with a drug, device or procedure; null if none or not a number',
    given_concept_id = 'Standard concept the source delivers, 0 included; null where the code is to be looked up',
    given_unit_concept_id = 'Unit concept the source delivers; null otherwise',
    origin = 'hospital, primary-care, register, survey, pharmacy, claims, research, device, or unknown; the one of the source where the event has none',
    visit_record_id = 'record_id of the visit or death record the event belongs to; null if none',
    admitted_from = 'Visits only: where from, as delivered',
    discharged_to = 'Visits only: where to, as delivered',
    start_date = 'Local start date; null if none was given',
    start_datetime = 'Local start; null where only a date was given',
    start_offset_minutes = 'Minutes east of UTC as delivered',
    start_instant = 'UTC start; null where time or offset is not known',
    end_date = 'Local end date; null if none was given',
    end_datetime = 'Local end; null where only a date was given',
    time_flag = 'Why the time is not what was delivered; see raw.event'
  ),
  audits (
    unique_key(columns := (
      row_id
    )),
    not_null(columns := (row_id, record_id, person_id, kind)),
    accepted_values(
      "column" := kind,
      is_in := (
        'visit',
        'condition',
        'drug',
        'procedure',
        'device',
        'death',
        'measurement',
        'observation',
        'condition_era',
        'drug_era',
        'dose_era'
      )
    )
  )
);

WITH linked AS (
  SELECT
    r.row_id,
    r.record_id,
    r.study,
    r.source,
    b.person_id,
    r.kind,
    r.source_table,
    r.variable,
    TRIM(r.code) AS code,
    COALESCE(CASE WHEN NOT r.code IS NULL THEN r.code_system END, r.source_table, r.kind) AS code_system,
    r.code_text,
    r.position,
    TRIM(r.value) AS source_value,
    CASE
      WHEN SUBSTRING(TRIM(r.value), 1, 2) IN ('<=', '>=')
      THEN SUBSTRING(TRIM(r.value), 1, 2)
      WHEN SUBSTRING(TRIM(r.value), 1, 1) IN ('<', '>')
      THEN SUBSTRING(TRIM(r.value), 1, 1)
    END AS value_operator,
    TRIM(r.unit) AS source_unit,
    TRIM(r.quantity) AS quantity,
    r.concept_id AS given_concept_id,
    r.unit_concept_id AS given_unit_concept_id,
    COALESCE(r.origin, s.origin, 'unknown') AS origin,
    r.visit_record_id,
    r.admitted_from,
    r.discharged_to,
    r.start_time,
    r.start_offset_minutes,
    r.end_time,
    r.time_flag
  FROM raw.event AS r
  INNER JOIN link.person_bridge AS b
    ON r.source_person_key = b.source_person_key
  LEFT JOIN vocab.study_source AS s
    ON r.study = s.study AND r.source = s.source
  WHERE
    b.link_status = 'linked' AND NOT b.person_id IS NULL
), shaped AS (
  SELECT
    l.row_id,
    l.record_id,
    l.study,
    l.source,
    l.person_id,
    l.kind,
    l.source_table,
    l.variable,
    l.code,
    l.code_system,
    COALESCE(
      CASE
        WHEN l.code_system LIKE 'Read%' OR l.code_system LIKE 'CTV%'
        THEN REPLACE(l.code, '.', '')
        ELSE UPPER(REPLACE(l.code, '.', ''))
      END,
      ''
    ) AS code_key,
    l.code_text,
    l.position,
    l.source_value,
    l.value_operator,
    TRIM(SUBSTRING(l.source_value, 1 + COALESCE(LENGTH(l.value_operator), 0))) AS number_text,
    l.source_unit,
    l.quantity,
    l.given_concept_id,
    l.given_unit_concept_id,
    l.origin,
    l.visit_record_id,
    l.admitted_from,
    l.discharged_to,
    TRY_CAST(SUBSTRING(l.start_time, 1, 10) AS DATE) AS start_date,
    CASE WHEN LENGTH(l.start_time) > 10 THEN TRY_CAST(REPLACE(l.start_time, 'T', ' ') AS TIMESTAMP) END AS start_datetime,
    l.start_offset_minutes,
    TRY_CAST(SUBSTRING(l.end_time, 1, 10) AS DATE) AS end_date,
    CASE WHEN LENGTH(l.end_time) > 10 THEN TRY_CAST(REPLACE(l.end_time, 'T', ' ') AS TIMESTAMP) END AS end_datetime,
    l.time_flag
  FROM linked AS l
)
SELECT
  CAST(s.row_id AS BIGINT) AS row_id,
  CAST(s.record_id AS BIGINT) AS record_id,
  CAST(s.study AS TEXT) AS study,
  CAST(s.source AS TEXT) AS source,
  CAST(s.person_id AS BIGINT) AS person_id,
  CAST(s.kind AS TEXT) AS kind,
  CAST(s.source_table AS TEXT) AS source_table,
  CAST(s.variable AS TEXT) AS variable,
  CAST(s.code AS TEXT) AS code,
  CAST(s.code_system AS TEXT) AS code_system,
  CAST(s.code_key AS TEXT) AS code_key,
  CAST(s.code_text AS TEXT) AS code_text,
  CAST(s.position AS TEXT) AS position,
  CAST(s.source_value AS TEXT) AS source_value,
  CAST(CASE
    WHEN REGEXP_MATCHES(s.number_text, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
    THEN NULLIF(NULLIF(TRY_CAST(s.number_text AS DOUBLE), CAST('Infinity' AS DOUBLE)), CAST('-Infinity' AS DOUBLE))
  END AS DOUBLE) AS value_number,
  CAST(s.value_operator AS TEXT) AS value_operator,
  CAST(s.source_unit AS TEXT) AS source_unit,
  CAST(CASE
    WHEN REGEXP_MATCHES(s.quantity, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
    THEN TRY_CAST(s.quantity AS DOUBLE)
  END AS DOUBLE) AS quantity,
  CAST(s.given_concept_id AS BIGINT) AS given_concept_id,
  CAST(s.given_unit_concept_id AS BIGINT) AS given_unit_concept_id,
  CAST(s.origin AS TEXT) AS origin,
  CAST(s.visit_record_id AS BIGINT) AS visit_record_id,
  CAST(s.admitted_from AS TEXT) AS admitted_from,
  CAST(s.discharged_to AS TEXT) AS discharged_to,
  CAST(s.start_date AS DATE) AS start_date,
  CAST(s.start_datetime AS TIMESTAMP) AS start_datetime,
  CAST(s.start_offset_minutes AS INT) AS start_offset_minutes,
  CAST(s.start_datetime - s.start_offset_minutes * INTERVAL '1' MINUTE AS TIMESTAMP) AS start_instant,
  CAST(s.end_date AS DATE) AS end_date,
  CAST(s.end_datetime AS TIMESTAMP) AS end_datetime,
  CAST(s.time_flag AS TEXT) AS time_flag
FROM shaped AS s
