/* One row per delivered code that the vocabulary knows and standard concept it maps to. */
MODEL (
  name stem.code_target,
  kind FULL,
  grain (code_system, code_key, concept_id),
  description 'Codes of events looked up in the vocabulary: same code without dots (case kept for Read codes), a valid concept before an invalid one, then Maps to; a standard concept without Maps to stands for itself. A code that the vocabulary knows and does not map has concept 0; one it does not know has no row and is counted in stem.unmapped.',
  column_descriptions (
    code_system = 'OMOP vocabulary id of the code',
    code_key = 'Code to compare by',
    source_concept_id = 'Concept of the code itself',
    concept_id = 'Standard concept; 0 if none',
    domain_id = 'Domain of the standard concept; null if none or not loaded',
    value_concept_id = 'Concept of the value (Maps to value), for measurements and observations; the smallest id of several; else null',
    id_key = 'Key of the standard concept that fact ids are made with; the concept id where the vocabulary has no key'
  ),
  audits (
    unique_key(columns := (code_system, code_key, concept_id)),
    not_null(columns := (code_system, code_key, source_concept_id, concept_id, id_key))
  )
);

WITH wanted_code AS (
  SELECT
    code_system,
    code_key
  FROM staging.event_frequency
  WHERE
    code_key <> ''
  GROUP BY
    code_system,
    code_key
), known_code AS (
  SELECT
    w.code_system,
    w.code_key,
    COALESCE(
      MIN(CASE WHEN c.invalid_reason IS NULL OR c.invalid_reason = '' THEN c.concept_id END),
      MIN(c.concept_id)
    ) AS source_concept_id
  FROM vocab.concept AS c
  INNER JOIN wanted_code AS w
    ON c.vocabulary_id = w.code_system
    AND CASE
      WHEN c.vocabulary_id LIKE 'Read%' OR c.vocabulary_id LIKE 'CTV%'
      THEN REPLACE(c.concept_code, '.', '')
      ELSE UPPER(REPLACE(c.concept_code, '.', ''))
    END = w.code_key
  GROUP BY
    w.code_system,
    w.code_key
), relation AS (
  SELECT
    r.concept_id_1 AS source_concept_id,
    r.concept_id_2 AS concept_id,
    r.relationship_id
  FROM vocab.concept_relationship AS r
  INNER JOIN known_code AS k
    ON r.concept_id_1 = k.source_concept_id
  WHERE
    r.relationship_id IN ('Maps to', 'Maps to value')
    AND (
      r.invalid_reason IS NULL OR r.invalid_reason = ''
    )
  GROUP BY
    r.concept_id_1,
    r.concept_id_2,
    r.relationship_id
), value_of AS (
  SELECT
    source_concept_id,
    MIN(concept_id) AS value_concept_id
  FROM relation
  WHERE
    relationship_id = 'Maps to value'
  GROUP BY
    source_concept_id
), standard_of AS (
  SELECT
    r.source_concept_id,
    r.concept_id
  FROM relation AS r
  WHERE
    r.relationship_id = 'Maps to'
  UNION ALL
  SELECT
    k.source_concept_id,
    c.concept_id
  FROM known_code AS k
  INNER JOIN vocab.concept AS c
    ON k.source_concept_id = c.concept_id
  LEFT JOIN relation AS r
    ON k.source_concept_id = r.source_concept_id AND r.relationship_id = 'Maps to'
  WHERE
    c.standard_concept = 'S' AND r.concept_id IS NULL
  GROUP BY
    k.source_concept_id,
    c.concept_id
)
SELECT
  CAST(k.code_system AS TEXT) AS code_system,
  CAST(k.code_key AS TEXT) AS code_key,
  CAST(k.source_concept_id AS BIGINT) AS source_concept_id,
  CAST(COALESCE(t.concept_id, 0) AS BIGINT) AS concept_id,
  CAST(c.domain_id AS TEXT) AS domain_id,
  CAST(CASE WHEN c.domain_id IN ('Measurement', 'Observation') THEN v.value_concept_id END AS BIGINT) AS value_concept_id,
  CAST(COALESCE(o.id_key, t.concept_id, 0) AS BIGINT) AS id_key
FROM known_code AS k
LEFT JOIN standard_of AS t
  ON k.source_concept_id = t.source_concept_id
LEFT JOIN vocab.concept AS c
  ON t.concept_id = c.concept_id
LEFT JOIN vocab.concept_origin AS o
  ON t.concept_id = o.concept_id
LEFT JOIN value_of AS v
  ON k.source_concept_id = v.source_concept_id
