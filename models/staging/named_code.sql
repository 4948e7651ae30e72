/* One row per delivered record that names a medication or device record which carries a code: that code. */
MODEL (
  name staging.named_code,
  kind FULL,
  grain record_id,
  description 'The code of the medication or device record that another record names (FHIR); the first in the order of code, system and text where several are named.',
  column_descriptions (
    record_id = 'Id of the record that names the other',
    code = 'Code of the named record, as delivered',
    code_system = 'OMOP vocabulary id of the code, or study:source; null if none was given',
    code_text = 'Label delivered beside the code'
  ),
  audits (unique_key(columns := (
      record_id
  )), not_null(columns := (record_id, code)))
);

WITH named AS (
  SELECT
    d.record_id,
    m.code,
    m.code_system,
    m.label AS code_text
  FROM raw.detail AS d
  INNER JOIN raw.record AS m
    ON d.value = CAST(m.record_id AS TEXT)
  WHERE
    d.field = 'medication_record_id' AND m.kind = 'medication'
  UNION ALL
  SELECT
    u.record_id,
    d.code,
    d.code_system,
    d.code_text
  FROM raw.event AS u
  INNER JOIN raw.event AS d
    ON u.parent_record_id = d.record_id
  WHERE
    u.kind = 'device' AND d.kind = 'device' AND u.code IS NULL
), placed_code AS (
  SELECT
    n.record_id,
    n.code,
    n.code_system,
    n.code_text,
    ROW_NUMBER() OVER (PARTITION BY n.record_id ORDER BY n.code, n.code_system, n.code_text) AS place
  FROM named AS n
  WHERE
    NOT n.code IS NULL
)
SELECT
  CAST(n.record_id AS BIGINT) AS record_id,
  CAST(n.code AS TEXT) AS code,
  CAST(n.code_system AS TEXT) AS code_system,
  CAST(n.code_text AS TEXT) AS code_text
FROM placed_code AS n
WHERE
  n.place = 1
