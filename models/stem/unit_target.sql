/* One row per measured concept, unit stated by a mapping, and unit that occurs: how to convert. */
MODEL (
  name stem.unit_target,
  kind FULL,
  grain (concept_id, mapped_unit_concept_id, from_unit),
  description 'The one unit in which values of a concept are stored: that of the mapping row, else that of vocab.unit_target. A row without a factor says that the unit cannot be converted: such values keep their own number and unit. Concepts without a row keep whatever was delivered.',
  column_descriptions (
    concept_id = 'Standard concept that is measured',
    mapped_unit_concept_id = 'Unit the mapping row states; null where it states none',
    from_unit = 'UCUM unit of the delivered value; empty where it is not known',
    to_unit = 'UCUM unit of stored values',
    unit_concept_id = 'Concept of to_unit; 0 if the vocabulary has none',
    scale_factor = 'Stored value = delivered value x scale_factor + scale_offset; null if it cannot be converted',
    scale_offset = 'See scale_factor'
  ),
  audits (
    unique_key(columns := (concept_id, mapped_unit_concept_id, from_unit))
  )
);

WITH ucum AS (
  SELECT
    c.concept_code AS unit,
    MIN(c.concept_id) AS unit_concept_id
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'UCUM'
  GROUP BY
    c.concept_code
), measured AS (
  SELECT
    c.concept_id,
    MIN(t.ucum_unit) AS to_unit,
    MIN(t.analyte) AS analyte
  FROM vocab.unit_target AS t
  INNER JOIN vocab.concept AS c
    ON t.vocabulary_id = c.vocabulary_id AND t.concept_code = c.concept_code
  GROUP BY
    c.concept_id
), stored AS (
  SELECT
    d.concept_id,
    NULL AS mapped_unit_concept_id,
    d.to_unit,
    d.analyte
  FROM measured AS d
  UNION ALL
  SELECT
    m.target_concept_id AS concept_id,
    m.unit_concept_id AS mapped_unit_concept_id,
    MIN(u.concept_code) AS to_unit,
    MIN(COALESCE(d.analyte, '')) AS analyte
  FROM vocab.mapping AS m
  INNER JOIN vocab.concept AS u
    ON m.unit_concept_id = u.concept_id AND u.vocabulary_id = 'UCUM'
  LEFT JOIN measured AS d
    ON m.target_concept_id = d.concept_id
  WHERE
    m.target_concept_id <> 0
  GROUP BY
    m.target_concept_id,
    m.unit_concept_id
), written AS (
  SELECT
    COALESCE(p.ucum_unit, '') AS unit
  FROM vocab.unit_spelling AS p
  UNION ALL
  SELECT
    COALESCE(v.ucum_unit, '') AS unit
  FROM vocab.variable AS v
  UNION ALL
  SELECT
    '' AS unit
), occurring AS (
  SELECT
    w.unit
  FROM written AS w
  GROUP BY
    w.unit
)
SELECT
  CAST(s.concept_id AS BIGINT) AS concept_id,
  CAST(s.mapped_unit_concept_id AS BIGINT) AS mapped_unit_concept_id,
  CAST(o.unit AS TEXT) AS from_unit,
  CAST(s.to_unit AS TEXT) AS to_unit,
  CAST(COALESCE(s.mapped_unit_concept_id, u.unit_concept_id, 0) AS BIGINT) AS unit_concept_id,
  CAST(CASE WHEN a.scale_factor IS NULL THEN g.scale_factor ELSE a.scale_factor END AS DOUBLE) AS scale_factor,
  CAST(CASE WHEN a.scale_factor IS NULL THEN g.scale_offset ELSE a.scale_offset END AS DOUBLE) AS scale_offset
FROM stored AS s
CROSS JOIN occurring AS o
LEFT JOIN vocab.unit_conversion AS a
  ON s.analyte = a.analyte AND o.unit = a.from_unit AND s.to_unit = a.to_unit
LEFT JOIN vocab.unit_conversion AS g
  ON g.analyte = '' AND o.unit = g.from_unit AND s.to_unit = g.to_unit
LEFT JOIN ucum AS u
  ON s.to_unit = u.unit
