/* One row per pair of labelled variants of two genotype sets that should be the same and are not. */
MODEL (
  name omics.allele_mismatch,
  kind FULL,
  grain (genotype_set_id, variant_index, other_genotype_set_id, other_variant_index),
  description 'Variants of one label (rs number) and build whose position or alleles differ between two sets. Nothing is changed by it: the sets keep their own ids, so a study of both sees the variant twice.',
  column_descriptions (
    genotype_set_id = 'First set, in the order of its id',
    variant_index = 'Variant there',
    other_genotype_set_id = 'Second set',
    other_variant_index = 'Variant there',
    source_label = 'Label both carry',
    variant_id = 'Variant of the first set',
    other_variant_id = 'Variant of the second set',
    mismatch = 'position; swapped (reference and alternate changed places); strand (the alleles of the other strand, in either order); alleles (anything else)'
  ),
  audits (
    unique_key(columns := (genotype_set_id, variant_index, other_genotype_set_id, other_variant_index)),
    accepted_values("column" := mismatch, is_in := ('position', 'swapped', 'strand', 'alleles'))
  )
);

WITH labelled AS (
  SELECT
    v.genotype_set_id,
    v.variant_index,
    v.source_label,
    v.variant_id,
    v.build,
    v.chromosome,
    v.position,
    v.ref_allele,
    v.alt_allele,
    CASE v.ref_allele WHEN 'A' THEN 'T' WHEN 'C' THEN 'G' WHEN 'G' THEN 'C' WHEN 'T' THEN 'A' END AS ref_across,
    CASE v.alt_allele WHEN 'A' THEN 'T' WHEN 'C' THEN 'G' WHEN 'G' THEN 'C' WHEN 'T' THEN 'A' END AS alt_across
  FROM omics.variant AS v
  WHERE
    NOT v.source_label IS NULL AND v.n_alt_alleles = 1
)
SELECT
  CAST(a.genotype_set_id AS TEXT) AS genotype_set_id,
  CAST(a.variant_index AS INT) AS variant_index,
  CAST(b.genotype_set_id AS TEXT) AS other_genotype_set_id,
  CAST(b.variant_index AS INT) AS other_variant_index,
  CAST(a.source_label AS TEXT) AS source_label,
  CAST(a.variant_id AS TEXT) AS variant_id,
  CAST(b.variant_id AS TEXT) AS other_variant_id,
  CAST(CASE
    WHEN a.chromosome <> b.chromosome OR a.position <> b.position
    THEN 'position'
    WHEN a.ref_allele = b.alt_allele AND a.alt_allele = b.ref_allele
    THEN 'swapped'
    WHEN a.ref_across = b.ref_allele AND a.alt_across = b.alt_allele
    THEN 'strand'
    WHEN a.ref_across = b.alt_allele AND a.alt_across = b.ref_allele
    THEN 'strand'
    ELSE 'alleles'
  END AS TEXT) AS mismatch
FROM labelled AS a
JOIN labelled AS b
  ON a.source_label = b.source_label AND a.build = b.build AND a.genotype_set_id < b.genotype_set_id
WHERE
  a.variant_id <> b.variant_id
