/* One row: what this warehouse is and of when. */
MODEL (
  name cdm.cdm_source,
  kind FULL,
  grain cdm_source_name,
  description 'Exactly one row; OHDSI''s quality dashboard stops without it. Dates are those of the deliveries, so that the same input gives the same row.',
  column_descriptions (
    cdm_source_name = 'The name of the CDM instance',
    cdm_source_abbreviation = 'The abbreviation of the CDM instance',
    cdm_holder = 'The holder of the CDM instance',
    source_description = 'The description of the CDM instance',
    source_documentation_reference = 'Refers to a publication or web resource describing the source data, e.g. a data dictionary',
    cdm_etl_reference = 'Cdm etl reference; null where the source gives none',
    source_release_date = 'The date the data was extracted from the source system',
    cdm_release_date = 'The date the ETL script was completed',
    cdm_version = 'Version of the OMOP CDM used as string',
    cdm_version_concept_id = 'The Concept Id representing the version of the CDM',
    vocabulary_version = 'Version of the OMOP standardised vocabularies loaded'
  ),
  audits (
    not_null(
      columns := (
        cdm_source_name,
        cdm_source_abbreviation,
        cdm_holder,
        source_release_date,
        cdm_release_date,
        cdm_version_concept_id,
        vocabulary_version
      )
    ),
    number_of_rows(threshold := 0)
  )
);

WITH landed AS (
  SELECT
    MAX(TRY_CAST(SUBSTRING(f.landed_at, 1, 10) AS DATE)) AS landed_on
  FROM raw.file AS f
  WHERE
    f.status = 'active'
), release AS (
  SELECT
    COUNT(*) AS n_sources,
    MAX(TRY_CAST(SUBSTRING(s.release, 1, 10) AS DATE)) AS released_on
  FROM vocab.study_source AS s
), vocabulary_release AS (
  SELECT
    MAX(v.vocabulary_version) AS vocabulary_version
  FROM vocab.vocabulary AS v
  WHERE
    v.vocabulary_id = 'None'
)
SELECT
  CAST(SUBSTRING(b.name, 1, 255) AS TEXT) AS cdm_source_name,
  CAST(SUBSTRING(b.name, 1, 25) AS TEXT) AS cdm_source_abbreviation,
  CAST(SUBSTRING(b.name, 1, 255) AS TEXT) AS cdm_holder,
  CAST('Braided from ' || CAST(r.n_sources AS TEXT) || ' declared sources; what was left over is in stem.unmapped, stem.undated and staging.unlinked.' AS TEXT) AS source_description,
  CAST(NULL AS TEXT) AS source_documentation_reference,
  CAST('biobraid ' || b.version AS TEXT) AS cdm_etl_reference,
  CAST(COALESCE(r.released_on, l.landed_on, CAST('1970-01-01' AS DATE)) AS DATE) AS source_release_date,
  CAST(COALESCE(l.landed_on, CAST('1970-01-01' AS DATE)) AS DATE) AS cdm_release_date,
  CAST('v5.4' AS TEXT) AS cdm_version,
  CAST(756265 AS BIGINT) AS cdm_version_concept_id,
  CAST(SUBSTRING(SPLIT_PART(COALESCE(v.vocabulary_version, 'unknown'), ' (', 1), 1, 20) AS TEXT) AS vocabulary_version
FROM meta.biobank AS b
CROSS JOIN landed AS l
CROSS JOIN release AS r
CROSS JOIN vocabulary_release AS v
