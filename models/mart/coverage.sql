/* One row per study, source and variable or code system: how much of it has a standard concept. */
MODEL (
  name mart.coverage,
  kind FULL,
  grain (study, source, variable),
  description 'Mapped share by study, source and variable, absent and ignored values left out.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    variable = 'Variable, or code system of events',
    label = 'Label of the variable; null if not known',
    n = 'Values or events that are there and not ignored',
    n_mapped = 'Of these, with a standard concept',
    mapped_share = 'n_mapped / n (0-1); null if there is none',
    top_unmapped_code = 'Most frequent code without a concept; null if all are mapped or the variable has no codes',
    n_top_unmapped = 'Values or events with that code; 0 if none'
  ),
  audits (unique_key(columns := (study, source, variable)), mapped_within_all())
);

WITH value_best AS (
  SELECT
    t.study,
    t.source,
    t.variable,
    COALESCE(t.value_code, '') AS value_code,
    MIN(CASE t.disposition WHEN 'mapped' THEN 0 WHEN 'unmapped' THEN 1 ELSE 2 END) AS best
  FROM stem.value_target AS t
  GROUP BY
    t.study,
    t.source,
    t.variable,
    COALESCE(t.value_code, '')
), event_best AS (
  SELECT
    t.study,
    t.source,
    t.kind,
    t.code_system,
    t.code_key,
    t.origin,
    t.given_concept_id,
    t.given_source_concept_id,
    MIN(CASE t.disposition WHEN 'mapped' THEN 0 WHEN 'unmapped' THEN 1 ELSE 2 END) AS best
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
    f.value_code AS code,
    b.best,
    f.n_values AS n
  FROM staging.value_frequency AS f
  INNER JOIN value_best AS b
    ON f.study = b.study
    AND f.source = b.source
    AND f.variable = b.variable
    AND COALESCE(f.value_code, '') = b.value_code
  WHERE
    f.absent_reason IS NULL AND b.best < 2
  UNION ALL
  SELECT
    f.study,
    f.source,
    f.code_system AS variable,
    f.code_key AS code,
    b.best,
    f.n_events AS n
  FROM staging.event_frequency AS f
  INNER JOIN event_best AS b
    ON f.study = b.study
    AND f.source = b.source
    AND f.kind = b.kind
    AND f.code_system = b.code_system
    AND f.code_key = b.code_key
    AND f.origin = b.origin
    AND f.given_concept_id IS NOT DISTINCT FROM b.given_concept_id
    AND f.given_source_concept_id IS NOT DISTINCT FROM b.given_source_concept_id
  WHERE
    f.absent_reason IS NULL AND b.best < 2
  UNION ALL
  SELECT
    w.study,
    w.source,
    w.kind AS variable,
    w.source_code AS code,
    CASE WHEN w.concept_id = 0 THEN 1 ELSE 0 END AS best,
    COUNT(*) AS n
  FROM stem.wearable_fact AS w
  GROUP BY
    w.study,
    w.source,
    w.kind,
    w.source_code,
    CASE WHEN w.concept_id = 0 THEN 1 ELSE 0 END
), code_sum AS (
  SELECT
    c.study,
    c.source,
    c.variable,
    c.code,
    SUM(c.n) AS n,
    SUM(CASE WHEN c.best = 0 THEN c.n ELSE 0 END) AS n_mapped
  FROM counted AS c
  GROUP BY
    c.study,
    c.source,
    c.variable,
    c.code
), unmapped_ranked AS (
  SELECT
    c.study,
    c.source,
    c.variable,
    c.code,
    c.n - c.n_mapped AS n,
    ROW_NUMBER() OVER (PARTITION BY c.study, c.source, c.variable ORDER BY c.n - c.n_mapped DESC, c.code) AS place
  FROM code_sum AS c
  WHERE
    c.n > c.n_mapped AND c.code <> ''
), variable_sum AS (
  SELECT
    c.study,
    c.source,
    c.variable,
    SUM(c.n) AS n,
    SUM(c.n_mapped) AS n_mapped
  FROM code_sum AS c
  GROUP BY
    c.study,
    c.source,
    c.variable
)
SELECT
  CAST(s.study AS TEXT) AS study,
  CAST(s.source AS TEXT) AS source,
  CAST(s.variable AS TEXT) AS variable,
  CAST(v.label AS TEXT) AS label,
  CAST(s.n AS BIGINT) AS n,
  CAST(s.n_mapped AS BIGINT) AS n_mapped,
  CAST(CAST(s.n_mapped AS DOUBLE) / CAST(NULLIF(s.n, 0) AS DOUBLE) AS DOUBLE) AS mapped_share,
  CAST(r.code AS TEXT) AS top_unmapped_code,
  CAST(COALESCE(r.n, 0) AS BIGINT) AS n_top_unmapped
FROM variable_sum AS s
LEFT JOIN unmapped_ranked AS r
  ON s.study = r.study AND s.source = r.source AND s.variable = r.variable AND r.place = 1
LEFT JOIN vocab.variable AS v
  ON s.study = v.study AND s.source = v.source AND s.variable = v.variable
