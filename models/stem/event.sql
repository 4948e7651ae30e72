/* One row per fact: a delivered value or event, mapped to one concept, in one unit, with its date. */
MODEL (
  name stem.event,
  kind FULL,
  grain fact_id,
  references (person_id, concept_id),
  description 'Every fact on its way to cdm, with source value and source concept kept. A fact without a mapping is here with concept 0, a fact without a date too (stem.undated counts them); ignored and absent values are not (stem.unmapped counts them).',
  column_descriptions (
    fact_id = 'xor(row_id, key of the target): positive, the same in every delivery and order',
    row_id = 'Id of the delivered value or event',
    study = 'Study of the fact',
    source = 'Source within the study',
    person_id = 'Person',
    cdm_table = 'Table the fact goes to; person and person_attribute for columns of a person',
    person_field = 'Column of the person the fact fills; null for other tables',
    kind = 'value, or the kind of event',
    concept_id = 'Standard concept; 0 if none',
    source_concept_id = 'Source concept; 0 if none',
    source_code = 'Variable, or code of an event, as delivered; the label for a bare event',
    code_system = 'OMOP vocabulary id of the code; null for values',
    instance = 'Visit or repeat of a value; null for events',
    array_index = 'Position within a multi-valued answer; null for events',
    value_number = 'Number in unit_concept_id, or without a unit',
    value_operator = '<, <=, > or >= where value_number is a limit',
    value_text = 'Text, or label of the code; null for numbers',
    value_concept_id = 'Concept of the answer; null if the value is a number or text',
    value_source_concept_id = 'Source concept of the answer (CDM 5.5); null where there is no coded answer',
    source_value = 'Value as delivered; null for an event without one',
    unit_concept_id = 'Unit; 0 if a unit was given that no concept matches; null if none applies',
    source_unit = 'Unit as delivered, else as the dictionary writes it',
    type_concept_id = 'OMOP type concept',
    start_date = 'Local date; null if none can be known',
    start_datetime = 'Local date and time; null where only a date is known',
    end_date = 'Local end date; null if none was given',
    end_datetime = 'Local end; null where only a date was given',
    date_origin = 'own, value (rule date), instance, visit, or none',
    visit_occurrence_id = 'Visit the fact belongs to; null if none',
    quantity = 'Amount of a drug, device or procedure; null if none',
    position = 'Rank of the code in its record; null if none',
    origin = 'hospital, primary-care, register, survey, pharmacy, claims, research or device; null for values',
    admitted_from = 'Visits only: where from, as delivered',
    discharged_to = 'Visits only: where to, as delivered'
  ),
  audits (
    not_null(columns := (fact_id, row_id, person_id, cdm_table, concept_id, type_concept_id)),
    positive(key := fact_id)
  )
);

