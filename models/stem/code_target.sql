/* One row per delivered code that the vocabulary knows and standard concept it maps to. */
MODEL (
  name stem.code_target,
  kind FULL,
  grain (code_system, code_key, concept_id),
  description 'Codes of events, values and qualifiers looked up in the vocabulary in force: the same code without dots (ICD10 also without dagger, asterisk and filler X; NDC as 11 digits; CVX with its leading zero; Read by its five bytes), a valid concept before an invalid one, then Maps to; a concept replaced by another takes the way of its successor; a standard concept without Maps to stands for itself. A code is never replaced by its parent. A code that the vocabulary knows and does not map has concept 0; one it does not know has no row and is counted in stem.unmapped.',
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

WITH delivered_code AS (
  SELECT
    code_system,
    code_key
  FROM staging.event_frequency
  WHERE
    code_key <> ''
  UNION ALL
  SELECT
    code_system,
    code_key
  FROM staging.event_term
), wanted_code AS (
  SELECT
    code_system,
    code_key,
    REPLACE(REPLACE(REPLACE(REPLACE(code_key, '†', ''), '*', ''), '+', ''), '-', '') AS bare_code
  FROM delivered_code
  GROUP BY
    code_system,
    code_key
), unmarked_code AS (
  SELECT
    w.code_system,
    w.code_key,
    CASE
      WHEN REGEXP_MATCHES(w.bare_code, '^[A-Z][0-9]{2}[0-9X]{1,2}[AD]$')
      THEN SUBSTRING(w.bare_code, 1, LENGTH(w.bare_code) - 1)
      ELSE w.bare_code
    END AS bare_code
  FROM wanted_code AS w
), missing_zero AS (
  SELECT
    1 AS place
  UNION ALL
  SELECT
    2 AS place
  UNION ALL
  SELECT
    3 AS place
), written_code AS (
  SELECT
    w.code_system,
    w.code_key,
    CASE
      WHEN w.code_system = 'ICD10' AND REGEXP_MATCHES(w.bare_code, '^[A-Z][0-9]{2}X+$')
      THEN SUBSTRING(w.bare_code, 1, 3)
      WHEN w.code_system = 'ICD10'
      THEN w.bare_code
      WHEN w.code_system = 'CVX' AND LENGTH(w.code_key) = 1
      THEN '0' || w.code_key
      WHEN w.code_system = 'NDC' AND REGEXP_MATCHES(w.code_key, '^[0-9]{4,5}-[0-9]{3,4}(-[0-9]{1,2})?$')
      THEN LPAD(SPLIT_PART(w.code_key, '-', 1), 5, '0') || LPAD(SPLIT_PART(w.code_key, '-', 2), 4, '0') || CASE
        WHEN SPLIT_PART(w.code_key, '-', 3) = ''
        THEN ''
        ELSE LPAD(SPLIT_PART(w.code_key, '-', 3), 2, '0')
      END
      ELSE w.code_key
    END AS written
  FROM unmarked_code AS w
  UNION ALL
  SELECT
    w.code_system,
    w.code_key,
    CASE n.place
      WHEN 1
      THEN '0' || w.code_key
      WHEN 2
      THEN SUBSTRING(w.code_key, 1, 5) || '0' || SUBSTRING(w.code_key, 6, 5)
      ELSE SUBSTRING(w.code_key, 1, 9) || '0' || SUBSTRING(w.code_key, 10, 1)
    END AS written
  FROM wanted_code AS w
  CROSS JOIN missing_zero AS n
  WHERE
    w.code_system = 'NDC' AND REGEXP_MATCHES(w.code_key, '^[0-9]{10}$')
), known_code AS (
  SELECT
    w.code_system,
    w.code_key,
    COALESCE(
      MIN(
        CASE
          WHEN COALESCE(c.invalid_reason, '') = '' AND c.vocabulary_id = 'Read' AND c.concept_code LIKE '_____00'
          THEN c.concept_id
        END
      ),
      MIN(CASE WHEN COALESCE(c.invalid_reason, '') = '' THEN c.concept_id END),
      MIN(c.concept_id)
    ) AS source_concept_id
  FROM vocab.concept AS c
  INNER JOIN written_code AS w
    ON c.vocabulary_id = w.code_system
    AND CASE
      WHEN c.vocabulary_id LIKE 'Read%' OR c.vocabulary_id LIKE 'CTV%'
      THEN REPLACE(
        CASE WHEN LENGTH(c.concept_code) = 7 THEN SUBSTRING(c.concept_code, 1, 5) ELSE c.concept_code END,
        '.',
        ''
      )
      ELSE UPPER(REPLACE(c.concept_code, '.', ''))
    END = w.written
  GROUP BY
    w.code_system,
    w.code_key
  HAVING
    COUNT(DISTINCT w.written) = 1
), successor AS (
  SELECT
    r.concept_id_1 AS source_concept_id,
    MIN(r.concept_id_2) AS concept_id
  FROM vocab.concept_relationship AS r
  WHERE
    r.relationship_id = 'Concept replaced by' AND COALESCE(r.invalid_reason, '') = ''
  GROUP BY
    r.concept_id_1
), candidate AS (
  SELECT
    source_concept_id,
    source_concept_id AS acting_concept_id,
    0 AS n_steps
  FROM known_code
  UNION ALL
  SELECT
    k.source_concept_id,
    one.concept_id AS acting_concept_id,
    1 AS n_steps
  FROM known_code AS k
  INNER JOIN successor AS one
    ON k.source_concept_id = one.source_concept_id
  UNION ALL
  SELECT
    k.source_concept_id,
    two.concept_id AS acting_concept_id,
    2 AS n_steps
  FROM known_code AS k
  INNER JOIN successor AS one
    ON k.source_concept_id = one.source_concept_id
  INNER JOIN successor AS two
    ON one.concept_id = two.source_concept_id
), asked_concept AS (
  SELECT
    acting_concept_id AS concept_id
  FROM candidate
  GROUP BY
    acting_concept_id
), relation AS (
  SELECT
    r.concept_id_1 AS source_concept_id,
    r.concept_id_2 AS concept_id,
    r.relationship_id
  FROM vocab.concept_relationship AS r
  INNER JOIN asked_concept AS a
    ON r.concept_id_1 = a.concept_id
  WHERE
    r.relationship_id IN ('Maps to', 'Maps to value') AND COALESCE(r.invalid_reason, '') = ''
  GROUP BY
    r.concept_id_1,
    r.concept_id_2,
    r.relationship_id
), usable AS (
  SELECT
    source_concept_id AS concept_id
  FROM relation
  WHERE
    relationship_id = 'Maps to'
  UNION ALL
  SELECT
    c.concept_id
  FROM vocab.concept AS c
  INNER JOIN asked_concept AS a
    ON c.concept_id = a.concept_id
  WHERE
    c.standard_concept = 'S'
), acting AS (
  SELECT
    c.source_concept_id,
    ARG_MIN(c.acting_concept_id, c.n_steps) AS acting_concept_id
  FROM candidate AS c
  INNER JOIN usable AS u
    ON c.acting_concept_id = u.concept_id
  GROUP BY
    c.source_concept_id
), value_of AS (
  SELECT
    a.source_concept_id,
    MIN(r.concept_id) AS value_concept_id
  FROM acting AS a
  INNER JOIN relation AS r
    ON a.acting_concept_id = r.source_concept_id
  WHERE
    r.relationship_id = 'Maps to value'
  GROUP BY
    a.source_concept_id
), standard_of AS (
  SELECT
    a.source_concept_id,
    COALESCE(r.concept_id, a.acting_concept_id) AS concept_id
  FROM acting AS a
  LEFT JOIN relation AS r
    ON a.acting_concept_id = r.source_concept_id AND r.relationship_id = 'Maps to'
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
