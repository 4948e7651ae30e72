/* One row per person and source that could record something about the person. */
MODEL (
  name stem.coverage_person,
  kind FULL,
  grain (person_id, study, source),
  references (
    person_id
  ),
  description 'Whom a source covers: persons with data in it; hospital and register sources of health records with a declared span every linked person of their study; sources of health records also whoever is registered or enrolled with their study and origin. The periods are in stem.coverage_span.',
  column_descriptions (
    person_id = 'Person',
    study = 'Study',
    source = 'Source within the study',
    modality = 'Modality of the source; null if the study does not declare it',
    origin = 'Origin of the source; its name where none is declared',
    source_from = 'First day of the declared span of the source; null if none',
    source_to = 'Last day of the declared span of the source; null if none',
    open_basis = 'Basis of coverage without a registration: declared-span or records',
    is_registered = 'True where the person has a registration or enrolment in the study and origin',
    is_period_source = 'True where the source delivers observation periods, of whomever',
    has_records = 'True where the source delivered anything about the person'
  ),
  audits (
    unique_key(columns := (person_id, study, source)),
    not_null(columns := (person_id, study, source, origin, open_basis))
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
)
SELECT
  CAST(c.person_id AS BIGINT) AS person_id,
  CAST(c.study AS TEXT) AS study,
  CAST(c.source AS TEXT) AS source,
  CAST(c.modality AS TEXT) AS modality,
  CAST(c.origin AS TEXT) AS origin,
  CAST(c.source_from AS DATE) AS source_from,
  CAST(c.source_to AS DATE) AS source_to,
  CAST(c.open_basis AS TEXT) AS open_basis,
  CAST(NOT r.person_id IS NULL AS BOOLEAN) AS is_registered,
  CAST(NOT d.study IS NULL AS BOOLEAN) AS is_period_source,
  CAST(c.has_records = 1 AS BOOLEAN) AS has_records
FROM covered_person AS c
LEFT JOIN registered AS r
  ON c.study = r.study AND c.origin = r.origin AND c.person_id = r.person_id
LEFT JOIN delivering AS d
  ON c.study = d.study AND c.source = d.source
