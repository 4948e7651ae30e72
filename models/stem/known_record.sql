/* One row per provider, care site and location that was delivered. */
MODEL (
  name stem.known_record,
  kind FULL,
  grain (kind, record_id),
  description 'Ids of cdm.provider, cdm.care_site and cdm.location; a reference of an event to any other record is a reference to nothing, and null in cdm.',
  column_descriptions (kind = 'provider, care_site or location', record_id = 'record_id, which is the id of the row in cdm'),
  audits (
    unique_key(columns := (kind, record_id))
  )
);

SELECT
  CAST(r.kind AS TEXT) AS kind,
  CAST(r.record_id AS BIGINT) AS record_id
FROM raw.record AS r
WHERE
  r.kind IN ('provider', 'care_site', 'location')
GROUP BY
  r.kind,
  r.record_id
