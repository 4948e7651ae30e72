/* One row per person, source and period: days on which the source could have recorded something about the person. */
MODEL (
  name mart.source_coverage,
  kind FULL,
  grain (person_id, study, source, period_number),
  references (
    person_id
  ),
  description 'When silence of a source means that nothing happened; gaps between registrations are gaps here. Observation periods that a source delivers hold for it, and persons without one are not covered by it. Otherwise registrations and enrolments of a person hold for every health-record source of their study and origin (a GP registration for GP diagnoses and prescriptions); then comes the declared span of the source, then first and last record. Hospital and register sources with a declared span cover every linked person of their study, with or without records; other sources cover registered persons and those with data. No period begins before birth or before the declared span. Coverage ends at the first of death, end of the period, the first censoring of the person that is not before its start, and the administrative censoring of the source: that of the region which the registration names (vocab.study_censoring), else of the region of the last registration of the person in the study, else that of the source. An open registration without a declared end lasts until the last record of anybody in those sources. Registrations that cover no day are in stem.coverage_span with the reason and counted in stem.leftover.',
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

WITH marked AS (
  SELECT
    e.person_id,
    e.study,
    e.source,
    e.row_id,
    e.basis,
    e.covered_from,
    e.covered_to,
    e.end_reason,
    e.end_detail,
    CASE
      WHEN e.covered_from <= MAX(e.covered_to) OVER (
        PARTITION BY e.person_id, e.study, e.source
        ORDER BY e.covered_from, e.covered_to, e.row_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) + CASE WHEN e.basis = 'observation-period' THEN 0 ELSE 1 END * INTERVAL '1' DAY
      THEN 0
      ELSE 1
    END AS begins_period
  FROM stem.coverage_span AS e
  WHERE
    e.empty_reason IS NULL
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
      ORDER BY m.covered_from, m.covered_to, m.row_id
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
  CAST(c.has_records AS BOOLEAN) AS has_records
FROM joined AS j
INNER JOIN stem.coverage_person AS c
  ON j.study = c.study AND j.source = c.source AND j.person_id = c.person_id
