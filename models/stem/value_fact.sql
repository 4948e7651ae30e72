/* One row per fact made from a delivered value: one concept, one unit, one date. */
MODEL (
  name stem.value_fact,
  kind FULL,
  grain fact_id,
  references (person_id, concept_id),
  description 'Facts of staging.source_value by the targets of stem.value_target. A value without a date of its own takes that of its instance, then that of the survey it belongs to.',
  column_descriptions (
    fact_id = 'xor(row_id, key of the target): positive, the same in every delivery and order',
    row_id = 'Id of the delivered value or event',
    record_id = 'Id of the delivered record',
    study = 'Study of the fact',
    source = 'Source within the study',
    person_id = 'Person',
    cdm_table = 'Table the fact goes to; person and person_attribute for columns of a person',
    person_field = 'Column of the person the fact fills; null for other tables',
    concept_id = 'Standard concept; 0 if none',
    source_concept_id = 'Source concept; 0 if none',
    source_code = 'Variable, or code of an event, as delivered; the label for a bare event',
    instance = 'Visit or repeat of a value; null for events',
    array_index = 'Position within a multi-valued answer; null for events',
    value_number = 'Number in unit_concept_id, or without a unit',
    value_operator = '<, <=, > or >= where value_number is a limit',
    value_text = 'Text, or label of the code; null for numbers',
    value_concept_id = 'Concept of the answer; 0 if a coded answer has none; null if the value is a number or text',
    value_source_concept_id = 'Source concept of the answer (CDM 5.5); null where there is no coded answer',
    source_value = 'Value as delivered; null for an event without one',
    unit_concept_id = 'Unit; 0 if a unit was given that no concept matches; null if none applies',
    unit_state = 'How the number came to its unit: converted, as-delivered, unconvertible (it keeps its own unit) or no-unit; null without a number',
    source_unit = 'Unit as delivered, else as the dictionary writes it',
    type_concept_id = 'OMOP type concept',
    start_date = 'Local date; null if none can be known',
    start_datetime = 'Local date and time; null where only a date is known',
    date_origin = 'own, value (rule date), instance, survey, visit, or none',
    parent_id = 'Fact this one belongs to: the survey of an answer, the visit before, the parent of a visit detail; null if none',
    parent_table = 'Table of cdm that parent_id stands in; null if none',
    parent_field_concept_id = 'Concept of the id column of parent_table; null if none'
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
)
SELECT
  CAST(XOR(v.row_id, t.id_key) AS BIGINT) AS fact_id,
  CAST(v.row_id AS BIGINT) AS row_id,
  CAST(v.record_id AS BIGINT) AS record_id,
  CAST(v.study AS TEXT) AS study,
  CAST(v.source AS TEXT) AS source,
  CAST(v.person_id AS BIGINT) AS person_id,
  CAST(t.cdm_table AS TEXT) AS cdm_table,
  CAST(t.person_field AS TEXT) AS person_field,
  CAST(t.concept_id AS BIGINT) AS concept_id,
  CAST(t.source_concept_id AS BIGINT) AS source_concept_id,
  CAST(v.variable AS TEXT) AS source_code,
  CAST(v.instance AS INT) AS instance,
  CAST(v.array_index AS INT) AS array_index,
  CAST(CASE
    WHEN NOT t.recode_number IS NULL
    THEN t.recode_number
    WHEN t.rule = 'scale' AND NOT v.value_code IS NULL AND v.value_type IN ('code', 'multicode')
    THEN TRY_CAST(v.value_code AS DOUBLE) * t.scale_factor + t.scale_offset
    WHEN t.rule = 'scale'
    AND (
      v.source_unit IS NULL OR v.source_unit = COALESCE(t.variable_unit, v.source_unit)
    )
    THEN v.value_number * t.scale_factor + t.scale_offset
    WHEN NOT c.scale_factor IS NULL
    THEN v.value_number * c.scale_factor + c.scale_offset
    ELSE v.value_number
  END AS DOUBLE) AS value_number,
  CAST(v.value_operator AS TEXT) AS value_operator,
  CAST(COALESCE(v.value_text, t.code_meaning) AS TEXT) AS value_text,
  CAST(t.value_concept_id AS BIGINT) AS value_concept_id,
  CAST(t.value_source_concept_id AS BIGINT) AS value_source_concept_id,
  CAST(v.source_value AS TEXT) AS source_value,
  CAST(CASE
    WHEN t.rule = 'scale'
    AND (
      v.source_unit IS NULL OR v.source_unit = COALESCE(t.variable_unit, v.source_unit)
    )
    THEN COALESCE(
      t.unit_concept_id,
      u.unit_concept_id,
      CASE WHEN NOT COALESCE(v.source_unit, t.variable_unit) IS NULL THEN 0 END
    )
    WHEN NOT c.scale_factor IS NULL
    THEN c.unit_concept_id
    WHEN NOT t.unit_concept_id IS NULL
    AND (
      v.source_unit IS NULL OR v.source_unit = COALESCE(t.variable_unit, v.source_unit)
    )
    THEN t.unit_concept_id
    WHEN NOT u.unit_concept_id IS NULL
    THEN u.unit_concept_id
    WHEN NOT COALESCE(v.source_unit, t.variable_unit) IS NULL
    THEN 0
  END AS BIGINT) AS unit_concept_id,
  CAST(CASE
    WHEN v.value_number IS NULL
    THEN NULL
    WHEN COALESCE(v.source_unit, t.variable_unit) IS NULL AND t.unit_concept_id IS NULL
    THEN 'no-unit'
    WHEN t.rule = 'scale'
    AND (
      v.source_unit IS NULL OR v.source_unit = COALESCE(t.variable_unit, v.source_unit)
    )
    THEN 'converted'
    WHEN NOT c.scale_factor IS NULL
    THEN CASE WHEN c.from_unit = c.to_unit THEN 'as-delivered' ELSE 'converted' END
    WHEN NOT c.concept_id IS NULL
    AND (
      t.unit_concept_id IS NULL
      OR NOT (
        v.source_unit IS NULL OR v.source_unit = COALESCE(t.variable_unit, v.source_unit)
      )
    )
    THEN 'unconvertible'
    ELSE 'as-delivered'
  END AS TEXT) AS unit_state,
  CAST(COALESCE(v.source_unit, t.variable_unit) AS TEXT) AS source_unit,
  CAST(t.type_concept_id AS BIGINT) AS type_concept_id,
  CAST(CASE
    WHEN t.rule = 'date'
    THEN v.value_date
    ELSE COALESCE(v.start_date, i.instance_date, p.start_date)
  END AS DATE) AS start_date,
  CAST(CASE
    WHEN t.rule = 'date'
    THEN NULL
    WHEN v.start_date IS NULL AND i.instance_date IS NULL
    THEN p.start_datetime
    ELSE v.start_datetime
  END AS TIMESTAMP) AS start_datetime,
  CAST(CASE
    WHEN t.rule = 'date' AND NOT v.value_date IS NULL
    THEN 'value'
    WHEN t.rule = 'date'
    THEN 'none'
    WHEN NOT v.start_date IS NULL
    THEN 'own'
    WHEN NOT i.instance_date IS NULL
    THEN 'instance'
    WHEN NOT p.start_date IS NULL
    THEN 'survey'
    ELSE 'none'
  END AS TEXT) AS date_origin,
  CAST(p.fact_id AS BIGINT) AS parent_id,
  CAST(p.cdm_table AS TEXT) AS parent_table,
  CAST(p.field_concept_id AS BIGINT) AS parent_field_concept_id
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
LEFT JOIN stem.record_fact AS p
  ON v.survey_record_id = p.record_id AND v.person_id = p.person_id
LEFT JOIN ucum AS u
  ON v.ucum_unit = u.unit
LEFT JOIN stem.unit_target AS c
  ON t.concept_id = c.concept_id
  AND t.unit_concept_id IS NOT DISTINCT FROM c.mapped_unit_concept_id
  AND COALESCE(v.ucum_unit, '') = c.from_unit
WHERE
  v.absent_reason IS NULL AND t.disposition <> 'ignored'
