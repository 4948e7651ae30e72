/* One row per study, source, variable, code and target: what a value becomes. */
MODEL (
  name stem.value_target,
  kind FULL,
  grain (study, source, variable, value_code, target_ordinal),
  description 'Mapping of every variable and code that was delivered. Rows of vocab.mapping about the code win over rows about the variable as a whole; several rows make several facts; nothing found makes one fact with concept 0 in observation.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    variable = 'Variable',
    value_code = 'Code; null for numbers, dates and texts',
    target_ordinal = '1, 2, ... among the targets of the same value; 0 where there is none',
    disposition = 'mapped, unmapped (concept 0) or ignored (by rule, makes no fact)',
    rule = 'direct, recode, scale, date or ignore; null where unmapped',
    cdm_table = 'Table the fact goes to; person and person_attribute for columns of a person',
    person_field = 'year_of_birth, month_of_birth, day_of_birth, birth, age (in years on the date of the fact) or attribute:name:scheme; gender, race or ethnicity; else null',
    concept_id = 'Standard concept; 0 if none',
    domain_id = 'Domain of the concept; null if unmapped',
    source_concept_id = 'Source concept of the variable or code; 0 if none',
    value_concept_id = 'Concept of the answer; null if the value is a number or text',
    value_source_concept_id = 'Source concept of the answer; null where there is no coded answer',
    recode_number = 'Number a code stands for (rule recode with a number as its argument); else null',
    scale_factor = 'Factor to the unit of the target; 1 if none',
    scale_offset = 'Added after the factor; 0 if none',
    unit_concept_id = 'Unit concept the mapping states; null if it states none',
    variable_unit = 'Unit the dictionary writes, which the mapping speaks about; null if none',
    time_variable = 'Variable whose date dates the instance; null if rows have their own',
    type_concept_id = 'OMOP type concept of the source; 0 if none',
    code_meaning = 'Label of the code; null if not known',
    id_key = 'Key the fact id is made with: xor(row_id, id_key)'
  ),
  audits (
    unique_key(columns := (study, source, variable, value_code, target_ordinal)),
    accepted_values("column" := disposition, is_in := ('mapped', 'unmapped', 'ignored')),
    not_null(columns := (concept_id, cdm_table, id_key))
  )
);

