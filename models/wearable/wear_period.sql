/* One row per person, source, device and period in which the device was worn. */
MODEL (
  name wearable.wear_period,
  kind FULL,
  grain (person_id, study, source, device_id, device_type, start_date),
  references (
    person_id
  ),
  description 'Runs of days on each of which the device was worn for an hour at least. A day without ends the run: gaps are gaps. Phones are carried, not worn, and have no period.',
  column_descriptions (
    row_id = 'Smallest row of raw.wearable_sample of the period',
    person_id = 'Person',
    study = 'Study',
    source = 'Source within the study',
    device_id = 'Keyed token of the device; null if none is named',
    device_type = 'Model of the device; null if not known',
    start_date = 'First local date worn',
    end_date = 'Last local date worn',
    n_worn_hours = 'Hours worn; null where only daily totals tell of wear'
  ),
  audits (
    not_null(columns := (row_id, person_id, study, source, start_date, end_date))
  )
);

WITH worn_hour AS (
  SELECT
    h.person_id,
    h.study,
    h.source,
    h.device_id,
    h.device_type,
    h.start_date,
    h.hour,
    MIN(h.row_id) AS row_id
  FROM wearable.device_hour AS h
  WHERE
    h.is_worn
  GROUP BY
    h.person_id,
    h.study,
    h.source,
    h.device_id,
    h.device_type,
    h.start_date,
    h.hour
), worn_day AS (
  SELECT
    w.person_id,
    w.study,
    w.source,
    w.device_id,
    w.device_type,
    w.start_date,
    MIN(w.row_id) AS row_id,
    COUNT(w.hour) AS n_worn_hours
  FROM worn_hour AS w
  GROUP BY
    w.person_id,
    w.study,
    w.source,
    w.device_id,
    w.device_type,
    w.start_date
), numbered AS (
  SELECT
    d.person_id,
    d.study,
    d.source,
    d.device_id,
    d.device_type,
    d.start_date,
    d.row_id,
    d.n_worn_hours,
    DATE_DIFF('DAY', CAST('1970-01-01' AS DATE), d.start_date) - ROW_NUMBER() OVER (PARTITION BY d.person_id, d.study, d.source, d.device_id, d.device_type ORDER BY d.start_date) AS run
  FROM worn_day AS d
)
SELECT
  CAST(MIN(n.row_id) AS BIGINT) AS row_id,
  CAST(n.person_id AS BIGINT) AS person_id,
  CAST(n.study AS TEXT) AS study,
  CAST(n.source AS TEXT) AS source,
  CAST(n.device_id AS TEXT) AS device_id,
  CAST(n.device_type AS TEXT) AS device_type,
  CAST(MIN(n.start_date) AS DATE) AS start_date,
  CAST(MAX(n.start_date) AS DATE) AS end_date,
  CAST(NULLIF(SUM(n.n_worn_hours), 0) AS INT) AS n_worn_hours
FROM numbered AS n
GROUP BY
  n.person_id,
  n.study,
  n.source,
  n.device_id,
  n.device_type,
  n.run
