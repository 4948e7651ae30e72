/* One row per specimen, feature and run; a feature without a row was not found or not measured. */
MODEL (
  name omics.feature_value,
  kind FULL,
  grain (specimen_id, feature_id, plate_id),
  references (
    person_id
  ),
  description 'Measurements of linked persons'' specimens (raw.feature); those of others are counted in staging.unlinked. Below a limit of detection the value as delivered is kept, if there is one, and marked.',
  column_descriptions (
    person_id = 'Person the specimen is of',
    specimen_id = 'Specimen: a row of cdm.specimen, if that has a date and the person is in cdm',
    feature_id = 'Feature, see omics.feature',
    study = 'Study it was measured in',
    source = 'Source within the study',
    specimen_date = 'Local day the specimen was taken; null if not known',
    value = 'Value in the unit of the feature; null where only a limit or a reason for absence is known',
    limit_value = 'Limit of detection or quantification that holds for the value, in the same unit; null if none was given',
    censored = 'left: the true value lies below limit_value; right: above it; null: neither is known',
    absent_reason = 'Why there is no value (FHIR data-absent-reason); null otherwise',
    qc_flag = 'Flags as delivered, scope=flag, joined by semicolons (sample=WARN;assay=WARN); null if none',
    plate_id = 'Plate or run the specimen was measured on; null if none was given'
  ),
  audits (
    not_null(columns := (person_id, specimen_id, feature_id, study, source))
  )
);

WITH specimen AS (
  SELECT
    e.record_id,
    MIN(e.fact_id) AS specimen_id
  FROM stem.event AS e
  WHERE
    e.kind = 'specimen' AND e.cdm_table = 'specimen'
  GROUP BY
    e.record_id
)
SELECT
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(COALESCE(s.specimen_id, r.record_id) AS BIGINT) AS specimen_id,
  CAST(r.feature_id AS BIGINT) AS feature_id,
  CAST(r.study AS TEXT) AS study,
  CAST(r.source AS TEXT) AS source,
  CAST(TRY_CAST(SUBSTRING(r.start_time, 1, 10) AS DATE) AS DATE) AS specimen_date,
  CAST(r.value AS DOUBLE) AS value,
  CAST(r.limit_value AS DOUBLE) AS limit_value,
  CAST(r.censored AS TEXT) AS censored,
  CAST(r.absent_reason AS TEXT) AS absent_reason,
  CAST(r.qc_flag AS TEXT) AS qc_flag,
  CAST(r.plate_id AS TEXT) AS plate_id
FROM raw.feature AS r
INNER JOIN link.person_bridge AS b
  ON r.source_person_key = b.source_person_key
LEFT JOIN specimen AS s
  ON r.record_id = s.record_id
WHERE
  b.link_status = 'linked' AND NOT b.person_id IS NULL
