/* One row per delivered role of a provider (a FHIR PractitionerRole) whose provider was delivered too. */
MODEL (
  name staging.provider_role,
  kind FULL,
  grain record_id,
  description 'Records of kind provider that say more about another one, their parent: the specialty and the care site of that provider. They are no providers of their own; what refers to one refers to its provider. A role whose provider never came stands for it and is not here.',
  column_descriptions (
    record_id = 'record_id of the role',
    provider_id = 'record_id of the provider, which is its id in cdm.provider',
    place = '1 for the role that speaks for the provider: one with a specialty, then one with a care site, then the smallest id',
    specialty_code = 'Specialty in the role, as delivered; null if none',
    care_site_record_id = 'record_id of the care site; null if none'
  ),
  audits (unique_key(columns := (
      record_id
  )), not_null(columns := (record_id, provider_id, place)))
);

WITH alias AS (
  SELECT
    TRY_CAST(d.value AS BIGINT) AS alias_record_id,
    MIN(d.record_id) AS record_id
  FROM raw.detail AS d
  WHERE
    d.field = 'alias_record_id'
  GROUP BY
    TRY_CAST(d.value AS BIGINT)
), site AS (
  SELECT
    d.record_id,
    MIN(TRY_CAST(d.value AS BIGINT)) AS care_site_record_id
  FROM raw.detail AS d
  WHERE
    d.kind = 'provider' AND d.field = 'care_site_id'
  GROUP BY
    d.record_id
), role AS (
  SELECT
    r.record_id,
    p.record_id AS provider_id,
    r.code AS specialty_code,
    s.care_site_record_id
  FROM raw.record AS r
  LEFT JOIN alias AS a
    ON r.parent_record_id = a.alias_record_id
  INNER JOIN raw.record AS p
    ON COALESCE(a.record_id, r.parent_record_id) = p.record_id AND p.kind = 'provider'
  LEFT JOIN site AS s
    ON r.record_id = s.record_id
  WHERE
    r.kind = 'provider' AND r.record_id <> p.record_id
)
SELECT
  CAST(o.record_id AS BIGINT) AS record_id,
  CAST(o.provider_id AS BIGINT) AS provider_id,
  CAST(ROW_NUMBER() OVER (
    PARTITION BY o.provider_id
    ORDER BY CASE WHEN o.specialty_code IS NULL THEN 1 ELSE 0 END, CASE WHEN o.care_site_record_id IS NULL THEN 1 ELSE 0 END, o.record_id
  ) AS INT) AS place,
  CAST(o.specialty_code AS TEXT) AS specialty_code,
  CAST(o.care_site_record_id AS BIGINT) AS care_site_record_id
FROM role AS o