WITH ucum AS (
  SELECT
    c.concept_code AS unit,
    MIN(c.concept_id) AS unit_concept_id
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'UCUM'
  GROUP BY
    c.concept_code
), value_fact AS (
  SELECT
    XOR(v.row_id, t.id_key) AS fact_id,
    v.row_id,
    v.study,
    v.source,
    v.person_id,
    t.cdm_table,
    t.person_field,
    t.concept_id,
    t.source_concept_id,
    v.variable,
    v.instance,
    v.array_index,
    CASE
      WHEN NOT t.recode_number IS NULL
      THEN t.recode_number
      WHEN t.rule = 'scale' AND NOT v.value_code IS NULL AND v.value_type IN ('code', 'multicode')
      THEN TRY_CAST(v.value_code AS DOUBLE) * t.scale_factor + t.scale_offset
      WHEN t.rule = 'scale'
      AND (
        v.source_unit IS NULL OR v.source_unit = COALESCE(t.variable_unit, v.source_unit)
      )
      THEN v.value_number * t.scale_factor + t.scale_offset
      ELSE v.value_number
    END AS value_number,
    v.value_operator,
    COALESCE(v.value_text, t.code_meaning) AS value_text,
    t.value_concept_id,
    t.value_source_concept_id,
    v.source_value,
    CASE
      WHEN v.source_unit IS NULL OR v.source_unit = COALESCE(t.variable_unit, v.source_unit)
      THEN t.unit_concept_id
    END AS mapped_unit,
    COALESCE(v.source_unit, t.variable_unit) AS source_unit,
    u.unit_concept_id AS ucum_unit,
    t.type_concept_id,
    CASE WHEN t.rule = 'date' THEN v.value_date ELSE COALESCE(v.start_date, i.instance_date) END AS start_date,
    CASE WHEN t.rule = 'date' THEN NULL ELSE v.start_datetime END AS start_datetime,
    CASE
      WHEN t.rule = 'date' AND NOT v.value_date IS NULL
      THEN 'value'
      WHEN t.rule = 'date'
      THEN 'none'
      WHEN NOT v.start_date IS NULL
      THEN 'own'
      WHEN NOT i.instance_date IS NULL
      THEN 'instance'
      ELSE 'none'
    END AS date_origin
  FROM staging.source_value AS v
  INNER JOIN stem.value_target AS t
    ON v.study = t.study
    AND v.source = t.source
    AND v.variable = t.variable
    AND COALESCE(v.value_code, '') = COALESCE(t.value_code, '')
  LEFT JOIN stem.instance_date AS i
    ON v.study = i.study
    AND v.person_id = i.person_id
    AND CASE WHEN v.start_date IS NULL THEN t.time_variable END = i.variable
    AND v.instance = i.instance
  LEFT JOIN ucum AS u
    ON v.ucum_unit = u.unit
  WHERE
    v.absent_reason IS NULL AND t.disposition <> 'ignored'
), event_fact AS (
  SELECT
    XOR(e.row_id, t.id_key) AS fact_id,
    e.row_id,
    e.study,
    e.source,
    e.person_id,
    t.cdm_table,
    e.kind,
    t.concept_id,
    t.source_concept_id,
    COALESCE(e.code, e.code_text) AS source_code,
    e.code_system,
    CASE
      WHEN NOT t.recode_number IS NULL
      THEN t.recode_number
      WHEN t.rule = 'scale'
      THEN e.value_number * t.scale_factor + t.scale_offset
      ELSE e.value_number
    END AS value_number,
    e.value_operator,
    CASE WHEN e.value_number IS NULL THEN e.source_value END AS value_text,
    t.value_concept_id,
    e.source_value,
    CASE
      WHEN NOT t.unit_concept_id IS NULL
      THEN t.unit_concept_id
      WHEN NOT u.unit_concept_id IS NULL
      THEN u.unit_concept_id
      WHEN NOT e.source_unit IS NULL
      THEN 0
    END AS unit_concept_id,
    e.source_unit,
    t.type_concept_id,
    COALESCE(e.start_date, w.start_date) AS start_date,
    CASE WHEN e.start_date IS NULL THEN w.start_datetime ELSE e.start_datetime END AS start_datetime,
    e.end_date,
    e.end_datetime,
    CASE WHEN NOT e.start_date IS NULL THEN 'own' WHEN NOT w.start_date IS NULL THEN 'visit' ELSE 'none' END AS date_origin,
    CASE WHEN t.cdm_table <> 'visit_occurrence' THEN w.visit_occurrence_id END AS visit_occurrence_id,
    e.quantity,
    e.position,
    e.origin,
    e.admitted_from,
    e.discharged_to
  FROM staging.source_event AS e
  INNER JOIN stem.event_target AS t
    ON e.study = t.study
    AND e.source = t.source
    AND e.kind = t.kind
    AND e.code_system = t.code_system
    AND e.code_key = t.code_key
    AND e.origin = t.origin
  LEFT JOIN stem.visit AS w
    ON e.visit_record_id = w.record_id
  LEFT JOIN ucum AS u
    ON e.source_unit = u.unit
  WHERE
    t.disposition <> 'ignored'
)
SELECT
  CAST(v.fact_id AS BIGINT) AS fact_id,
  CAST(v.row_id AS BIGINT) AS row_id,
  CAST(v.study AS TEXT) AS study,
  CAST(v.source AS TEXT) AS source,
  CAST(v.person_id AS BIGINT) AS person_id,
  CAST(v.cdm_table AS TEXT) AS cdm_table,
  CAST(v.person_field AS TEXT) AS person_field,
  CAST('value' AS TEXT) AS kind,
  CAST(v.concept_id AS BIGINT) AS concept_id,
  CAST(v.source_concept_id AS BIGINT) AS source_concept_id,
  CAST(v.variable AS TEXT) AS source_code,
  CAST(NULL AS TEXT) AS code_system,
  CAST(v.instance AS INT) AS instance,
  CAST(v.array_index AS INT) AS array_index,
  CAST(v.value_number AS DOUBLE) AS value_number,
  CAST(v.value_operator AS TEXT) AS value_operator,
  CAST(v.value_text AS TEXT) AS value_text,
  CAST(v.value_concept_id AS BIGINT) AS value_concept_id,
  CAST(v.value_source_concept_id AS BIGINT) AS value_source_concept_id,
  CAST(v.source_value AS TEXT) AS source_value,
  CAST(CASE
    WHEN NOT v.mapped_unit IS NULL
    THEN v.mapped_unit
    WHEN NOT v.ucum_unit IS NULL
    THEN v.ucum_unit
    WHEN NOT v.source_unit IS NULL
    THEN 0
  END AS BIGINT) AS unit_concept_id,
  CAST(v.source_unit AS TEXT) AS source_unit,
  CAST(v.type_concept_id AS BIGINT) AS type_concept_id,
  CAST(v.start_date AS DATE) AS start_date,
  CAST(v.start_datetime AS TIMESTAMP) AS start_datetime,
  CAST(NULL AS DATE) AS end_date,
  CAST(NULL AS TIMESTAMP) AS end_datetime,
  CAST(v.date_origin AS TEXT) AS date_origin,
  CAST(NULL AS BIGINT) AS visit_occurrence_id,
  CAST(NULL AS DOUBLE) AS quantity,
  CAST(NULL AS TEXT) AS position,
  CAST(NULL AS TEXT) AS origin,
  CAST(NULL AS TEXT) AS admitted_from,
  CAST(NULL AS TEXT) AS discharged_to
