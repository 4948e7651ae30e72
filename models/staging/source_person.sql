/* One row per study, source, raw table, source person and link status: how many rows came, and whose they are. */
MODEL (
  name staging.source_person,
  kind FULL,
  grain (study, source, table_name, source_person_key, link_status),
  description 'Source persons with their rows per source and raw table, and the state of their link. With record_owner the only table after raw that still knows source persons; it aggregates early what books, attrition and modality need.',
  column_descriptions (
    study = 'Study of the rows',
    source = 'Source within the study',
    table_name = 'Raw table the rows stand in: value, event, record, detail, asset, vector, feature, genotype_sample or wearable_sample',
    source_person_key = 'Keyed hash of the native person id, of records that name nobody that of staging.record_owner; null for rows of nobody',
    person_id = 'Person the source person is linked to; null unless link_status is linked',
    link_status = 'linked, waiting, quarantined, restricted, withdrawn; not-linked where link has not seen the key; no-person where the rows name nobody; of-nobody where they need not (locations, care sites, providers, metadata, relations between these)',
    n_rows = 'Rows of the raw table'
  ),
  audits (
    unique_key(columns := (study, source, table_name, source_person_key, link_status)),
    accepted_values(
      "column" := link_status,
      is_in := (
        'linked',
        'waiting',
        'quarantined',
        'restricted',
        'withdrawn',
        'not-linked',
        'no-person',
        'of-nobody'
      )
    )
  )
);

WITH delivered AS (
  SELECT
    study,
    source,
    'value' AS table_name,
    source_person_key,
    0 AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.value
  GROUP BY
    study,
    source,
    source_person_key
  UNION ALL
  SELECT
    study,
    source,
    'event' AS table_name,
    source_person_key,
    0 AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.event
  GROUP BY
    study,
    source,
    source_person_key
  UNION ALL
  SELECT
    study,
    source,
    'asset' AS table_name,
    source_person_key,
    0 AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.asset
  GROUP BY
    study,
    source,
    source_person_key
  UNION ALL
  SELECT
    study,
    source,
    'vector' AS table_name,
    source_person_key,
    0 AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.vector
  GROUP BY
    study,
    source,
    source_person_key
  UNION ALL
  SELECT
    study,
    source,
    'feature' AS table_name,
    source_person_key,
    0 AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.feature
  GROUP BY
    study,
    source,
    source_person_key
  UNION ALL
  SELECT
    study,
    source,
    'wearable_sample' AS table_name,
    source_person_key,
    0 AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.wearable_sample
  GROUP BY
    study,
    source,
    source_person_key
  UNION ALL
  SELECT
    r.study,
    r.source,
    'record' AS table_name,
    COALESCE(r.source_person_key, o.source_person_key) AS source_person_key,
    CASE
      WHEN COALESCE(r.source_person_key, o.source_person_key) IS NULL
      AND r.kind IN ('location', 'care_site', 'provider', 'metadata', 'fact_relationship')
      THEN 1
      ELSE 0
    END AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.record AS r
  LEFT JOIN staging.record_owner AS o
    ON r.record_id = o.record_id
  GROUP BY
    r.study,
    r.source,
    COALESCE(r.source_person_key, o.source_person_key),
    CASE
      WHEN COALESCE(r.source_person_key, o.source_person_key) IS NULL
      AND r.kind IN ('location', 'care_site', 'provider', 'metadata', 'fact_relationship')
      THEN 1
      ELSE 0
    END
  UNION ALL
  SELECT
    r.study,
    r.source,
    'detail' AS table_name,
    COALESCE(r.source_person_key, o.source_person_key) AS source_person_key,
    CASE
      WHEN COALESCE(r.source_person_key, o.source_person_key) IS NULL
      AND r.kind IN ('location', 'care_site', 'provider', 'metadata', 'fact_relationship')
      THEN 1
      ELSE 0
    END AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.detail AS r
  LEFT JOIN staging.record_owner AS o
    ON r.record_id = o.record_id
  GROUP BY
    r.study,
    r.source,
    COALESCE(r.source_person_key, o.source_person_key),
    CASE
      WHEN COALESCE(r.source_person_key, o.source_person_key) IS NULL
      AND r.kind IN ('location', 'care_site', 'provider', 'metadata', 'fact_relationship')
      THEN 1
      ELSE 0
    END
  UNION ALL
  SELECT
    study,
    source,
    'genotype_sample' AS table_name,
    source_person_key,
    0 AS is_of_nobody,
    COUNT(*) AS n_rows
  FROM raw.genotype_sample
  GROUP BY
    study,
    source,
    source_person_key
)
SELECT
  CAST(d.study AS TEXT) AS study,
  CAST(d.source AS TEXT) AS source,
  CAST(d.table_name AS TEXT) AS table_name,
  CAST(d.source_person_key AS TEXT) AS source_person_key,
  CAST(CASE WHEN b.link_status = 'linked' THEN b.person_id END AS BIGINT) AS person_id,
  CAST(CASE
    WHEN d.source_person_key IS NULL AND d.is_of_nobody = 1
    THEN 'of-nobody'
    WHEN d.source_person_key IS NULL
    THEN 'no-person'
    WHEN b.link_status = 'linked' AND b.person_id IS NULL
    THEN 'not-linked'
    ELSE COALESCE(b.link_status, 'not-linked')
  END AS TEXT) AS link_status,
  CAST(d.n_rows AS BIGINT) AS n_rows
FROM delivered AS d
LEFT JOIN link.person_bridge AS b
  ON d.source_person_key = b.source_person_key
