/* One row per delivered visit, visit detail or death record that other events name. */
MODEL (
  name stem.visit,
  kind FULL,
  grain record_id,
  description 'Dates and ids that events inherit from the visit, visit detail or death record they belong to. A visit detail without a visit is not in cdm, and its id is null.',
  column_descriptions (
    record_id = 'record_id of the visit, visit detail or death record',
    person_id = 'Person; others do not inherit',
    visit_occurrence_id = 'Visit in cdm.visit_occurrence, of a visit detail the one it is part of; null for deaths and for visits without a date',
    visit_detail_id = 'Visit detail in cdm.visit_detail; null for others',
    start_date = 'First local date of the record; null if it has none',
    start_datetime = 'Local start; null where only a date was given',
    end_date = 'Last local date of the record; null if it has none'
  ),
  audits (
    unique_key(columns := (
      record_id
    ))
  )
);

WITH stay AS (
  SELECT
    e.record_id,
    MIN(e.person_id) AS person_id,
    MIN(e.visit_record_id) AS visit_record_id,
    MIN(
      CASE
        WHEN t.cdm_table = 'visit_occurrence' AND NOT e.start_date IS NULL
        THEN XOR(e.row_id, t.id_key)
      END
    ) AS visit_occurrence_id,
    MIN(CASE WHEN t.cdm_table = 'visit_detail' THEN XOR(e.row_id, t.id_key) END) AS visit_detail_id,
    MIN(e.start_date) AS start_date,
    MIN(e.start_datetime) AS start_datetime,
    MAX(e.end_date) AS end_date
  FROM staging.source_event AS e
  INNER JOIN stem.event_target AS t
    ON e.study = t.study
    AND e.source = t.source
    AND e.kind = t.kind
    AND e.code_system = t.code_system
    AND e.code_key = t.code_key
    AND e.origin = t.origin
    AND e.given_concept_id IS NOT DISTINCT FROM t.given_concept_id
    AND e.given_source_concept_id IS NOT DISTINCT FROM t.given_source_concept_id
  WHERE
    e.kind IN ('visit', 'visit_detail', 'death')
    AND e.absent_reason IS NULL
    AND t.disposition <> 'ignored'
  GROUP BY
    e.record_id
)
SELECT
  CAST(s.record_id AS BIGINT) AS record_id,
  CAST(s.person_id AS BIGINT) AS person_id,
  CAST(CASE WHEN s.visit_detail_id IS NULL THEN s.visit_occurrence_id ELSE v.visit_occurrence_id END AS BIGINT) AS visit_occurrence_id,
  CAST(CASE WHEN NOT v.visit_occurrence_id IS NULL THEN s.visit_detail_id END AS BIGINT) AS visit_detail_id,
  CAST(COALESCE(s.start_date, v.start_date) AS DATE) AS start_date,
  CAST(CASE WHEN s.start_date IS NULL THEN v.start_datetime ELSE s.start_datetime END AS TIMESTAMP) AS start_datetime,
  CAST(s.end_date AS DATE) AS end_date
FROM stay AS s
LEFT JOIN stay AS v
  ON CASE WHEN NOT s.visit_detail_id IS NULL THEN s.visit_record_id END = v.record_id
  AND s.person_id = v.person_id
