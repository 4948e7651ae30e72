/* One row: what this warehouse is and of when. */
MODEL (
  name cdm.cdm_source,
  kind FULL
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
  CAST(SUBSTRING(b.name, 1, 255) AS VARCHAR) AS cdm_source_name,
  CAST(SUBSTRING(b.name, 1, 25) AS VARCHAR) AS cdm_source_abbreviation,
  CAST(SUBSTRING(b.name, 1, 255) AS VARCHAR) AS cdm_holder,
  CAST('Braided from ' || CAST(r.n_sources AS VARCHAR) || ' declared sources; what was left over is in stem.unmapped, stem.undated and staging.unlinked.' AS VARCHAR) AS source_description,
  CAST(NULL AS VARCHAR) AS source_documentation_reference,
  CAST('biobraid ' || b.version AS VARCHAR) AS cdm_etl_reference,
  CAST(COALESCE(r.released_on, l.landed_on, CAST('1970-01-01' AS DATE)) AS DATE) AS source_release_date,
  CAST(COALESCE(l.landed_on, CAST('1970-01-01' AS DATE)) AS DATE) AS cdm_release_date,
  CAST('v5.4' AS VARCHAR) AS cdm_version,
  CAST(756265 AS BIGINT) AS cdm_version_concept_id,
  CAST(SUBSTRING(COALESCE(v.vocabulary_version, 'unknown'), 1, 20) AS VARCHAR) AS vocabulary_version
FROM meta.biobank AS b
CROSS JOIN landed AS l
CROSS JOIN release AS r
CROSS JOIN vocabulary_release AS v
