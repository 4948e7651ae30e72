/* One row per delivered place: of a person, a care site or an organisation. */
MODEL (
  name cdm.location,
  kind FULL,
  grain location_id,
  description 'Records of kind location: country, state and coordinates as delivered, street addresses never.',
  column_descriptions (
    location_id = 'The unique key given to a unique Location',
    address_1 = 'This is the first line of the address',
    address_2 = 'This is the second line of the address',
    city = 'City; null where the source gives none',
    state = 'State; null where the source gives none',
    zip = 'Zip; null where the source gives none',
    county = 'County; null where the source gives none',
    location_source_value = 'Location source value; null where the source gives none',
    country_concept_id = 'The Concept Id representing the country',
    country_source_value = 'The name of the country',
    latitude = 'Latitude; null where the source gives none',
    longitude = 'Longitude; null where the source gives none'
  ),
  audits (
    not_null(columns := (
      location_id
    )),
    unique_key(columns := (
      location_id
    )),
    positive(key := location_id)
  )
);

WITH field AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'city' THEN d.value_text END) AS city,
    MAX(CASE WHEN d.field = 'state' THEN d.value_text END) AS state,
    MAX(CASE WHEN d.field = 'zip' THEN d.value_text END) AS zip,
    MAX(CASE WHEN d.field = 'county' THEN d.value_text END) AS county,
    MAX(CASE WHEN d.field = 'location_source_value' THEN d.value_text END) AS location_source_value,
    MAX(CASE WHEN d.field = 'country_concept_id' THEN d.value_text END) AS country_concept_id,
    MAX(CASE WHEN d.field = 'country_source_value' THEN d.value_text END) AS country_source_value,
    MAX(CASE WHEN d.field = 'latitude' THEN d.value_text END) AS latitude,
    MAX(CASE WHEN d.field = 'longitude' THEN d.value_text END) AS longitude
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'location'
  GROUP BY
    d.record_id
)
SELECT
  CAST(r.record_id AS BIGINT) AS location_id,
  CAST(NULL AS TEXT) AS address_1,
  CAST(NULL AS TEXT) AS address_2,
  CAST(SUBSTRING(f.city, 1, 50) AS TEXT) AS city,
  CAST(f.state AS TEXT) AS state,
  CAST(f.zip AS TEXT) AS zip,
  CAST(SUBSTRING(f.county, 1, 20) AS TEXT) AS county,
  CAST(SUBSTRING(
    CASE WHEN REGEXP_MATCHES(f.location_source_value, '^[0-9a-f]{16,64}$') THEN f.location_source_value END,
    1,
    50
  ) AS TEXT) AS location_source_value,
  TRY_CAST(f.country_concept_id AS BIGINT) AS country_concept_id,
  CAST(SUBSTRING(COALESCE(f.country_source_value, r.code), 1, 80) AS TEXT) AS country_source_value,
  TRY_CAST(f.latitude AS DOUBLE) AS latitude,
  TRY_CAST(f.longitude AS DOUBLE) AS longitude
FROM staging.source_record AS r
LEFT JOIN field AS f
  ON r.record_id = f.record_id
WHERE
  r.kind = 'location'
