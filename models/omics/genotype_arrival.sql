/* One row per study, source and table about genotyped samples: how much of it came through. */
MODEL (
  name omics.genotype_arrival,
  kind FULL,
  grain (study, source, table_name),
  description 'The law of the books for sample quality, kinship, components and scores: every row arrives in omics or is counted as belonging to somebody who is not linked or not in cdm.person.',
  column_descriptions (
    study = 'Study of the rows',
    source = 'Source of the rows',
    table_name = 'sample_qc, kinship, component or score',
    n_landed = 'Rows of the raw table',
    n_arrived = 'Rows of the omics table',
    n_unlinked = 'Rows of which a person is not linked (waiting, quarantined, withdrawn) or not in cdm.person'
  ),
  audits (
    unique_key(columns := (study, source, table_name)),
    forall(criteria := (
      n_landed = n_arrived + n_unlinked
    ))
  )
);

WITH present AS (
  SELECT
    b.source_person_key
  FROM link.person_bridge AS b
  INNER JOIN cdm.person AS p
    ON b.person_id = p.person_id
  WHERE
    b.link_status = 'linked'
), landed AS (
  SELECT
    study,
    source,
    'sample_qc' AS table_name,
    source_person_key,
    source_person_key AS other_person_key
  FROM raw.sample_qc
  UNION ALL
  SELECT
    study,
    source,
    'kinship' AS table_name,
    source_person_key,
    other_person_key
  FROM raw.kinship
  UNION ALL
  SELECT
    study,
    source,
    'component' AS table_name,
    source_person_key,
    source_person_key AS other_person_key
  FROM raw.component
  UNION ALL
  SELECT
    study,
    source,
    'score' AS table_name,
    source_person_key,
    source_person_key AS other_person_key
  FROM raw.score
), counted AS (
  SELECT
    l.study,
    l.source,
    l.table_name,
    COUNT(*) AS n_landed,
    SUM(CASE WHEN a.source_person_key IS NULL OR o.source_person_key IS NULL THEN 1 ELSE 0 END) AS n_unlinked
  FROM landed AS l
  LEFT JOIN present AS a
    ON l.source_person_key = a.source_person_key
  LEFT JOIN present AS o
    ON l.other_person_key = o.source_person_key
  GROUP BY
    l.study,
    l.source,
    l.table_name
), arrived AS (
  SELECT
    study,
    source,
    'sample_qc' AS table_name,
    COUNT(*) AS n_arrived
  FROM omics.sample_qc
  GROUP BY
    study,
    source
  UNION ALL
  SELECT
    study,
    source,
    'kinship' AS table_name,
    COUNT(*) AS n_arrived
  FROM omics.kinship
  GROUP BY
    study,
    source
  UNION ALL
  SELECT
    c.study,
    c.source,
    'component' AS table_name,
    COUNT(*) AS n_arrived
  FROM omics.principal_component AS c
  INNER JOIN vocab.study_source AS s
    ON c.study = s.study AND c.source = s.source
  WHERE
    s.connector <> 'ukb'
  GROUP BY
    c.study,
    c.source
  UNION ALL
  SELECT
    study,
    source,
    'score' AS table_name,
    COUNT(*) AS n_arrived
  FROM omics.score
  GROUP BY
    study,
    source
)
SELECT
  CAST(c.study AS TEXT) AS study,
  CAST(c.source AS TEXT) AS source,
  CAST(c.table_name AS TEXT) AS table_name,
  CAST(c.n_landed AS BIGINT) AS n_landed,
  CAST(COALESCE(a.n_arrived, 0) AS BIGINT) AS n_arrived,
  CAST(c.n_unlinked AS BIGINT) AS n_unlinked
FROM counted AS c
LEFT JOIN arrived AS a
  ON c.study = a.study AND c.source = a.source AND c.table_name = a.table_name
