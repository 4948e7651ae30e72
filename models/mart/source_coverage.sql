/* One row per person, source and period: days on which the source could have recorded something about the person. */
MODEL (
  name mart.source_coverage,
  kind FULL,
  grain (person_id, study, source, period_number),
  references (
    person_id
  ),
  description 'When silence of a source means that nothing happened; gaps between registrations are gaps here. Observation periods that a source delivers hold for it, and persons without one are not covered by it. Otherwise registrations and enrolments of a person hold for every health-record source of their study and origin (a GP registration for GP diagnoses and prescriptions); then comes the declared span of the source, then first and last record. Hospital and register sources with a declared span cover every linked person of their study, with or without records; other sources cover registered persons and those with data. No period begins before birth or before the declared span. Coverage ends at the first of death, end of the period, censoring of the person, and the administrative censoring of the source: that of the region which the registration names (vocab.study_censoring), else of the region of the last registration of the person in the study, else that of the source. An open registration without a declared end lasts until the last record of anybody in those sources.',
  column_descriptions (
    person_id = 'Person',
    study = 'Study',
    source = 'Source within the study',
    period_number = '1, 2, ... by date; periods of a person and source do not overlap',
    modality = 'Modality of the source',
    basis = 'observation-period (delivered), registration, declared-span (covers persons without records too), or records (silence after the last record says nothing)',
    covered_from = 'First local date covered',
    covered_to = 'Last local date covered',
    end_reason = 'death, registration-ended, period-ended (of a delivered observation period), censored, administrative-censoring or last-record',
    end_detail = 'Why the registration ended or the person was censored, as delivered; else null',
    n_registrations = 'Registrations or delivered periods that make up the period',
    has_records = 'True where the source delivered anything about the person'
  ),
  audits (
    unique_key(columns := (person_id, study, source, period_number)),
    not_null(columns := (person_id, study, source, period_number, basis, covered_from, covered_to, end_reason)),
    accepted_values(
      "column" := end_reason,
      is_in := ('death', 'registration-ended', 'period-ended', 'censored', 'administrative-censoring', 'last-record')
    ),
    accepted_values("column" := basis, is_in := ('observation-period', 'registration', 'declared-span', 'records'))
  )
);

