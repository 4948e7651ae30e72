/* One row per record that another record refers to and row of cdm made of it. */
MODEL (
  name stem.record_target,
  kind FULL,
  grain (record_id, cdm_table, fact_id),
  description 'What a reference between delivered records (event of a cost, facts of a relation, events of an episode) means in cdm: the ids of the facts made of the event, or of the record or person itself. Place 1 is the fact in the table the source delivered it in, then the smallest id.',
  column_descriptions (
    record_id = 'Id of the delivered record that is referred to',
    cdm_table = 'Table of cdm the row is in',
    fact_id = 'Its id there',
    person_id = 'Person it is about; null for locations, care sites and providers',
    domain_id = 'Domain of the table as cost names it; null where a cost cannot be of it',
    place = '1 for the row that stands for the record'
  ),
  audits (
    unique_key(columns := (record_id, cdm_table, fact_id)),
    not_null(columns := (record_id, cdm_table, fact_id, place)),
    positive(key := fact_id)
  )
);

WITH mentioned AS (
  SELECT
    TRY_CAST(d.value_text AS BIGINT) AS record_id
  FROM staging.source_detail AS d
  WHERE
    (
      d.kind = 'cost' AND d.field = 'cost_event_id'
    )
    OR (
      d.kind = 'fact_relationship' AND d.field IN ('fact_id_1', 'fact_id_2')
    )
    OR (
      d.kind = 'episode_event' AND d.field IN ('episode_id', 'event_id')
    )
  UNION ALL
  SELECT
    r.parent_record_id AS record_id
  FROM staging.source_record AS r
  WHERE
    r.kind IN ('cost', 'fact_relationship', 'episode_event')
), wanted AS (
  SELECT
    m.record_id
  FROM mentioned AS m
  WHERE
    NOT m.record_id IS NULL
  GROUP BY
    m.record_id
), event_of AS (
  SELECT
    s.row_id,
    s.record_id,
    s.source_table
  FROM staging.source_event AS s
  INNER JOIN wanted AS w
    ON s.record_id = w.record_id
), made AS (
  SELECT
    o.record_id,
    e.cdm_table,
    e.fact_id,
    e.person_id,
    CASE WHEN e.cdm_table = o.source_table THEN 0 ELSE 1 END AS is_elsewhere
  FROM stem.event AS e
  INNER JOIN event_of AS o
    ON e.row_id = o.row_id
  INNER JOIN cdm.person AS p
    ON e.person_id = p.person_id
  WHERE
    NOT e.start_date IS NULL AND e.kind <> 'value' AND e.cdm_table <> 'death'
  UNION ALL
  SELECT
    r.record_id,
    r.kind AS cdm_table,
    CASE WHEN r.kind = 'person' THEN r.person_id ELSE r.record_id END AS fact_id,
    r.person_id,
    1 AS is_elsewhere
  FROM staging.source_record AS r
  INNER JOIN wanted AS w
    ON r.record_id = w.record_id
  LEFT JOIN cdm.person AS p
    ON r.person_id = p.person_id
  WHERE
    r.kind IN ('location', 'care_site', 'provider')
    OR (
      r.kind IN ('person', 'payer_plan_period') AND NOT p.person_id IS NULL
    )
)
SELECT
  CAST(m.record_id AS BIGINT) AS record_id,
  CAST(m.cdm_table AS TEXT) AS cdm_table,
  CAST(m.fact_id AS BIGINT) AS fact_id,
  CAST(m.person_id AS BIGINT) AS person_id,
  CAST(CASE m.cdm_table
    WHEN 'visit_occurrence'
    THEN 'Visit'
    WHEN 'visit_detail'
    THEN 'Visit Detail'
    WHEN 'condition_occurrence'
    THEN 'Condition'
    WHEN 'drug_exposure'
    THEN 'Drug'
    WHEN 'procedure_occurrence'
    THEN 'Procedure'
    WHEN 'device_exposure'
    THEN 'Device'
    WHEN 'measurement'
    THEN 'Measurement'
    WHEN 'observation'
    THEN 'Observation'
    WHEN 'specimen'
    THEN 'Specimen'
  END AS TEXT) AS domain_id,
  CAST(ROW_NUMBER() OVER (PARTITION BY m.record_id ORDER BY m.is_elsewhere, m.fact_id) AS INT) AS place
FROM made AS m
