/* One row per person, source and span: a registration, a delivered period, or what holds without one. */
MODEL (
  name stem.coverage_span,
  kind FULL,
  grain (person_id, study, source, row_id),
  references (
    person_id
  ),
  description 'Each span with the days it covers, before spans are joined to the periods of mart.source_coverage. A span ends at the first of death, its own end, the first censoring of the person that is not before its start, and the administrative censoring of the source. A span that covers no day stays here, with the reason.',
  column_descriptions (
    person_id = 'Person',
    study = 'Study of the source that is covered',
    source = 'Source that is covered',
    row_id = 'Row of staging.source_record that says so; null for a declared span or records',
    basis = 'observation-period, registration, declared-span or records',
    covered_from = 'First local date covered; null if not known',
    covered_to = 'Last local date covered; null if not known',
    end_reason = 'death, registration-ended, period-ended, censored, administrative-censoring or last-record',
    end_detail = 'Why the registration ended or the person was censored, as delivered; else null',
    censoring_row_id = 'Row of staging.source_record that censors the span; null if none does',
    empty_reason = 'Why the span covers no day: no-start, no-end, died-before, censored-before, closed-before (the source was) or ends-before-start (its own, that of the source, or birth); null if it covers one'
  ),
  audits (
    unique_key(columns := (person_id, study, source, row_id)),
    not_null(columns := (person_id, study, source, basis, end_reason)),
    accepted_values(
      "column" := empty_reason,
      is_in := ('no-start', 'no-end', 'died-before', 'censored-before', 'closed-before', 'ends-before-start')
    )
  )
);

