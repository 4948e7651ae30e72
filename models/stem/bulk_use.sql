/* One row per study, source and bulk table: what becomes of the rows of images, omics, genotypes and wearables. */
MODEL (
  name stem.bulk_use,
  kind FULL,
  grain (study, source, table_name),
  description 'Rows of linked persons in raw tables that hold no single facts. Days and wear periods are what the samples of wearables are summarised to; these become facts.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    table_name = 'asset, vector, feature, genotype_sample, wearable_sample, wearable_day or wear_period',
    n_absent = 'Days that are absent because the device was not worn',
    n_ignored = 'Days of a device that is not the primary one',
    n_rows_with_facts = 'Days and wear periods that became facts',
    n_records = 'Rows that make no facts and stand in a table of their own',
    n_unused = 'Samples of wearables that are not summarised (stem.wearable_use)'
  ),
  audits (
    unique_key(columns := (study, source, table_name))
  )
);

WITH outcome AS (
  SELECT
    s.study,
    s.source,
    s.table_name,
    0 AS n_absent,
    0 AS n_ignored,
    0 AS n_rows_with_facts,
    s.n_rows AS n_records,
    0 AS n_unused
  FROM staging.source_person AS s
  WHERE
    s.table_name IN ('asset', 'vector') AND s.link_status = 'linked'
  UNION ALL
  SELECT
    v.study,
    v.source,
    'feature' AS table_name,
    0 AS n_absent,
    0 AS n_ignored,
    0 AS n_rows_with_facts,
    COUNT(*) AS n_records,
    0 AS n_unused
  FROM omics.feature_value AS v
  GROUP BY
    v.study,
    v.source
  UNION ALL
  SELECT
    g.study,
    g.source,
    'genotype_sample' AS table_name,
    0 AS n_absent,
    0 AS n_ignored,
    0 AS n_rows_with_facts,
    COUNT(*) AS n_records,
    0 AS n_unused
  FROM omics.genotype_sample AS g
  GROUP BY
    g.study,
    g.source
  UNION ALL
  SELECT
    u.study,
    u.source,
    'wearable_sample' AS table_name,
    0 AS n_absent,
    0 AS n_ignored,
    0 AS n_rows_with_facts,
    CASE WHEN u.use = 'used' THEN u.n_rows ELSE 0 END AS n_records,
    CASE WHEN u.use = 'used' THEN 0 ELSE u.n_rows END AS n_unused
  FROM stem.wearable_use AS u
  UNION ALL
  SELECT
    d.study,
    d.source,
    'wearable_day' AS table_name,
    CASE WHEN d.is_primary AND d.wear_state = 'not-worn' AND s.rule = 'sum' THEN 1 ELSE 0 END AS n_absent,
    CASE WHEN d.is_primary THEN 0 ELSE 1 END AS n_ignored,
    CASE WHEN d.is_primary AND NOT (
      d.wear_state = 'not-worn' AND s.rule = 'sum'
    ) THEN 1 ELSE 0 END AS n_rows_with_facts,
    0 AS n_records,
    0 AS n_unused
  FROM wearable.day AS d
  INNER JOIN vocab.wearable_stream AS s
    ON d.stream = s.stream
  UNION ALL
  SELECT
    w.study,
    w.source,
    'wear_period' AS table_name,
    0 AS n_absent,
    0 AS n_ignored,
    1 AS n_rows_with_facts,
    0 AS n_records,
    0 AS n_unused
  FROM wearable.wear_period AS w
)
SELECT
  CAST(o.study AS TEXT) AS study,
  CAST(o.source AS TEXT) AS source,
  CAST(o.table_name AS TEXT) AS table_name,
  CAST(SUM(o.n_absent) AS BIGINT) AS n_absent,
  CAST(SUM(o.n_ignored) AS BIGINT) AS n_ignored,
  CAST(SUM(o.n_rows_with_facts) AS BIGINT) AS n_rows_with_facts,
  CAST(SUM(o.n_records) AS BIGINT) AS n_records,
  CAST(SUM(o.n_unused) AS BIGINT) AS n_unused
FROM outcome AS o
GROUP BY
  o.study,
  o.source,
  o.table_name
