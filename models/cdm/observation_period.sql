/* One row per person: from the first to the last day a source could have recorded anything. */
MODEL (
  name cdm.observation_period,
  kind FULL,
  grain observation_period_id,
  references (
    person_id
  ),
  description 'Where one source alone covers a person and delivers observation periods that do not overlap, they are kept as delivered. Otherwise the days on which at least one source could have recorded something (mart.source_coverage), as whole periods: those that overlap or follow each other are one. A person with dated facts and no coverage has one period from the first to the last of them; facts outside the periods stay where they are and are counted in mart.outside_observation. Periods of a person never overlap.',
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

WITH fact_span AS (
  SELECT
    e.person_id,
    MIN(e.start_date) AS first_date,
    MAX(GREATEST(e.start_date, COALESCE(e.end_date, e.start_date))) AS last_date,
    MIN(CASE WHEN e.date_origin <> 'value' THEN e.start_date END) AS first_recorded,
    MAX(
      CASE WHEN e.date_origin <> 'value' THEN GREATEST(e.start_date, COALESCE(e.end_date, e.start_date)) END
    ) AS last_recorded
  FROM stem.event AS e
  WHERE
    NOT e.start_date IS NULL AND NOT e.cdm_table IN ('person', 'person_attribute')
  GROUP BY
    e.person_id
), covered AS (
  SELECT
    s.person_id,
    MIN(s.covered_from) AS covered_from,
    MAX(s.covered_to) AS covered_to
  FROM mart.source_coverage AS s
  GROUP BY
    s.person_id
), span AS (
  SELECT
    p.person_id,
    COALESCE(LEAST(f.first_recorded, c.covered_from), f.first_recorded, c.covered_from, f.first_date) AS first_date,
    COALESCE(GREATEST(f.last_recorded, c.covered_to), f.last_recorded, c.covered_to, f.last_date) AS last_date
  FROM cdm.person AS p
  LEFT JOIN fact_span AS f
    ON p.person_id = f.person_id
  LEFT JOIN covered AS c
    ON p.person_id = c.person_id
)
SELECT
  CAST(s.person_id AS BIGINT) AS observation_period_id,
  CAST(s.person_id AS BIGINT) AS person_id,
  CAST(s.first_date AS DATE) AS observation_period_start_date,
  CAST(GREATEST(s.first_date, s.last_date) AS DATE) AS observation_period_end_date,
  CAST(32880 AS BIGINT) AS period_type_concept_id
FROM span AS s
WHERE
  NOT s.first_date IS NULL
