/* One row per study, source, variable, code and reason: what has no standard concept, by frequency. */
MODEL (
  name stem.unmapped,
  kind FULL,
  grain (study, source, variable, source_code, reason),
  description 'Leftovers of mapping, weighted by frequency: unmapped facts (in cdm with concept 0), values ignored by a stated rule, and values that are absent. Work down from the largest n_facts.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    variable = 'Variable, or code system of an event',
    source_code = 'Code; null for numbers, dates, texts and absent values; empty for an uncoded event',
    reason = 'unmapped, no-standard-concept (the mapping or the source says so), ignored, or the absent reason',
    label = 'Label of the variable, else of the code; null if not known',
    n_facts = 'Delivered values or events',
    n_persons = 'Persons with at least one of them',
    facts_share = 'Share (0-1) of all values or events of the source'
  ),
  audits (
    unique_key(columns := (study, source, variable, source_code, reason))
  )
);

WITH value_outcome AS (
  SELECT
    t.study,
    t.source,
    t.variable,
    t.value_code,
    MIN(CASE t.disposition WHEN 'mapped' THEN 0 WHEN 'unmapped' THEN 1 ELSE 2 END) AS best,
    MAX(t.target_ordinal) AS n_targets
  FROM stem.value_target AS t
  GROUP BY
    t.study,
    t.source,
    t.variable,
    t.value_code
), event_outcome AS (
  SELECT
    t.study,
    t.source,
    t.kind,
    t.code_system,
    t.code_key,
    t.origin,
    t.given_concept_id,
    t.given_source_concept_id,
    MIN(CASE t.disposition WHEN 'mapped' THEN 0 WHEN 'unmapped' THEN 1 ELSE 2 END) AS best,
    MAX(t.target_ordinal) AS n_targets
  FROM stem.event_target AS t
  GROUP BY
    t.study,
    t.source,
    t.kind,
    t.code_system,
    t.code_key,
    t.origin,
    t.given_concept_id,
    t.given_source_concept_id
), counted AS (
  SELECT
    f.study,
    f.source,
    f.variable,
    f.value_code AS source_code,
    CASE
      WHEN NOT f.absent_reason IS NULL
      THEN f.absent_reason
      WHEN o.best = 2
      THEN 'ignored'
      WHEN o.best = 1 AND o.n_targets > 0
      THEN 'no-standard-concept'
      WHEN o.best = 1
      THEN 'unmapped'
    END AS reason,
    f.n_values AS n_facts,
    f.n_persons
  FROM staging.value_frequency AS f
  LEFT JOIN value_outcome AS o
    ON f.study = o.study
    AND f.source = o.source
    AND f.variable = o.variable
    AND COALESCE(f.value_code, '') = COALESCE(o.value_code, '')
  UNION ALL
  SELECT
    f.study,
    f.source,
    f.code_system AS variable,
    f.code_key AS source_code,
    CASE
      WHEN NOT f.absent_reason IS NULL
      THEN f.absent_reason
      WHEN o.best = 2
      THEN 'ignored'
      WHEN o.best = 1 AND o.n_targets > 0
      THEN 'no-standard-concept'
      WHEN o.best = 1
      THEN 'unmapped'
    END AS reason,
    f.n_events AS n_facts,
    f.n_persons
  FROM staging.event_frequency AS f
  LEFT JOIN event_outcome AS o
    ON f.study = o.study
    AND f.source = o.source
    AND f.kind = o.kind
    AND f.code_system = o.code_system
    AND f.code_key = o.code_key
    AND f.origin = o.origin
    AND f.given_concept_id IS NOT DISTINCT FROM o.given_concept_id
    AND f.given_source_concept_id IS NOT DISTINCT FROM o.given_source_concept_id
  UNION ALL
  SELECT
    w.study,
    w.source,
    w.kind AS variable,
    w.source_code,
    CASE WHEN w.concept_id = 0 THEN 'unmapped' END AS reason,
    COUNT(*) AS n_facts,
    COUNT(DISTINCT w.person_id) AS n_persons
  FROM stem.wearable_fact AS w
  GROUP BY
    w.study,
    w.source,
    w.kind,
    w.source_code,
    CASE WHEN w.concept_id = 0 THEN 'unmapped' END
), total AS (
  SELECT
    c.study,
    c.source,
    SUM(c.n_facts) AS n_facts
  FROM counted AS c
  GROUP BY
    c.study,
    c.source
), leftover AS (
  SELECT
    c.study,
    c.source,
    c.variable,
    c.source_code,
    c.reason,
    SUM(c.n_facts) AS n_facts,
    MAX(c.n_persons) AS n_persons
  FROM counted AS c
  WHERE
    NOT c.reason IS NULL
  GROUP BY
    c.study,
    c.source,
    c.variable,
    c.source_code,
    c.reason
)
SELECT
  CAST(l.study AS TEXT) AS study,
  CAST(l.source AS TEXT) AS source,
  CAST(l.variable AS TEXT) AS variable,
  CAST(l.source_code AS TEXT) AS source_code,
  CAST(l.reason AS TEXT) AS reason,
  CAST(COALESCE(NULLIF(v.label, ''), k.meaning) AS TEXT) AS label,
  CAST(l.n_facts AS BIGINT) AS n_facts,
  CAST(l.n_persons AS BIGINT) AS n_persons,
  CAST(CAST(l.n_facts AS DOUBLE) / CAST(t.n_facts AS DOUBLE) AS DOUBLE) AS facts_share
FROM leftover AS l
INNER JOIN total AS t
  ON l.study = t.study AND l.source = t.source
LEFT JOIN vocab.variable AS v
  ON l.study = v.study AND l.source = v.source AND l.variable = v.variable
LEFT JOIN vocab.variable_code AS k
  ON l.study = k.study AND l.source = k.source AND l.variable = k.variable AND l.source_code = k.code
