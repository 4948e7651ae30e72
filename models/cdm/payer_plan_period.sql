/* One row per period of a person with a payer's plan. */
MODEL (
  name cdm.payer_plan_period,
  kind FULL,
  grain payer_plan_period_id,
  references (
    person_id
  ),
  description 'Records of kind payer_plan_period with a start date. An open one lasts until the source''s declared end, else it ends where it starts.',
  column_descriptions (
    payer_plan_period_id = 'A unique identifier for each unique combination of a Person, Payer, Plan, and Period of time',
    person_id = 'The Person covered by the Plan',
    payer_plan_period_start_date = 'Start date of Plan coverage',
    payer_plan_period_end_date = 'End date of Plan coverage',
    payer_concept_id = 'This field represents the organization who reimburses the provider which administers care to the Person',
    payer_source_value = 'This is the Payer as it appears in the source data',
    payer_source_concept_id = 'Payer source concept id; null where the source gives none',
    plan_concept_id = 'This field represents the specific health benefit Plan the Person is enrolled in',
    plan_source_value = 'This is the health benefit Plan of the Person as it appears in the source data',
    plan_source_concept_id = 'Plan source concept id; null where the source gives none',
    sponsor_concept_id = 'This field represents the sponsor of the Plan who finances the Plan',
    sponsor_source_value = 'The Plan sponsor as it appears in the source data',
    sponsor_source_concept_id = 'Sponsor source concept id; null where the source gives none',
    family_source_value = 'The common identifier for all people (often a family) that covered by the same policy',
    stop_reason_concept_id = 'This field represents the reason the Person left the Plan, if known',
    stop_reason_source_value = 'The Plan stop reason as it appears in the source data',
    stop_reason_source_concept_id = 'Stop reason source concept id; null where the source gives none'
  ),
  audits (
    not_null(
      columns := (payer_plan_period_id, person_id, payer_plan_period_start_date, payer_plan_period_end_date)
    ),
    unique_key(columns := (
      payer_plan_period_id
    )),
    positive(key := payer_plan_period_id),
    refers_to_person(key := person_id)
  )
);

WITH field AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'payer_concept_id' THEN d.value_text END) AS payer_concept_id,
    MAX(CASE WHEN d.field = 'payer_record_id' THEN TRY_CAST(d.value_text AS BIGINT) END) AS payer_record_id,
    MAX(CASE WHEN d.field = 'payer_source_value' THEN d.value_text END) AS payer_source_value,
    MAX(CASE WHEN d.field = 'payer_source_concept_id' THEN d.value_text END) AS payer_source_concept_id,
    MAX(CASE WHEN d.field = 'plan_concept_id' THEN d.value_text END) AS plan_concept_id,
    MAX(CASE WHEN d.field = 'plan_source_value' THEN d.value_text END) AS plan_source_value,
    MAX(CASE WHEN d.field = 'plan_source_concept_id' THEN d.value_text END) AS plan_source_concept_id,
    MAX(CASE WHEN d.field = 'sponsor_concept_id' THEN d.value_text END) AS sponsor_concept_id,
    MAX(CASE WHEN d.field = 'sponsor_source_value' THEN d.value_text END) AS sponsor_source_value,
    MAX(CASE WHEN d.field = 'sponsor_source_concept_id' THEN d.value_text END) AS sponsor_source_concept_id,
    MAX(CASE WHEN d.field IN ('family_source_value', 'family_token') THEN d.value_text END) AS family_source_value,
    MAX(CASE WHEN d.field = 'stop_reason_concept_id' THEN d.value_text END) AS stop_reason_concept_id,
    MAX(CASE WHEN d.field = 'stop_reason_source_value' THEN d.value_text END) AS stop_reason_source_value,
    MAX(CASE WHEN d.field = 'stop_reason_source_concept_id' THEN d.value_text END) AS stop_reason_source_concept_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'payer_plan_period'
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
  CAST(r.record_id AS BIGINT) AS payer_plan_period_id,
  CAST(r.person_id AS BIGINT) AS person_id,
  CAST(r.start_date AS DATE) AS payer_plan_period_start_date,
  CAST(GREATEST(r.start_date, COALESCE(r.end_date, TRY_CAST(s.covers_to AS DATE), r.start_date)) AS DATE) AS payer_plan_period_end_date,
  TRY_CAST(f.payer_concept_id AS BIGINT) AS payer_concept_id,
  CAST(SUBSTRING(COALESCE(f.payer_source_value, CAST(COALESCE(a.record_id, f.payer_record_id) AS TEXT)), 1, 50) AS TEXT) AS payer_source_value,
  TRY_CAST(f.payer_source_concept_id AS BIGINT) AS payer_source_concept_id,
  TRY_CAST(f.plan_concept_id AS BIGINT) AS plan_concept_id,
  CAST(SUBSTRING(COALESCE(f.plan_source_value, r.code), 1, 50) AS TEXT) AS plan_source_value,
  TRY_CAST(f.plan_source_concept_id AS BIGINT) AS plan_source_concept_id,
  TRY_CAST(f.sponsor_concept_id AS BIGINT) AS sponsor_concept_id,
  CAST(SUBSTRING(f.sponsor_source_value, 1, 50) AS TEXT) AS sponsor_source_value,
  TRY_CAST(f.sponsor_source_concept_id AS BIGINT) AS sponsor_source_concept_id,
  CAST(SUBSTRING(
    CASE WHEN REGEXP_MATCHES(f.family_source_value, '^[0-9a-f]{16,64}$') THEN f.family_source_value END,
    1,
    50
  ) AS TEXT) AS family_source_value,
  TRY_CAST(f.stop_reason_concept_id AS BIGINT) AS stop_reason_concept_id,
  CAST(SUBSTRING(COALESCE(f.stop_reason_source_value, r.reason), 1, 50) AS TEXT) AS stop_reason_source_value,
  TRY_CAST(f.stop_reason_source_concept_id AS BIGINT) AS stop_reason_source_concept_id
FROM staging.source_record AS r
LEFT JOIN field AS f
  ON r.record_id = f.record_id
LEFT JOIN alias AS a
  ON f.payer_record_id = a.alias_record_id
INNER JOIN cdm.person AS p
  ON r.person_id = p.person_id
LEFT JOIN vocab.study_source AS s
  ON r.study = s.study AND r.source = s.source
WHERE
  r.kind = 'payer_plan_period' AND NOT r.start_date IS NULL
