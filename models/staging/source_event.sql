/* One row per delivered clinical event of a linked person, with typed times and numbers. */
MODEL (
  name staging.source_event,
  kind FULL,
  grain row_id,
  references (
    person_id
  ),
  description 'raw.event of linked persons; the others are counted in staging.unlinked. given_* are concepts that an OMOP-shaped source delivers. A drug or device without a code takes that of the medication or device record it names (FHIR).',
  column_descriptions (
    row_id = 'Id of the event',
    record_id = 'Id of the delivered record it stood in',
    study = 'Study of the event',
    source = 'Source within the study',
    person_id = 'Person',
    kind = 'visit, visit_detail, condition, drug, procedure, device, death, measurement, observation, specimen, survey, note, episode, condition_era, drug_era or dose_era',
    source_table = 'Table or file kind the event stood in',
    variable = 'Dictionary variable of the coded column; null if the code system alone says it',
    code = 'Code as delivered; null for an uncoded event',
    code_system = 'OMOP vocabulary id of the code, or study:source; for an uncoded event its source_table, else its kind',
    code_key = 'Code to compare by: local codes as delivered, Read codes without dots and term suffix, others in upper case without dots; empty if uncoded',
    code_text = 'Label delivered beside the code',
    position = 'Rank of the code in its record',
    absent_reason = 'FHIR data-absent-reason where the event says nothing; else null',
    source_value = 'Value delivered with the event, as text',
    value_source = 'Value verbatim, where the source gives it beside the value',
    value_number = 'The value as a number; for <5 the limit; null if it is none',
    value_operator = '<, <=, > or >= where the value is a limit; else null',
    value_code = 'Coded value, as delivered',
    value_code_system = 'OMOP vocabulary id of value_code, or study:source; unknown where the source gives none',
    value_code_key = 'value_code to compare by; null if there is none',
    source_unit = 'Unit delivered with the value; null if none (n/a, no unit)',
    given_unit = 'Unit as delivered, whatever it says',
    ucum_unit = 'The same in UCUM; null if none or not known',
    range_low = 'Lower end of the normal range, in source_unit',
    range_high = 'Upper end of the normal range, in source_unit',
    qualifier_code = 'Code that qualifies the event: route, modifier, status, anatomic site, ...',
    qualifier_code_system = 'OMOP vocabulary id of qualifier_code, or study:source; unknown where the source gives none',
    qualifier_code_key = 'qualifier_code to compare by; null if there is none',
    qualifier_text = 'Label of the qualifier as delivered',
    quantity = 'Amount delivered with a drug, device, specimen or procedure; null if none or not a number',
    days_supply = 'Days a drug lasts; null if none or not a whole number',
    refills = 'Refills of a drug; null if none or not a whole number',
    stop_reason = 'Why a drug or condition ended, as delivered',
    dose_unit = 'Unit of the dose, as delivered',
    lot_number = 'Lot of a drug, as delivered',
    origin = 'hospital, primary-care, register, survey, pharmacy, claims, research, device, or unknown; the one of the source where the event has none',
    visit_record_id = 'record_id of the visit or death record the event belongs to; null if none',
    visit_detail_record_id = 'record_id of the visit detail the event belongs to; null if none',
    parent_record_id = 'record_id of the event this one belongs to; null if none',
    provider_record_id = 'record_id of the provider; null if none',
    care_site_record_id = 'record_id of the care site; null if none',
    given_concept_id = 'Standard concept the source delivers, 0 included; null where the code is to be looked up',
    given_source_concept_id = 'Source concept the source delivers; null otherwise',
    given_type_concept_id = 'Type concept the source delivers; null: that of the source',
    given_value_concept_id = 'Concept of the value the source delivers; null otherwise',
    given_unit_concept_id = 'Unit concept the source delivers; null otherwise',
    given_operator_concept_id = 'Operator concept the source delivers; null otherwise',
    given_qualifier_concept_id = 'Concept of the qualifier the source delivers; null otherwise',
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
        'visit_detail',
        'condition',
        'drug',
        'procedure',
        'device',
        'death',
        'measurement',
        'observation',
        'specimen',
        'survey',
        'note',
        'episode',
        'condition_era',
        'drug_era',
        'dose_era'
      )
    )
  )
);