WITH delivered AS (
  SELECT
    f.study,
    f.source,
    f.variable,
    f.value_code
  FROM staging.value_frequency AS f
  WHERE
    f.absent_reason IS NULL
  GROUP BY
    f.study,
    f.source,
    f.variable,
    f.value_code
), mapped_code AS (
  SELECT
    m.study,
    m.source,
    m.variable,
    m.source_code
  FROM vocab.mapping AS m
  WHERE
    NOT m.source_code IS NULL
  GROUP BY
    m.study,
    m.source,
    m.variable,
    m.source_code
), mapping_row AS (
  SELECT
    m.study,
    m.source,
    m.variable,
    m.source_code,
    m.target_ordinal,
    COALESCE(m.target_concept_id, 0) AS concept_id,
    COALESCE(m.target_domain_id, c.domain_id, 'Observation') AS domain_id,
    CASE SPLIT_PART(COALESCE(m.target_domain_id, c.domain_id, 'Observation'), '/', 1)
      WHEN 'Meas'
      THEN 'Measurement'
      WHEN 'Obs'
      THEN 'Observation'
      ELSE SPLIT_PART(COALESCE(m.target_domain_id, c.domain_id, 'Observation'), '/', 1)
    END AS first_domain,
    m.unit_concept_id,
    m.value_as_concept_id,
    m.rule,
    m.rule_arg,
    COALESCE(m.scale_factor, 1) AS scale_factor,
    COALESCE(m.scale_offset, 0) AS scale_offset,
    COALESCE(m.source_concept_id, 0) AS source_concept_id,
    COALESCE(m.id_key, m.target_concept_id, 0) AS id_key,
    ROW_NUMBER() OVER (
      PARTITION BY m.study, m.source, m.variable, m.source_code, COALESCE(m.id_key, m.target_concept_id, 0)
      ORDER BY m.target_ordinal
    ) AS same_key
  FROM vocab.mapping AS m
  LEFT JOIN vocab.concept AS c
    ON m.target_concept_id = c.concept_id
), resolved AS (
  SELECT
    d.study,
    d.source,
    d.variable,
    d.value_code,
    COALESCE(m.target_ordinal, 0) AS target_ordinal,
    m.rule,
    m.rule_arg,
    COALESCE(m.concept_id, 0) AS concept_id,
    m.domain_id,
    CASE
      WHEN m.first_domain = 'Person' AND m.rule_arg LIKE 'attribute:%'
      THEN 'person_attribute'
      WHEN m.first_domain = 'Person' AND m.rule_arg = 'death_date'
      THEN 'death'
      WHEN m.first_domain IN ('Person', 'Gender', 'Race', 'Ethnicity')
      THEN 'person'
      WHEN m.first_domain = 'Condition'
      THEN 'condition_occurrence'
      WHEN m.first_domain = 'Drug'
      THEN 'drug_exposure'
      WHEN m.first_domain = 'Procedure'
      THEN 'procedure_occurrence'
      WHEN m.first_domain = 'Device'
      THEN 'device_exposure'
      WHEN m.first_domain = 'Measurement'
      THEN 'measurement'
      WHEN m.first_domain = 'Visit'
      THEN 'visit_occurrence'
      ELSE 'observation'
    END AS cdm_table,
    CASE
      WHEN m.domain_id = 'Person' AND m.rule_arg <> 'death_date'
      THEN m.rule_arg
      WHEN m.domain_id IN ('Gender', 'Race', 'Ethnicity')
      THEN LOWER(m.domain_id)
    END AS person_field,
    COALESCE(m.source_concept_id, 0) AS source_concept_id,
    m.source_code AS mapped_code,
    m.value_as_concept_id,
    m.unit_concept_id,
    COALESCE(m.scale_factor, 1) AS scale_factor,
    COALESCE(m.scale_offset, 0) AS scale_offset,
    CASE WHEN m.same_key > 1 THEN XOR(m.id_key, m.same_key) ELSE COALESCE(m.id_key, 0) END AS id_key
  FROM delivered AS d
  LEFT JOIN mapped_code AS c
    ON d.study = c.study AND d.source = c.source AND d.variable = c.variable AND d.value_code = c.source_code
  LEFT JOIN mapping_row AS m
    ON d.study = m.study
    AND d.source = m.source
    AND d.variable = m.variable
    AND COALESCE(c.source_code, '') = COALESCE(m.source_code, '')
)
SELECT
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(r.variable AS TEXT) AS variable,
  CAST(r.value_code AS TEXT) AS value_code,
  CAST(r.target_ordinal AS INT) AS target_ordinal,
  CAST(CASE
    WHEN r.rule = 'ignore'
    THEN 'ignored'
    WHEN r.concept_id <> 0 OR r.domain_id = 'Person'
    THEN 'mapped'
    ELSE 'unmapped'
  END AS TEXT) AS disposition,
  CAST(CASE WHEN r.cdm_table = 'death' THEN 'date' ELSE r.rule END AS TEXT) AS rule,
  CAST(r.cdm_table AS TEXT) AS cdm_table,
  CAST(r.person_field AS TEXT) AS person_field,
  CAST(r.concept_id AS BIGINT) AS concept_id,
  CAST(r.domain_id AS TEXT) AS domain_id,
  CAST(CASE WHEN r.value_as_concept_id IS NULL THEN r.source_concept_id ELSE 0 END AS BIGINT) AS source_concept_id,
  CAST(r.value_as_concept_id AS BIGINT) AS value_concept_id,
  CAST(CASE WHEN NOT r.value_as_concept_id IS NULL THEN r.source_concept_id END AS BIGINT) AS value_source_concept_id,
  CAST(CASE WHEN r.rule = 'recode' THEN TRY_CAST(r.rule_arg AS DOUBLE) END AS DOUBLE) AS recode_number,
  CAST(r.scale_factor AS DOUBLE) AS scale_factor,
  CAST(r.scale_offset AS DOUBLE) AS scale_offset,
  CAST(r.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(v.unit AS TEXT) AS variable_unit,
  CAST(v.time_variable AS TEXT) AS time_variable,
  CAST(COALESCE(s.type_concept_id, 0) AS BIGINT) AS type_concept_id,
  CAST(k.meaning AS TEXT) AS code_meaning,
  CAST(r.id_key AS BIGINT) AS id_key
FROM resolved AS r
LEFT JOIN vocab.variable AS v
  ON r.study = v.study AND r.source = v.source AND r.variable = v.variable
LEFT JOIN vocab.study_source AS s
  ON r.study = s.study AND r.source = s.source
LEFT JOIN vocab.variable_code AS k
  ON r.study = k.study AND r.source = k.source AND r.variable = k.variable AND r.value_code = k.code
