/* One row per linked person who cannot be in cdm.person, with the reason. */
MODEL (
  name stem.excluded_person,
  kind FULL,
  grain person_id,
  references (
    person_id
  ),
  description 'The CDM requires a year of birth. Linked persons without one are not in cdm.person, and their facts stop at stem.event; both are counted here.',
  column_descriptions (
    person_id = 'Person',
    reason = 'no-birth-year',
    n_facts = 'Dated facts of the person that would otherwise be in cdm'
  ),
  audits (unique_key(columns := (
      person_id
    )), not_null(columns := (
      person_id
  )))
);

WITH linked_person AS (
  SELECT
    s.person_id
  FROM staging.source_person AS s
  WHERE
    NOT s.person_id IS NULL
  GROUP BY
    s.person_id
), excluded AS (
  SELECT
    a.person_id
  FROM linked_person AS a
  LEFT JOIN cdm.person AS p
    ON a.person_id = p.person_id
  WHERE
    p.person_id IS NULL
), fact_count AS (
  SELECT
    e.person_id,
    COUNT(*) AS n_facts
  FROM stem.event AS e
  INNER JOIN excluded AS x
    ON e.person_id = x.person_id
  WHERE
    NOT e.start_date IS NULL AND NOT e.cdm_table IN ('person', 'person_attribute')
  GROUP BY
    e.person_id
)
SELECT
  CAST(x.person_id AS BIGINT) AS person_id,
  CAST('no-birth-year' AS TEXT) AS reason,
  CAST(COALESCE(f.n_facts, 0) AS BIGINT) AS n_facts
FROM excluded AS x
LEFT JOIN fact_count AS f
  ON x.person_id = f.person_id
