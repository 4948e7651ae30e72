/* One row per genotyped sample of a source: call rate, heterozygosity, and the sex that X tells. */
MODEL (
  name omics.sample_qc,
  kind FULL,
  grain (study, source, person_id, sample_number),
  references (
    person_id
  ),
  description 'Quality of samples over all genotype files of a source. Rows of samples that are not linked stay in omics.genotype_arrival.',
  column_descriptions (
    study = 'Study of the sample',
    source = 'Source of the sample',
    person_id = 'Person the sample is linked to',
    sample_number = 'Tells the samples of one person in one source apart, 1 and up',
    n_variants = 'Variants of the autosomes, X and MT',
    n_called = 'Of these, variants with a call',
    call_rate = 'n_called / n_variants, 0 to 1',
    n_autosomal = 'Autosomal variants with a call',
    n_het = 'Autosomal heterozygous calls',
    expected_hom = 'Autosomal homozygous calls expected from the frequencies in this source',
    heterozygosity = 'n_het / n_autosomal; null without calls',
    inbreeding_f = '(observed - expected homozygous) / (n_autosomal - expected); null where undefined',
    n_x = 'Variants of X outside the pseudo-autosomal regions with a call',
    x_f = 'The same statistic on X: about 1 for one X, about 0 for two; null without variation',
    y_call_rate = 'Share of the variants of Y with a call; null if there are none',
    sex_stated = 'male or female as the genotype file states it; null if it does not',
    sex_inferred = 'male where x_f > 0.8, female where x_f < 0.2; null otherwise',
    is_sex_mismatch = 'True where both are known and differ; null where one is not known'
  ),
  audits (
    unique_key(columns := (study, source, person_id, sample_number)),
    not_null(columns := (study, source, person_id)),
    refers_to_person(key := person_id)
  )
);

SELECT
  CAST(q.study AS TEXT) AS study,
  CAST(q.source AS TEXT) AS source,
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(ROW_NUMBER() OVER (PARTITION BY q.study, q.source, b.person_id ORDER BY q.source_person_key) AS INT) AS sample_number,
  CAST(q.n_variants AS INT) AS n_variants,
  CAST(q.n_called AS INT) AS n_called,
  CAST(q.call_rate AS DOUBLE) AS call_rate,
  CAST(q.n_autosomal AS INT) AS n_autosomal,
  CAST(q.n_het AS INT) AS n_het,
  CAST(q.expected_hom AS DOUBLE) AS expected_hom,
  CAST(q.heterozygosity AS DOUBLE) AS heterozygosity,
  CAST(q.inbreeding_f AS DOUBLE) AS inbreeding_f,
  CAST(q.n_x AS INT) AS n_x,
  CAST(q.x_f AS DOUBLE) AS x_f,
  CAST(q.y_call_rate AS DOUBLE) AS y_call_rate,
  CAST(q.sex_stated AS TEXT) AS sex_stated,
  CAST(q.sex_inferred AS TEXT) AS sex_inferred,
  CAST(q.is_sex_mismatch AS BOOLEAN) AS is_sex_mismatch
FROM raw.sample_qc AS q
INNER JOIN link.person_bridge AS b
  ON q.source_person_key = b.source_person_key AND b.link_status = 'linked'
INNER JOIN cdm.person AS p
  ON b.person_id = p.person_id
