/* One row per period in which a person had a condition. */
MODEL (
  name cdm.condition_era,
  kind FULL,
  grain condition_era_id,
  references (
    person_id
  ),
  description 'Periods of a condition by OHDSI''s rule: records of one concept no more than 30 days apart are one era; a record without an end ends the day after its start. Records with concept 0 make none. Eras of sources that deliver their own are kept as delivered and none are derived from the facts of these sources.',
  column_descriptions (
    condition_era_id = 'Condition era id',
    person_id = 'Person id',
    condition_concept_id = 'The Concept Id representing the Condition',
    condition_era_start_date = 'The start date for the Condition Era constructed from the individual instances of Condition Occurrences',
    condition_era_end_date = 'The end date for the Condition Era constructed from the individual instances of Condition Occurrences',
    condition_occurrence_count = 'The number of individual Condition Occurrences used to construct the condition era'
  ),
  audits (
    not_null(
      columns := (condition_era_id, person_id, condition_concept_id, condition_era_start_date, condition_era_end_date)
    ),
    unique_key(columns := (
      condition_era_id
    )),
    positive(key := condition_era_id),
    refers_to_person(key := person_id)
  )
);

WITH delivering AS (
  SELECT
    f.study,
    f.source
  FROM staging.event_frequency AS f
  WHERE
    f.kind = 'condition_era'
  GROUP BY
    f.study,
    f.source
), of_delivering AS (
  SELECT
    e.fact_id
  FROM stem.event AS e
  INNER JOIN delivering AS d
    ON e.study = d.study AND e.source = d.source
  WHERE
    e.cdm_table = 'condition_occurrence'
), occurrence AS (
  SELECT
    c.condition_occurrence_id,
    c.person_id,
    c.condition_concept_id,
    c.condition_start_date AS start_date,
    COALESCE(c.condition_end_date, CAST(c.condition_start_date + INTERVAL '1' DAY AS DATE)) AS end_date
  FROM cdm.condition_occurrence AS c
  LEFT JOIN of_delivering AS d
    ON c.condition_occurrence_id = d.fact_id
  WHERE
    c.condition_concept_id <> 0 AND d.fact_id IS NULL
), marked AS (
  SELECT
    o.condition_occurrence_id,
    o.person_id,
    o.condition_concept_id,
    o.start_date,
    o.end_date,
    CASE
      WHEN o.start_date <= MAX(o.end_date) OVER (
        PARTITION BY o.person_id, o.condition_concept_id
        ORDER BY o.start_date, o.end_date, o.condition_occurrence_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) + INTERVAL '30' DAY
      THEN 0
      ELSE 1
    END AS begins_era
  FROM occurrence AS o
), numbered AS (
  SELECT
    m.condition_occurrence_id,
    m.person_id,
    m.condition_concept_id,
    m.start_date,
    m.end_date,
    SUM(m.begins_era) OVER (
      PARTITION BY m.person_id, m.condition_concept_id
      ORDER BY m.start_date, m.end_date, m.condition_occurrence_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS era
  FROM marked AS m
), derived AS (
  SELECT
    XOR(MIN(n.condition_occurrence_id), n.condition_concept_id) AS condition_era_id,
    n.person_id,
    n.condition_concept_id,
    MIN(n.start_date) AS start_date,
    MAX(n.end_date) AS end_date,
    COUNT(*) AS condition_occurrence_count
  FROM numbered AS n
  GROUP BY
    n.person_id,
    n.condition_concept_id,
    n.era
)
SELECT
  CAST(d.condition_era_id AS BIGINT) AS condition_era_id,
  CAST(d.person_id AS BIGINT) AS person_id,
  CAST(d.condition_concept_id AS BIGINT) AS condition_concept_id,
  CAST(d.start_date AS DATE) AS condition_era_start_date,
  CAST(d.end_date AS DATE) AS condition_era_end_date,
  CAST(d.condition_occurrence_count AS INT) AS condition_occurrence_count
FROM derived AS d
UNION ALL
SELECT
  CAST(s.row_id AS BIGINT) AS condition_era_id,
  CAST(s.person_id AS BIGINT) AS person_id,
  CAST(COALESCE(s.given_concept_id, 0) AS BIGINT) AS condition_concept_id,
  CAST(s.start_date AS DATE) AS condition_era_start_date,
  CAST(GREATEST(s.start_date, COALESCE(s.end_date, s.start_date)) AS DATE) AS condition_era_end_date,
  CAST(s.quantity AS INT) AS condition_occurrence_count
FROM staging.source_event AS s
INNER JOIN cdm.person AS p
  ON s.person_id = p.person_id
WHERE
  s.kind = 'condition_era' AND NOT s.start_date IS NULL
