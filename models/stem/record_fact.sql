/* One row per delivered record that other facts point to: where it stands in cdm. */
MODEL (
  name stem.record_fact,
  kind FULL,
  grain record_id,
  description 'Target of references: the survey of an answer, the visit before, the parent of a visit detail, the event a measurement is about. Of several facts made from one record the first target counts, then the smallest id. Undated and ignored events are no targets.',
  column_descriptions (
    record_id = 'record_id that is referred to; of a survey also its row_id, where one record holds several',
    person_id = 'Person; references of others are not followed',
    cdm_table = 'Table the fact stands in',
    fact_id = 'Id of the fact in that table',
    field_concept_id = 'Concept of the id column of that table (1147833 for surveys); 0 if the vocabulary has none',
    start_date = 'Local start date of the fact',
    start_datetime = 'Local start; null where only a date is known'
  ),
  audits (
    unique_key(columns := (
      record_id
    )),
    not_null(columns := (person_id, cdm_table, fact_id, field_concept_id))
  )
);

WITH reference AS (
  SELECT
    parent_record_id AS record_id
  FROM staging.source_event
  WHERE
    NOT parent_record_id IS NULL
  UNION ALL
  SELECT
    survey_record_id AS record_id
  FROM staging.source_value
  WHERE
    NOT survey_record_id IS NULL
  UNION ALL
  SELECT
    TRY_CAST(value_text AS BIGINT) AS record_id
  FROM staging.source_detail
  WHERE
    field IN (
      'preceding_visit_detail_id',
      'response_visit_occurrence_id',
      'episode_parent_id',
      'measurement_event_id',
      'observation_event_id',
      'note_event_id'
    )
), wanted AS (
  SELECT
    record_id
  FROM reference
  GROUP BY
    record_id
), field_concept AS (
  SELECT
    c.concept_name,
    MIN(c.concept_id) AS concept_id
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'CDM' AND c.concept_name LIKE '%.%_id'
  GROUP BY
    c.concept_name
), named AS (
  SELECT
    record_id AS named_id,
    row_id
  FROM staging.source_event
  UNION ALL
  SELECT
    row_id AS named_id,
    row_id
  FROM staging.source_event
  WHERE
    kind = 'survey'
), fact AS (
  SELECT
    w.record_id,
    e.person_id,
    t.cdm_table,
    XOR(e.row_id, t.id_key) AS fact_id,
    COALESCE(e.start_date, v.start_date) AS start_date,
    CASE WHEN e.start_date IS NULL THEN v.start_datetime ELSE e.start_datetime END AS start_datetime,
    ROW_NUMBER() OVER (PARTITION BY w.record_id ORDER BY t.target_ordinal, XOR(e.row_id, t.id_key)) AS place
  FROM wanted AS w
  INNER JOIN named AS n
    ON w.record_id = n.named_id
  INNER JOIN staging.source_event AS e
    ON n.row_id = e.row_id
  INNER JOIN stem.event_target AS t
    ON e.study = t.study
    AND e.source = t.source
    AND e.kind = t.kind
    AND e.code_system = t.code_system
    AND e.code_key = t.code_key
    AND e.origin = t.origin
    AND e.given_concept_id IS NOT DISTINCT FROM t.given_concept_id
    AND e.given_source_concept_id IS NOT DISTINCT FROM t.given_source_concept_id
  LEFT JOIN stem.visit AS v
    ON e.visit_record_id = v.record_id AND e.person_id = v.person_id
  WHERE
    e.absent_reason IS NULL
    AND t.disposition <> 'ignored'
    AND t.cdm_table <> 'death'
    AND NOT COALESCE(e.start_date, v.start_date) IS NULL
    AND (
      t.cdm_table <> 'visit_detail' OR NOT v.visit_occurrence_id IS NULL
    )
)
SELECT
  CAST(f.record_id AS BIGINT) AS record_id,
  CAST(f.person_id AS BIGINT) AS person_id,
  CAST(f.cdm_table AS TEXT) AS cdm_table,
  CAST(f.fact_id AS BIGINT) AS fact_id,
  CAST(CASE WHEN f.cdm_table = 'survey_conduct' THEN 1147833 ELSE COALESCE(c.concept_id, 0) END AS BIGINT) AS field_concept_id,
  CAST(f.start_date AS DATE) AS start_date,
  CAST(f.start_datetime AS TIMESTAMP) AS start_datetime
FROM fact AS f
LEFT JOIN field_concept AS c
  ON f.cdm_table || '.' || f.cdm_table || '_id' = c.concept_name
WHERE
  f.place = 1
