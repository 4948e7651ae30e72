/* One row per device exposure. */
MODEL (
  name cdm.device_exposure,
  kind FULL,
  grain device_exposure_id,
  references (
    person_id
  ),
  depends_on (cdm.visit_detail, cdm.visit_occurrence),
  description 'Facts of stem.event whose concept is of domain Device, and unmapped device events.',
  column_descriptions (
    device_exposure_id = 'The unique key given to records a persons exposure to a foreign physical object or instrument',
    person_id = 'Person id',
    device_concept_id = 'The DEVICE_CONCEPT_ID field is recommended for primary use in analyses, and must be used for network studies',
    device_exposure_start_date = 'Use this date to determine the start date of the device record',
    device_exposure_start_datetime = 'Device exposure start datetime; null where the source gives none',
    device_exposure_end_date = 'The DEVICE_EXPOSURE_END_DATE denotes the day the device exposure ended for the patient, if given',
    device_exposure_end_datetime = 'Device exposure end datetime; null where the source gives none',
    device_type_concept_id = 'You can use the TYPE_CONCEPT_ID to denote the provenance of the record, as in whether the record is from administrative claims or EHR',
    unique_device_id = 'This is the Unique Device Identification (UDI-DI) number for devices regulated by the FDA, if given',
    production_id = 'This is the Production Identifier (UDI-PI) portion of the Unique Device Identification',
    quantity = 'Quantity; null where the source gives none',
    provider_id = 'The Provider associated with device record, e.g. the provider who wrote the prescription or the provider who implanted the device',
    visit_occurrence_id = 'The Visit during which the device was prescribed or given',
    visit_detail_id = 'The Visit Detail during which the device was prescribed or given',
    device_source_value = 'This field houses the verbatim value from the source data representing the device exposure that occurred',
    device_source_concept_id = 'This is the concept representing the device source value and may not necessarily be standard',
    unit_concept_id = 'UNIT_SOURCE_VALUES should be mapped to a Standard Concept in the Unit domain that best represents the unit as given in the source data',
    unit_source_value = 'This field houses the verbatim value from the source data representing the unit of the Device',
    unit_source_concept_id = 'This is the concept representing the UNIT_SOURCE_VALUE and may not necessarily be standard'
  ),
  audits (
    not_null(
      columns := (device_exposure_id, person_id, device_concept_id, device_exposure_start_date, device_type_concept_id)
    ),
    unique_key(columns := (
      device_exposure_id
    )),
    positive(key := device_exposure_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id),
    refers_to_visit_detail(key := visit_detail_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS device_exposure_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS device_concept_id,
  CAST(e.start_date AS DATE) AS device_exposure_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS device_exposure_start_datetime,
  CAST(CASE WHEN e.end_date >= e.start_date THEN e.end_date END AS DATE) AS device_exposure_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS device_exposure_end_datetime,
  CAST(e.type_concept_id AS BIGINT) AS device_type_concept_id,
  CAST(SUBSTRING(d.unique_device_id, 1, 255) AS TEXT) AS unique_device_id,
  CAST(NULL AS TEXT) AS production_id,
  TRY_CAST(e.quantity AS INT) AS quantity,
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
  ) AS TEXT) AS device_source_value,
  CAST(e.source_concept_id AS BIGINT) AS device_source_concept_id,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(SUBSTRING(e.source_unit, 1, 50) AS TEXT) AS unit_source_value,
  CAST(d.unit_source_concept_id AS BIGINT) AS unit_source_concept_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
WHERE
  e.cdm_table = 'device_exposure' AND NOT e.start_date IS NULL
