/* One row per variant of a genotype file: how well it was called, and how common it is. */
MODEL (
  name omics.variant_qc,
  kind FULL,
  grain (genotype_set_id, variant_index),
  description 'Quality of variants over the samples of everybody who has not withdrawn, linked or not. Computed over the packed values after linkage; a variant that stands in several sources has a row for each.',
  column_descriptions (
    genotype_set_id = 'Delivered genotype file, as in omics.variant',
    study = 'Study of the genotype file',
    source = 'Source of the genotype file',
    variant_index = 'Place of the variant in the set, from 0',
    variant_id = 'chr:pos:ref:alt on the build of the file, normalised',
    n_samples = 'Samples that count: all, on Y those of men',
    n_called = 'Of these, samples with a call; for dosages, within 0.1 of a whole number',
    call_rate = 'n_called / n_samples, 0 to 1; null without samples',
    n_hom_ref = 'Diploid samples without the alternate allele',
    n_het = 'Diploid samples with one',
    n_hom_alt = 'Diploid samples with two',
    n_haploid_ref = 'Haploid samples (men on X and Y, everybody on MT) without the alternate allele',
    n_haploid_alt = 'Haploid samples with it',
    n_haploid_het = 'Impossible calls: heterozygous haploid samples',
    alt_frequency = 'Frequency of the alternate allele, haploids with one allele each; null if nobody is called',
    minor_frequency = 'The smaller of alt_frequency and 1 - alt_frequency',
    hwe_p = 'Exact test of Hardy-Weinberg equilibrium, on X among samples stated to be of women; null on Y and MT and if nobody is called',
    imputation_info = 'INFO or R2 of imputation as delivered or computed from probabilities, 0 to 1; null for calls',
    dosage_r2 = 'Variance of the dosages over that of perfectly known genotypes; null for calls and without variation'
  ),
  audits (
    unique_key(columns := (genotype_set_id, variant_index)),
    not_null(columns := (genotype_set_id, variant_index, variant_id))
  )
);

SELECT
  CAST(q.study || '/' || q.source || '/' || q.batch AS TEXT) AS genotype_set_id,
  CAST(q.study AS TEXT) AS study,
  CAST(q.source AS TEXT) AS source,
  CAST(q.variant_index AS INT) AS variant_index,
  CAST(v.variant_id AS TEXT) AS variant_id,
  CAST(q.n_samples AS INT) AS n_samples,
  CAST(q.n_called AS INT) AS n_called,
  CAST(q.call_rate AS DOUBLE) AS call_rate,
  CAST(q.n_hom_ref AS INT) AS n_hom_ref,
  CAST(q.n_het AS INT) AS n_het,
  CAST(q.n_hom_alt AS INT) AS n_hom_alt,
  CAST(q.n_haploid_ref AS INT) AS n_haploid_ref,
  CAST(q.n_haploid_alt AS INT) AS n_haploid_alt,
  CAST(q.n_haploid_het AS INT) AS n_haploid_het,
  CAST(q.alt_frequency AS DOUBLE) AS alt_frequency,
  CAST(q.minor_frequency AS DOUBLE) AS minor_frequency,
  CAST(q.hwe_p AS DOUBLE) AS hwe_p,
  CAST(v.imputation_info AS DOUBLE) AS imputation_info,
  CAST(q.dosage_r2 AS DOUBLE) AS dosage_r2
FROM raw.variant_qc AS q
INNER JOIN raw.variant AS v
  ON q.batch = v.batch AND q.variant_index = v.variant_index
