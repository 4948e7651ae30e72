/* One row per measurement, in UCUM units. */
MODEL (
  name cdm.measurement,
  kind FULL,
  grain measurement_id,
  references (
    person_id
  ),
  depends_on (cdm.visit_detail, cdm.visit_occurrence),
  description 'Facts of stem.event whose concept is of domain Measurement, and unmapped measurement events. A limit of quantification keeps its operator; absent values are not here but in mart.missingness.',
  column_descriptions (
    measurement_id = 'The unique key given to a Measurement record for a Person',
    person_id = 'The PERSON_ID of the Person for whom the Measurement is recorded',
    measurement_concept_id = 'The MEASUREMENT_CONCEPT_ID field is recommended for primary use in analyses, and must be used for network studies',
    measurement_date = 'Use this date to determine the date of the measurement',
    measurement_datetime = 'Measurement datetime; null where the source gives none',
    measurement_time = 'Measurement time; null where the source gives none',
    measurement_type_concept_id = 'This field can be used to determine the provenance of the Measurement record, as in whether the measurement was from an EHR system, insurance claim, registry, or other sources',
    operator_concept_id = 'The meaning of Concept 4172703 for = is identical to omission of a OPERATOR_CONCEPT_ID value',
    value_as_number = 'This is the numerical value of the Result of the Measurement, if available',
    value_as_concept_id = 'If the raw data gives a categorial result for measurements those values are captured and mapped to standard concepts in the Meas Value domain',
    unit_concept_id = 'At present, there isnt a prescribed unit for individual measurements, such as Hemoglobin A1C, meaning its not obligatory to express these measurements as a percentage',
    range_low = 'Ranges have the same unit as the VALUE_AS_NUMBER',
    range_high = 'Ranges have the same unit as the VALUE_AS_NUMBER',
    provider_id = 'The provider associated with measurement record, e.g. the provider who ordered the test or the provider who recorded the result',
    visit_occurrence_id = 'The visit during which the Measurement occurred',
    visit_detail_id = 'The VISIT_DETAIL record during which the Measurement occurred',
    measurement_source_value = 'This field contains the exact value from the source data that represents the measurement that occurred',
    measurement_source_concept_id = 'This is the concept representing the MEASUREMENT_SOURCE_VALUE and may not necessarily be standard',
    unit_source_value = 'This field contains the exact value from the source data that represents the unit of measurement used',
    unit_source_concept_id = 'This is the concept representing the UNIT_SOURCE_VALUE and may not necessarily be standard',
    value_source_value = 'This field houses the verbatim result value of the Measurement from the source data',
    measurement_event_id = 'If the Measurement record is related to another record in the database, this field is the primary key of the linked record',
    meas_event_field_concept_id = 'If the Measurement record is related to another record in the database, this field is the CONCEPT_ID that identifies which table the primary key of the linked record came from'
  ),
  audits (
    not_null(
      columns := (measurement_id, person_id, measurement_concept_id, measurement_date, measurement_type_concept_id)
    ),
    unique_key(columns := (
      measurement_id
    )),
    positive(key := measurement_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id),
    refers_to_visit_detail(key := visit_detail_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS measurement_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS measurement_concept_id,
  CAST(e.start_date AS DATE) AS measurement_date,
  CAST(e.start_datetime AS TIMESTAMP) AS measurement_datetime,
  CAST(SUBSTRING(CAST(e.start_datetime AS TEXT), 12, 8) AS TEXT) AS measurement_time,
  CAST(e.type_concept_id AS BIGINT) AS measurement_type_concept_id,
  CAST(COALESCE(e.operator_concept_id, CASE WHEN NOT e.value_operator IS NULL THEN COALESCE(o.concept_id, 0) END) AS BIGINT) AS operator_concept_id,
  CAST(e.value_number AS DOUBLE) AS value_as_number,
  CAST(e.value_concept_id AS BIGINT) AS value_as_concept_id,
  CAST(e.unit_concept_id AS BIGINT) AS unit_concept_id,
  CAST(e.range_low AS DOUBLE) AS range_low,
  CAST(e.range_high AS DOUBLE) AS range_high,
  CAST(e.provider_id AS BIGINT) AS provider_id,
  CAST(e.visit_occurrence_id AS BIGINT) AS visit_occurrence_id,
  CAST(e.visit_detail_id AS BIGINT) AS visit_detail_id,
  CAST(SUBSTRING(e.source_code, 1, 50) AS TEXT) AS measurement_source_value,
  CAST(e.source_concept_id AS BIGINT) AS measurement_source_concept_id,
  CAST(SUBSTRING(e.source_unit, 1, 50) AS TEXT) AS unit_source_value,
  CAST(d.unit_source_concept_id AS BIGINT) AS unit_source_concept_id,
  CAST(SUBSTRING(e.source_value, 1, 50) AS TEXT) AS value_source_value,
  CAST(e.parent_id AS BIGINT) AS measurement_event_id,
  CAST(COALESCE(
    NULLIF(e.parent_field_concept_id, 0),
    CASE WHEN NOT e.parent_id IS NULL THEN COALESCE(d.event_field_concept_id, 0) END
  ) AS BIGINT) AS meas_event_field_concept_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
LEFT JOIN vocab.concept AS o
  ON CASE e.value_operator
    WHEN '<'
    THEN 4171756
    WHEN '<='
    THEN 4171754
    WHEN '>'
    THEN 4172704
    WHEN '>='
    THEN 4171755
  END = o.concept_id
WHERE
  e.cdm_table = 'measurement' AND NOT e.start_date IS NULL
