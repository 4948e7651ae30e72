/* One row per genotyped sample and principal component, as delivered. */
MODEL (
  name omics.principal_component,
  kind FULL,
  grain (study, source, person_id, component, sample_number),
  references (
    person_id
  ),
  description 'Genetic principal components from .eigenvec files and from field 22009 of a UK Biobank main table. Signs and scales are those of the source; components of different sources are not comparable.',
  column_descriptions (
    study = 'Study of the sample',
    source = 'Source of the component',
    person_id = 'Person the sample is linked to',
    component = 'Number of the component, 1 and up',
    sample_number = 'Tells the samples of one person in one source apart, 1 and up',
    value = 'Score of the sample on the component'
  ),
  audits (
    unique_key(columns := (study, source, person_id, component, sample_number)),
    not_null(columns := (study, source, person_id, component, value)),
    refers_to_person(key := person_id)
  )
);

WITH delivered AS (
  SELECT
    c.study,
    c.source,
    c.source_person_key,
    c.component,
    c.value,
    c.row_id
  FROM raw.component AS c
  UNION ALL
  SELECT
    v.study,
    v.source,
    v.source_person_key,
    v.array_index AS component,
    TRY_CAST(v.value AS DOUBLE) AS value,
    v.row_id
  FROM raw.value AS v
  INNER JOIN vocab.study_source AS s
    ON v.study = s.study AND v.source = s.source
  WHERE
    s.connector = 'ukb' AND v.variable = '22009'
)
SELECT
  CAST(d.study AS TEXT) AS study,
  CAST(d.source AS TEXT) AS source,
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(d.component AS INT) AS component,
  CAST(ROW_NUMBER() OVER (PARTITION BY d.study, d.source, b.person_id, d.component ORDER BY d.row_id) AS INT) AS sample_number,
  CAST(d.value AS DOUBLE) AS value
FROM delivered AS d
INNER JOIN link.person_bridge AS b
  ON d.source_person_key = b.source_person_key AND b.link_status = 'linked'
INNER JOIN cdm.person AS p
  ON b.person_id = p.person_id
WHERE
  NOT d.value IS NULL
