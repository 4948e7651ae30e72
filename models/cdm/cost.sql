/* One row per cost of an event. */
MODEL (
  name cdm.cost,
  kind FULL,
  grain cost_id,
  description 'Records of kind cost whose event is in cdm; the domain is that of the table the event is in, whatever the source called it. The others are counted in stem.record_arrival.',
  column_descriptions (
    cost_id = 'Cost id',
    cost_event_id = 'Cost event id',
    cost_domain_id = 'Cost domain id',
    cost_type_concept_id = 'Cost type concept id',
    currency_concept_id = 'Currency concept id; null where the source gives none',
    total_charge = 'Total charge; null where the source gives none',
    total_cost = 'Total cost; null where the source gives none',
    total_paid = 'Total paid; null where the source gives none',
    paid_by_payer = 'Paid by payer; null where the source gives none',
    paid_by_patient = 'Paid by patient; null where the source gives none',
    paid_patient_copay = 'Paid patient copay; null where the source gives none',
    paid_patient_coinsurance = 'Paid patient coinsurance; null where the source gives none',
    paid_patient_deductible = 'Paid patient deductible; null where the source gives none',
    paid_by_primary = 'Paid by primary; null where the source gives none',
    paid_ingredient_cost = 'Paid ingredient cost; null where the source gives none',
    paid_dispensing_fee = 'Paid dispensing fee; null where the source gives none',
    payer_plan_period_id = 'Payer plan period id; null where the source gives none',
    amount_allowed = 'Amount allowed; null where the source gives none',
    revenue_code_concept_id = 'Revenue code concept id; null where the source gives none',
    revenue_code_source_value = 'Revenue codes are a method to charge for a class of procedures and conditions in the U.S',
    drg_concept_id = 'Drg concept id; null where the source gives none',
    drg_source_value = 'Diagnosis Related Groups are US codes used to classify hospital cases into one of approximately 500 groups'
  ),
  audits (
    not_null(columns := (cost_id, cost_event_id, cost_domain_id, cost_type_concept_id)),
    unique_key(columns := (
      cost_id
    )),
    positive(key := cost_id)
  )
);

WITH field AS (
  SELECT
    d.record_id,
    MAX(CASE WHEN d.field = 'cost_type_concept_id' THEN d.value_text END) AS cost_type_concept_id,
    MAX(CASE WHEN d.field = 'currency_concept_id' THEN d.value_text END) AS currency_concept_id,
    MAX(CASE WHEN d.field = 'total_charge' THEN d.value_text END) AS total_charge,
    MAX(CASE WHEN d.field = 'total_cost' THEN d.value_text END) AS total_cost,
    MAX(CASE WHEN d.field = 'total_paid' THEN d.value_text END) AS total_paid,
    MAX(CASE WHEN d.field = 'paid_by_payer' THEN d.value_text END) AS paid_by_payer,
    MAX(CASE WHEN d.field = 'paid_by_patient' THEN d.value_text END) AS paid_by_patient,
    MAX(CASE WHEN d.field = 'paid_patient_copay' THEN d.value_text END) AS paid_patient_copay,
    MAX(CASE WHEN d.field = 'paid_patient_coinsurance' THEN d.value_text END) AS paid_patient_coinsurance,
    MAX(CASE WHEN d.field = 'paid_patient_deductible' THEN d.value_text END) AS paid_patient_deductible,
    MAX(CASE WHEN d.field = 'paid_by_primary' THEN d.value_text END) AS paid_by_primary,
    MAX(CASE WHEN d.field = 'paid_ingredient_cost' THEN d.value_text END) AS paid_ingredient_cost,
    MAX(CASE WHEN d.field = 'paid_dispensing_fee' THEN d.value_text END) AS paid_dispensing_fee,
    MAX(CASE WHEN d.field = 'amount_allowed' THEN d.value_text END) AS amount_allowed,
    MAX(CASE WHEN d.field = 'revenue_code_concept_id' THEN d.value_text END) AS revenue_code_concept_id,
    MAX(CASE WHEN d.field = 'revenue_code_source_value' THEN d.value_text END) AS revenue_code_source_value,
    MAX(CASE WHEN d.field = 'drg_concept_id' THEN d.value_text END) AS drg_concept_id,
    MAX(CASE WHEN d.field = 'drg_source_value' THEN d.value_text END) AS drg_source_value,
    MAX(CASE WHEN d.field = 'cost_event_id' THEN d.value_text END) AS cost_event_id,
    MAX(CASE WHEN d.field = 'payer_plan_period_id' THEN d.value_text END) AS payer_plan_period_id
  FROM staging.source_detail AS d
  WHERE
    d.kind = 'cost'
  GROUP BY
    d.record_id
)
SELECT
  CAST(r.record_id AS BIGINT) AS cost_id,
  CAST(e.fact_id AS BIGINT) AS cost_event_id,
  CAST(SUBSTRING(e.domain_id, 1, 20) AS TEXT) AS cost_domain_id,
  CAST(COALESCE(TRY_CAST(f.cost_type_concept_id AS BIGINT), 0) AS BIGINT) AS cost_type_concept_id,
  TRY_CAST(f.currency_concept_id AS BIGINT) AS currency_concept_id,
  TRY_CAST(f.total_charge AS DOUBLE) AS total_charge,
  CAST(COALESCE(TRY_CAST(f.total_cost AS DOUBLE), r.value_number) AS DOUBLE) AS total_cost,
  TRY_CAST(f.total_paid AS DOUBLE) AS total_paid,
  TRY_CAST(f.paid_by_payer AS DOUBLE) AS paid_by_payer,
  TRY_CAST(f.paid_by_patient AS DOUBLE) AS paid_by_patient,
  TRY_CAST(f.paid_patient_copay AS DOUBLE) AS paid_patient_copay,
  TRY_CAST(f.paid_patient_coinsurance AS DOUBLE) AS paid_patient_coinsurance,
  TRY_CAST(f.paid_patient_deductible AS DOUBLE) AS paid_patient_deductible,
  TRY_CAST(f.paid_by_primary AS DOUBLE) AS paid_by_primary,
  TRY_CAST(f.paid_ingredient_cost AS DOUBLE) AS paid_ingredient_cost,
  TRY_CAST(f.paid_dispensing_fee AS DOUBLE) AS paid_dispensing_fee,
  CAST(y.payer_plan_period_id AS BIGINT) AS payer_plan_period_id,
  TRY_CAST(f.amount_allowed AS DOUBLE) AS amount_allowed,
  TRY_CAST(f.revenue_code_concept_id AS BIGINT) AS revenue_code_concept_id,
  CAST(SUBSTRING(f.revenue_code_source_value, 1, 50) AS TEXT) AS revenue_code_source_value,
  TRY_CAST(f.drg_concept_id AS BIGINT) AS drg_concept_id,
  CAST(SUBSTRING(f.drg_source_value, 1, 3) AS TEXT) AS drg_source_value
FROM staging.source_record AS r
LEFT JOIN field AS f
  ON r.record_id = f.record_id
INNER JOIN stem.record_target AS e
  ON COALESCE(TRY_CAST(f.cost_event_id AS BIGINT), r.parent_record_id) = e.record_id AND e.place = 1
LEFT JOIN cdm.payer_plan_period AS y
  ON TRY_CAST(f.payer_plan_period_id AS BIGINT) = y.payer_plan_period_id
LEFT JOIN cdm.person AS q
  ON r.person_id = q.person_id
WHERE
  r.kind = 'cost' AND NOT e.domain_id IS NULL AND (
    r.person_id IS NULL OR NOT q.person_id IS NULL
  )
