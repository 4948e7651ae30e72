/* One row per study, source, kind, code, delivered concept and target that speaks for it. */
MODEL (
  name stem.event_candidate,
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
    target_ordinal
  ),
  description 'Who speaks for a code: first the rows of vocab.mapping about the code, then those about its code system, then the concept the source delivers, then the vocabulary (stem.code_target), for an uncoded visit its origin: hospital 9201, primary-care 9202. Codes that nobody speaks for are not here.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    kind = 'Kind of event',
    code_system = 'OMOP vocabulary id of the code, or study:source; for uncoded events the source table',
    code_key = 'Code to compare by; empty for uncoded events',
    origin = 'hospital, primary-care, register, survey, pharmacy, claims, research or device',
    given_concept_id = 'Standard concept the source delivers; null where the code is to be looked up',
    given_source_concept_id = 'Source concept the source delivers; null otherwise',
    target_ordinal = '1, 2, ... among the targets of the same code',
    rule = 'direct, recode, scale, date or ignore; delivered, vocabulary or origin where no mapping row speaks',
    rule_arg = 'Argument of the rule; null if none',
    concept_id = 'Standard concept; 0 if none',
    domain_id = 'Domain of the concept; null if not known',
    source_concept_id = 'Source concept of the code; 0 if none',
    value_concept_id = 'Concept of the value (Maps to value, or the mapping); null if none',
    scale_factor = 'Factor to the unit of the target; 1 if none',
    scale_offset = 'Added after the factor; 0 if none',
    unit_concept_id = 'Unit concept the mapping states; null if it states none',
    id_key = 'Key of the target; the same key of two targets of a code is told apart'
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
        target_ordinal
      )
    ),
    not_null(columns := (concept_id, id_key))
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
      WHEN m.variable LIKE '%:%'
      THEN m.source_code
      WHEN m.variable LIKE 'Read%' OR m.variable LIKE 'CTV%'
      THEN REPLACE(CASE WHEN LENGTH(m.source_code) = 7 THEN SUBSTRING(m.source_code, 1, 5) ELSE m.source_code END, '.', '')
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
    f.given_concept_id,
    f.given_source_concept_id,
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
  WHERE
    NOT f.kind IN ('condition_era', 'drug_era', 'dose_era')
  GROUP BY
    f.study,
    f.source,
    f.kind,
    f.code_system,
    f.code_key,
    f.origin,
    f.given_concept_id,
    f.given_source_concept_id,
    COALESCE(own.code_key, whole.code_key)
), target AS (
  SELECT
    a.study,
    a.source,
    a.kind,
    a.code_system,
    a.code_key,
    a.origin,
    a.given_concept_id,
    a.given_source_concept_id,
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
    a.given_concept_id,
    a.given_source_concept_id,
    'delivered' AS rule,
    NULL AS rule_arg,
    a.given_concept_id AS concept_id,
    c.domain_id,
    a.given_source_concept_id AS source_concept_id,
    NULL AS value_concept_id,
    1 AS scale_factor,
    0 AS scale_offset,
    NULL AS unit_concept_id,
    COALESCE(o.id_key, a.given_concept_id) AS id_key,
    NULL AS source_code,
    1 AS target_ordinal
  FROM asked AS a
  LEFT JOIN vocab.concept AS c
    ON a.given_concept_id = c.concept_id AND c.concept_id <> 0
  LEFT JOIN vocab.concept_origin AS o
    ON c.concept_id = o.concept_id
  WHERE
    NOT a.given_concept_id IS NULL AND a.mapped_key IS NULL
  UNION ALL
  SELECT
    a.study,
    a.source,
    a.kind,
    a.code_system,
    a.code_key,
    a.origin,
    a.given_concept_id,
    a.given_source_concept_id,
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
    a.mapped_key IS NULL AND a.given_concept_id IS NULL AND t.concept_id <> 0
  UNION ALL
  SELECT
    a.study,
    a.source,
    a.kind,
    a.code_system,
    a.code_key,
    a.origin,
    a.given_concept_id,
    a.given_source_concept_id,
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
    a.kind = 'visit' AND a.code_key = '' AND a.mapped_key IS NULL AND a.given_concept_id IS NULL
), numbered AS (
  SELECT
    t.study,
    t.source,
    t.kind,
    t.code_system,
    t.code_key,
    t.origin,
    t.given_concept_id,
    t.given_source_concept_id,
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
      PARTITION BY t.study, t.source, t.kind, t.code_system, t.code_key, t.origin, t.given_concept_id, t.given_source_concept_id
      ORDER BY t.source_code, t.target_ordinal, t.concept_id
    ) AS target_ordinal,
    ROW_NUMBER() OVER (
      PARTITION BY t.study, t.source, t.kind, t.code_system, t.code_key, t.origin, t.given_concept_id, t.given_source_concept_id, t.id_key
      ORDER BY t.source_code, t.target_ordinal, t.concept_id
    ) AS same_key
  FROM target AS t
)
SELECT
  CAST(n.study AS TEXT) AS study,
  CAST(n.source AS TEXT) AS source,
  CAST(n.kind AS TEXT) AS kind,
  CAST(n.code_system AS TEXT) AS code_system,
  CAST(n.code_key AS TEXT) AS code_key,
  CAST(n.origin AS TEXT) AS origin,
  CAST(n.given_concept_id AS BIGINT) AS given_concept_id,
  CAST(n.given_source_concept_id AS BIGINT) AS given_source_concept_id,
  CAST(n.target_ordinal AS INT) AS target_ordinal,
  CAST(n.rule AS TEXT) AS rule,
  CAST(n.rule_arg AS TEXT) AS rule_arg,
  CAST(n.concept_id AS BIGINT) AS concept_id,
  CAST(n.domain_id AS TEXT) AS domain_id,
  CAST(COALESCE(n.source_concept_id, 0) AS BIGINT) AS source_concept_id,
  CAST(n.value_concept_id AS BIGINT) AS value_concept_id,
  CAST(n.scale_factor AS DOUBLE) AS scale_factor,
  CAST(n.scale_offset AS DOUBLE) AS scale_offset,
  CAST(n.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(CASE WHEN n.same_key > 1 THEN XOR(n.id_key, n.same_key) ELSE n.id_key END AS BIGINT) AS id_key
FROM numbered AS n
