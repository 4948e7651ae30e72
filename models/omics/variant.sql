/* One row per variant of a genotype set. */
MODEL (
  name omics.variant,
  kind FULL,
  grain (genotype_set_id, variant_index),
  description 'Variants of all delivered genotype files. The same variant stands here once for each set that has it; its values lie in the packed rows of the set.',
  column_descriptions (
    genotype_set_id = 'Delivered genotype file, as in omics.genotype_sample',
    chromosome = '1 to 22, X, Y, MT or a contig as delivered; 0 where the file gives none',
    position = 'Place of the first base of ref_allele, from 1; 0 where the file gives none',
    variant_id = 'chr:pos:ref:alt on the build, normalised',
    variant_index = 'Place of the variant in the set, from 0',
    study = 'Study the file belongs to',
    source = 'Source within the study',
    build = 'GRCh37 or GRCh38',
    ref_allele = 'Reference allele',
    alt_allele = 'Alternate allele: the effect allele, which dosages count',
    is_ref_known = 'True where the format says which allele is the reference',
    allele_number = 'Which alternate allele of the delivered record, from 1',
    n_alt_alleles = 'Alternate alleles of the delivered record',
    source_label = 'Label of the delivered record (rs number); null if none',
    source_alleles = 'Position and alleles as delivered, where splitting or normalising changed them',
    filter = 'FILTER as delivered; null if none',
    quality = 'QUAL as delivered; null if none',
    imputation_info = 'INFO or R2 of imputation, 0 to 1; null for calls',
    encoding = 'call2, dosage8 or dosage16: how the values are packed'
  ),
  audits (
    unique_key(columns := (genotype_set_id, variant_index)),
    not_null(columns := (genotype_set_id, variant_index, variant_id, build))
  )
);

SELECT
  CAST(v.study || '/' || v.source || '/' || v.batch AS TEXT) AS genotype_set_id,
  CAST(v.chromosome AS TEXT) AS chromosome,
  CAST(v.position AS INT) AS position,
  CAST(v.variant_id AS TEXT) AS variant_id,
  CAST(v.variant_index AS INT) AS variant_index,
  CAST(v.study AS TEXT) AS study,
  CAST(v.source AS TEXT) AS source,
  CAST(v.build AS TEXT) AS build,
  CAST(v.ref_allele AS TEXT) AS ref_allele,
  CAST(v.alt_allele AS TEXT) AS alt_allele,
  CAST(v.is_ref_known AS BOOLEAN) AS is_ref_known,
  CAST(v.allele_number AS INT) AS allele_number,
  CAST(v.n_alt_alleles AS INT) AS n_alt_alleles,
  CAST(v.source_label AS TEXT) AS source_label,
  CAST(v.source_alleles AS TEXT) AS source_alleles,
  CAST(v.filter AS TEXT) AS filter,
  CAST(v.quality AS DOUBLE) AS quality,
  CAST(v.imputation_info AS DOUBLE) AS imputation_info,
  CAST(v.encoding AS TEXT) AS encoding
FROM raw.variant AS v
