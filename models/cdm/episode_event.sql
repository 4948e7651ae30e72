/* One row per event that belongs to an episode. */
MODEL (
  name cdm.episode_event,
  kind FULL,
  grain (episode_id, event_id, episode_event_field_concept_id),
  description 'Records of kind episode_event whose episode and event are in cdm; the others are counted in stem.record_arrival.',
  column_descriptions (
    episode_id = 'Use this field to link the EPISODE_EVENT record to its EPISODE',
    event_id = 'This field is the primary key of the linked record in the database',
    episode_event_field_concept_id = 'This field is the CONCEPT_ID that identifies which table the primary key of the linked record came from'
  ),
  audits (
    not_null(columns := (episode_id, event_id, episode_event_field_concept_id))
  )
);

WITH field AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'episode_event_field_concept_id' THEN d.value_text END) AS episode_event_field_concept_id,
    MAX(CASE WHEN d.field = 'episode_id' THEN d.value_text END) AS episode_id,
    MAX(CASE WHEN d.field = 'event_id' THEN d.value_text END) AS event_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'episode_event'
  GROUP BY
    d.record_id
)
SELECT
  CAST(a.fact_id AS BIGINT) AS episode_id,
  CAST(b.fact_id AS BIGINT) AS event_id,
  CAST(COALESCE(TRY_CAST(f.episode_event_field_concept_id AS BIGINT), 0) AS BIGINT) AS episode_event_field_concept_id
FROM staging.source_record AS r
LEFT JOIN field AS f
  ON r.record_id = f.record_id
INNER JOIN stem.record_target AS a
  ON COALESCE(TRY_CAST(f.episode_id AS BIGINT), r.parent_record_id) = a.record_id
  AND a.cdm_table = 'episode'
  AND a.place = 1
INNER JOIN stem.record_target AS b
  ON TRY_CAST(f.event_id AS BIGINT) = b.record_id AND b.place = 1
LEFT JOIN cdm.person AS q
  ON r.person_id = q.person_id
WHERE
  r.kind = 'episode_event' AND (
    r.person_id IS NULL OR NOT q.person_id IS NULL
  )
