/* One row per study, source, kind, field and reason for which something staged could not be shown. */
MODEL (
  name stem.leftover,
  kind FULL,
  grain (study, source, kind, field, reason),
  description 'What arrived in staging and has no place after it, by reason: records and fields that no model reads (stem.field_use), numbers of delivered eras that their column cannot hold (null there), registrations, enrolments and delivered periods that cover no day in any source, censorings that end none, and facts whose code has several concepts of the value, of which a fact holds one.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    kind = 'Kind of event or record, as in raw',
    field = 'Field at issue; empty if the whole record is',
    reason = 'kind-unused, field-unused, field-repeated, number-unreadable; for what covers no day that of stem.coverage_span, or periods-delivered where the source delivers observation periods instead; for censorings no-date or ends-nothing; value-concept-dropped; for samples of wearables stream-unknown, no-value, clock-jump or after-export',
    n_rows = 'Rows'
  ),
  audits (
    unique_key(columns := (study, source, kind, field, reason)),
    not_null(columns := (study, source, kind, field, reason, n_rows))
  )
);

WITH many_valued AS (
  SELECT
    t.source_concept_id,
    t.concept_id
  FROM stem.code_target AS t
  WHERE
    t.n_values > 1
  GROUP BY
    t.source_concept_id,
    t.concept_id
), unreadable AS (
  SELECT
    e.study,
    e.source,
    e.kind,
    'quantity' AS field,
    TRY_CAST(s.quantity AS INT) AS held
  FROM raw.event AS e
  INNER JOIN staging.source_event AS s
    ON e.row_id = s.row_id
  WHERE
    e.kind IN ('condition_era', 'drug_era') AND NOT e.quantity IS NULL
  UNION ALL
  SELECT
    e.study,
    e.source,
    e.kind,
    'value' AS field,
    TRY_CAST(s.value_number AS INT) AS held
  FROM raw.event AS e
  INNER JOIN staging.source_event AS s
    ON e.row_id = s.row_id
  WHERE
    e.kind = 'drug_era' AND NOT e.value IS NULL
), spanned AS (
  SELECT
    n.row_id,
    MAX(CASE WHEN n.empty_reason IS NULL THEN 1 ELSE 0 END) AS covers,
    MIN(n.empty_reason) AS empty_reason
  FROM stem.coverage_span AS n
  WHERE
    NOT n.row_id IS NULL
  GROUP BY
    n.row_id
), ending AS (
  SELECT
    n.censoring_row_id AS row_id
  FROM stem.coverage_span AS n
  WHERE
    NOT n.censoring_row_id IS NULL
  GROUP BY
    n.censoring_row_id
), uncovering AS (
  SELECT
    r.study,
    r.source,
    r.kind,
    CASE
      WHEN r.kind <> 'censoring'
      THEN COALESCE(n.empty_reason, 'periods-delivered')
      WHEN COALESCE(r.end_date, r.start_date) IS NULL
      THEN 'no-date'
      ELSE 'ends-nothing'
    END AS reason
  FROM staging.source_record AS r
  LEFT JOIN spanned AS n
    ON r.row_id = n.row_id
  LEFT JOIN ending AS z
    ON r.row_id = z.row_id
  WHERE
    r.kind IN ('registration', 'enrolment', 'observation_period', 'censoring')
    AND COALESCE(n.covers, 0) = 0
    AND z.row_id IS NULL
)
SELECT
  CAST(f.study AS TEXT) AS study,
  CAST(f.source AS TEXT) AS source,
  CAST(f.kind AS TEXT) AS kind,
  CAST(f.field AS TEXT) AS field,
  CAST(CASE
    WHEN NOT f.read_by IS NULL
    THEN 'field-repeated'
    WHEN f.table_name = 'record'
    THEN 'kind-unused'
    ELSE 'field-unused'
  END AS TEXT) AS reason,
  CAST(f.n_unused AS BIGINT) AS n_rows
FROM stem.field_use AS f
WHERE
  f.n_unused > 0
UNION ALL
SELECT
  CAST(u.study AS TEXT) AS study,
  CAST(u.source AS TEXT) AS source,
  CAST(u.kind AS TEXT) AS kind,
  CAST(u.field AS TEXT) AS field,
  CAST('number-unreadable' AS TEXT) AS reason,
  CAST(COUNT(*) AS BIGINT) AS n_rows
FROM unreadable AS u
WHERE
  u.held IS NULL
GROUP BY
  u.study,
  u.source,
  u.kind,
  u.field
UNION ALL
SELECT
  CAST(c.study AS TEXT) AS study,
  CAST(c.source AS TEXT) AS source,
  CAST(c.kind AS TEXT) AS kind,
  CAST('' AS TEXT) AS field,
  CAST(c.reason AS TEXT) AS reason,
  CAST(COUNT(*) AS BIGINT) AS n_rows
FROM uncovering AS c
GROUP BY
  c.study,
  c.source,
  c.kind,
  c.reason
UNION ALL
SELECT
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.kind AS TEXT) AS kind,
  CAST('value_concept_id' AS TEXT) AS field,
  CAST('value-concept-dropped' AS TEXT) AS reason,
  CAST(COUNT(*) AS BIGINT) AS n_rows
FROM stem.event AS e
INNER JOIN many_valued AS m
  ON e.source_concept_id = m.source_concept_id AND e.concept_id = m.concept_id
GROUP BY
  e.study,
  e.source,
  e.kind
UNION ALL
SELECT
  CAST(u.study AS TEXT) AS study,
  CAST(u.source AS TEXT) AS source,
  CAST('wearable' AS TEXT) AS kind,
  CAST(u.variable AS TEXT) AS field,
  CAST(u.use AS TEXT) AS reason,
  CAST(SUM(u.n_rows) AS BIGINT) AS n_rows
FROM stem.wearable_use AS u
WHERE
  u.use <> 'used'
GROUP BY
  u.study,
  u.source,
  u.variable,
  u.use
