/* One row per period in which a person was exposed to an ingredient. */
MODEL (
  name cdm.drug_era,
  kind FULL,
  grain drug_era_id,
  references (
    person_id
  ),
  description 'Periods of exposure to an ingredient by OHDSI''s rule: exposures no more than 30 days apart are one era; an exposure ends on its end date, else after its days of supply, else the day after its start. stem.drug_ingredient says which ingredients a drug has. gap_days are the days of the era without exposure. Eras of sources that deliver their own are kept as delivered and none are derived from the facts of these sources.',
  column_descriptions (
    drug_era_id = 'Drug era id',
    person_id = 'Person id',
    drug_concept_id = 'The drug_concept_id should conform to the concept class ingredient as the drug_era is an era of time where a person is exposed to a particular drug ingredient',
    drug_era_start_date = 'Drug era start date',
    drug_era_end_date = 'Drug era end date',
    drug_exposure_count = 'The count of grouped DRUG_EXPOSURE records that were included in the DRUG_ERA row',
    gap_days = 'Gap days; null where the source gives none'
  ),
  audits (
    not_null(columns := (drug_era_id, person_id, drug_concept_id, drug_era_start_date, drug_era_end_date)),
    unique_key(columns := (
      drug_era_id
    )),
    positive(key := drug_era_id),
    refers_to_person(key := person_id)
  )
);

WITH delivering AS (
  SELECT
    f.study,
    f.source
  FROM staging.event_frequency AS f
  WHERE
    f.kind = 'drug_era'
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
), ingredient AS (
  SELECT
    x.drug_exposure_id,
    x.person_id,
    i.ingredient_concept_id,
    x.start_date,
    x.end_date
  FROM exposure AS x
  INNER JOIN stem.drug_ingredient AS i
    ON x.drug_concept_id = i.drug_concept_id
  WHERE
    NOT i.ingredient_concept_id IS NULL
), touching AS (
  SELECT
    g.drug_exposure_id,
    g.person_id,
    g.ingredient_concept_id,
    g.start_date,
    g.end_date,
    CASE
      WHEN g.start_date <= MAX(g.end_date) OVER (
        PARTITION BY g.person_id, g.ingredient_concept_id
        ORDER BY g.start_date, g.end_date, g.drug_exposure_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      )
      THEN 0
      ELSE 1
    END AS begins_stretch
  FROM ingredient AS g
), stretch_of AS (
  SELECT
    t.drug_exposure_id,
    t.person_id,
    t.ingredient_concept_id,
    t.start_date,
    t.end_date,
    SUM(t.begins_stretch) OVER (
      PARTITION BY t.person_id, t.ingredient_concept_id
      ORDER BY t.start_date, t.end_date, t.drug_exposure_id
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS stretch
  FROM touching AS t
), stretch AS (
  SELECT
    s.person_id,
    s.ingredient_concept_id,
    s.stretch,
    MIN(s.drug_exposure_id) AS first_id,
    MIN(s.start_date) AS start_date,
    MAX(s.end_date) AS end_date,
    COUNT(*) AS n_exposures
  FROM stretch_of AS s
  GROUP BY
    s.person_id,
    s.ingredient_concept_id,
    s.stretch
), marked AS (
  SELECT
    s.person_id,
    s.ingredient_concept_id,
    s.stretch,
    s.first_id,
    s.start_date,
    s.end_date,
    s.n_exposures,
    CASE
      WHEN s.start_date <= MAX(s.end_date) OVER (
        PARTITION BY s.person_id, s.ingredient_concept_id
        ORDER BY s.stretch
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
      ) + INTERVAL '30' DAY
      THEN 0
      ELSE 1
    END AS begins_era
  FROM stretch AS s
), numbered AS (
  SELECT
    m.person_id,
    m.ingredient_concept_id,
    m.first_id,
    m.start_date,
    m.end_date,
    m.n_exposures,
    SUM(m.begins_era) OVER (
      PARTITION BY m.person_id, m.ingredient_concept_id
      ORDER BY m.stretch
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
    ) AS era
  FROM marked AS m
), derived AS (
  SELECT
    XOR(MIN(n.first_id), n.ingredient_concept_id) AS drug_era_id,
    n.person_id,
    n.ingredient_concept_id,
    MIN(n.start_date) AS start_date,
    MAX(n.end_date) AS end_date,
    SUM(n.n_exposures) AS n_exposures,
    SUM(DATE_DIFF('DAY', n.start_date, n.end_date)) AS days_exposed
  FROM numbered AS n
  GROUP BY
    n.person_id,
    n.ingredient_concept_id,
    n.era
)
SELECT
  CAST(d.drug_era_id AS BIGINT) AS drug_era_id,
  CAST(d.person_id AS BIGINT) AS person_id,
  CAST(d.ingredient_concept_id AS BIGINT) AS drug_concept_id,
  CAST(d.start_date AS DATE) AS drug_era_start_date,
  CAST(d.end_date AS DATE) AS drug_era_end_date,
  CAST(d.n_exposures AS INT) AS drug_exposure_count,
  CAST(DATE_DIFF('DAY', d.start_date, d.end_date) - d.days_exposed AS INT) AS gap_days
FROM derived AS d
UNION ALL
SELECT
  CAST(s.row_id AS BIGINT) AS drug_era_id,
  CAST(s.person_id AS BIGINT) AS person_id,
  CAST(COALESCE(s.given_concept_id, 0) AS BIGINT) AS drug_concept_id,
  CAST(s.start_date AS DATE) AS drug_era_start_date,
  CAST(GREATEST(s.start_date, COALESCE(s.end_date, s.start_date)) AS DATE) AS drug_era_end_date,
  CAST(s.quantity AS INT) AS drug_exposure_count,
  CAST(s.value_number AS INT) AS gap_days
FROM staging.source_event AS s
INNER JOIN cdm.person AS p
  ON s.person_id = p.person_id
WHERE
  s.kind = 'drug_era' AND NOT s.start_date IS NULL
