/* One row per period in which a person took an ingredient in one daily dose. */
MODEL (
  name cdm.dose_era,
  kind FULL,
  grain dose_era_id,
  references (
    person_id
  ),
  description 'Periods of one ingredient in one daily dose: quantity times strength (vocab.drug_strength) over the days of the exposure, hourly rates times 24; exposures of the same dose no more than 30 days apart are one era. Empty where no drug_strength is loaded. Eras of sources that deliver their own are kept as delivered and none are derived from the facts of these sources.',
  column_descriptions (
    dose_era_id = 'Dose era id',
    person_id = 'Person id',
    drug_concept_id = 'The Concept Id representing the specific drug ingredient',
    unit_concept_id = 'The Concept Id representing the unit of the specific drug ingredient',
    dose_value = 'The numeric value of the dosage of the drug_ingredient',
    dose_era_start_date = 'The date the Person started on the specific dosage, with at least 31 days since any prior exposure',
    dose_era_end_date = 'Dose era end date'
  ),
  audits (
    not_null(
      columns := (
        dose_era_id,
        person_id,
        drug_concept_id,
        unit_concept_id,
        dose_value,
        dose_era_start_date,
        dose_era_end_date
      )
    ),
    unique_key(columns := (
      dose_era_id
    )),
    positive(key := dose_era_id),
    refers_to_person(key := person_id)
  )
);

WITH delivering AS (
  SELECT
    f.study,
    f.source
  FROM staging.event_frequency AS f
  WHERE
    f.kind = 'dose_era'
  GROUP BY
    f.study,
    f.source
), exposure AS (
  SELECT
    x.drug_exposure_id,
    x.person_id,
    x.drug_concept_id,
    x.drug_exposure_start_date AS start_date,
    CASE
      WHEN NOT e.end_date IS NULL
      THEN x.drug_exposure_end_date
      WHEN x.days_supply > 0
      THEN CAST(x.drug_exposure_start_date + x.days_supply * INTERVAL '1' DAY AS DATE)
      ELSE CAST(x.drug_exposure_start_date + INTERVAL '1' DAY AS DATE)
    END AS end_date,
    x.quantity,
    x.days_supply
  FROM cdm.drug_exposure AS x
  INNER JOIN stem.event AS e
    ON x.drug_exposure_id = e.fact_id
  LEFT JOIN delivering AS d
    ON e.study = d.study AND e.source = d.source
  WHERE
    e.cdm_table = 'drug_exposure' AND d.study IS NULL
), dosed AS (
  SELECT
    x.drug_exposure_id,
    x.person_id,
    g.ingredient_concept_id,
    x.start_date,
    x.end_date,
    CASE WHEN NOT g.amount_value IS NULL THEN g.amount_unit_concept_id ELSE g.numerator_unit_concept_id END AS unit_concept_id,
    ROUND(
      CASE
        WHEN g.denominator_unit_concept_id = 8505
        THEN g.numerator_value * 24 / COALESCE(NULLIF(g.denominator_value, 0), 1)
        ELSE x.quantity * COALESCE(g.amount_value, g.numerator_value) / GREATEST(1, CASE WHEN x.days_supply > 0 THEN x.days_supply ELSE DATE_DIFF('DAY', x.start_date, x.end_date) END)
      END,
      6
    ) AS dose_value
  FROM exposure AS x
  INNER JOIN vocab.drug_strength AS g
    ON x.drug_concept_id = g.drug_concept_id
  WHERE
    g.invalid_reason IS NULL OR g.invalid_reason = ''
), marked AS (
  SELECT
    d.drug_exposure_id,
    d.person_id,
    d.ingredient_concept_id,
    d.unit_concept_id,
    d.dose_value,
    d.start_date,
    d.end_date,
    CASE
      WHEN d.start_date <= MAX(d.end_date) OVER (
        PARTITION BY d.person_id, d.ingredient_concept_id, d.unit_concept_id, d.dose_value
        ORDER BY d.start_date, d.end_date, d.drug_exposure_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) + INTERVAL '30' DAY
      THEN 0
      ELSE 1
    END AS begins_era
  FROM dosed AS d
  WHERE
    d.dose_value > 0 AND NOT d.unit_concept_id IS NULL
), numbered AS (
  SELECT
    m.drug_exposure_id,
    m.person_id,
    m.ingredient_concept_id,
    m.unit_concept_id,
    m.dose_value,
    m.start_date,
    m.end_date,
    SUM(m.begins_era) OVER (
      PARTITION BY m.person_id, m.ingredient_concept_id, m.unit_concept_id, m.dose_value
      ORDER BY m.start_date, m.end_date, m.drug_exposure_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS era
  FROM marked AS m
), derived AS (
  SELECT
    XOR(MIN(n.drug_exposure_id), n.ingredient_concept_id) AS dose_era_id,
    n.person_id,
    n.ingredient_concept_id,
    n.unit_concept_id,
    n.dose_value,
    MIN(n.start_date) AS start_date,
    MAX(n.end_date) AS end_date
  FROM numbered AS n
  GROUP BY
    n.person_id,
    n.ingredient_concept_id,
    n.unit_concept_id,
    n.dose_value,
    n.era
)
SELECT
  CAST(d.dose_era_id AS BIGINT) AS dose_era_id,
  CAST(d.person_id AS BIGINT) AS person_id,
  CAST(d.ingredient_concept_id AS BIGINT) AS drug_concept_id,
  CAST(d.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(d.dose_value AS DOUBLE) AS dose_value,
  CAST(d.start_date AS DATE) AS dose_era_start_date,
  CAST(d.end_date AS DATE) AS dose_era_end_date
FROM derived AS d
UNION ALL
SELECT
  CAST(s.row_id AS BIGINT) AS dose_era_id,
  CAST(s.person_id AS BIGINT) AS person_id,
  CAST(COALESCE(s.given_concept_id, 0) AS BIGINT) AS drug_concept_id,
  CAST(COALESCE(s.given_unit_concept_id, 0) AS BIGINT) AS unit_concept_id,
  CAST(s.value_number AS DOUBLE) AS dose_value,
  CAST(s.start_date AS DATE) AS dose_era_start_date,
  CAST(GREATEST(s.start_date, COALESCE(s.end_date, s.start_date)) AS DATE) AS dose_era_end_date
FROM staging.source_event AS s
INNER JOIN cdm.person AS p
  ON s.person_id = p.person_id
WHERE
  s.kind = 'dose_era' AND NOT s.start_date IS NULL AND NOT s.value_number IS NULL
