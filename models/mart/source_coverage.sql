/* One row per person and source: the days on which the source could have recorded something about the person. */
MODEL (
  name mart.source_coverage,
  kind FULL,
  grain (person_id, study, source),
  references (
    person_id
  ),
  description 'When silence of a source means that nothing happened. Registrations of a person hold for every health-record source of their study and origin (a GP registration for GP diagnoses and prescriptions); then comes the declared span of the source, then first and last record. Hospital and register sources with a declared span cover every linked person of their study, with or without records; other sources cover registered persons and those with data. Coverage ends at the first of death, end of registration, censoring and the declared end; an open registration without a declared end lasts until the last record of anybody in those sources.',
  column_descriptions (
    person_id = 'Person',
    study = 'Study',
    source = 'Source within the study',
    modality = 'Modality of the source',
    covered_from = 'First local date covered',
    covered_to = 'Last local date covered',
    end_reason = 'death, registration-ended, censored, administrative-censoring or last-record',
    end_detail = 'Why the registration ended or the person was censored, as delivered; else null',
    n_registrations = 'Registrations that hold for the source; gaps between them are not cut out',
    has_records = 'True where the source delivered anything about the person'
  ),
  audits (
    unique_key(columns := (person_id, study, source)),
    not_null(columns := (person_id, study, source, covered_from, covered_to, end_reason)),
    accepted_values(
      "column" := end_reason,
      is_in := ('death', 'registration-ended', 'censored', 'administrative-censoring', 'last-record')
    )
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
    r.study,
    COALESCE(s.origin, r.source) AS origin,
    r.person_id,
    r.kind,
    r.start_date,
    r.end_date,
    r.reason
  FROM staging.source_record AS r
  LEFT JOIN vocab.study_source AS s
    ON r.study = s.study AND r.source = s.source
), registered AS (
  SELECT
    r.study,
    r.origin,
    r.person_id,
    MIN(r.start_date) AS first_date,
    CASE WHEN COUNT(*) = COUNT(r.end_date) THEN MAX(r.end_date) END AS last_date,
    CASE WHEN COUNT(*) = COUNT(r.end_date) THEN ARG_MAX(r.reason, r.end_date) END AS reason,
    COUNT(*) AS n_registrations
  FROM period AS r
  WHERE
    r.kind IN ('registration', 'enrolment')
  GROUP BY
    r.study,
    r.origin,
    r.person_id
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
    MAX(c.has_records) AS has_records
  FROM candidate AS c
  GROUP BY
    c.study,
    c.source,
    c.person_id
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
    c.person_id,
    c.study,
    c.source,
    s.modality,
    c.has_records,
    COALESCE(r.first_date, TRY_CAST(s.covers_from AS DATE), f.first_date) AS begins,
    TRY_CAST(CAST(p.year_of_birth AS TEXT) || '-01-01' AS DATE) AS born,
    d.death_date,
    r.last_date AS registered_to,
    r.reason AS registered_reason,
    COALESCE(r.n_registrations, 0) AS n_registrations,
    z.last_date AS censored_to,
    z.reason AS censored_reason,
    TRY_CAST(s.covers_to AS DATE) AS source_to,
    f.last_date AS last_record,
    o.last_date AS origin_end
  FROM covered_person AS c
  LEFT JOIN vocab.study_source AS s
    ON c.study = s.study AND c.source = s.source
  LEFT JOIN cdm.person AS p
    ON c.person_id = p.person_id
  LEFT JOIN cdm.death AS d
    ON c.person_id = d.person_id
  LEFT JOIN recorded AS f
    ON c.study = f.study AND c.source = f.source AND c.person_id = f.person_id
  LEFT JOIN registered AS r
    ON c.study = r.study AND COALESCE(s.origin, c.source) = r.origin AND c.person_id = r.person_id
  LEFT JOIN censored AS z
    ON c.study = z.study AND COALESCE(s.origin, c.source) = z.origin AND c.person_id = z.person_id
  LEFT JOIN origin_end AS o
    ON c.study = o.study AND COALESCE(s.origin, c.source) = o.origin
), ended AS (
  SELECT
    b.person_id,
    b.study,
    b.source,
    b.modality,
    b.has_records,
    CASE WHEN NOT b.begins IS NULL THEN GREATEST(b.begins, b.born) END AS covered_from,
    b.death_date,
    b.registered_to,
    b.registered_reason,
    b.n_registrations,
    b.censored_to,
    b.censored_reason,
    b.source_to,
    CASE
      WHEN b.registered_to IS NULL AND b.censored_to IS NULL AND b.source_to IS NULL
      THEN CASE
        WHEN b.n_registrations > 0
        THEN LEAST(b.death_date, b.origin_end)
        ELSE LEAST(b.last_record, b.death_date)
      END
      ELSE LEAST(b.registered_to, b.censored_to, b.source_to, b.death_date)
    END AS covered_to
  FROM bounds AS b
)
SELECT
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.modality AS TEXT) AS modality,
  CAST(e.covered_from AS DATE) AS covered_from,
  CAST(e.covered_to AS DATE) AS covered_to,
  CAST(CASE e.covered_to
    WHEN e.death_date
    THEN 'death'
    WHEN e.registered_to
    THEN 'registration-ended'
    WHEN e.censored_to
    THEN 'censored'
    WHEN e.source_to
    THEN 'administrative-censoring'
    ELSE 'last-record'
  END AS TEXT) AS end_reason,
  CAST(CASE e.covered_to
    WHEN e.death_date
    THEN NULL
    WHEN e.registered_to
    THEN e.registered_reason
    WHEN e.censored_to
    THEN e.censored_reason
  END AS TEXT) AS end_detail,
  CAST(e.n_registrations AS INT) AS n_registrations,
  CAST(e.has_records = 1 AS BOOLEAN) AS has_records
FROM ended AS e
WHERE
  e.covered_from <= e.covered_to
