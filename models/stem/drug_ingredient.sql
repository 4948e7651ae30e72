/* One row per drug concept of cdm.drug_exposure and ingredient of it. */
MODEL (
  name stem.drug_ingredient,
  kind FULL,
  grain (drug_concept_id, ingredient_concept_id),
  description 'Which ingredients an exposure is counted under in cdm.drug_era: the RxNorm ingredients among the ancestors of its concept. A concept that is an ingredient, or for which no ancestors are loaded, stands for itself; basis says which, and n_exposures how often.',
  column_descriptions (
    drug_concept_id = 'Concept of the exposure',
    ingredient_concept_id = 'Ingredient; null where the exposure makes no era',
    basis = 'ancestor, itself (an ingredient), no-ancestor-loaded (stands for itself), no-ingredient (a drug without one: no era) or unmapped (concept 0: no era)',
    n_exposures = 'Rows of cdm.drug_exposure with the concept'
  ),
  audits (
    unique_key(columns := (drug_concept_id, ingredient_concept_id)),
    accepted_values("column" := basis, is_in := ('ancestor', 'itself', 'no-ancestor-loaded', 'no-ingredient', 'unmapped'))
  )
);

WITH drug AS (
  SELECT
    x.drug_concept_id,
    COUNT(*) AS n_exposures
  FROM cdm.drug_exposure AS x
  GROUP BY
    x.drug_concept_id
), ingredient AS (
  SELECT
    a.descendant_concept_id AS drug_concept_id,
    a.ancestor_concept_id AS ingredient_concept_id
  FROM vocab.concept_ancestor AS a
  INNER JOIN drug AS d
    ON a.descendant_concept_id = d.drug_concept_id
  INNER JOIN vocab.concept AS c
    ON a.ancestor_concept_id = c.concept_id
  WHERE
    c.vocabulary_id IN ('RxNorm', 'RxNorm Extension') AND c.concept_class_id = 'Ingredient'
  GROUP BY
    a.descendant_concept_id,
    a.ancestor_concept_id
), with_ancestors AS (
  SELECT
    a.descendant_concept_id AS drug_concept_id
  FROM vocab.concept_ancestor AS a
  INNER JOIN drug AS d
    ON a.descendant_concept_id = d.drug_concept_id
  WHERE
    a.ancestor_concept_id <> a.descendant_concept_id
  GROUP BY
    a.descendant_concept_id
), own AS (
  SELECT
    d.drug_concept_id
  FROM drug AS d
  INNER JOIN vocab.concept AS c
    ON d.drug_concept_id = c.concept_id
  WHERE
    c.concept_class_id = 'Ingredient'
  GROUP BY
    d.drug_concept_id
), resolved AS (
  SELECT
    d.drug_concept_id,
    i.ingredient_concept_id,
    CASE
      WHEN d.drug_concept_id = 0
      THEN 'unmapped'
      WHEN i.ingredient_concept_id = d.drug_concept_id
      THEN 'itself'
      WHEN NOT i.ingredient_concept_id IS NULL
      THEN 'ancestor'
      WHEN NOT o.drug_concept_id IS NULL
      THEN 'itself'
      WHEN a.drug_concept_id IS NULL
      THEN 'no-ancestor-loaded'
      ELSE 'no-ingredient'
    END AS basis,
    d.n_exposures
  FROM drug AS d
  LEFT JOIN ingredient AS i
    ON d.drug_concept_id = i.drug_concept_id
  LEFT JOIN with_ancestors AS a
    ON d.drug_concept_id = a.drug_concept_id
  LEFT JOIN own AS o
    ON d.drug_concept_id = o.drug_concept_id
)
SELECT
  CAST(r.drug_concept_id AS BIGINT) AS drug_concept_id,
  CAST(CASE
    WHEN r.basis IN ('itself', 'no-ancestor-loaded')
    THEN r.drug_concept_id
    WHEN r.basis = 'ancestor'
    THEN r.ingredient_concept_id
  END AS BIGINT) AS ingredient_concept_id,
  CAST(r.basis AS TEXT) AS basis,
  CAST(r.n_exposures AS BIGINT) AS n_exposures
FROM resolved AS r
