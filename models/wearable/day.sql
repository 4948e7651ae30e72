/* One row per person, source, stream, local date and basis: the value of a day. */
MODEL (
  name wearable.day,
  kind FULL,
  grain (person_id, study, source, stream, start_date, basis),
  references (
    person_id
  ),
  description 'Values of days: means or sums of the minutes, minutes spent in a state, and totals as vendors delivered them. Wear is told, never filled: a sum over a day on which the device was not worn is no observation (not-worn), and one over a few worn hours is a lower bound. Of several rows of a person, stream and date one is primary: that of the source with most worn hours, then a delivered total before our own, then by study and source.',
  column_descriptions (
    row_id = 'Smallest row of raw.wearable_sample the value comes from',
    person_id = 'Person',
    study = 'Study',
    source = 'Source within the study',
    stream = 'Stream, see vocab.wearable_stream',
    start_date = 'Local date',
    basis = 'minutes (of wearable.minute), spells (of a state) or delivered (by the vendor)',
    value = 'Value of the day, in unit',
    unit = 'Unit, UCUM',
    value_min = 'Least minute of the day; null unless basis is minutes',
    value_max = 'Greatest minute of the day; null unless basis is minutes',
    n_samples = 'Samples',
    n_minutes = 'Minutes with a sample; null unless basis is minutes',
    n_worn_hours = 'Hours in which a device of the source was worn; null where nothing tells',
    wear_state = 'worn (10 hours or more, or a delivered total that moved), partly-worn, not-worn, or unknown',
    n_devices = 'Devices of the source with samples of the stream on the day',
    is_primary = 'True for the one row that stands for the person, stream and date'
  ),
  audits (
    unique_key(columns := (person_id, study, source, stream, start_date, basis)),
    not_null(columns := (row_id, person_id, study, source, stream, start_date, basis, wear_state, is_primary)),
    accepted_values("column" := wear_state, is_in := ('worn', 'partly-worn', 'not-worn', 'unknown'))
  )
);

WITH minute_sum AS (
  SELECT
    m.person_id,
    m.series_number,
    m.start_date,
    SUM(m.value) AS value_sum,
    MIN(m.value) AS value_min,
    MAX(m.value) AS value_max,
    COUNT(*) AS n_minutes
  FROM wearable.minute AS m
  GROUP BY
    m.person_id,
    m.series_number,
    m.start_date
), device_day AS (
  SELECT
    h.person_id,
    h.study,
    h.source,
    h.stream,
    h.start_date,
    CASE WHEN h.is_daily THEN 'delivered' WHEN NOT h.hour IS NULL THEN 'minutes' ELSE 'spells' END AS basis,
    MIN(CASE WHEN h.is_chosen THEN h.row_id END) AS row_id,
    SUM(CASE WHEN h.is_chosen THEN h.n_samples ELSE 0 END) AS n_samples,
    SUM(CASE WHEN h.is_chosen THEN h.value_sum END) AS value_sum,
    COUNT(DISTINCT COALESCE(h.device_id, '')) AS n_devices
  FROM wearable.device_hour AS h
  GROUP BY
    h.person_id,
    h.study,
    h.source,
    h.stream,
    h.start_date,
    CASE WHEN h.is_daily THEN 'delivered' WHEN NOT h.hour IS NULL THEN 'minutes' ELSE 'spells' END
), worn_hour AS (
  SELECT
    h.person_id,
    h.study,
    h.source,
    h.start_date,
    h.hour,
    MAX(CASE WHEN h.is_worn THEN 1 ELSE 0 END) AS is_worn
  FROM wearable.device_hour AS h
  WHERE
    NOT h.is_worn IS NULL
  GROUP BY
    h.person_id,
    h.study,
    h.source,
    h.start_date,
    h.hour
), wear AS (
  SELECT
    w.person_id,
    w.study,
    w.source,
    w.start_date,
    SUM(CASE WHEN NOT w.hour IS NULL THEN w.is_worn END) AS n_worn_hours,
    MAX(CASE WHEN w.hour IS NULL THEN w.is_worn END) AS has_moved
  FROM worn_hour AS w
  GROUP BY
    w.person_id,
    w.study,
    w.source,
    w.start_date
), valued AS (
  SELECT
    d.row_id,
    d.person_id,
    d.study,
    d.source,
    d.stream,
    d.start_date,
    d.basis,
    CASE
      WHEN d.basis = 'minutes' AND s.rule = 'sum'
      THEN m.value_sum
      WHEN d.basis = 'minutes'
      THEN m.value_sum / m.n_minutes
      WHEN s.rule = 'mean'
      THEN d.value_sum / d.n_samples
      ELSE d.value_sum
    END AS value,
    s.unit,
    m.value_min,
    m.value_max,
    d.n_samples,
    m.n_minutes,
    w.n_worn_hours,
    CASE
      WHEN w.n_worn_hours >= 10 OR w.has_moved = 1
      THEN 'worn'
      WHEN w.n_worn_hours > 0
      THEN 'partly-worn'
      WHEN w.n_worn_hours = 0 OR w.has_moved = 0
      THEN 'not-worn'
      ELSE 'unknown'
    END AS wear_state,
    d.n_devices
  FROM device_day AS d
  INNER JOIN vocab.wearable_stream AS s
    ON d.stream = s.stream
  LEFT JOIN wearable.series AS e
    ON d.person_id = e.person_id
    AND d.study = e.study
    AND d.source = e.source
    AND d.stream = e.stream
    AND d.basis = 'minutes'
  LEFT JOIN minute_sum AS m
    ON e.person_id = m.person_id AND e.series_number = m.series_number AND d.start_date = m.start_date
  LEFT JOIN wear AS w
    ON d.person_id = w.person_id AND d.study = w.study AND d.source = w.source AND d.start_date = w.start_date
), ranked AS (
  SELECT
    v.row_id,
    v.person_id,
    v.study,
    v.source,
    v.stream,
    v.start_date,
    v.basis,
    v.value,
    v.unit,
    v.value_min,
    v.value_max,
    v.n_samples,
    v.n_minutes,
    v.n_worn_hours,
    v.wear_state,
    v.n_devices,
    ROW_NUMBER() OVER (
      PARTITION BY v.person_id, v.stream, v.start_date
      ORDER BY CASE v.wear_state WHEN 'worn' THEN 0 WHEN 'partly-worn' THEN 1 WHEN 'unknown' THEN 2 ELSE 3 END, COALESCE(v.n_worn_hours, 0) DESC, CASE v.basis WHEN 'delivered' THEN 0 ELSE 1 END, v.study, v.source, v.basis
    ) AS place
  FROM valued AS v
)
SELECT
  CAST(r.row_id AS BIGINT) AS row_id,
  CAST(r.person_id AS BIGINT) AS person_id,
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(r.stream AS TEXT) AS stream,
  CAST(r.start_date AS DATE) AS start_date,
  CAST(r.basis AS TEXT) AS basis,
  CAST(r.value AS DOUBLE) AS value,
  CAST(r.unit AS TEXT) AS unit,
  CAST(r.value_min AS DOUBLE) AS value_min,
  CAST(r.value_max AS DOUBLE) AS value_max,
  CAST(r.n_samples AS INT) AS n_samples,
  CAST(r.n_minutes AS INT) AS n_minutes,
  CAST(r.n_worn_hours AS INT) AS n_worn_hours,
  CAST(r.wear_state AS TEXT) AS wear_state,
  CAST(r.n_devices AS INT) AS n_devices,
  CAST(r.place = 1 AS BOOLEAN) AS is_primary
FROM ranked AS r