WITH with_data AS (
  SELECT
    s.study,
    s.source,
    s.person_id
  FROM staging.source_person AS s
  WHERE
    NOT s.person_id IS NULL
  GROUP BY
    s.study,
    s.source,
    s.person_id
), study_person AS (
  SELECT
    w.study,
    w.person_id
  FROM with_data AS w
  GROUP BY
    w.study,
    w.person_id
), period AS (
  SELECT
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
), delivering AS (
  SELECT
    r.study,
    r.source
  FROM period AS r
  WHERE
    r.kind = 'observation_period'
  GROUP BY
    r.study,
    r.source
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
), censored AS (
  SELECT
    r.study,
    r.origin,
    r.person_id,
    MIN(COALESCE(r.end_date, r.start_date)) AS last_date,
    ARG_MIN(r.reason, COALESCE(r.end_date, r.start_date)) AS reason
  FROM period AS r
  WHERE
    r.kind = 'censoring'
  GROUP BY
    r.study,
    r.origin,
    r.person_id
), registered AS (
  SELECT
    r.study,
    r.origin,
    r.person_id
  FROM period AS r
  WHERE
    r.kind IN ('registration', 'enrolment')
  GROUP BY
    r.study,
    r.origin,
    r.person_id
), candidate AS (
  SELECT
    w.study,
    w.source,
    w.person_id,
    1 AS has_records
  FROM with_data AS w
  UNION ALL
  SELECT
    s.study,
    s.source,
    p.person_id,
    0 AS has_records
  FROM vocab.study_source AS s
  INNER JOIN study_person AS p
    ON s.study = p.study
  WHERE
    s.modality = 'health_record'
    AND s.origin IN ('hospital', 'register')
    AND NOT s.covers_from IS NULL
    AND NOT s.covers_to IS NULL
  UNION ALL
  SELECT
    s.study,
    s.source,
    r.person_id,
    0 AS has_records
  FROM registered AS r
  INNER JOIN vocab.study_source AS s
    ON r.study = s.study AND r.origin = s.origin
  WHERE
    s.modality = 'health_record'
), covered_person AS (
  SELECT
    c.study,
    c.source,
    c.person_id,
    MAX(c.has_records) AS has_records,
    s.modality,
    COALESCE(s.origin, c.source) AS origin,
    TRY_CAST(s.covers_from AS DATE) AS source_from,
    TRY_CAST(s.covers_to AS DATE) AS source_to,
    CASE
      WHEN s.modality = 'health_record'
      AND s.origin IN ('hospital', 'register')
      AND NOT s.covers_from IS NULL
      AND NOT s.covers_to IS NULL
      THEN 'declared-span'
      ELSE 'records'
    END AS open_basis
  FROM candidate AS c
  LEFT JOIN vocab.study_source AS s
    ON c.study = s.study AND c.source = s.source
  GROUP BY
    c.study,
    c.source,
    c.person_id,
    s.modality,
    COALESCE(s.origin, c.source),
    s.origin,
    s.covers_from,
    s.covers_to
), span AS (
  SELECT
    c.study,
    c.source,
    c.person_id,
    r.start_date,
    r.end_date,
    r.reason,
    r.code,
    'observation-period' AS basis
  FROM covered_person AS c
  INNER JOIN period AS r
    ON c.study = r.study AND c.source = r.source AND c.person_id = r.person_id
  WHERE
    r.kind = 'observation_period'
  UNION ALL
  SELECT
    c.study,
    c.source,
    c.person_id,
    r.start_date,
    r.end_date,
    r.reason,
    r.code,
    'registration' AS basis
  FROM covered_person AS c
  INNER JOIN period AS r
    ON c.study = r.study AND c.origin = r.origin AND c.person_id = r.person_id
  LEFT JOIN delivering AS d
    ON c.study = d.study AND c.source = d.source
  WHERE
    r.kind IN ('registration', 'enrolment') AND d.study IS NULL
  UNION ALL
  SELECT
    c.study,
    c.source,
    c.person_id,
    NULL AS start_date,
    NULL AS end_date,
    NULL AS reason,
    NULL AS code,
    c.open_basis AS basis
  FROM covered_person AS c
  LEFT JOIN registered AS r
    ON c.study = r.study AND c.origin = r.origin AND c.person_id = r.person_id
  LEFT JOIN delivering AS d
    ON c.study = d.study AND c.source = d.source
  WHERE
    r.person_id IS NULL AND d.study IS NULL
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
    z.last_date AS censored_to,
    z.reason AS censored_reason,
    COALESCE(TRY_CAST(x.covers_to AS DATE), c.source_to) AS source_to,
    CASE WHEN n.basis IN ('registration', 'observation-period') THEN o.last_date ELSE f.last_date END AS last_record
  FROM span AS n
  INNER JOIN covered_person AS c
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
    ON n.study = z.study AND c.origin = z.origin AND n.person_id = z.person_id
  LEFT JOIN origin_end AS o
    ON n.study = o.study AND c.origin = o.origin
), ended AS (
  SELECT
    b.person_id,
    b.study,
    b.source,
    b.basis,
    b.covered_from,
    b.death_date,
    b.span_to,
    b.span_reason,
    b.censored_to,
    b.censored_reason,
    b.source_to,
    CASE
      WHEN b.span_to IS NULL AND b.censored_to IS NULL AND b.source_to IS NULL
      THEN LEAST(b.death_date, b.last_record)
      ELSE LEAST(b.span_to, b.censored_to, b.source_to, b.death_date)
    END AS covered_to
  FROM bounds AS b
  WHERE
    NOT b.begins IS NULL
), marked AS (
  SELECT
    e.person_id,
    e.study,
    e.source,
    e.basis,
    e.covered_from,
    e.covered_to,
    CASE e.covered_to
      WHEN e.death_date
      THEN 'death'
      WHEN e.span_to
      THEN CASE WHEN e.basis = 'observation-period' THEN 'period-ended' ELSE 'registration-ended' END
      WHEN e.censored_to
      THEN 'censored'
      WHEN e.source_to
      THEN 'administrative-censoring'
      ELSE 'last-record'
    END AS end_reason,
    CASE e.covered_to
      WHEN e.death_date
      THEN NULL
      WHEN e.span_to
      THEN e.span_reason
      WHEN e.censored_to
      THEN e.censored_reason
    END AS end_detail,
    CASE
      WHEN e.covered_from <= MAX(e.covered_to) OVER (
        PARTITION BY e.person_id, e.study, e.source
        ORDER BY e.covered_from, e.covered_to
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) + CASE WHEN e.basis = 'observation-period' THEN 0 ELSE 1 END * INTERVAL '1' DAY
      THEN 0
      ELSE 1
    END AS begins_period
  FROM ended AS e
  WHERE
    e.covered_from <= e.covered_to
), numbered AS (
  SELECT
    m.person_id,
    m.study,
    m.source,
    m.basis,
    m.covered_from,
    m.covered_to,
    m.end_reason,
    m.end_detail,
    SUM(m.begins_period) OVER (
      PARTITION BY m.person_id, m.study, m.source
      ORDER BY m.covered_from, m.covered_to
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS period_number
  FROM marked AS m
), last_of AS (
  SELECT
    n.person_id,
    n.study,
    n.source,
    n.period_number,
    n.basis,
    n.covered_from,
    n.covered_to,
    n.end_reason,
    n.end_detail,
    ROW_NUMBER() OVER (
      PARTITION BY n.person_id, n.study, n.source, n.period_number
      ORDER BY n.covered_to DESC, n.end_reason, n.end_detail
    ) AS place
  FROM numbered AS n
), joined AS (
  SELECT
    l.person_id,
    l.study,
    l.source,
    l.period_number,
    l.basis,
    MIN(l.covered_from) AS covered_from,
    MAX(l.covered_to) AS covered_to,
    MAX(CASE WHEN l.place = 1 THEN l.end_reason END) AS end_reason,
    MAX(CASE WHEN l.place = 1 THEN l.end_detail END) AS end_detail,
    SUM(CASE WHEN l.basis IN ('registration', 'observation-period') THEN 1 ELSE 0 END) AS n_registrations
  FROM last_of AS l
  GROUP BY
    l.person_id,
    l.study,
    l.source,
    l.period_number,
    l.basis
)
SELECT
  CAST(j.person_id AS BIGINT) AS person_id,
  CAST(j.study AS TEXT) AS study,
  CAST(j.source AS TEXT) AS source,
  CAST(j.period_number AS INT) AS period_number,
  CAST(c.modality AS TEXT) AS modality,
  CAST(j.basis AS TEXT) AS basis,
  CAST(j.covered_from AS DATE) AS covered_from,
  CAST(j.covered_to AS DATE) AS covered_to,
  CAST(j.end_reason AS TEXT) AS end_reason,
  CAST(j.end_detail AS TEXT) AS end_detail,
  CAST(j.n_registrations AS INT) AS n_registrations,
  CAST(c.has_records = 1 AS BOOLEAN) AS has_records
FROM joined AS j
INNER JOIN covered_person AS c
  ON j.study = c.study AND j.source = c.source AND j.person_id = c.person_id
