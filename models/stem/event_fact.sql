/* One row per fact made from a delivered event: one concept, one unit, one date. */
MODEL (
  name stem.event_fact,
  kind FULL,
  grain fact_id,
  references (person_id, concept_id),
  description 'Facts of staging.source_event by the targets of stem.event_target. An event without a date of its own takes that of its visit detail, then of its visit. References to records that were not delivered, or are of another person, are null. What an OMOP-shaped source leaves empty stays empty. A mapping scales the numbers that come without a unit; a delivered unit is converted to that of the mapping, and where it cannot be the number keeps it.',
  column_descriptions (
    fact_id = 'xor(row_id, key of the target): positive, the same in every delivery and order',
    row_id = 'Id of the delivered event',
    record_id = 'Id of the delivered record',
    study = 'Study of the fact',
    source = 'Source within the study',
    person_id = 'Person',
    cdm_table = 'Table the fact goes to; person and person_attribute for columns of a person',
    kind = 'Kind of event',
    concept_id = 'Standard concept; 0 if none',
    source_concept_id = 'Source concept; 0 if none',
    source_code = 'Variable, or code of an event, as delivered; the label for a bare event',
    code_system = 'OMOP vocabulary id of the code; null for values',
    value_number = 'Number in unit_concept_id, or without a unit',
    value_operator = '<, <=, > or >= where value_number is a limit',
    operator_concept_id = 'Operator concept the source delivers; null where value_operator says it',
    value_text = 'Text, or label of the code; null for numbers',
    value_concept_id = 'Concept of the answer; 0 if a coded answer has none; null if the value is a number or text',
    value_source_concept_id = 'Source concept of the answer (CDM 5.5); null where there is no coded answer',
    source_value = 'Value as delivered; null for an event without one',
    unit_concept_id = 'Unit; 0 if a unit was given that no concept matches; null if none applies',
    unit_state = 'How the number came to its unit: converted, as-delivered, unconvertible (it keeps its own unit) or no-unit; null without a number',
    source_unit = 'Unit as delivered, else as the dictionary writes it',
    range_low = 'Lower end of the normal range, in unit_concept_id; null if none',
    range_high = 'Upper end of the normal range, in unit_concept_id; null if none',
    type_concept_id = 'OMOP type concept',
    start_date = 'Local date; null if none can be known',
    start_datetime = 'Local date and time; null where only a date is known',
    end_date = 'Local end date; null if none was given',
    end_datetime = 'Local end; null where only a date was given',
    date_origin = 'own, visit, or none',
    visit_occurrence_id = 'Visit the fact belongs to; null if none',
    visit_detail_id = 'Visit detail the fact belongs to; null if none',
    parent_id = 'Fact this one belongs to: the survey of an answer, the visit before, the parent of a visit detail; null if none',
    parent_table = 'Table of cdm that parent_id stands in; null if none',
    parent_field_concept_id = 'Concept of the id column of parent_table; null if none',
    provider_id = 'Provider; null if none or not delivered',
    care_site_id = 'Care site; null if none or not delivered',
    qualifier_concept_id = 'Concept of the qualifier (route, modifier, status, anatomic site, ...); 0 if it has none; null without a qualifier',
    qualifier_source_value = 'Label of the qualifier as delivered, else its code; null without a qualifier',
    quantity = 'Amount of a drug, device, specimen or procedure; null if none',
    days_supply = 'Days a drug lasts; null if none',
    refills = 'Refills of a drug; null if none',
    stop_reason = 'Why a drug or condition ended; null if none',
    dose_unit = 'Unit of the dose; null if none',
    lot_number = 'Lot of a drug; null if none',
    position = 'Rank of the code in its record; null if none',
    origin = 'hospital, primary-care, register, survey, pharmacy, claims, research or device; null for values',
    has_given_concept = 'True if an OMOP-shaped source delivered the concept',
    admitted_from = 'Visits only: where from, as delivered',
    discharged_to = 'Visits only: where to, as delivered'
  ),
  audits (
    not_null(columns := (fact_id, row_id, person_id, cdm_table, concept_id, type_concept_id)),
    positive(key := fact_id)
  )
);