WITH period AS (
  SELECT
    r.row_id,
    r.record_id,
    r.study,
    r.source,
    COALESCE(s.origin, r.source) AS origin,
    r.person_id,
    r.kind,
    r.code,
    r.start_date,
    r.end_date,
    r.reason
  FROM staging.source_record AS r
  LEFT JOIN vocab.study_source AS s
    ON r.study = s.study AND r.source = s.source
  WHERE
    r.kind IN ('registration', 'enrolment', 'observation_period', 'censoring')
    AND NOT r.person_id IS NULL
), placed_region AS (
  SELECT
    r.study,
    r.person_id,
    r.code,
    ROW_NUMBER() OVER (PARTITION BY r.study, r.person_id ORDER BY r.start_date DESC, r.code, r.record_id) AS place
  FROM period AS r
  WHERE
    r.kind IN ('registration', 'enrolment') AND NOT r.code IS NULL
), last_region AS (
  SELECT
    p.study,
    p.person_id,
    p.code
  FROM placed_region AS p
  WHERE
    p.place = 1
), span AS (
  SELECT
    c.study,
    c.source,
    c.origin,
    c.person_id,
    r.row_id,
    r.start_date,
    r.end_date,
    r.reason,
    r.code,
    'observation-period' AS basis
  FROM stem.coverage_person AS c
  INNER JOIN period AS r
    ON c.study = r.study AND c.source = r.source AND c.person_id = r.person_id
  WHERE
    r.kind = 'observation_period'
  UNION ALL
  SELECT
    c.study,
    c.source,
    c.origin,
    c.person_id,
    r.row_id,
    r.start_date,
    r.end_date,
    r.reason,
    r.code,
    'registration' AS basis
  FROM stem.coverage_person AS c
  INNER JOIN period AS r
    ON c.study = r.study AND c.origin = r.origin AND c.person_id = r.person_id
  WHERE
    r.kind IN ('registration', 'enrolment') AND NOT c.is_period_source
  UNION ALL
  SELECT
    c.study,
    c.source,
    c.origin,
    c.person_id,
    NULL AS row_id,
    NULL AS start_date,
    NULL AS end_date,
    NULL AS reason,
    NULL AS code,
    c.open_basis AS basis
  FROM stem.coverage_person AS c
  WHERE
    NOT c.is_registered AND NOT c.is_period_source
), censoring AS (
  SELECT
    n.study,
    n.source,
    n.person_id,
    n.row_id,
    z.row_id AS censoring_row_id,
    COALESCE(z.end_date, z.start_date) AS last_date,
    z.reason,
    ROW_NUMBER() OVER (
      PARTITION BY n.study, n.source, n.person_id, n.row_id
      ORDER BY COALESCE(z.end_date, z.start_date), z.reason, z.row_id
    ) AS place
  FROM span AS n
  INNER JOIN period AS z
    ON n.study = z.study AND n.origin = z.origin AND n.person_id = z.person_id
  WHERE
    z.kind = 'censoring'
    AND (
      n.start_date IS NULL OR n.start_date <= COALESCE(z.end_date, z.start_date)
    )
    AND NOT COALESCE(z.end_date, z.start_date) IS NULL
), censored AS (
  SELECT
    z.study,
    z.source,
    z.person_id,
    z.row_id,
    z.censoring_row_id,
    z.last_date,
    z.reason
  FROM censoring AS z
  WHERE
    z.place = 1
), recorded AS (
  SELECT
    e.study,
    e.source,
    e.person_id,
    MIN(e.start_date) AS first_date,
    MAX(GREATEST(e.start_date, COALESCE(e.end_date, e.start_date))) AS last_date
  FROM stem.event AS e
  WHERE
    NOT e.start_date IS NULL
    AND e.date_origin <> 'value'
    AND NOT e.cdm_table IN ('person', 'person_attribute')
  GROUP BY
    e.study,
    e.source,
    e.person_id
), origin_end AS (
  SELECT
    f.study,
    COALESCE(s.origin, f.source) AS origin,
    MAX(f.last_date) AS last_date
  FROM recorded AS f
  LEFT JOIN vocab.study_source AS s
    ON f.study = s.study AND f.source = s.source
  GROUP BY
    f.study,
    COALESCE(s.origin, f.source)
), bounds AS (
  SELECT
    n.person_id,
    n.study,
    n.source,
    n.row_id,
    n.basis,
    GREATEST(
      COALESCE(n.start_date, c.source_from, f.first_date),
      CASE WHEN n.basis <> 'observation-period' THEN c.source_from END,
      TRY_CAST(CAST(p.year_of_birth AS TEXT) || '-01-01' AS DATE)
    ) AS covered_from,
    COALESCE(n.start_date, c.source_from, f.first_date) AS begins,
    d.death_date,
    n.end_date AS span_to,
    n.reason AS span_reason,
    z.censoring_row_id,
    z.last_date AS censored_to,
    z.reason AS censored_reason,
    COALESCE(TRY_CAST(x.covers_to AS DATE), c.source_to) AS source_to,
    CASE WHEN n.basis IN ('registration', 'observation-period') THEN o.last_date ELSE f.last_date END AS last_record
  FROM span AS n
  INNER JOIN stem.coverage_person AS c
    ON n.study = c.study AND n.source = c.source AND n.person_id = c.person_id
  LEFT JOIN last_region AS g
    ON n.study = g.study AND n.person_id = g.person_id
  LEFT JOIN vocab.study_censoring AS x
    ON n.study = x.study AND n.source = x.source AND COALESCE(n.code, g.code) = x.region
  LEFT JOIN cdm.person AS p
    ON n.person_id = p.person_id
  LEFT JOIN cdm.death AS d
    ON n.person_id = d.person_id
  LEFT JOIN recorded AS f
    ON n.study = f.study AND n.source = f.source AND n.person_id = f.person_id
  LEFT JOIN censored AS z
    ON n.study = z.study
    AND n.source = z.source
    AND n.person_id = z.person_id
    AND n.row_id IS NOT DISTINCT FROM z.row_id
  LEFT JOIN origin_end AS o
    ON n.study = o.study AND n.origin = o.origin
), ended AS (
  SELECT
    b.person_id,
    b.study,
    b.source,
    b.row_id,
    b.basis,
    b.covered_from,
    b.begins,
    b.death_date,
    b.span_to,
    b.span_reason,
    b.censoring_row_id,
    b.censored_to,
    b.censored_reason,
    b.source_to,
    CASE
      WHEN b.span_to IS NULL AND b.censored_to IS NULL AND b.source_to IS NULL
      THEN LEAST(b.death_date, b.last_record)
      ELSE LEAST(b.span_to, b.censored_to, b.source_to, b.death_date)
    END AS covered_to
  FROM bounds AS b
)
SELECT
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.row_id AS BIGINT) AS row_id,
  CAST(e.basis AS TEXT) AS basis,
  CAST(e.covered_from AS DATE) AS covered_from,
  CAST(e.covered_to AS DATE) AS covered_to,
  CAST(CASE e.covered_to
    WHEN e.death_date
    THEN 'death'
    WHEN e.span_to
    THEN CASE WHEN e.basis = 'observation-period' THEN 'period-ended' ELSE 'registration-ended' END
    WHEN e.censored_to
    THEN 'censored'
    WHEN e.source_to
    THEN 'administrative-censoring'
    ELSE 'last-record'
  END AS TEXT) AS end_reason,
  CAST(CASE e.covered_to
    WHEN e.death_date
    THEN NULL
    WHEN e.span_to
    THEN e.span_reason
    WHEN e.censored_to
    THEN e.censored_reason
  END AS TEXT) AS end_detail,
  CAST(e.censoring_row_id AS BIGINT) AS censoring_row_id,
  CAST(CASE
    WHEN e.begins IS NULL
    THEN 'no-start'
    WHEN e.covered_to IS NULL
    THEN 'no-end'
    WHEN e.covered_from <= e.covered_to
    THEN NULL
    WHEN e.covered_to = e.death_date
    THEN 'died-before'
    WHEN e.covered_to = e.span_to
    THEN 'ends-before-start'
    WHEN e.covered_to = e.censored_to
    THEN 'censored-before'
    ELSE 'closed-before'
  END AS TEXT) AS empty_reason
FROM ended AS e
