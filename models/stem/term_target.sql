/* One row per study, source, code system and code of a value or qualifier that has a concept. */
MODEL (
  name stem.term_target,
  kind FULL,
  grain (study, source, code_system, code_key),
  description 'What coded values and qualifiers mean: a row of vocab.mapping about the code before the vocabulary. One concept each; of several the first row, the smallest id. A code without a row here means concept 0.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    code_system = 'OMOP vocabulary id of the code, or study:source',
    code_key = 'Code to compare by',
    concept_id = 'Standard concept; 0 if none',
    source_concept_id = 'Source concept of the code; 0 if none'
  ),
  audits (
    unique_key(columns := (study, source, code_system, code_key)),
    not_null(columns := (concept_id, source_concept_id))
  )
);

WITH mapping_row AS (
  SELECT
    m.study,
    m.source,
    m.variable AS code_system,
    CASE
      WHEN m.variable LIKE '%:%'
      THEN m.source_code
      WHEN m.variable LIKE 'Read%' OR m.variable LIKE 'CTV%'
      THEN REPLACE(CASE WHEN LENGTH(m.source_code) = 7 THEN SUBSTRING(m.source_code, 1, 5) ELSE m.source_code END, '.', '')
      ELSE UPPER(REPLACE(m.source_code, '.', ''))
    END AS code_key,
    COALESCE(m.value_as_concept_id, m.target_concept_id, 0) AS concept_id,
    COALESCE(m.source_concept_id, 0) AS source_concept_id,
    m.target_ordinal
  FROM vocab.mapping AS m
  WHERE
    NOT m.source_code IS NULL AND m.rule <> 'ignore'
), found AS (
  SELECT
    t.study,
    t.source,
    t.code_system,
    t.code_key,
    m.concept_id,
    m.source_concept_id,
    0 AS priority,
    m.target_ordinal
  FROM staging.event_term AS t
  INNER JOIN mapping_row AS m
    ON t.study = m.study AND t.source = m.source AND t.code_system = m.code_system AND t.code_key = m.code_key
  UNION ALL
  SELECT
    t.study,
    t.source,
    t.code_system,
    t.code_key,
    c.concept_id,
    c.source_concept_id,
    1 AS priority,
    1 AS target_ordinal
  FROM staging.event_term AS t
  INNER JOIN stem.code_target AS c
    ON t.code_system = c.code_system AND t.code_key = c.code_key
), placed AS (
  SELECT
    f.study,
    f.source,
    f.code_system,
    f.code_key,
    f.concept_id,
    f.source_concept_id,
    ROW_NUMBER() OVER (
      PARTITION BY f.study, f.source, f.code_system, f.code_key
      ORDER BY f.priority, f.target_ordinal, f.concept_id
    ) AS place
  FROM found AS f
)
SELECT
  CAST(p.study AS TEXT) AS study,
  CAST(p.source AS TEXT) AS source,
  CAST(p.code_system AS TEXT) AS code_system,
  CAST(p.code_key AS TEXT) AS code_key,
  CAST(p.concept_id AS BIGINT) AS concept_id,
  CAST(p.source_concept_id AS BIGINT) AS source_concept_id
FROM placed AS p
WHERE
  p.place = 1
