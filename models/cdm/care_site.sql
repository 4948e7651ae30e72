/* One row per delivered care site: a practice, hospital, ward or clinic. */
MODEL (
  name cdm.care_site,
  kind FULL,
  grain care_site_id,
  description 'Records of kind care_site. Names are left out, source values are keyed tokens or null.',
  column_descriptions (
    care_site_id = 'Care site id',
    care_site_name = 'The name of the care_site as it appears in the source data',
    place_of_service_concept_id = 'This is a high-level way of characterizing a Care Site',
    location_id = 'The location_id from the LOCATION table representing the physical location of the care_site',
    care_site_source_value = 'The identifier of the care_site as it appears in the source data',
    place_of_service_source_value = 'Place of service source value; null where the source gives none'
  ),
  audits (
    not_null(columns := (
      care_site_id
    )),
    unique_key(columns := (
      care_site_id
    )),
    positive(key := care_site_id)
  )
);

WITH field AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'place_of_service_concept_id' THEN d.value_text END) AS place_of_service_concept_id,
    MAX(CASE WHEN d.field = 'place_of_service_source_value' THEN d.value_text END) AS place_of_service_source_value,
    MAX(CASE WHEN d.field = 'care_site_source_value' THEN d.value_text END) AS care_site_source_value,
    MAX(CASE WHEN d.field = 'location_id' THEN d.value_text END) AS location_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'care_site'
  GROUP BY
    d.record_id
)
SELECT
  CAST(r.record_id AS BIGINT) AS care_site_id,
  CAST(NULL AS TEXT) AS care_site_name,
  CAST(COALESCE(
    TRY_CAST(f.place_of_service_concept_id AS BIGINT),
    CASE WHEN NOT COALESCE(f.place_of_service_source_value, r.code) IS NULL THEN 0 END
  ) AS BIGINT) AS place_of_service_concept_id,
  CAST(p.record_id AS BIGINT) AS location_id,
  CAST(SUBSTRING(
    CASE
      WHEN REGEXP_MATCHES(f.care_site_source_value, '^[0-9a-f]{16,64}$')
      THEN f.care_site_source_value
    END,
    1,
    50
  ) AS TEXT) AS care_site_source_value,
  CAST(SUBSTRING(COALESCE(f.place_of_service_source_value, r.code), 1, 50) AS TEXT) AS place_of_service_source_value
FROM staging.source_record AS r
LEFT JOIN field AS f
  ON r.record_id = f.record_id
LEFT JOIN staging.source_record AS p
  ON TRY_CAST(f.location_id AS BIGINT) = p.record_id AND p.kind = 'location'
WHERE
  r.kind = 'care_site'
