/* One row per person and period in which some source could have recorded anything. */
MODEL (
  name cdm.observation_period,
  kind FULL,
  grain observation_period_id,
  references (
    person_id
  ),
  description 'Where one source alone covers a person and delivers observation periods that do not overlap, they are kept as delivered. Otherwise the days on which at least one source could have recorded something (mart.source_coverage), as whole periods: those that overlap or follow each other are one. A person with dated facts and no coverage has one period from the first to the last of them, unless all are of sources that deliver observation periods and none for the person; facts outside the periods stay where they are and are counted in mart.outside_observation. Periods of a person never overlap.',
  column_descriptions (
    observation_period_id = 'A Person can have multiple discrete Observation Periods which are identified by the Observation_Period_Id',
    person_id = 'The Person ID of the PERSON record for which the Observation Period is recorded',
    observation_period_start_date = 'Use this date to determine the start date of the Observation Period',
    observation_period_end_date = 'Use this date to determine the end date of the period for which we can assume that all events for a Person are recorded',
    period_type_concept_id = 'This field can be used to determine the provenance of the Observation Period as in whether the period was determined from an insurance enrollment file, EHR healthcare encounters, or other sources'
  ),
  audits (
    not_null(
      columns := (
        observation_period_id,
        person_id,
        observation_period_start_date,
        observation_period_end_date,
        period_type_concept_id
      )
    ),
    unique_key(columns := (
      observation_period_id
    )),
    positive(key := observation_period_id),
    refers_to_person(key := person_id)
  )
);

WITH person_source AS (
  SELECT
    c.person_id,
    c.study,
    c.source,
    MIN(CASE WHEN c.basis = 'observation-period' THEN 1 ELSE 0 END) AS is_delivered
  FROM mart.source_coverage AS c
  GROUP BY
    c.person_id,
    c.study,
    c.source
), sole_source AS (
  SELECT
    s.person_id,
    MIN(s.study) AS study,
    MIN(s.source) AS source
  FROM person_source AS s
  GROUP BY
    s.person_id
  HAVING
    COUNT(*) = 1 AND MIN(s.is_delivered) = 1
), period_type AS (
  SELECT
    d.record_id,
    MIN(TRY_CAST(d.value_text AS BIGINT)) AS period_type_concept_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'observation_period' AND d.field = 'period_type_concept_id'
  GROUP BY
    d.record_id
), delivered AS (
  SELECT
    r.record_id,
    r.person_id,
    r.start_date,
    GREATEST(r.start_date, COALESCE(r.end_date, r.start_date)) AS end_date,
    MAX(GREATEST(r.start_date, COALESCE(r.end_date, r.start_date))) OVER (
      PARTITION BY r.person_id
      ORDER BY r.start_date, r.end_date, r.record_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
    ) AS end_before
  FROM staging.source_record AS r
  INNER JOIN sole_source AS s
    ON r.person_id = s.person_id AND r.study = s.study AND r.source = s.source
  WHERE
    r.kind = 'observation_period' AND NOT r.start_date IS NULL
), overlapping AS (
  SELECT
    d.person_id
  FROM delivered AS d
  WHERE
    d.start_date <= d.end_before
  GROUP BY
    d.person_id
), as_delivered AS (
  SELECT
    d.person_id,
    d.start_date,
    d.end_date,
    COALESCE(t.period_type_concept_id, 32880) AS period_type_concept_id
  FROM delivered AS d
  LEFT JOIN overlapping AS o
    ON d.person_id = o.person_id
  LEFT JOIN period_type AS t
    ON d.record_id = t.record_id
  WHERE
    o.person_id IS NULL
), delivered_person AS (
  SELECT
    d.person_id
  FROM as_delivered AS d
  GROUP BY
    d.person_id
), delivering AS (
  SELECT
    r.study,
    r.source
  FROM staging.source_record AS r
  WHERE
    r.kind = 'observation_period'
  GROUP BY
    r.study,
    r.source
), fact_span AS (
  SELECT
    e.person_id,
    MIN(e.start_date) AS first_date,
    MAX(GREATEST(e.start_date, COALESCE(e.end_date, e.start_date))) AS last_date,
    MIN(CASE WHEN e.date_origin <> 'value' THEN e.start_date END) AS first_recorded,
    MAX(
      CASE WHEN e.date_origin <> 'value' THEN GREATEST(e.start_date, COALESCE(e.end_date, e.start_date)) END
    ) AS last_recorded
  FROM stem.event AS e
  LEFT JOIN delivering AS d
    ON e.study = d.study AND e.source = d.source
  WHERE
    NOT e.start_date IS NULL AND NOT e.cdm_table IN ('person', 'person_attribute') AND d.study IS NULL
  GROUP BY
    e.person_id
), covered_person AS (
  SELECT
    s.person_id
  FROM person_source AS s
  GROUP BY
    s.person_id
), covered AS (
  SELECT
    c.person_id,
    c.covered_from,
    c.covered_to
  FROM mart.source_coverage AS c
  LEFT JOIN delivered_person AS d
    ON c.person_id = d.person_id
  WHERE
    d.person_id IS NULL
  UNION ALL
  SELECT
    f.person_id,
    COALESCE(f.first_recorded, f.first_date) AS covered_from,
    COALESCE(f.last_recorded, f.last_date) AS covered_to
  FROM fact_span AS f
  LEFT JOIN covered_person AS c
    ON f.person_id = c.person_id
  WHERE
    c.person_id IS NULL
), marked AS (
  SELECT
    c.person_id,
    c.covered_from,
    c.covered_to,
    CASE
      WHEN c.covered_from <= MAX(c.covered_to) OVER (
        PARTITION BY c.person_id
        ORDER BY c.covered_from, c.covered_to
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) + INTERVAL '1' DAY
      THEN 0
      ELSE 1
    END AS begins_period
  FROM covered AS c
), numbered AS (
  SELECT
    m.person_id,
    m.covered_from,
    m.covered_to,
    SUM(m.begins_period) OVER (
      PARTITION BY m.person_id
      ORDER BY m.covered_from, m.covered_to
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS period
  FROM marked AS m
), every_period AS (
  SELECT
    n.person_id,
    MIN(n.covered_from) AS start_date,
    MAX(n.covered_to) AS end_date,
    32880 AS period_type_concept_id
  FROM numbered AS n
  GROUP BY
    n.person_id,
    n.period
  UNION ALL
  SELECT
    d.person_id,
    d.start_date,
    d.end_date,
    d.period_type_concept_id
  FROM as_delivered AS d
), ordered AS (
  SELECT
    a.person_id,
    a.start_date,
    a.end_date,
    a.period_type_concept_id,
    ROW_NUMBER() OVER (PARTITION BY a.person_id ORDER BY a.start_date) AS place
  FROM every_period AS a
  INNER JOIN cdm.person AS p
    ON a.person_id = p.person_id
)
SELECT
  CAST(XOR(o.person_id, o.place - 1) AS BIGINT) AS observation_period_id,
  CAST(o.person_id AS BIGINT) AS person_id,
  CAST(o.start_date AS DATE) AS observation_period_start_date,
  CAST(o.end_date AS DATE) AS observation_period_end_date,
  CAST(o.period_type_concept_id AS BIGINT) AS period_type_concept_id
FROM ordered AS o
