/* One row per person, kind of source, table of outcomes and period at risk of having one recorded there. */
MODEL (
  name mart.follow_up,
  kind FULL,
  grain (person_id, origin, outcome_table, period_number),
  references (
    person_id
  ),
  description 'Denominators: days on which an outcome of this table would have been recorded by this kind of source, had it happened. A person without a row was not under observation and must not be counted event-free. Made of mart.source_coverage of the health-record sources that record the table at all, where silence says something (delivered observation periods, registrations, declared spans; not first to last record); periods that overlap or follow each other are one, gaps stay gaps. Persons of cdm only.',
  column_descriptions (
    person_id = 'Person',
    origin = 'Kind of source that would have recorded it: primary-care, hospital, register, ...',
    outcome_table = 'Table of cdm the outcome would be in',
    period_number = '1, 2, ... by date; periods do not overlap',
    at_risk_from = 'First local date under observation',
    at_risk_to = 'Last local date under observation',
    end_reason = 'Why it ended: death (competing event), registration-ended, period-ended, censored, administrative-censoring or last-record',
    n_sources = 'Sources that cover part of the period',
    days_at_risk = 'Days from at_risk_from to at_risk_to, both counted'
  ),
  audits (
    unique_key(columns := (person_id, origin, outcome_table, period_number)),
    not_null(columns := (person_id, origin, outcome_table, at_risk_from, at_risk_to, end_reason)),
    refers_to_person(key := person_id)
  )
);

WITH recording AS (
  SELECT
    e.study,
    e.source,
    e.cdm_table AS outcome_table
  FROM stem.event AS e
  WHERE
    NOT e.cdm_table IN ('person', 'person_attribute', 'death') AND NOT e.start_date IS NULL
  GROUP BY
    e.study,
    e.source,
    e.cdm_table
), at_risk AS (
  SELECT
    c.person_id,
    s.origin,
    r.outcome_table,
    c.study,
    c.source,
    c.covered_from,
    c.covered_to,
    c.end_reason
  FROM mart.source_coverage AS c
  INNER JOIN recording AS r
    ON c.study = r.study AND c.source = r.source
  INNER JOIN vocab.study_source AS s
    ON c.study = s.study AND c.source = s.source
  INNER JOIN cdm.person AS p
    ON c.person_id = p.person_id
  WHERE
    s.modality = 'health_record' AND c.basis <> 'records'
), marked AS (
  SELECT
    a.person_id,
    a.origin,
    a.outcome_table,
    a.study,
    a.source,
    a.covered_from,
    a.covered_to,
    a.end_reason,
    CASE
      WHEN a.covered_from <= MAX(a.covered_to) OVER (
        PARTITION BY a.person_id, a.origin, a.outcome_table
        ORDER BY a.covered_from, a.covered_to, a.study, a.source
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) + INTERVAL '1' DAY
      THEN 0
      ELSE 1
    END AS begins_period
  FROM at_risk AS a
), numbered AS (
  SELECT
    m.person_id,
    m.origin,
    m.outcome_table,
    m.study,
    m.source,
    m.covered_from,
    m.covered_to,
    m.end_reason,
    SUM(m.begins_period) OVER (
      PARTITION BY m.person_id, m.origin, m.outcome_table
      ORDER BY m.covered_from, m.covered_to, m.study, m.source
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS period_number
  FROM marked AS m
), last_of AS (
  SELECT
    n.person_id,
    n.origin,
    n.outcome_table,
    n.period_number,
    n.study,
    n.source,
    n.covered_from,
    n.covered_to,
    n.end_reason,
    ROW_NUMBER() OVER (
      PARTITION BY n.person_id, n.origin, n.outcome_table, n.period_number
      ORDER BY n.covered_to DESC, n.end_reason, n.study, n.source
    ) AS place
  FROM numbered AS n
), joined AS (
  SELECT
    l.person_id,
    l.origin,
    l.outcome_table,
    l.period_number,
    MIN(l.covered_from) AS at_risk_from,
    MAX(l.covered_to) AS at_risk_to,
    MAX(CASE WHEN l.place = 1 THEN l.end_reason END) AS end_reason,
    COUNT(DISTINCT l.study || ':' || l.source) AS n_sources
  FROM last_of AS l
  GROUP BY
    l.person_id,
    l.origin,
    l.outcome_table,
    l.period_number
)
SELECT
  CAST(j.person_id AS BIGINT) AS person_id,
  CAST(j.origin AS TEXT) AS origin,
  CAST(j.outcome_table AS TEXT) AS outcome_table,
  CAST(j.period_number AS INT) AS period_number,
  CAST(j.at_risk_from AS DATE) AS at_risk_from,
  CAST(j.at_risk_to AS DATE) AS at_risk_to,
  CAST(j.end_reason AS TEXT) AS end_reason,
  CAST(j.n_sources AS INT) AS n_sources,
  CAST(DATE_DIFF('DAY', j.at_risk_from, j.at_risk_to) + 1 AS INT) AS days_at_risk
FROM joined AS j
