/* One row per delivered sample of a linked person: a stream's value, in the stream's unit, with its local time. */
MODEL (
  name wearable.sample,
  kind VIEW,
  grain row_id,
  references (
    person_id
  ),
  description 'Samples as delivered, of all devices, in one name and unit per stream. Nothing is filled and nothing is dropped for a better device: that happens in wearable.device_hour. Samples of variables that no stream knows are not here but in stem.wearable_use.',
  column_descriptions (
    row_id = 'Row of raw.wearable_sample',
    person_id = 'Person',
    study = 'Study',
    source = 'Source within the study',
    stream = 'Stream, see vocab.wearable_stream',
    device_id = 'Keyed token of the device or app; null if none is named',
    device_type = 'Model of the device; null if not known',
    start_date = 'Local date the sample counts to: that of its start, for spells of a state (sleep) that of its last second',
    start_datetime = 'Local time the sample begins',
    utc_offset_minutes = 'Minutes east of UTC at that time; null if not known',
    duration_seconds = 'Length of the interval; 0 for an instant',
    value = 'Value in unit; for spells their length in minutes',
    unit = 'Unit, UCUM',
    rule = 'How samples become one value: mean, sum or duration',
    tells_wear = 'Whether a sample tells that the device is worn: any, nonzero or no',
    is_daily = 'True where the vendor delivered the value of a whole day',
    time_flag = 'What is odd about the time, see raw.wearable_sample; null otherwise'
  )
);

SELECT
  CAST(r.row_id AS BIGINT) AS row_id,
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(v.stream AS TEXT) AS stream,
  CAST(r.device_id AS TEXT) AS device_id,
  CAST(r.device_type AS TEXT) AS device_type,
  CAST(CASE
    WHEN s.rule = 'duration'
    THEN r.start_time + CAST(FLOOR(GREATEST(r.duration_seconds - 1, 0) / 60) AS INT) * INTERVAL '1' MINUTE
    ELSE r.start_time
  END AS DATE) AS start_date,
  CAST(r.start_time AS TIMESTAMP) AS start_datetime,
  CAST(r.start_offset_minutes AS SMALLINT) AS utc_offset_minutes,
  CAST(r.duration_seconds AS DOUBLE) AS duration_seconds,
  CAST(CASE
    WHEN s.rule = 'duration' AND NOT v.is_daily
    THEN r.duration_seconds / 60
    ELSE r.value * v.scale_factor
  END AS DOUBLE) AS value,
  CAST(s.unit AS TEXT) AS unit,
  CAST(s.rule AS TEXT) AS rule,
  CAST(s.tells_wear AS TEXT) AS tells_wear,
  CAST(v.is_daily AS BOOLEAN) AS is_daily,
  CAST(r.time_flag AS TEXT) AS time_flag
FROM raw.wearable_sample AS r
INNER JOIN link.person_bridge AS b
  ON r.source_person_key = b.source_person_key
INNER JOIN vocab.wearable_variable AS v
  ON r.variable = v.variable
  AND COALESCE(r.unit, '') = v.unit
  AND (
    v.code = '*' OR v.code = COALESCE(r.code, '')
  )
INNER JOIN vocab.wearable_stream AS s
  ON v.stream = s.stream
WHERE
  b.link_status = 'linked' AND NOT b.person_id IS NULL
