/* One row per delivered record that other events name as their visit. */
MODEL (
  name stem.visit,
  kind FULL,
  grain record_id,
  description 'Dates and visit id that events inherit from the visit (or the death record) they belong to.',
  column_descriptions (
    record_id = 'record_id of the visit or death record',
    visit_occurrence_id = 'Visit in cdm.visit_occurrence; null for deaths and for visits without a date',
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

SELECT
  CAST(e.record_id AS BIGINT) AS record_id,
  CAST(MIN(
    CASE
      WHEN t.cdm_table = 'visit_occurrence' AND NOT e.start_date IS NULL
      THEN XOR(e.row_id, t.id_key)
    END
  ) AS BIGINT) AS visit_occurrence_id,
  CAST(MIN(e.start_date) AS DATE) AS start_date,
  CAST(MIN(e.start_datetime) AS TIMESTAMP) AS start_datetime,
  CAST(MAX(e.end_date) AS DATE) AS end_date
FROM staging.source_event AS e
INNER JOIN stem.event_target AS t
  ON e.study = t.study
  AND e.source = t.source
  AND e.kind = t.kind
  AND e.code_system = t.code_system
  AND e.code_key = t.code_key
  AND e.origin = t.origin
WHERE
  e.kind IN ('visit', 'death') AND t.disposition <> 'ignored'
GROUP BY
  e.record_id
