/* One row per delivered record that names no person but belongs to the record of one. */
MODEL (
  name staging.record_owner,
  kind FULL,
  grain record_id,
  description 'Whose a cost, a relation or a part of an episode is: the source person of the record it leads to, in whichever delivery and order that came. Records that lead to nothing delivered, or to a record of nobody, are not here.',
  column_descriptions (
    record_id = 'Id of the record that names no person',
    source_person_key = 'Source person of the record it leads to'
  ),
  audits (unique_key(columns := (
      record_id
  )), not_null(columns := (record_id, source_person_key)))
);

WITH ownerless AS (
  SELECT
    r.record_id,
    MIN(r.parent_record_id) AS parent_record_id
  FROM raw.record AS r
  WHERE
    r.source_person_key IS NULL
    AND NOT r.parent_record_id IS NULL
    AND r.kind IN ('cost', 'fact_relationship', 'episode_event')
  GROUP BY
    r.record_id
), wanted AS (
  SELECT
    o.parent_record_id
  FROM ownerless AS o
  GROUP BY
    o.parent_record_id
), owned AS (
  SELECT
    e.record_id,
    e.source_person_key
  FROM raw.event AS e
  INNER JOIN wanted AS w
    ON e.record_id = w.parent_record_id
  UNION ALL
  SELECT
    r.record_id,
    r.source_person_key
  FROM raw.record AS r
  INNER JOIN wanted AS w
    ON r.record_id = w.parent_record_id
), owner AS (
  SELECT
    p.record_id,
    MIN(p.source_person_key) AS source_person_key
  FROM owned AS p
  WHERE
    NOT p.source_person_key IS NULL
  GROUP BY
    p.record_id
)
SELECT
  CAST(o.record_id AS BIGINT) AS record_id,
  CAST(p.source_person_key AS TEXT) AS source_person_key
FROM ownerless AS o
INNER JOIN owner AS p
  ON o.parent_record_id = p.record_id
