/* One row per unit as sources write it that is known in UCUM. */
MODEL (
  name staging.unit_spelling,
  kind FULL,
  grain unit,
  description 'Spellings that occur (vocab.unit_spelling), and every UCUM code, which stands for itself.',
  column_descriptions (unit = 'Unit as written', ucum_unit = 'The same in UCUM; empty where it says that there is no unit'),
  audits (unique_key(columns := (
      unit
  )), not_null(columns := (unit, ucum_unit)))
);

WITH known AS (
  SELECT
    p.unit,
    p.ucum_unit,
    0 AS priority
  FROM vocab.unit_spelling AS p
  WHERE
    NOT p.ucum_unit IS NULL
  UNION ALL
  SELECT
    c.concept_code AS unit,
    c.concept_code AS ucum_unit,
    1 AS priority
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'UCUM'
)
SELECT
  CAST(k.unit AS TEXT) AS unit,
  CAST(ARG_MIN(k.ucum_unit, k.priority) AS TEXT) AS ucum_unit
FROM known AS k
GROUP BY
  k.unit
