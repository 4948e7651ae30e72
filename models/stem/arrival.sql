/* One row per table of cdm that holds facts: what stem.event sent, and what arrived. */
MODEL (
  name stem.arrival,
  kind FULL,
  grain cdm_table,
  description 'The last page of the law of the books: n_facts = n_undated + n_excluded + n_surplus + n_homeless + n_rows, with n_rows counted in the table itself.',
  column_descriptions (
    cdm_table = 'Table of cdm',
    n_facts = 'Facts of stem.event that go to the table',
    n_undated = 'Of these, facts without a date',
    n_excluded = 'Of these, dated facts of persons without a year of birth',
    n_surplus = 'Of these, further deaths and causes of a person who has one row in cdm.death',
    n_homeless = 'Of these, visit details whose visit was not delivered, which the CDM requires',
    n_rows = 'Rows of the table'
  ),
  audits (unique_key(columns := (
      cdm_table
  )), all_arrived())
);

WITH sent AS (
  SELECT
    e.cdm_table,
    COUNT(*) AS n_facts,
    SUM(CASE WHEN e.start_date IS NULL THEN 1 ELSE 0 END) AS n_undated,
    SUM(CASE WHEN NOT e.start_date IS NULL AND p.person_id IS NULL THEN 1 ELSE 0 END) AS n_excluded,
    SUM(
      CASE
        WHEN e.cdm_table = 'visit_detail'
        AND e.visit_occurrence_id IS NULL
        AND NOT e.start_date IS NULL
        AND NOT p.person_id IS NULL
        THEN 1
        ELSE 0
      END
    ) AS n_homeless,
    COUNT(DISTINCT CASE WHEN e.cdm_table = 'death' AND NOT e.start_date IS NULL THEN p.person_id END) AS n_deceased
  FROM stem.event AS e
  LEFT JOIN cdm.person AS p
    ON e.person_id = p.person_id
  GROUP BY
    e.cdm_table
), arrived AS (
  SELECT
    'visit_occurrence' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.visit_occurrence
  UNION ALL
  SELECT
    'condition_occurrence' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.condition_occurrence
  UNION ALL
  SELECT
    'drug_exposure' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.drug_exposure
  UNION ALL
  SELECT
    'procedure_occurrence' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.procedure_occurrence
  UNION ALL
  SELECT
    'device_exposure' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.device_exposure
  UNION ALL
  SELECT
    'measurement' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.measurement
  UNION ALL
  SELECT
    'observation' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.observation
  UNION ALL
  SELECT
    'visit_detail' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.visit_detail
  UNION ALL
  SELECT
    'specimen' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.specimen
  UNION ALL
  SELECT
    'survey_conduct' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.survey_conduct
  UNION ALL
  SELECT
    'note' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.note
  UNION ALL
  SELECT
    'episode' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.episode
  UNION ALL
  SELECT
    'death' AS cdm_table,
    COUNT(*) AS n_rows
  FROM cdm.death
)
SELECT
  CAST(a.cdm_table AS TEXT) AS cdm_table,
  CAST(COALESCE(s.n_facts, 0) AS BIGINT) AS n_facts,
  CAST(COALESCE(s.n_undated, 0) AS BIGINT) AS n_undated,
  CAST(COALESCE(s.n_excluded, 0) AS BIGINT) AS n_excluded,
  CAST(CASE
    WHEN a.cdm_table = 'death'
    THEN COALESCE(s.n_facts - s.n_undated - s.n_excluded - s.n_deceased, 0)
    ELSE 0
  END AS BIGINT) AS n_surplus,
  CAST(COALESCE(s.n_homeless, 0) AS BIGINT) AS n_homeless,
  CAST(a.n_rows AS BIGINT) AS n_rows
FROM arrived AS a
LEFT JOIN sent AS s
  ON a.cdm_table = s.cdm_table
