/* One row per person, source, device, stream and local hour (or day, where the stream is one of days). */
MODEL (
  name wearable.device_hour,
  kind FULL,
  grain (person_id, study, source, device_id, device_type, stream, is_daily, start_date, hour),
  references (
    person_id
  ),
  description 'What each device recorded hour by hour, whether it was worn, and which device counts. Of several devices of a source one counts in an hour (spells and daily values: in a day): the one that is worn, then any but a phone, then the one with most samples, then the smallest token. Samples dated by a clock that was set back, or later than their export, are left out (stem.wearable_use counts them).',
  column_descriptions (
    person_id = 'Person',
    study = 'Study',
    source = 'Source within the study',
    device_id = 'Keyed token of the device or app; null if none is named',
    device_type = 'Model of the device; null if not known',
    stream = 'Stream, see vocab.wearable_stream',
    is_daily = 'True where the vendor delivered the values of whole days',
    start_date = 'Local date',
    hour = 'Local hour, 0 to 23; null for spells and daily values',
    row_id = 'Smallest row of raw.wearable_sample among the samples',
    n_samples = 'Samples',
    value_sum = 'Sum of their values',
    value_min = 'Least value',
    value_max = 'Greatest value',
    is_worn = 'Whether the device was worn in the hour, as its streams tell; a phone never is; null where no stream tells',
    is_chosen = 'True for the device that counts'
  ),
  audits (
    not_null(columns := (person_id, study, source, stream, start_date, n_samples, is_chosen))
  )
);

WITH slot AS (
  SELECT
    s.person_id,
    s.study,
    s.source,
    s.device_id,
    s.device_type,
    s.stream,
    s.is_daily,
    s.start_date,
    CASE
      WHEN s.is_daily OR s.rule = 'duration'
      THEN NULL
      ELSE CAST(EXTRACT(HOUR FROM s.start_datetime) AS INT)
    END AS hour,
    s.tells_wear,
    CASE WHEN s.device_type LIKE 'iPhone%' OR s.device_type LIKE 'iPad%' THEN 1 ELSE 0 END AS is_phone,
    MIN(s.row_id) AS row_id,
    COUNT(*) AS n_samples,
    SUM(s.value) AS value_sum,
    MIN(s.value) AS value_min,
    MAX(s.value) AS value_max
  FROM wearable.sample AS s
  WHERE
    NOT s.value IS NULL AND NOT COALESCE(s.time_flag, '') IN ('clock-jump', 'after-export')
  GROUP BY
    s.person_id,
    s.study,
    s.source,
    s.device_id,
    s.device_type,
    s.stream,
    s.is_daily,
    s.start_date,
    CASE
      WHEN s.is_daily OR s.rule = 'duration'
      THEN NULL
      ELSE CAST(EXTRACT(HOUR FROM s.start_datetime) AS INT)
    END,
    s.tells_wear,
    CASE WHEN s.device_type LIKE 'iPhone%' OR s.device_type LIKE 'iPad%' THEN 1 ELSE 0 END
), worn AS (
  SELECT
    t.person_id,
    t.study,
    t.source,
    t.device_id,
    t.device_type,
    t.stream,
    t.is_daily,
    t.start_date,
    t.hour,
    t.is_phone,
    t.row_id,
    t.n_samples,
    t.value_sum,
    t.value_min,
    t.value_max,
    MAX(
      CASE
        WHEN t.tells_wear = 'no'
        THEN NULL
        WHEN t.is_phone = 1
        THEN 0
        WHEN t.tells_wear = 'any' OR t.value_max > 0
        THEN 1
        ELSE 0
      END
    ) OVER (
      PARTITION BY t.person_id, t.study, t.source, t.device_id, t.device_type, t.is_daily, t.start_date, t.hour
    ) AS is_worn
  FROM slot AS t
), ranked AS (
  SELECT
    w.person_id,
    w.study,
    w.source,
    w.device_id,
    w.device_type,
    w.stream,
    w.is_daily,
    w.start_date,
    w.hour,
    w.row_id,
    w.n_samples,
    w.value_sum,
    w.value_min,
    w.value_max,
    w.is_worn,
    ROW_NUMBER() OVER (
      PARTITION BY w.person_id, w.study, w.source, w.stream, w.is_daily, w.start_date, w.hour
      ORDER BY COALESCE(w.is_worn, 0) DESC, w.is_phone, w.n_samples DESC, COALESCE(w.device_id, ''), COALESCE(w.device_type, '')
    ) AS place
  FROM worn AS w
)
SELECT
  CAST(r.person_id AS BIGINT) AS person_id,
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(r.device_id AS TEXT) AS device_id,
  CAST(r.device_type AS TEXT) AS device_type,
  CAST(r.stream AS TEXT) AS stream,
  CAST(r.is_daily AS BOOLEAN) AS is_daily,
  CAST(r.start_date AS DATE) AS start_date,
  CAST(r.hour AS SMALLINT) AS hour,
  CAST(r.row_id AS BIGINT) AS row_id,
  CAST(r.n_samples AS INT) AS n_samples,
  CAST(r.value_sum AS DOUBLE) AS value_sum,
  CAST(r.value_min AS DOUBLE) AS value_min,
  CAST(r.value_max AS DOUBLE) AS value_max,
  CAST(CASE r.is_worn WHEN 1 THEN TRUE WHEN 0 THEN FALSE END AS BOOLEAN) AS is_worn,
  CAST(r.place = 1 AS BOOLEAN) AS is_chosen
FROM ranked AS r