WITH alias AS (
  SELECT
    TRY_CAST(d.value AS BIGINT) AS alias_record_id,
    MIN(d.record_id) AS record_id
  FROM raw.detail AS d
  WHERE
    d.field = 'alias_record_id'
  GROUP BY
    TRY_CAST(d.value AS BIGINT)
)
SELECT
  CAST(r.row_id AS BIGINT) AS row_id,
  CAST(r.record_id AS BIGINT) AS record_id,
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(r.kind AS TEXT) AS kind,
  CAST(r.source_table AS TEXT) AS source_table,
  CAST(r.variable AS TEXT) AS variable,
  CAST(TRIM(COALESCE(r.code, n.code)) AS TEXT) AS code,
  CAST(COALESCE(
    CASE WHEN NOT COALESCE(r.code, n.code) IS NULL THEN COALESCE(r.code_system, n.code_system) END,
    r.source_table,
    r.kind
  ) AS TEXT) AS code_system,
  CAST(COALESCE(
    CASE
      WHEN COALESCE(r.code_system, n.code_system) LIKE '%:%'
      THEN TRIM(COALESCE(r.code, n.code))
      WHEN COALESCE(r.code_system, n.code_system) LIKE 'Read%'
      OR COALESCE(r.code_system, n.code_system) LIKE 'CTV%'
      THEN REPLACE(
        CASE
          WHEN LENGTH(TRIM(COALESCE(r.code, n.code))) = 7
          THEN SUBSTRING(TRIM(COALESCE(r.code, n.code)), 1, 5)
          ELSE TRIM(COALESCE(r.code, n.code))
        END,
        '.',
        ''
      )
      ELSE UPPER(REPLACE(TRIM(COALESCE(r.code, n.code)), '.', ''))
    END,
    ''
  ) AS TEXT) AS code_key,
  CAST(COALESCE(r.code_text, n.code_text) AS TEXT) AS code_text,
  CAST(r.position AS TEXT) AS position,
  CAST(r.absent_reason AS TEXT) AS absent_reason,
  CAST(TRIM(r.value) AS TEXT) AS source_value,
  CAST(r.value_source AS TEXT) AS value_source,
  CAST(CASE
    WHEN REGEXP_MATCHES(TRIM(r.value), '^(<=|>=|<|>)? *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
    THEN NULLIF(
      NULLIF(
        TRY_CAST(TRIM(REPLACE(REPLACE(REPLACE(r.value, '<', ''), '>', ''), '=', '')) AS DOUBLE),
        CAST('Infinity' AS DOUBLE)
      ),
      CAST('-Infinity' AS DOUBLE)
    )
  END AS DOUBLE) AS value_number,
  CAST(CASE
    WHEN SUBSTRING(TRIM(r.value), 1, 2) IN ('<=', '>=')
    THEN SUBSTRING(TRIM(r.value), 1, 2)
    WHEN SUBSTRING(TRIM(r.value), 1, 1) IN ('<', '>')
    THEN SUBSTRING(TRIM(r.value), 1, 1)
  END AS TEXT) AS value_operator,
  CAST(TRIM(r.value_code) AS TEXT) AS value_code,
  CAST(CASE WHEN NOT r.value_code IS NULL THEN COALESCE(r.value_code_system, 'unknown') END AS TEXT) AS value_code_system,
  CAST(CASE
    WHEN r.value_code_system LIKE '%:%'
    THEN TRIM(r.value_code)
    WHEN r.value_code_system LIKE 'Read%' OR r.value_code_system LIKE 'CTV%'
    THEN REPLACE(
      CASE
        WHEN LENGTH(TRIM(r.value_code)) = 7
        THEN SUBSTRING(TRIM(r.value_code), 1, 5)
        ELSE TRIM(r.value_code)
      END,
      '.',
      ''
    )
    ELSE UPPER(REPLACE(TRIM(r.value_code), '.', ''))
  END AS TEXT) AS value_code_key,
  CAST(CASE WHEN COALESCE(w.ucum_unit, '-') <> '' THEN TRIM(r.unit) END AS TEXT) AS source_unit,
  CAST(TRIM(r.unit) AS TEXT) AS given_unit,
  CAST(CASE WHEN w.ucum_unit <> '' THEN w.ucum_unit END AS TEXT) AS ucum_unit,
  CAST(CASE
    WHEN REGEXP_MATCHES(TRIM(r.range_low), '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
    THEN NULLIF(NULLIF(TRY_CAST(TRIM(r.range_low) AS DOUBLE), CAST('Infinity' AS DOUBLE)), CAST('-Infinity' AS DOUBLE))
  END AS DOUBLE) AS range_low,
  CAST(CASE
    WHEN REGEXP_MATCHES(TRIM(r.range_high), '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
    THEN NULLIF(
      NULLIF(TRY_CAST(TRIM(r.range_high) AS DOUBLE), CAST('Infinity' AS DOUBLE)),
      CAST('-Infinity' AS DOUBLE)
    )
  END AS DOUBLE) AS range_high,
  CAST(TRIM(r.qualifier_code) AS TEXT) AS qualifier_code,
  CAST(CASE WHEN NOT r.qualifier_code IS NULL THEN COALESCE(r.qualifier_code_system, 'unknown') END AS TEXT) AS qualifier_code_system,
  CAST(CASE
    WHEN r.qualifier_code_system LIKE '%:%'
    THEN TRIM(r.qualifier_code)
    WHEN r.qualifier_code_system LIKE 'Read%' OR r.qualifier_code_system LIKE 'CTV%'
    THEN REPLACE(
      CASE
        WHEN LENGTH(TRIM(r.qualifier_code)) = 7
        THEN SUBSTRING(TRIM(r.qualifier_code), 1, 5)
        ELSE TRIM(r.qualifier_code)
      END,
      '.',
      ''
    )
    ELSE UPPER(REPLACE(TRIM(r.qualifier_code), '.', ''))
  END AS TEXT) AS qualifier_code_key,
  CAST(r.qualifier_text AS TEXT) AS qualifier_text,
  CAST(CASE
    WHEN REGEXP_MATCHES(TRIM(r.quantity), '^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)?$')
    THEN NULLIF(NULLIF(TRY_CAST(TRIM(r.quantity) AS DOUBLE), CAST('Infinity' AS DOUBLE)), CAST('-Infinity' AS DOUBLE))
  END AS DOUBLE) AS quantity,
  CAST(TRY_CAST(TRIM(r.days_supply) AS INT) AS INT) AS days_supply,
  CAST(TRY_CAST(TRIM(r.refills) AS INT) AS INT) AS refills,
  CAST(r.stop_reason AS TEXT) AS stop_reason,
  CAST(r.dose_unit AS TEXT) AS dose_unit,
  CAST(r.lot_number AS TEXT) AS lot_number,
  CAST(COALESCE(r.origin, s.origin, 'unknown') AS TEXT) AS origin,
  CAST(r.visit_record_id AS BIGINT) AS visit_record_id,
  CAST(r.visit_detail_record_id AS BIGINT) AS visit_detail_record_id,
  CAST(r.parent_record_id AS BIGINT) AS parent_record_id,
  CAST(COALESCE(o.provider_id, p.record_id, r.provider_record_id) AS BIGINT) AS provider_record_id,
  CAST(COALESCE(c.record_id, r.care_site_record_id) AS BIGINT) AS care_site_record_id,
  CAST(r.concept_id AS BIGINT) AS given_concept_id,
  CAST(r.source_concept_id AS BIGINT) AS given_source_concept_id,
  CAST(r.type_concept_id AS BIGINT) AS given_type_concept_id,
  CAST(r.value_concept_id AS BIGINT) AS given_value_concept_id,
  CAST(r.unit_concept_id AS BIGINT) AS given_unit_concept_id,
  CAST(r.operator_concept_id AS BIGINT) AS given_operator_concept_id,
  CAST(r.qualifier_concept_id AS BIGINT) AS given_qualifier_concept_id,
  CAST(r.admitted_from AS TEXT) AS admitted_from,
  CAST(r.discharged_to AS TEXT) AS discharged_to,
  CAST(TRY_CAST(SUBSTRING(r.start_time, 1, 10) AS DATE) AS DATE) AS start_date,
  CAST(CASE WHEN LENGTH(r.start_time) > 10 THEN TRY_CAST(REPLACE(r.start_time, 'T', ' ') AS TIMESTAMP) END AS TIMESTAMP) AS start_datetime,
  CAST(r.start_offset_minutes AS INT) AS start_offset_minutes,
  CAST(CASE WHEN LENGTH(r.start_time) > 10 THEN TRY_CAST(REPLACE(r.start_time, 'T', ' ') AS TIMESTAMP) END - r.start_offset_minutes * INTERVAL '1' MINUTE AS TIMESTAMP) AS start_instant,
  CAST(TRY_CAST(SUBSTRING(r.end_time, 1, 10) AS DATE) AS DATE) AS end_date,
  CAST(CASE WHEN LENGTH(r.end_time) > 10 THEN TRY_CAST(REPLACE(r.end_time, 'T', ' ') AS TIMESTAMP) END AS TIMESTAMP) AS end_datetime,
  CAST(r.time_flag AS TEXT) AS time_flag
FROM raw.event AS r
LEFT JOIN alias AS p
  ON r.provider_record_id = p.alias_record_id
LEFT JOIN staging.provider_role AS o
  ON COALESCE(p.record_id, r.provider_record_id) = o.record_id
LEFT JOIN alias AS c
  ON r.care_site_record_id = c.alias_record_id
LEFT JOIN staging.named_code AS n
  ON r.record_id = n.record_id AND r.code IS NULL AND r.kind IN ('drug', 'device')
INNER JOIN link.person_bridge AS b
  ON r.source_person_key = b.source_person_key
LEFT JOIN vocab.study_source AS s
  ON r.study = s.study AND r.source = s.source
LEFT JOIN staging.unit_spelling AS w
  ON TRIM(r.unit) = w.unit
WHERE
  b.link_status = 'linked' AND NOT b.person_id IS NULL
