/* One row per study, source, kind, code and target: what a coded event becomes. */
MODEL (
  name stem.event_target,
  kind FULL,
  grain (study, source, kind, code_system, code_key, origin, target_ordinal),
  description 'Mapping of every code that was delivered with an event: first the rows of vocab.mapping about the code, then those about its code system, then the vocabulary (same code without dots, Maps to), then concept 0 in the table of its kind. An uncoded visit without a mapping takes its concept from the origin: hospital 9201, primary-care 9202.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    kind = 'Kind of event',
    code_system = 'OMOP vocabulary id of the code, or study:source; for uncoded events the source table',
    code_key = 'Code to compare by; empty for uncoded events',
    origin = 'hospital, primary-care, register, survey, pharmacy, claims, research or device',
    target_ordinal = '1, 2, ... among the targets of the same code; 0 where there is none',
    disposition = 'mapped, unmapped (concept 0) or ignored (by rule, makes no fact)',
    rule = 'direct, recode, scale, date or ignore; vocabulary or origin where no mapping row speaks; null where unmapped',
    cdm_table = 'Table the fact goes to: by the domain of the concept, visits and deaths by their kind',
    concept_id = 'Standard concept; 0 if none',
    domain_id = 'Domain of the concept; null if unmapped',
    source_concept_id = 'Source concept of the code; 0 if none',
    value_concept_id = 'Concept of the value (Maps to value, or the mapping); null if none',
    recode_number = 'Number the code stands for (rule recode with a number as its argument); else null',
    scale_factor = 'Factor to the unit of the target; 1 if none',
    scale_offset = 'Added after the factor; 0 if none',
    unit_concept_id = 'Unit concept the mapping states; null if it states none',
    type_concept_id = 'OMOP type concept of the source; 0 if none',
    id_key = 'Key the fact id is made with: xor(row_id, id_key)'
  ),
  audits (
    unique_key(columns := (study, source, kind, code_system, code_key, origin, target_ordinal)),
    accepted_values("column" := disposition, is_in := ('mapped', 'unmapped', 'ignored')),
    not_null(columns := (concept_id, cdm_table, id_key))
  )
);

