/* One row per study, source, kind of event and reference: how many lead to a record that is not there. */
MODEL (
  name stem.dangling_reference,
  kind FULL,
  grain (study, source, kind, reference),
  description 'References of events to visits, other events, providers and care sites, and of persons to where they belong, that lead to no record that was delivered of the same person. The events land; the reference is null in cdm. Rows without a dangling reference are left out.',
  column_descriptions (
    study = 'Study of the event',
    source = 'Source within the study',
    kind = 'Kind of event, or person',
    reference = 'What the reference is to: visit, visit_detail, parent, provider, care_site or location',
    n_references = 'Events with such a reference',
    n_dangling = 'Those whose reference leads nowhere'
  ),
  audits (
    unique_key(columns := (study, source, kind, reference)),
    accepted_values(
      "column" := reference,
      is_in := ('visit', 'visit_detail', 'parent', 'provider', 'care_site', 'location')
    )
  )
);

WITH referring AS (
  SELECT
    e.study,
    e.source,
    e.kind,
    e.person_id,
    'visit' AS reference,
    e.visit_record_id AS record_id
  FROM staging.source_event AS e
  UNION ALL
  SELECT
    e.study,
    e.source,
    e.kind,
    e.person_id,
    'visit_detail' AS reference,
    e.visit_detail_record_id AS record_id
  FROM staging.source_event AS e
  UNION ALL
  SELECT
    e.study,
    e.source,
    e.kind,
    e.person_id,
    'parent' AS reference,
    e.parent_record_id AS record_id
  FROM staging.source_event AS e
  UNION ALL
  SELECT
    e.study,
    e.source,
    e.kind,
    NULL AS person_id,
    'provider' AS reference,
    e.provider_record_id AS record_id
  FROM staging.source_event AS e
  UNION ALL
  SELECT
    e.study,
    e.source,
    e.kind,
    NULL AS person_id,
    'care_site' AS reference,
    e.care_site_record_id AS record_id
  FROM staging.source_event AS e
  UNION ALL
  SELECT
    d.study,
    d.source,
    d.kind,
    NULL AS person_id,
    CASE d.field
      WHEN 'location_id'
      THEN 'location'
      WHEN 'provider_id'
      THEN 'provider'
      WHEN 'care_site_id'
      THEN 'care_site'
    END AS reference,
    TRY_CAST(d.value_text AS BIGINT) AS record_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'person' AND d.field IN ('location_id', 'provider_id', 'care_site_id')
), counted AS (
  SELECT
    r.study,
    r.source,
    r.kind,
    r.reference,
    r.person_id,
    r.record_id,
    COUNT(*) AS n
  FROM referring AS r
  WHERE
    NOT r.record_id IS NULL
  GROUP BY
    r.study,
    r.source,
    r.kind,
    r.reference,
    r.person_id,
    r.record_id
), event_record AS (
  SELECT
    e.person_id,
    e.record_id
  FROM staging.source_event AS e
  GROUP BY
    e.person_id,
    e.record_id
), judged AS (
  SELECT
    c.study,
    c.source,
    c.kind,
    c.reference,
    c.n,
    CASE WHEN e.record_id IS NULL AND k.record_id IS NULL THEN c.n ELSE 0 END AS n_dangling
  FROM counted AS c
  LEFT JOIN event_record AS e
    ON c.record_id = e.record_id AND c.person_id = e.person_id
  LEFT JOIN stem.known_record AS k
    ON c.record_id = k.record_id AND c.reference = k.kind
)
SELECT
  CAST(j.study AS TEXT) AS study,
  CAST(j.source AS TEXT) AS source,
  CAST(j.kind AS TEXT) AS kind,
  CAST(j.reference AS TEXT) AS reference,
  CAST(SUM(j.n) AS BIGINT) AS n_references,
  CAST(SUM(j.n_dangling) AS BIGINT) AS n_dangling
FROM judged AS j
GROUP BY
  j.study,
  j.source,
  j.kind,
  j.reference
HAVING
  SUM(j.n_dangling) > 0
