/* One row per study, source, raw table and link status other than linked: what stays behind, and why. */
MODEL (
  name staging.unlinked,
  kind FULL,
  grain (study, source, table_name, link_status),
  description 'Leftover of the join to link.person_bridge: rows that do not go on because their person is not (or no longer) linked. Records of nobody (locations, providers, ...) go on and are not here.',
  column_descriptions (
    study = 'Study of the rows',
    source = 'Source within the study',
    table_name = 'Raw table the rows stand in: value, event, record, detail, asset, vector, feature, genotype_sample or wearable_sample',
    link_status = 'waiting, quarantined, restricted, withdrawn, not-linked or no-person',
    n_rows = 'Rows of the raw table',
    n_source_persons = 'Source persons they belong to; 0 for no-person'
  ),
  audits (
    unique_key(columns := (study, source, table_name, link_status))
  )
);

SELECT
  CAST(p.study AS TEXT) AS study,
  CAST(p.source AS TEXT) AS source,
  CAST(p.table_name AS TEXT) AS table_name,
  CAST(p.link_status AS TEXT) AS link_status,
  CAST(SUM(p.n_rows) AS BIGINT) AS n_rows,
  CAST(COUNT(p.source_person_key) AS BIGINT) AS n_source_persons
FROM staging.source_person AS p
WHERE
  NOT p.link_status IN ('linked', 'of-nobody')
GROUP BY
  p.study,
  p.source,
  p.table_name,
  p.link_status