WITH mapping_row AS (
  SELECT
    m.study,
    m.source,
    m.variable AS code_system,
    CASE
      WHEN m.source_code IS NULL
      THEN ''
      WHEN m.variable LIKE 'Read%' OR m.variable LIKE 'CTV%'
      THEN REPLACE(m.source_code, '.', '')
      ELSE UPPER(REPLACE(m.source_code, '.', ''))
    END AS code_key,
    COALESCE(m.target_concept_id, 0) AS concept_id,
    COALESCE(m.target_domain_id, c.domain_id) AS domain_id,
    m.unit_concept_id,
    m.value_as_concept_id,
    m.rule,
    m.rule_arg,
    m.scale_factor,
    m.scale_offset,
    m.source_concept_id,
    COALESCE(m.id_key, m.target_concept_id, 0) AS id_key,
    m.source_code,
    m.target_ordinal
  FROM vocab.mapping AS m
  LEFT JOIN vocab.concept AS c
    ON m.target_concept_id = c.concept_id
), mapped_key AS (
  SELECT
    study,
    source,
    code_system,
    code_key
  FROM mapping_row
  GROUP BY
    study,
    source,
    code_system,
    code_key
), asked AS (
  SELECT
    f.study,
    f.source,
    f.kind,
    f.code_system,
    f.code_key,
    f.origin,
    COALESCE(own.code_key, whole.code_key) AS mapped_key
  FROM staging.event_frequency AS f
  LEFT JOIN mapped_key AS own
    ON f.study = own.study
    AND f.source = own.source
    AND f.code_system = own.code_system
    AND f.code_key = own.code_key
  LEFT JOIN mapped_key AS whole
    ON f.study = whole.study
    AND f.source = whole.source
    AND f.code_system = whole.code_system
    AND whole.code_key = ''
), known_code AS (
  SELECT
    c.code_system,
    c.code_key,
    c.source_concept_id
  FROM stem.code_target AS c
  GROUP BY
    c.code_system,
    c.code_key,
    c.source_concept_id
), target AS (
  SELECT
    a.study,
    a.source,
    a.kind,
    a.code_system,
    a.code_key,
    a.origin,
    m.rule,
    m.rule_arg,
    m.concept_id,
    m.domain_id,
    m.source_concept_id,
    m.value_as_concept_id AS value_concept_id,
    m.scale_factor,
    m.scale_offset,
    m.unit_concept_id,
    m.id_key,
    m.source_code,
    m.target_ordinal
  FROM asked AS a
  INNER JOIN mapping_row AS m
    ON a.study = m.study
    AND a.source = m.source
    AND a.code_system = m.code_system
    AND a.mapped_key = m.code_key
  UNION ALL
  SELECT
    a.study,
    a.source,
    a.kind,
    a.code_system,
    a.code_key,
    a.origin,
    'vocabulary' AS rule,
    NULL AS rule_arg,
    t.concept_id,
    t.domain_id,
    t.source_concept_id,
    t.value_concept_id,
    1 AS scale_factor,
    0 AS scale_offset,
    NULL AS unit_concept_id,
    t.id_key,
    NULL AS source_code,
    1 AS target_ordinal
  FROM asked AS a
  INNER JOIN stem.code_target AS t
    ON a.code_system = t.code_system AND a.code_key = t.code_key
  WHERE
    a.mapped_key IS NULL AND t.concept_id <> 0
  UNION ALL
  SELECT
    a.study,
    a.source,
    a.kind,
    a.code_system,
    a.code_key,
    a.origin,
    'origin' AS rule,
    NULL AS rule_arg,
    c.concept_id,
    'Visit' AS domain_id,
    0 AS source_concept_id,
    NULL AS value_concept_id,
    1 AS scale_factor,
    0 AS scale_offset,
    NULL AS unit_concept_id,
    COALESCE(o.id_key, c.concept_id) AS id_key,
    NULL AS source_code,
    1 AS target_ordinal
  FROM asked AS a
  INNER JOIN vocab.concept AS c
    ON CASE a.origin WHEN 'hospital' THEN 9201 WHEN 'primary-care' THEN 9202 END = c.concept_id
  LEFT JOIN vocab.concept_origin AS o
    ON c.concept_id = o.concept_id
  WHERE
    a.kind = 'visit' AND a.code_key = '' AND a.mapped_key IS NULL
), numbered AS (
  SELECT
    t.study,
    t.source,
    t.kind,
    t.code_system,
    t.code_key,
    t.origin,
    t.rule,
    t.rule_arg,
    t.concept_id,
    t.domain_id,
    t.source_concept_id,
    t.value_concept_id,
    t.scale_factor,
    t.scale_offset,
    t.unit_concept_id,
    t.id_key,
    ROW_NUMBER() OVER (
      PARTITION BY t.study, t.source, t.kind, t.code_system, t.code_key, t.origin
      ORDER BY t.source_code, t.target_ordinal, t.concept_id
    ) AS target_ordinal,
    ROW_NUMBER() OVER (
      PARTITION BY t.study, t.source, t.kind, t.code_system, t.code_key, t.origin, t.id_key
      ORDER BY t.source_code, t.target_ordinal, t.concept_id
    ) AS same_key
  FROM target AS t
), resolved AS (
  SELECT
    a.study,
    a.source,
    a.kind,
    a.code_system,
    a.code_key,
    a.origin,
    COALESCE(n.target_ordinal, 0) AS target_ordinal,
    n.rule,
    n.rule_arg,
    COALESCE(n.concept_id, 0) AS concept_id,
    n.domain_id,
    CASE SPLIT_PART(n.domain_id, '/', 1)
      WHEN 'Meas'
      THEN 'Measurement'
      WHEN 'Obs'
      THEN 'Observation'
      ELSE SPLIT_PART(n.domain_id, '/', 1)
    END AS first_domain,
    COALESCE(NULLIF(n.source_concept_id, 0), k.source_concept_id, 0) AS source_concept_id,
    n.value_concept_id,
    n.scale_factor,
    n.scale_offset,
    n.unit_concept_id,
    CASE WHEN n.same_key > 1 THEN XOR(n.id_key, n.same_key) ELSE COALESCE(n.id_key, 0) END AS id_key
  FROM asked AS a
  LEFT JOIN numbered AS n
    ON a.study = n.study
    AND a.source = n.source
    AND a.kind = n.kind
    AND a.code_system = n.code_system
    AND a.code_key = n.code_key
    AND a.origin = n.origin
  LEFT JOIN known_code AS k
    ON a.code_system = k.code_system AND a.code_key = k.code_key
)
SELECT
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(r.kind AS TEXT) AS kind,
  CAST(r.code_system AS TEXT) AS code_system,
  CAST(r.code_key AS TEXT) AS code_key,
  CAST(r.origin AS TEXT) AS origin,
  CAST(r.target_ordinal AS INT) AS target_ordinal,
  CAST(CASE WHEN r.rule = 'ignore' THEN 'ignored' WHEN r.concept_id <> 0 THEN 'mapped' ELSE 'unmapped' END AS TEXT) AS disposition,
  CAST(r.rule AS TEXT) AS rule,
  CAST(CASE
    WHEN r.kind = 'visit'
    THEN 'visit_occurrence'
    WHEN r.kind = 'death'
    THEN 'death'
    WHEN r.first_domain = 'Condition'
    THEN 'condition_occurrence'
    WHEN r.first_domain = 'Drug'
    THEN 'drug_exposure'
    WHEN r.first_domain = 'Procedure'
    THEN 'procedure_occurrence'
    WHEN r.first_domain = 'Device'
    THEN 'device_exposure'
    WHEN r.first_domain = 'Measurement'
    THEN 'measurement'
    WHEN NOT r.domain_id IS NULL
    THEN 'observation'
    WHEN r.kind = 'condition'
    THEN 'condition_occurrence'
    WHEN r.kind = 'drug'
    THEN 'drug_exposure'
    WHEN r.kind = 'procedure'
    THEN 'procedure_occurrence'
    WHEN r.kind = 'device'
    THEN 'device_exposure'
    WHEN r.kind = 'measurement'
    THEN 'measurement'
    ELSE 'observation'
  END AS TEXT) AS cdm_table,
  CAST(r.concept_id AS BIGINT) AS concept_id,
  CAST(r.domain_id AS TEXT) AS domain_id,
  CAST(r.source_concept_id AS BIGINT) AS source_concept_id,
  CAST(r.value_concept_id AS BIGINT) AS value_concept_id,
  CAST(CASE WHEN r.rule = 'recode' THEN TRY_CAST(r.rule_arg AS DOUBLE) END AS DOUBLE) AS recode_number,
  CAST(COALESCE(r.scale_factor, 1) AS DOUBLE) AS scale_factor,
  CAST(COALESCE(r.scale_offset, 0) AS DOUBLE) AS scale_offset,
  CAST(r.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(COALESCE(s.type_concept_id, 0) AS BIGINT) AS type_concept_id,
  CAST(r.id_key AS BIGINT) AS id_key
FROM resolved AS r
LEFT JOIN vocab.study_source AS s
  ON r.study = s.study AND r.source = s.source
