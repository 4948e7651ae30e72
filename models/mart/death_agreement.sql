/* One row per origin of the death that counts and origin of another record of the same persons' deaths. */
MODEL (
  name mart.death_agreement,
  kind FULL,
  grain (chosen_origin, other_origin),
  description 'How often records of a death disagree on the date: persons whose death was chosen from one origin and also recorded in another, or again in the same, by how far the furthest date is away..',
  column_descriptions (
    chosen_origin = 'Origin of the record that is cdm.death',
    other_origin = 'Origin of the other records',
    n_persons = 'Persons with further records of this origin',
    n_same_date = 'Of these, persons whose further records all name the same date',
    n_within_30_days = 'Of these, persons whose furthest date is 1 to 30 days away',
    n_further = 'Of these, persons whose furthest date is more than 30 days away',
    max_days = 'Largest distance of any of them, in days'
  ),
  audits (
    unique_key(columns := (chosen_origin, other_origin))
  )
);

WITH chosen AS (
  SELECT
    d.person_id,
    d.origin
  FROM mart.death_record AS d
  WHERE
    d.place = 1
), furthest AS (
  SELECT
    d.person_id,
    c.origin AS chosen_origin,
    d.origin AS other_origin,
    MAX(ABS(d.days_from_chosen)) AS days
  FROM mart.death_record AS d
  INNER JOIN chosen AS c
    ON d.person_id = c.person_id
  WHERE
    d.place > 1
  GROUP BY
    d.person_id,
    c.origin,
    d.origin
)
SELECT
  CAST(f.chosen_origin AS TEXT) AS chosen_origin,
  CAST(f.other_origin AS TEXT) AS other_origin,
  CAST(COUNT(*) AS BIGINT) AS n_persons,
  CAST(SUM(CASE WHEN f.days = 0 THEN 1 ELSE 0 END) AS BIGINT) AS n_same_date,
  CAST(SUM(CASE WHEN f.days BETWEEN 1 AND 30 THEN 1 ELSE 0 END) AS BIGINT) AS n_within_30_days,
  CAST(SUM(CASE WHEN f.days > 30 THEN 1 ELSE 0 END) AS BIGINT) AS n_further,
  CAST(MAX(f.days) AS INT) AS max_days
FROM furthest AS f
GROUP BY
  f.chosen_origin,
  f.other_origin