FROM value_fact AS v
UNION ALL
SELECT
  CAST(e.fact_id AS BIGINT) AS fact_id,
  CAST(e.row_id AS BIGINT) AS row_id,
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.cdm_table AS TEXT) AS cdm_table,
  CAST(NULL AS TEXT) AS person_field,
  CAST(e.kind AS TEXT) AS kind,
  CAST(e.concept_id AS BIGINT) AS concept_id,
  CAST(e.source_concept_id AS BIGINT) AS source_concept_id,
  CAST(e.source_code AS TEXT) AS source_code,
  CAST(e.code_system AS TEXT) AS code_system,
  CAST(NULL AS INT) AS instance,
  CAST(NULL AS INT) AS array_index,
  CAST(e.value_number AS DOUBLE) AS value_number,
  CAST(e.value_operator AS TEXT) AS value_operator,
  CAST(e.value_text AS TEXT) AS value_text,
  CAST(e.value_concept_id AS BIGINT) AS value_concept_id,
  CAST(NULL AS BIGINT) AS value_source_concept_id,
  CAST(e.source_value AS TEXT) AS source_value,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(e.source_unit AS TEXT) AS source_unit,
  CAST(e.type_concept_id AS BIGINT) AS type_concept_id,
  CAST(e.start_date AS DATE) AS start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS start_datetime,
  CAST(e.end_date AS DATE) AS end_date,
  CAST(e.end_datetime AS TIMESTAMP) AS end_datetime,
  CAST(e.date_origin AS TEXT) AS date_origin,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(e.quantity AS DOUBLE) AS quantity,
  CAST(e.position AS TEXT) AS position,
  CAST(e.origin AS TEXT) AS origin,
  CAST(e.admitted_from AS TEXT) AS admitted_from,
  CAST(e.discharged_to AS TEXT) AS discharged_to
FROM event_fact AS e
