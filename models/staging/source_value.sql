/* One row per delivered value of a linked person: typed, or absent with its reason. */
MODEL (
  name staging.source_value,
  kind FULL,
  grain row_id,
  references (
    person_id
  ),
  description 'raw.value of linked persons (the others: staging.unlinked), typed as the dictionary promises. Exactly one of value_number, value_date, value_code, value_text and absent_reason is set. A declared code of a number variable (-10: less than one) is a code, never a number.',
  column_descriptions (
    row_id = 'Id of the delivered value',
    record_id = 'Id of the delivered record it stood in',
    study = 'Study of the value',
    source = 'Source within the study',
    person_id = 'Person',
    variable = 'Variable as in the dictionary',
    instance = 'Visit or repeat the value belongs to',
    array_index = 'Position within a multi-valued answer',
    value_type = 'Type the dictionary promises; text where the variable is not declared',
    source_value = 'Value as delivered, trimmed; null only where the source says structurally that there is none',
    value_number = 'Number in source_unit, or in the unit of the dictionary where the row has none; for <5 the limit',
    value_operator = '<, <=, > or >= where the value is a limit (below or above what can be quantified); else null',
    value_date = 'Date, read in the date order of the source',
    value_code = 'Code, as delivered',
    value_text = 'Text, time of day or partial date',
    absent_reason = 'FHIR data-absent-reason, of the row or of its code; error where the value cannot be read as its type; null if a value is there',
    survey_record_id = 'record_id of the filled-in instrument the answer belongs to; null if none',
    source_unit = 'Unit delivered with the row; null if it stands only in the dictionary, or is none (n/a)',
    ucum_unit = 'Unit in UCUM; null if none or not known',
    start_date = 'Local date delivered with the row; null if none (stem.event takes the date of the instance)',
    start_datetime = 'Local date and time; null where only a date was given',
    start_offset_minutes = 'Minutes east of UTC as delivered; null if not given',
    start_instant = 'UTC time; null where time or offset is not known',
    time_flag = 'Why the time is not what was delivered; see raw.value'
  ),
  audits (
    unique_key(columns := (
      row_id
    )),
    not_null(columns := (row_id, person_id, variable)),
    value_or_absent()
  )
);

