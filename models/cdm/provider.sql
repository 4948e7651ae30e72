/* One row per delivered provider of care. */
MODEL (
  name cdm.provider,
  kind FULL,
  grain provider_id,
  description 'Records of kind provider; what a role says of one (staging.provider_role) is part of its row. Names, NPI and DEA numbers are left out, source values are keyed tokens or null.',
  column_descriptions (
    provider_id = 'It is assumed that every provider with a different unique identifier is in fact a different person and should be treated independently',
    provider_name = 'This field contains information that describes a healthcare provider',
    npi = 'This is the National Provider Number issued to health care providers in the US by the Centers for Medicare and Medicaid Services (CMS)',
    dea = 'This is the identifier issued by the DEA, a US federal agency, that allows a provider to write prescriptions for controlled substances',
    specialty_concept_id = 'This field either represents the most common specialty that occurs in the data or the most specific concept that represents all specialties listed, should the provider have more than one',
    care_site_id = 'This is the CARE_SITE_ID for the location that the provider primarily practices in',
    year_of_birth = 'Year of birth; null where the source gives none',
    gender_concept_id = 'This field represents the recorded gender of the provider in the source data',
    provider_source_value = 'Use this field to link back to providers in the source data',
    specialty_source_value = 'This refers to the specific type of healthcare provider or field of expertise listed in the source data, encompassing physician specialties like internal medicine, emergency medicine, etc., as well as allied health professionals such as nurses, midwives, and pharmacists',
    specialty_source_concept_id = 'This is often zero as many sites use proprietary codes to store physician speciality',
    gender_source_value = 'This is providers gender as it appears in the source data',
    gender_source_concept_id = 'This is often zero as many sites use proprietary codes to store provider gender'
  ),
  audits (
    not_null(columns := (
      provider_id
    )),
    unique_key(columns := (
      provider_id
    )),
    positive(key := provider_id)
  )
);

WITH field AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'specialty_concept_id' THEN d.value_text END) AS specialty_concept_id,
    MAX(CASE WHEN d.field = 'specialty_source_value' THEN d.value_text END) AS specialty_source_value,
    MAX(CASE WHEN d.field = 'year_of_birth' THEN d.value_text END) AS year_of_birth,
    MAX(CASE WHEN d.field = 'gender_concept_id' THEN d.value_text END) AS gender_concept_id,
    MAX(CASE WHEN d.field = 'provider_source_value' THEN d.value_text END) AS provider_source_value,
    MAX(CASE WHEN d.field = 'specialty_source_concept_id' THEN d.value_text END) AS specialty_source_concept_id,
    MAX(CASE WHEN d.field = 'gender_source_value' THEN d.value_text END) AS gender_source_value,
    MAX(CASE WHEN d.field = 'gender_source_concept_id' THEN d.value_text END) AS gender_source_concept_id,
    MAX(CASE WHEN d.field = 'care_site_id' THEN d.value_text END) AS care_site_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'provider'
  GROUP BY
    d.record_id
), alias AS (
  SELECT
    TRY_CAST(d.value_text AS BIGINT) AS alias_record_id,
    MIN(d.record_id) AS record_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'care_site' AND d.field = 'alias_record_id'
  GROUP BY
    TRY_CAST(d.value_text AS BIGINT)
)
SELECT
  CAST(r.record_id AS BIGINT) AS provider_id,
  CAST(NULL AS TEXT) AS provider_name,
  CAST(NULL AS TEXT) AS npi,
  CAST(NULL AS TEXT) AS dea,
  CAST(COALESCE(
    TRY_CAST(f.specialty_concept_id AS BIGINT),
    CASE WHEN NOT COALESCE(f.specialty_source_value, o.specialty_code, r.code) IS NULL THEN 0 END
  ) AS BIGINT) AS specialty_concept_id,
  CAST(p.record_id AS BIGINT) AS care_site_id,
  TRY_CAST(f.year_of_birth AS INT) AS year_of_birth,
  TRY_CAST(f.gender_concept_id AS BIGINT) AS gender_concept_id,
  CAST(SUBSTRING(
    CASE WHEN REGEXP_MATCHES(f.provider_source_value, '^[0-9a-f]{16,64}$') THEN f.provider_source_value END,
    1,
    50
  ) AS TEXT) AS provider_source_value,
  CAST(SUBSTRING(COALESCE(f.specialty_source_value, o.specialty_code, r.code), 1, 50) AS TEXT) AS specialty_source_value,
  TRY_CAST(f.specialty_source_concept_id AS BIGINT) AS specialty_source_concept_id,
  CAST(SUBSTRING(f.gender_source_value, 1, 50) AS TEXT) AS gender_source_value,
  TRY_CAST(f.gender_source_concept_id AS BIGINT) AS gender_source_concept_id
FROM staging.source_record AS r
LEFT JOIN field AS f
  ON r.record_id = f.record_id
LEFT JOIN staging.provider_role AS o
  ON r.record_id = o.provider_id AND o.place = 1
LEFT JOIN alias AS a
  ON COALESCE(TRY_CAST(f.care_site_id AS BIGINT), o.care_site_record_id) = a.alias_record_id
LEFT JOIN staging.source_record AS p
  ON COALESCE(a.record_id, TRY_CAST(f.care_site_id AS BIGINT), o.care_site_record_id) = p.record_id
  AND p.kind = 'care_site'
LEFT JOIN staging.provider_role AS l
  ON r.record_id = l.record_id
WHERE
  r.kind = 'provider' AND l.record_id IS NULL