WITH ucum AS (
  SELECT
    c.concept_code AS unit,
    MIN(c.concept_id) AS unit_concept_id
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'UCUM'
  GROUP BY
    c.concept_code
), stay_part AS (
  SELECT
    v.record_id,
    v.person_id,
    v.visit_occurrence_id,
    v.visit_detail_id,
    v.start_date,
    v.start_datetime
  FROM stem.visit AS v
  WHERE
    NOT v.visit_detail_id IS NULL
)
SELECT
  CAST(XOR(e.row_id, t.id_key) AS BIGINT) AS fact_id,
  CAST(e.row_id AS BIGINT) AS row_id,
  CAST(e.record_id AS BIGINT) AS record_id,
  CAST(e.study AS TEXT) AS study,
  CAST(e.source AS TEXT) AS source,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(t.cdm_table AS TEXT) AS cdm_table,
  CAST(e.kind AS TEXT) AS kind,
  CAST(t.concept_id AS BIGINT) AS concept_id,
  CAST(t.source_concept_id AS BIGINT) AS source_concept_id,
  CAST(COALESCE(e.code, e.code_text) AS TEXT) AS source_code,
  CAST(e.code_system AS TEXT) AS code_system,
  CAST(CASE
    WHEN NOT t.recode_number IS NULL
    THEN t.recode_number
    WHEN t.rule = 'scale'
    AND (
      (
        COALESCE(e.source_unit, '') = '' AND e.given_unit_concept_id IS NULL
      )
      OR (
        t.unit_concept_id IS NULL AND c.concept_id IS NULL
      )
    )
    THEN e.value_number * t.scale_factor + t.scale_offset
    WHEN NOT c.scale_factor IS NULL
    THEN e.value_number * c.scale_factor + c.scale_offset
    ELSE e.value_number
  END AS DOUBLE) AS value_number,
  CAST(e.value_operator AS TEXT) AS value_operator,
  CAST(e.given_operator_concept_id AS BIGINT) AS operator_concept_id,
  CAST(CASE WHEN e.value_number IS NULL THEN e.source_value END AS TEXT) AS value_text,
  CAST(CASE
    WHEN NOT e.given_value_concept_id IS NULL
    THEN e.given_value_concept_id
    WHEN NOT e.value_code IS NULL
    THEN COALESCE(a.concept_id, 0)
    ELSE t.value_concept_id
  END AS BIGINT) AS value_concept_id,
  CAST(CASE WHEN NOT e.value_code IS NULL THEN COALESCE(a.source_concept_id, 0) END AS BIGINT) AS value_source_concept_id,
  CAST(CASE
    WHEN NOT e.given_concept_id IS NULL
    THEN e.value_source
    ELSE COALESCE(e.value_source, e.source_value, e.value_code)
  END AS TEXT) AS source_value,
  CAST(CASE
    WHEN t.rule = 'scale'
    AND (
      (
        COALESCE(e.source_unit, '') = '' AND e.given_unit_concept_id IS NULL
      )
      OR (
        t.unit_concept_id IS NULL AND c.concept_id IS NULL
      )
    )
    AND NOT t.unit_concept_id IS NULL
    THEN t.unit_concept_id
    WHEN NOT e.given_concept_id IS NULL OR NOT e.given_unit_concept_id IS NULL
    THEN COALESCE(
      e.given_unit_concept_id,
      CASE
        WHEN t.rule = 'scale' AND NOT e.source_unit IS NULL
        THEN COALESCE(u.unit_concept_id, 0)
        ELSE t.unit_concept_id
      END
    )
    WHEN NOT c.scale_factor IS NULL
    THEN c.unit_concept_id
    WHEN e.source_unit IS NULL
    THEN t.unit_concept_id
    ELSE COALESCE(u.unit_concept_id, 0)
  END AS BIGINT) AS unit_concept_id,
  CAST(CASE
    WHEN e.value_number IS NULL
    THEN NULL
    WHEN COALESCE(e.source_unit, '') = '' AND e.given_unit_concept_id IS NULL AND t.unit_concept_id IS NULL
    THEN 'no-unit'
    WHEN t.rule = 'scale'
    AND (
      (
        COALESCE(e.source_unit, '') = '' AND e.given_unit_concept_id IS NULL
      )
      OR (
        t.unit_concept_id IS NULL AND c.concept_id IS NULL
      )
    )
    THEN 'converted'
    WHEN NOT c.scale_factor IS NULL
    THEN CASE WHEN c.from_unit = c.to_unit THEN 'as-delivered' ELSE 'converted' END
    WHEN NOT c.concept_id IS NULL AND NOT e.source_unit IS NULL
    THEN 'unconvertible'
    WHEN t.rule = 'scale' AND NOT e.given_unit_concept_id IS NOT DISTINCT FROM t.unit_concept_id
    THEN 'unconvertible'
    ELSE 'as-delivered'
  END AS TEXT) AS unit_state,
  CAST(e.given_unit AS TEXT) AS source_unit,
  CAST(CASE
    WHEN t.rule = 'scale'
    AND (
      (
        COALESCE(e.source_unit, '') = '' AND e.given_unit_concept_id IS NULL
      )
      OR (
        t.unit_concept_id IS NULL AND c.concept_id IS NULL
      )
    )
    THEN e.range_low * t.scale_factor + t.scale_offset
    WHEN NOT c.scale_factor IS NULL
    THEN e.range_low * c.scale_factor + c.scale_offset
    ELSE e.range_low
  END AS DOUBLE) AS range_low,
  CAST(CASE
    WHEN t.rule = 'scale'
    AND (
      (
        COALESCE(e.source_unit, '') = '' AND e.given_unit_concept_id IS NULL
      )
      OR (
        t.unit_concept_id IS NULL AND c.concept_id IS NULL
      )
    )
    THEN e.range_high * t.scale_factor + t.scale_offset
    WHEN NOT c.scale_factor IS NULL
    THEN e.range_high * c.scale_factor + c.scale_offset
    ELSE e.range_high
  END AS DOUBLE) AS range_high,
  CAST(COALESCE(e.given_type_concept_id, t.type_concept_id) AS BIGINT) AS type_concept_id,
  CAST(COALESCE(e.start_date, d.start_date, w.start_date) AS DATE) AS start_date,
  CAST(CASE
    WHEN NOT e.start_date IS NULL
    THEN e.start_datetime
    WHEN NOT d.start_date IS NULL
    THEN d.start_datetime
    ELSE w.start_datetime
  END AS TIMESTAMP) AS start_datetime,
  CAST(e.end_date AS DATE) AS end_date,
  CAST(e.end_datetime AS TIMESTAMP) AS end_datetime,
  CAST(CASE
    WHEN NOT e.start_date IS NULL
    THEN 'own'
    WHEN NOT COALESCE(d.start_date, w.start_date) IS NULL
    THEN 'visit'
    ELSE 'none'
  END AS TEXT) AS date_origin,
  CAST(CASE
    WHEN t.cdm_table <> 'visit_occurrence'
    THEN COALESCE(w.visit_occurrence_id, d.visit_occurrence_id)
  END AS BIGINT) AS visit_occurrence_id,
  CAST(CASE WHEN NOT t.cdm_table IN ('visit_occurrence', 'visit_detail') THEN d.visit_detail_id END AS BIGINT) AS visit_detail_id,
  CAST(p.fact_id AS BIGINT) AS parent_id,
  CAST(p.cdm_table AS TEXT) AS parent_table,
  CAST(p.field_concept_id AS BIGINT) AS parent_field_concept_id,
  CAST(r.record_id AS BIGINT) AS provider_id,
  CAST(s.record_id AS BIGINT) AS care_site_id,
  CAST(CASE
    WHEN NOT e.given_qualifier_concept_id IS NULL
    THEN e.given_qualifier_concept_id
    WHEN e.given_concept_id IS NULL AND NOT COALESCE(e.qualifier_code, e.qualifier_text) IS NULL
    THEN COALESCE(q.concept_id, 0)
  END AS BIGINT) AS qualifier_concept_id,
  CAST(COALESCE(e.qualifier_text, e.qualifier_code) AS TEXT) AS qualifier_source_value,
  CAST(e.quantity AS DOUBLE) AS quantity,
  CAST(e.days_supply AS INT) AS days_supply,
  CAST(e.refills AS INT) AS refills,
  CAST(e.stop_reason AS TEXT) AS stop_reason,
  CAST(e.dose_unit AS TEXT) AS dose_unit,
  CAST(e.lot_number AS TEXT) AS lot_number,
  CAST(e.position AS TEXT) AS position,
  CAST(e.origin AS TEXT) AS origin,
  CAST(NOT e.given_concept_id IS NULL AS BOOLEAN) AS has_given_concept,
  CAST(e.admitted_from AS TEXT) AS admitted_from,
  CAST(e.discharged_to AS TEXT) AS discharged_to