WITH declared_code AS (
  SELECT
    c.study,
    c.source,
    c.variable,
    c.code,
    c.absent_reason,
    CASE WHEN c.absent_reason IS NULL AND c.meaning <> c.code THEN 1 ELSE 0 END AS has_meaning
  FROM vocab.variable_code AS c
  UNION ALL
  SELECT
    m.study,
    m.source,
    m.variable,
    m.source_code AS code,
    NULL AS absent_reason,
    1 AS has_meaning
  FROM vocab.mapping AS m
  WHERE
    NOT m.source_code IS NULL
), known_code AS (
  SELECT
    study,
    source,
    variable,
    code,
    MAX(absent_reason) AS absent_reason,
    MAX(has_meaning) AS has_meaning
  FROM declared_code
  GROUP BY
    study,
    source,
    variable,
    code
), linked AS (
  SELECT
    r.row_id,
    r.record_id,
    r.study,
    r.source,
    b.person_id,
    r.variable,
    r.instance,
    r.array_index,
    TRIM(r.value) AS source_value,
    r.absent_reason,
    r.survey_record_id,
    TRIM(r.unit) AS source_unit,
    r.start_time,
    r.start_offset_minutes,
    r.time_flag
  FROM raw.value AS r
  INNER JOIN link.person_bridge AS b
    ON r.source_person_key = b.source_person_key
  WHERE
    b.link_status = 'linked' AND NOT b.person_id IS NULL
), described AS (
  SELECT
    l.row_id,
    l.record_id,
    l.study,
    l.source,
    l.person_id,
    l.variable,
    l.instance,
    l.array_index,
    COALESCE(v.value_type, 'text') AS value_type,
    COALESCE(s.date_order, 'ymd') AS date_order,
    l.source_value,
    COALESCE(l.absent_reason, k.absent_reason) AS coded_reason,
    CASE
      WHEN NOT COALESCE(l.absent_reason, k.absent_reason) IS NULL
      THEN 0
      WHEN v.value_type IN ('code', 'multicode', 'boolean')
      THEN 1
      ELSE COALESCE(k.has_meaning, 0)
    END AS is_code,
    CASE
      WHEN v.value_type IN ('date', 'datetime')
      THEN REPLACE(REPLACE(SPLIT_PART(REPLACE(l.source_value, 'T', ' '), ' ', 1), '/', '-'), '.', '-')
    END AS date_text,
    CASE
      WHEN v.value_type IN ('number', 'integer')
      THEN CASE
        WHEN SUBSTRING(l.source_value, 1, 2) IN ('<=', '>=')
        THEN SUBSTRING(l.source_value, 1, 2)
        WHEN SUBSTRING(l.source_value, 1, 1) IN ('<', '>')
        THEN SUBSTRING(l.source_value, 1, 1)
      END
    END AS value_operator,
    l.survey_record_id,
    CASE WHEN COALESCE(w.ucum_unit, '-') <> '' THEN l.source_unit END AS source_unit,
    CASE
      WHEN l.source_unit IS NULL OR l.source_unit = v.unit OR w.ucum_unit = ''
      THEN v.ucum_unit
      ELSE w.ucum_unit
    END AS ucum_unit,
    l.start_time,
    l.start_offset_minutes,
    l.time_flag
  FROM linked AS l
  LEFT JOIN vocab.variable AS v
    ON l.study = v.study AND l.source = v.source AND l.variable = v.variable
  LEFT JOIN vocab.study_source AS s
    ON l.study = s.study AND l.source = s.source
  LEFT JOIN known_code AS k
    ON l.study = k.study AND l.source = k.source AND l.variable = k.variable AND l.source_value = k.code
  LEFT JOIN staging.unit_spelling AS w
    ON l.source_unit = w.unit
), shaped AS (
  SELECT
    d.row_id,
    d.record_id,
    d.study,
    d.source,
    d.person_id,
    d.variable,
    d.instance,
    d.array_index,
    d.value_type,
    d.source_value,
    d.coded_reason,
    d.is_code,
    d.value_operator,
    CASE
      WHEN d.value_type IN ('number', 'integer') AND d.is_code = 0 AND d.coded_reason IS NULL
      THEN TRIM(SUBSTRING(d.source_value, 1 + COALESCE(LENGTH(d.value_operator), 0)))
    END AS number_text,
    CASE
      WHEN d.date_text IS NULL OR d.is_code = 1 OR NOT d.coded_reason IS NULL
      THEN NULL
      WHEN REGEXP_MATCHES(d.date_text, '^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}$')
      THEN SPLIT_PART(d.date_text, '-', 1) || '-' || LPAD(SPLIT_PART(d.date_text, '-', 2), 2, '0') || '-' || LPAD(SPLIT_PART(d.date_text, '-', 3), 2, '0')
      WHEN REGEXP_MATCHES(d.date_text, '^[0-9]{8}$')
      THEN SUBSTRING(d.date_text, 1, 4) || '-' || SUBSTRING(d.date_text, 5, 2) || '-' || SUBSTRING(d.date_text, 7, 2)
      WHEN NOT REGEXP_MATCHES(d.date_text, '^[0-9]{1,2}-[0-9]{1,2}-[0-9]{4}$')
      THEN NULL
      WHEN d.date_order = 'dmy'
      THEN SPLIT_PART(d.date_text, '-', 3) || '-' || LPAD(SPLIT_PART(d.date_text, '-', 2), 2, '0') || '-' || LPAD(SPLIT_PART(d.date_text, '-', 1), 2, '0')
      WHEN d.date_order = 'mdy'
      THEN SPLIT_PART(d.date_text, '-', 3) || '-' || LPAD(SPLIT_PART(d.date_text, '-', 1), 2, '0') || '-' || LPAD(SPLIT_PART(d.date_text, '-', 2), 2, '0')
    END AS iso_date,
    COALESCE(REGEXP_MATCHES(d.date_text, '^[0-9]{4}(-[0-9]{2})?$'), FALSE) AS is_partial_date,
    d.survey_record_id,
    d.source_unit,
    d.ucum_unit,
    d.start_time,
    d.start_offset_minutes,
    d.time_flag
  FROM described AS d
), typed AS (
  SELECT
    s.row_id,
    s.record_id,
    s.study,
    s.source,
    s.person_id,
    s.variable,
    s.instance,
    s.array_index,
    s.value_type,
    s.source_value,
    s.coded_reason,
    s.is_code,
    s.value_operator,
    LOWER(s.number_text) AS number_text,
    CASE
      WHEN REGEXP_MATCHES(s.number_text, '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
      THEN NULLIF(NULLIF(TRY_CAST(s.number_text AS DOUBLE), CAST('Infinity' AS DOUBLE)), CAST('-Infinity' AS DOUBLE))
    END AS value_number,
    TRY_CAST(s.iso_date AS DATE) AS value_date,
    s.is_partial_date,
    s.survey_record_id,
    s.source_unit,
    s.ucum_unit,
    TRY_CAST(SUBSTRING(s.start_time, 1, 10) AS DATE) AS start_date,
    CASE WHEN LENGTH(s.start_time) > 10 THEN TRY_CAST(REPLACE(s.start_time, 'T', ' ') AS TIMESTAMP) END AS start_datetime,
    s.start_offset_minutes,
    s.time_flag
  FROM shaped AS s
), judged AS (
  SELECT
    t.row_id,
    t.record_id,
    t.study,
    t.source,
    t.person_id,
    t.variable,
    t.instance,
    t.array_index,
    t.value_type,
    t.source_value,
    t.is_code,
    t.value_operator,
    t.value_number,
    t.value_date,
    CASE
      WHEN NOT t.coded_reason IS NULL
      THEN t.coded_reason
      WHEN t.is_code = 1
      THEN NULL
      WHEN t.value_type IN ('number', 'integer') AND t.value_number IS NULL
      THEN CASE
        WHEN t.number_text IN ('nan', '+nan', '-nan')
        THEN 'not-a-number'
        WHEN t.number_text IN ('inf', '+inf', 'infinity', '+infinity')
        THEN 'positive-infinity'
        WHEN t.number_text IN ('-inf', '-infinity')
        THEN 'negative-infinity'
        ELSE 'error'
      END
      WHEN t.value_type IN ('date', 'datetime') AND t.value_date IS NULL AND NOT t.is_partial_date
      THEN 'error'
    END AS absent_reason,
    t.survey_record_id,
    t.source_unit,
    t.ucum_unit,
    t.start_date,
    t.start_datetime,
    t.start_offset_minutes,
    t.time_flag
  FROM typed AS t
)
SELECT
  CAST(j.row_id AS BIGINT) AS row_id,
  CAST(j.record_id AS BIGINT) AS record_id,
  CAST(j.study AS TEXT) AS study,
  CAST(j.source AS TEXT) AS source,
  CAST(j.person_id AS BIGINT) AS person_id,
  CAST(j.variable AS TEXT) AS variable,
  CAST(j.instance AS INT) AS instance,
  CAST(j.array_index AS INT) AS array_index,
  CAST(j.value_type AS TEXT) AS value_type,
  CAST(j.source_value AS TEXT) AS source_value,
  CAST(CASE WHEN j.absent_reason IS NULL THEN j.value_number END AS DOUBLE) AS value_number,
  CAST(CASE WHEN j.absent_reason IS NULL AND j.is_code = 0 THEN j.value_operator END AS TEXT) AS value_operator,
  CAST(CASE WHEN j.absent_reason IS NULL THEN j.value_date END AS DATE) AS value_date,
  CAST(CASE WHEN j.absent_reason IS NULL AND j.is_code = 1 THEN j.source_value END AS TEXT) AS value_code,
  CAST(CASE
    WHEN j.absent_reason IS NULL AND j.is_code = 0 AND j.value_number IS NULL AND j.value_date IS NULL
    THEN j.source_value
  END AS TEXT) AS value_text,
  CAST(j.absent_reason AS TEXT) AS absent_reason,
  CAST(j.survey_record_id AS BIGINT) AS survey_record_id,
  CAST(j.source_unit AS TEXT) AS source_unit,
  CAST(j.ucum_unit AS TEXT) AS ucum_unit,
  CAST(j.start_date AS DATE) AS start_date,
  CAST(j.start_datetime AS TIMESTAMP) AS start_datetime,
  CAST(j.start_offset_minutes AS INT) AS start_offset_minutes,
  CAST(j.start_datetime - j.start_offset_minutes * INTERVAL '1' MINUTE AS TIMESTAMP) AS start_instant,
  CAST(j.time_flag AS TEXT) AS time_flag
FROM judged AS j
