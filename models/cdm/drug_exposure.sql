/* One row per drug exposure. */
MODEL (
  name cdm.drug_exposure,
  kind FULL,
  grain drug_exposure_id,
  references (
    person_id
  ),
  depends_on (cdm.visit_detail, cdm.visit_occurrence),
  description 'Facts of stem.event whose concept is of domain Drug, and unmapped drug events. An exposure without an end ends with its supply, else where it starts; verbatim_end_date holds only what was delivered.',
  column_descriptions (
    drug_exposure_id = 'The unique key given to records of drug dispensings or administrations for a person',
    person_id = 'The PERSON_ID of the PERSON for whom the drug dispensing or administration is recorded',
    drug_concept_id = 'The DRUG_CONCEPT_ID field is recommended for primary use in analyses, and must be used for network studies',
    drug_exposure_start_date = 'Use this date to determine the start date of the drug record',
    drug_exposure_start_datetime = 'Drug exposure start datetime; null where the source gives none',
    drug_exposure_end_date = 'The DRUG_EXPOSURE_END_DATE denotes the day the drug exposure ended for the patient',
    drug_exposure_end_datetime = 'Drug exposure end datetime; null where the source gives none',
    verbatim_end_date = 'This is the end date of the drug exposure as it appears in the source data, if it is given',
    drug_type_concept_id = 'You can use the TYPE_CONCEPT_ID to delineate between prescriptions written vs. prescriptions dispensed vs. medication history vs. patient-reported exposure, etc',
    stop_reason = 'The reason a person stopped a medication as it is represented in the source',
    refills = 'This is only filled in when the record is coming from a prescription written this field is meant to represent intended refills at time of the prescription',
    quantity = 'Quantity; null where the source gives none',
    days_supply = 'Days supply; null where the source gives none',
    sig = 'This is the verbatim instruction for the drug as written by the provider',
    route_concept_id = 'Route concept id; null where the source gives none',
    lot_number = 'Lot number; null where the source gives none',
    provider_id = 'The Provider associated with drug record, e.g. the provider who wrote the prescription or the provider who administered the drug',
    visit_occurrence_id = 'The Visit during which the drug was prescribed, administered or dispensed',
    visit_detail_id = 'The VISIT_DETAIL record during which the drug exposure occurred',
    drug_source_value = 'This field houses the verbatim value from the source data representing the drug exposure that occurred',
    drug_source_concept_id = 'This is the concept representing the drug source value and may not necessarily be standard',
    route_source_value = 'This field houses the verbatim value from the source data representing the drug route',
    dose_unit_source_value = 'This field houses the verbatim value from the source data representing the dose unit of the drug given'
  ),
  audits (
    not_null(
      columns := (
        drug_exposure_id,
        person_id,
        drug_concept_id,
        drug_exposure_start_date,
        drug_exposure_end_date,
        drug_type_concept_id
      )
    ),
    unique_key(columns := (
      drug_exposure_id
    )),
    positive(key := drug_exposure_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id),
    refers_to_visit_detail(key := visit_detail_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS drug_exposure_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS drug_concept_id,
  CAST(e.start_date AS DATE) AS drug_exposure_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS drug_exposure_start_datetime,
  CAST(GREATEST(
    e.start_date,
    COALESCE(
      e.end_date,
      CASE
        WHEN e.days_supply BETWEEN 1 AND 36500
        THEN CAST(e.start_date + (
          e.days_supply - 1
        ) * INTERVAL '1' DAY AS DATE)
      END,
      e.start_date
    )
  ) AS DATE) AS drug_exposure_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS drug_exposure_end_datetime,
  CAST(CASE
    WHEN e.has_given_concept
    THEN d.verbatim_end_date
    ELSE COALESCE(d.verbatim_end_date, e.end_date)
  END AS DATE) AS verbatim_end_date,
  CAST(e.type_concept_id AS BIGINT) AS drug_type_concept_id,
  CAST(SUBSTRING(e.stop_reason, 1, 20) AS TEXT) AS stop_reason,
  CAST(e.refills AS INT) AS refills,
  CAST(e.quantity AS DOUBLE) AS quantity,
  CAST(e.days_supply AS INT) AS days_supply,
  CAST(d.sig AS TEXT) AS sig,
  CAST(e.qualifier_concept_id AS BIGINT) AS route_concept_id,
  CAST(SUBSTRING(e.lot_number, 1, 50) AS TEXT) AS lot_number,
  CAST(e.provider_id AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(e.visit_detail_id AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(
    CASE
      WHEN e.kind = 'value' AND NOT e.source_value IS NULL
      THEN e.source_code || '=' || e.source_value
      ELSE e.source_code
    END,
    1,
    50
  ) AS TEXT) AS drug_source_value,
  CAST(e.source_concept_id AS BIGINT) AS drug_source_concept_id,
  CAST(SUBSTRING(e.qualifier_source_value, 1, 50) AS TEXT) AS route_source_value,
  CAST(SUBSTRING(COALESCE(e.dose_unit, e.source_unit), 1, 50) AS TEXT) AS dose_unit_source_value
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
WHERE
  e.cdm_table = 'drug_exposure' AND NOT e.start_date IS NULL
