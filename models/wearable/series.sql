/* One row per person and series: a stream of one source with values by the minute. */
MODEL (
  name wearable.series,
  kind FULL,
  grain (person_id, series_number),
  references (
    person_id
  ),
  description 'Names the series of wearable.minute, which holds their number only: a minute must cost a byte or two, and three names repeated in each would take as much as the value.',
  column_descriptions (
    person_id = 'Person',
    series_number = '1, 2, ... of the person, by study, source and stream; another delivery may number anew',
    study = 'Study',
    source = 'Source within the study',
    stream = 'Stream, see vocab.wearable_stream',
    unit = 'Unit of the values, UCUM',
    rule = 'How samples of a minute become its value: mean or sum',
    start_date = 'First local date',
    end_date = 'Last local date',
    n_samples = 'Samples of the devices that count'
  ),
  audits (
    unique_key(columns := (person_id, series_number)),
    not_null(columns := (person_id, series_number, study, source, stream))
  )
);

SELECT
  CAST(h.person_id AS BIGINT) AS person_id,
  CAST(ROW_NUMBER() OVER (PARTITION BY h.person_id ORDER BY h.study, h.source, h.stream) AS SMALLINT) AS series_number,
  CAST(h.study AS TEXT) AS study,
  CAST(h.source AS TEXT) AS source,
  CAST(h.stream AS TEXT) AS stream,
  CAST(s.unit AS TEXT) AS unit,
  CAST(s.rule AS TEXT) AS rule,
  CAST(MIN(h.start_date) AS DATE) AS start_date,
  CAST(MAX(h.start_date) AS DATE) AS end_date,
  CAST(SUM(h.n_samples) AS BIGINT) AS n_samples
FROM wearable.device_hour AS h
INNER JOIN vocab.wearable_stream AS s
  ON h.stream = s.stream
WHERE
  h.is_chosen AND NOT h.hour IS NULL
GROUP BY
  h.person_id,
  h.study,
  h.source,
  h.stream,
  s.unit,
  s.rule
