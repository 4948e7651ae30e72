/* One row per study, source and kind of record or field of a kind: which model reads it, and how often it came. */
MODEL (
  name stem.field_use,
  kind FULL,
  grain (study, source, table_name, kind, field),
  description 'Which model reads what raw.record and raw.detail hold. A kind of record or a field that is named here is read; any other is not, and its rows are n_unused: so is a field that a record gives more often than once, of which a model can hold one. Facts may go to another table than their kind says, so the fields of clinical events are those of all clinical tables.',
  column_descriptions (
    study = 'Study',
    source = 'Source within the study',
    table_name = 'record or detail',
    kind = 'Kind of event or record, as in raw',
    field = 'Name of the field; empty for records',
    read_by = 'Model that reads it; null if none does',
    n_rows = 'Rows in staging.source_record or staging.source_detail',
    n_unused = 'Of these, rows that no column of cdm or mart can show'
  ),
  audits (
    unique_key(columns := (study, source, table_name, kind, field)),
    not_null(columns := (study, source, table_name, kind, field, n_rows, n_unused))
  )
);

WITH read_detail AS (
  SELECT
    d.study,
    d.source,
    d.kind,
    d.field,
    d.record_id,
    CASE
      WHEN d.kind IN ('condition', 'drug', 'procedure', 'device', 'measurement', 'observation', 'specimen')
      AND d.field IN ('sig', 'verbatim_end_date')
      THEN 'cdm.drug_exposure'
      WHEN d.kind IN ('condition', 'drug', 'procedure', 'device', 'measurement', 'observation', 'specimen')
      AND d.field IN ('unique_device_id', 'unit_source_concept_id')
      THEN 'cdm.device_exposure'
      WHEN d.kind IN ('condition', 'drug', 'procedure', 'device', 'measurement', 'observation', 'specimen')
      AND d.field IN ('meas_event_field_concept_id', 'obs_event_field_concept_id')
      THEN 'cdm.measurement'
      WHEN d.kind IN ('condition', 'drug', 'procedure', 'device', 'measurement', 'observation', 'specimen')
      AND d.field IN ('value_as_string')
      THEN 'cdm.observation'
      WHEN d.kind IN ('condition', 'drug', 'procedure', 'device', 'measurement', 'observation', 'specimen')
      AND d.field IN ('disease_status_concept_id', 'disease_status_source_value')
      THEN 'cdm.specimen'
      WHEN d.kind = 'visit' AND d.field IN ('admitted_from_concept_id', 'discharged_to_concept_id')
      THEN 'cdm.visit_occurrence'
      WHEN d.kind = 'visit_detail'
      AND d.field IN ('admitted_from_concept_id', 'discharged_to_concept_id', 'preceding_visit_detail_id')
      THEN 'cdm.visit_detail'
      WHEN d.kind = 'survey'
      AND d.field IN (
        'assisted_concept_id',
        'assisted_source_value',
        'collection_method_concept_id',
        'collection_method_source_value',
        'respondent_type_concept_id',
        'respondent_type_source_value',
        'response_visit_occurrence_id',
        'survey_version_number',
        'timing_concept_id',
        'timing_source_value',
        'validated_survey_concept_id',
        'validated_survey_source_value'
      )
      THEN 'cdm.survey_conduct'
      WHEN d.kind = 'note'
      AND d.field IN (
        'encoding_concept_id',
        'language_concept_id',
        'note_class_concept_id',
        'note_event_field_concept_id',
        'note_source_value',
        'note_title'
      )
      THEN 'cdm.note'
      WHEN d.kind = 'episode'
      AND d.field IN ('episode_number', 'episode_object_concept_id', 'episode_parent_id')
      THEN 'cdm.episode'
      WHEN d.kind = 'person' AND d.field IN ('location_id', 'provider_id', 'care_site_id')
      THEN 'cdm.person'
      WHEN d.kind = 'observation_period' AND d.field IN ('period_type_concept_id')
      THEN 'cdm.observation_period'
      WHEN d.kind = 'drug' AND d.field IN ('medication_record_id')
      THEN 'staging.named_code'
      WHEN d.kind IN ('provider', 'care_site') AND d.field IN ('alias_record_id')
      THEN 'staging.source_event'
      WHEN d.kind = 'fact_relationship'
      AND d.field IN ('domain_concept_id_1', 'domain_concept_id_2', 'fact_id_1', 'fact_id_2', 'relationship_concept_id')
      THEN 'cdm.fact_relationship'
      WHEN d.kind = 'provider'
      AND d.field IN (
        'care_site_id',
        'gender_concept_id',
        'gender_source_concept_id',
        'gender_source_value',
        'provider_source_value',
        'specialty_concept_id',
        'specialty_source_concept_id',
        'specialty_source_value',
        'year_of_birth'
      )
      THEN 'cdm.provider'
      WHEN d.kind = 'episode_event' AND d.field IN ('episode_event_field_concept_id', 'episode_id', 'event_id')
      THEN 'cdm.episode_event'
      WHEN d.kind = 'care_site'
      AND d.field IN (
        'care_site_source_value',
        'location_id',
        'place_of_service_concept_id',
        'place_of_service_source_value'
      )
      THEN 'cdm.care_site'
      WHEN d.kind = 'payer_plan_period'
      AND d.field IN (
        'family_source_value',
        'family_token',
        'payer_concept_id',
        'payer_record_id',
        'payer_source_concept_id',
        'payer_source_value',
        'plan_concept_id',
        'plan_source_concept_id',
        'plan_source_value',
        'sponsor_concept_id',
        'sponsor_source_concept_id',
        'sponsor_source_value',
        'stop_reason_concept_id',
        'stop_reason_source_concept_id',
        'stop_reason_source_value'
      )
      THEN 'cdm.payer_plan_period'
      WHEN d.kind = 'location'
      AND d.field IN (
        'city',
        'country_concept_id',
        'country_source_value',
        'county',
        'latitude',
        'location_source_value',
        'longitude',
        'state',
        'zip'
      )
      THEN 'cdm.location'
      WHEN d.kind = 'cost'
      AND d.field IN (
        'amount_allowed',
        'cost_event_id',
        'cost_type_concept_id',
        'currency_concept_id',
        'drg_concept_id',
        'drg_source_value',
        'paid_by_patient',
        'paid_by_payer',
        'paid_by_primary',
        'paid_dispensing_fee',
        'paid_ingredient_cost',
        'paid_patient_coinsurance',
        'paid_patient_copay',
        'paid_patient_deductible',
        'payer_plan_period_id',
        'revenue_code_concept_id',
        'revenue_code_source_value',
        'total_charge',
        'total_cost',
        'total_paid'
      )
      THEN 'cdm.cost'
      WHEN d.kind = 'image_feature' AND d.field IN ('asset_id', 'alg_system', 'alg_datetime')
      THEN 'stem.image_fact'
      WHEN d.kind = 'metadata'
      AND d.field IN (
        'metadata_concept_id',
        'metadata_type_concept_id',
        'name',
        'value_as_concept_id',
        'value_as_number',
        'value_as_string'
      )
      THEN 'cdm.metadata'
    END AS read_by
  FROM staging.source_detail AS d
), read_record AS (
  SELECT
    r.study,
    r.source,
    r.kind,
    CASE
      WHEN r.kind = 'location'
      THEN 'cdm.location'
      WHEN r.kind = 'care_site'
      THEN 'cdm.care_site'
      WHEN r.kind = 'provider'
      THEN 'cdm.provider'
      WHEN r.kind = 'metadata'
      THEN 'cdm.metadata'
      WHEN r.kind = 'payer_plan_period'
      THEN 'cdm.payer_plan_period'
      WHEN r.kind = 'cost'
      THEN 'cdm.cost'
      WHEN r.kind = 'fact_relationship'
      THEN 'cdm.fact_relationship'
      WHEN r.kind = 'episode_event'
      THEN 'cdm.episode_event'
      WHEN r.kind IN ('registration', 'enrolment', 'censoring', 'observation_period')
      THEN 'mart.source_coverage'
      WHEN r.kind = 'person'
      THEN 'stem.record_target'
    END AS read_by
  FROM staging.source_record AS r
)
SELECT
  CAST(d.study AS TEXT) AS study,
  CAST(d.source AS TEXT) AS source,
  CAST('detail' AS TEXT) AS table_name,
  CAST(d.kind AS TEXT) AS kind,
  CAST(d.field AS TEXT) AS field,
  CAST(d.read_by AS TEXT) AS read_by,
  CAST(COUNT(*) AS BIGINT) AS n_rows,
  CAST(CASE WHEN d.read_by IS NULL THEN COUNT(*) ELSE COUNT(*) - COUNT(DISTINCT d.record_id) END AS BIGINT) AS n_unused
FROM read_detail AS d
GROUP BY
  d.study,
  d.source,
  d.kind,
  d.field,
  d.read_by
UNION ALL
SELECT
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST('record' AS TEXT) AS table_name,
  CAST(r.kind AS TEXT) AS kind,
  CAST('' AS TEXT) AS field,
  CAST(r.read_by AS TEXT) AS read_by,
  CAST(COUNT(*) AS BIGINT) AS n_rows,
  CAST(CASE WHEN r.read_by IS NULL THEN COUNT(*) ELSE 0 END AS BIGINT) AS n_unused
FROM read_record AS r
GROUP BY
  r.study,
  r.source,
  r.kind,
  r.read_by
