/* One row per fact made from wearables: the value of a day, or a period in which a device was worn. */
MODEL (
  name stem.wearable_fact,
  kind FULL,
  grain fact_id,
  references (person_id, concept_id),
  description 'Primary rows of wearable.day go to cdm.measurement, wear periods to cdm.device_exposure. A sum over a day on which the device was not worn is absent (x-not-worn) and makes no fact; stem.books counts it.',
  column_descriptions (
    fact_id = 'xor(row_id, key of the stream): positive, the same as long as the same sample comes first',
    row_id = 'Smallest row of raw.wearable_sample the fact comes from',
    study = 'Study',
    source = 'Source within the study',
    person_id = 'Person',
    cdm_table = 'measurement or device_exposure',
    kind = 'wearable_day or wear_period',
    concept_id = 'Concept of the LOINC code of the stream; 0 if there is none or the vocabulary does not have it',
    source_code = 'Stream, or model of the device',
    value_number = 'Value of the day in unit_concept_id; null for wear',
    unit_concept_id = 'Unit; null for wear',
    source_unit = 'Unit, UCUM; null for wear',
    type_concept_id = 'OMOP type concept of the source',
    start_date = 'Local date, or first date worn',
    end_date = 'Last date worn; null for values'
  ),
  audits (
    unique_key(columns := (
      fact_id
    )),
    not_null(columns := (fact_id, row_id, person_id, cdm_table, kind, concept_id, type_concept_id, start_date)),
    positive(key := fact_id)
  )
);

WITH loinc AS (
  SELECT
    c.concept_code,
    MIN(c.concept_id) AS concept_id
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'LOINC' AND c.standard_concept = 'S'
  GROUP BY
    c.concept_code
), ucum AS (
  SELECT
    c.concept_code,
    MIN(c.concept_id) AS concept_id
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'UCUM'
  GROUP BY
    c.concept_code
)
SELECT
  CAST(XOR(d.row_id, s.id_key) AS BIGINT) AS fact_id,
  CAST(d.row_id AS BIGINT) AS row_id,
  CAST(d.study AS TEXT) AS study,
  CAST(d.source AS TEXT) AS source,
  CAST(d.person_id AS BIGINT) AS person_id,
  CAST('measurement' AS TEXT) AS cdm_table,
  CAST('wearable_day' AS TEXT) AS kind,
  CAST(COALESCE(l.concept_id, 0) AS BIGINT) AS concept_id,
  CAST(d.stream AS TEXT) AS source_code,
  CAST(d.value AS DOUBLE) AS value_number,
  CAST(COALESCE(u.concept_id, 0) AS BIGINT) AS unit_concept_id,
  CAST(d.unit AS TEXT) AS source_unit,
  CAST(COALESCE(o.type_concept_id, 0) AS BIGINT) AS type_concept_id,
  CAST(d.start_date AS DATE) AS start_date,
  CAST(NULL AS DATE) AS end_date
FROM wearable.day AS d
INNER JOIN vocab.wearable_stream AS s
  ON d.stream = s.stream
LEFT JOIN loinc AS l
  ON s.loinc_code = l.concept_code
LEFT JOIN ucum AS u
  ON s.unit = u.concept_code
LEFT JOIN vocab.study_source AS o
  ON d.study = o.study AND d.source = o.source
WHERE
  d.is_primary AND NOT (
    d.wear_state = 'not-worn' AND s.rule = 'sum'
  )
UNION ALL
SELECT
  CAST(XOR(w.row_id, s.id_key) AS BIGINT) AS fact_id,
  CAST(w.row_id AS BIGINT) AS row_id,
  CAST(w.study AS TEXT) AS study,
  CAST(w.source AS TEXT) AS source,
  CAST(w.person_id AS BIGINT) AS person_id,
  CAST('device_exposure' AS TEXT) AS cdm_table,
  CAST('wear_period' AS TEXT) AS kind,
  CAST(0 AS BIGINT) AS concept_id,
  CAST(COALESCE(w.device_type, 'wearable') AS TEXT) AS source_code,
  CAST(NULL AS DOUBLE) AS value_number,
  CAST(NULL AS BIGINT) AS unit_concept_id,
  CAST(NULL AS TEXT) AS source_unit,
  CAST(COALESCE(o.type_concept_id, 0) AS BIGINT) AS type_concept_id,
  CAST(w.start_date AS DATE) AS start_date,
  CAST(w.end_date AS DATE) AS end_date
FROM wearable.wear_period AS w
CROSS JOIN vocab.wearable_stream AS s
LEFT JOIN vocab.study_source AS o
  ON w.study = o.study AND w.source = o.source
WHERE
  s.stream = 'wear'
