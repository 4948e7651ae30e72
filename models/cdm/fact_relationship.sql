/* One row per delivered relation between two facts, two persons or two records. */
MODEL (
  name cdm.fact_relationship,
  kind FULL,
  grain (domain_concept_id_1, fact_id_1, domain_concept_id_2, fact_id_2, relationship_concept_id),
  description 'Records of kind fact_relationship of which both sides are in cdm, translated to the ids there; the others are counted in stem.record_arrival.',
  column_descriptions (
    domain_concept_id_1 = 'Domain concept id 1',
    fact_id_1 = 'Fact id 1',
    domain_concept_id_2 = 'Domain concept id 2',
    fact_id_2 = 'Fact id 2',
    relationship_concept_id = 'Relationship concept id'
  ),
  audits (
    not_null(columns := (domain_concept_id_1, fact_id_1, domain_concept_id_2, fact_id_2, relationship_concept_id))
  )
);

WITH field AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'domain_concept_id_1' THEN d.value_text END) AS domain_concept_id_1,
    MAX(CASE WHEN d.field = 'domain_concept_id_2' THEN d.value_text END) AS domain_concept_id_2,
    MAX(CASE WHEN d.field = 'relationship_concept_id' THEN d.value_text END) AS relationship_concept_id,
    MAX(CASE WHEN d.field = 'fact_id_1' THEN d.value_text END) AS fact_id_1,
    MAX(CASE WHEN d.field = 'fact_id_2' THEN d.value_text END) AS fact_id_2
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'fact_relationship'
  GROUP BY
    d.record_id
)
SELECT
  CAST(COALESCE(TRY_CAST(f.domain_concept_id_1 AS BIGINT), 0) AS BIGINT) AS domain_concept_id_1,
  CAST(a.fact_id AS BIGINT) AS fact_id_1,
  CAST(COALESCE(TRY_CAST(f.domain_concept_id_2 AS BIGINT), 0) AS BIGINT) AS domain_concept_id_2,
  CAST(b.fact_id AS BIGINT) AS fact_id_2,
  CAST(COALESCE(TRY_CAST(f.relationship_concept_id AS BIGINT), 0) AS BIGINT) AS relationship_concept_id
FROM staging.source_record AS r
LEFT JOIN field AS f
  ON r.record_id = f.record_id
INNER JOIN stem.record_target AS a
  ON COALESCE(TRY_CAST(f.fact_id_1 AS BIGINT), r.parent_record_id) = a.record_id AND a.place = 1
INNER JOIN stem.record_target AS b
  ON TRY_CAST(f.fact_id_2 AS BIGINT) = b.record_id AND b.place = 1
LEFT JOIN cdm.person AS q
  ON r.person_id = q.person_id
WHERE
  r.kind = 'fact_relationship' AND (
    r.person_id IS NULL OR NOT q.person_id IS NULL
  )
