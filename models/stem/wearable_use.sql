/* One row per study, source, variable, category, unit and use: what becomes of the samples of linked persons. */
MODEL (
  name stem.wearable_use,
  kind FULL,
  grain (study, source, variable, code, unit, stream, use),
  description 'Every sample of a linked person is used, or is counted here with the reason.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    variable = 'Variable as in raw.wearable_sample',
    code = 'Category; empty for numbers',
    unit = 'Unit as delivered; empty if none',
    stream = 'Stream it feeds; empty if none',
    use = 'used, clock-jump, after-export (not summarised), no-value (a number is missing) or stream-unknown',
    n_rows = 'Samples',
    n_persons = 'Persons with at least one of them'
  ),
  audits (
    unique_key(columns := (study, source, variable, code, unit, stream, use))
  )
);

WITH judged AS (
  SELECT
    r.study,
    r.source,
    r.variable,
    COALESCE(r.code, '') AS code,
    COALESCE(r.unit, '') AS unit,
    COALESCE(v.stream, '') AS stream,
    CASE
      WHEN v.stream IS NULL
      THEN 'stream-unknown'
      WHEN r.time_flag IN ('clock-jump', 'after-export')
      THEN r.time_flag
      WHEN r.value IS NULL AND (
        s.rule <> 'duration' OR v.is_daily
      )
      THEN 'no-value'
      ELSE 'used'
    END AS use,
    b.person_id
  FROM raw.wearable_sample AS r
  INNER JOIN link.person_bridge AS b
    ON r.source_person_key = b.source_person_key
  LEFT JOIN vocab.wearable_variable AS v
    ON r.variable = v.variable
    AND COALESCE(r.unit, '') = v.unit
    AND (
      v.code = '*' OR v.code = COALESCE(r.code, '')
    )
  LEFT JOIN vocab.wearable_stream AS s
    ON v.stream = s.stream
  WHERE
    b.link_status = 'linked' AND NOT b.person_id IS NULL
)
SELECT
  CAST(j.study AS TEXT) AS study,
  CAST(j.source AS TEXT) AS source,
  CAST(j.variable AS TEXT) AS variable,
  CAST(j.code AS TEXT) AS code,
  CAST(j.unit AS TEXT) AS unit,
  CAST(j.stream AS TEXT) AS stream,
  CAST(j.use AS TEXT) AS use,
  CAST(COUNT(*) AS BIGINT) AS n_rows,
  CAST(COUNT(DISTINCT j.person_id) AS BIGINT) AS n_persons
FROM judged AS j
GROUP BY
  j.study,
  j.source,
  j.variable,
  j.code,
  j.unit,
  j.stream,
  j.use
