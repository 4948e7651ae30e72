/* One row per person, polygenic score and source of genotypes. */
MODEL (
  name omics.score,
  kind FULL,
  grain (score_name, study, source, person_id, sample_number),
  references (
    person_id
  ),
  description 'Polygenic scores written by biobraid score. What became of the weights stands in omics.score_match; scores of different sources rest on different variants.',
  column_descriptions (
    score_name = 'Name of the score: its PGS id, or the name of its file',
    study = 'Study of the sample',
    source = 'Source of genotypes the score was computed on',
    person_id = 'Person the sample is linked to',
    sample_number = 'Tells the samples of one person in one source apart, 1 and up',
    score = 'Sum of weight x copies of the effect allele over the variants used',
    n_variants = 'Variants used for the person: of omics.score_match those that the person''s files hold',
    n_imputed = 'Of these, variants without a call, taken as the mean of the file'
  ),
  audits (
    unique_key(columns := (score_name, study, source, person_id, sample_number)),
    not_null(columns := (score_name, study, source, person_id, score)),
    refers_to_person(key := person_id)
  )
);

SELECT
  CAST(s.score_name AS TEXT) AS score_name,
  CAST(s.study AS TEXT) AS study,
  CAST(s.source AS TEXT) AS source,
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(ROW_NUMBER() OVER (PARTITION BY s.score_name, s.study, s.source, b.person_id ORDER BY s.source_person_key) AS INT) AS sample_number,
  CAST(s.score AS DOUBLE) AS score,
  CAST(s.n_variants AS INT) AS n_variants,
  CAST(s.n_imputed AS INT) AS n_imputed
FROM raw.score AS s
INNER JOIN link.person_bridge AS b
  ON s.source_person_key = b.source_person_key AND b.link_status = 'linked'
INNER JOIN cdm.person AS p
  ON b.person_id = p.person_id