FROM staging.source_event AS e
INNER JOIN stem.event_target AS t
  ON e.study = t.study
  AND e.source = t.source
  AND e.kind = t.kind
  AND e.code_system = t.code_system
  AND e.code_key = t.code_key
  AND e.origin = t.origin
  AND e.given_concept_id IS NOT DISTINCT FROM t.given_concept_id
  AND e.given_source_concept_id IS NOT DISTINCT FROM t.given_source_concept_id
LEFT JOIN stem.visit AS w
  ON e.visit_record_id = w.record_id AND e.person_id = w.person_id
LEFT JOIN stay_part AS d
  ON e.visit_detail_record_id = d.record_id AND e.person_id = d.person_id
LEFT JOIN stem.record_fact AS p
  ON e.parent_record_id = p.record_id AND e.person_id = p.person_id
LEFT JOIN stem.term_target AS a
  ON e.study = a.study
  AND e.source = a.source
  AND e.value_code_system = a.code_system
  AND e.value_code_key = a.code_key
LEFT JOIN stem.term_target AS q
  ON e.study = q.study
  AND e.source = q.source
  AND e.qualifier_code_system = q.code_system
  AND e.qualifier_code_key = q.code_key
LEFT JOIN stem.known_record AS r
  ON e.provider_record_id = r.record_id AND r.kind = 'provider'
LEFT JOIN stem.known_record AS s
  ON e.care_site_record_id = s.record_id AND s.kind = 'care_site'
LEFT JOIN ucum AS u
  ON e.ucum_unit = u.unit
LEFT JOIN stem.unit_target AS c
  ON t.concept_id = c.concept_id
  AND t.unit_concept_id IS NOT DISTINCT FROM c.mapped_unit_concept_id
  AND COALESCE(e.ucum_unit, '') = c.from_unit
  AND e.given_concept_id IS NULL
  AND e.given_unit_concept_id IS NULL
WHERE
  e.absent_reason IS NULL AND t.disposition <> 'ignored'
