/* One row per person, series and local minute in which the device that counts recorded something. */
MODEL (
  name wearable.minute,
  kind FULL,
  grain (person_id, series_number, minute_number, utc_offset_minutes),
  references (
    person_id
  ),
  description 'Values by the minute, of the device that counts in the hour (wearable.device_hour), sorted by person, series and time so that a row takes about a byte and a half. An interval counts in the minute it begins in. Minutes without a sample have no row: nothing is filled. Numbers of minutes are stored in a few bits where times of day would take bytes; TIMESTAMP ''1970-01-01'' + minute_number minutes is the time. Join wearable.series for study, source, stream and unit.',
  column_descriptions (
    person_id = 'Person',
    series_number = 'Series of the person, see wearable.series',
    start_date = 'Local date',
    minute_number = 'Minutes from 1970-01-01 00:00 to the minute, on the local clock; a repeated hour is told apart by the offset',
    utc_offset_minutes = 'Minutes east of UTC; null if not known',
    value = 'Mean or sum of the samples of the minute, by the rule of the series',
    n_samples = 'Samples that begin in the minute',
    is_worn = 'Whether the device was worn in the hour; null where no stream tells'
  )
);

WITH timed AS (
  SELECT
    s.person_id,
    s.study,
    s.source,
    s.stream,
    s.device_id,
    s.device_type,
    s.start_date,
    EXTRACT(HOUR FROM s.start_datetime) AS hour,
    DATE_DIFF('DAY', CAST('1970-01-01' AS DATE), s.start_date) * 1440 + EXTRACT(HOUR FROM s.start_datetime) * 60 + EXTRACT(MINUTE FROM s.start_datetime) AS minute_number,
    s.utc_offset_minutes,
    s.rule,
    s.value
  FROM wearable.sample AS s
  WHERE
    NOT s.is_daily
    AND s.rule <> 'duration'
    AND NOT s.value IS NULL
    AND NOT COALESCE(s.time_flag, '') IN ('clock-jump', 'after-export')
), chosen AS (
  SELECT
    h.person_id,
    h.study,
    h.source,
    h.device_id,
    h.device_type,
    h.stream,
    h.start_date,
    h.hour,
    h.is_worn,
    e.series_number
  FROM wearable.device_hour AS h
  INNER JOIN wearable.series AS e
    ON h.person_id = e.person_id AND h.study = e.study AND h.source = e.source AND h.stream = e.stream
  WHERE
    h.is_chosen AND NOT h.hour IS NULL
)
SELECT
  CAST(t.person_id AS BIGINT) AS person_id,
  CAST(c.series_number AS SMALLINT) AS series_number,
  CAST(t.start_date AS DATE) AS start_date,
  CAST(t.minute_number AS INT) AS minute_number,
  CAST(t.utc_offset_minutes AS SMALLINT) AS utc_offset_minutes,
  CAST(CASE WHEN t.rule = 'sum' THEN SUM(t.value) ELSE AVG(t.value) END AS DOUBLE) AS value,
  CAST(COUNT(*) AS INT) AS n_samples,
  CAST(c.is_worn AS BOOLEAN) AS is_worn
FROM timed AS t
INNER JOIN chosen AS c
  ON t.person_id = c.person_id
  AND t.study = c.study
  AND t.source = c.source
  AND t.stream = c.stream
  AND t.start_date = c.start_date
  AND t.hour = c.hour
  AND t.device_id IS NOT DISTINCT FROM c.device_id
  AND t.device_type IS NOT DISTINCT FROM c.device_type
GROUP BY
  t.person_id,
  c.series_number,
  t.start_date,
  t.minute_number,
  t.utc_offset_minutes,
  t.rule,
  c.is_worn
ORDER BY
  person_id,
  series_number,
  minute_number,
  utc_offset_minutes
