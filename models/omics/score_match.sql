/* One row per polygenic score and source of genotypes: what became of its weights. */
MODEL (
  name omics.score_match,
  kind FULL,
  grain (score_name, study, source),
  description 'Every weight of a scoring file is in one of the counts. A source whose coverage was too small has a row here and no scores.',
  column_descriptions (
    score_name = 'Name of the score',
    study = 'Study of the source',
    source = 'Source of genotypes',
    trait = 'Reported trait of the scoring file; null if it names none',
    build = 'Genome build of the positions used; null if matched by rs number only',
    n_weights = 'Weights of the scoring file',
    n_matched = 'Weights whose alleles agree with a variant',
    n_flipped = 'Weights whose alleles agree on the other strand',
    n_ambiguous = 'Weights of A/T or C/G variants, whose strand cannot be told',
    n_mismatch = 'Weights whose place is known with other alleles',
    n_missing = 'Weights whose variant is not in the source',
    n_duplicate = 'Weights whose variant another weight has taken',
    n_unsupported = 'Weights that do not go with the number of alleles',
    n_used = 'Weights in the score: matched, flipped, and ambiguous where they were asked for',
    n_swapped = 'Of these, weights that count the reference allele',
    coverage = 'n_used / n_weights, 0 to 1',
    weight_coverage = 'Share of the sum of absolute weights that is used, 0 to 1'
  ),
  audits (
    unique_key(columns := (score_name, study, source)),
    forall(
      criteria := (
        n_weights = n_matched + n_flipped + n_ambiguous + n_mismatch + n_missing + n_duplicate + n_unsupported
      )
    )
  )
);

SELECT
  CAST(m.score_name AS TEXT) AS score_name,
  CAST(m.study AS TEXT) AS study,
  CAST(m.source AS TEXT) AS source,
  CAST(m.trait AS TEXT) AS trait,
  CAST(m.build AS TEXT) AS build,
  CAST(m.n_weights AS BIGINT) AS n_weights,
  CAST(m.n_matched AS BIGINT) AS n_matched,
  CAST(m.n_flipped AS BIGINT) AS n_flipped,
  CAST(m.n_ambiguous AS BIGINT) AS n_ambiguous,
  CAST(m.n_mismatch AS BIGINT) AS n_mismatch,
  CAST(m.n_missing AS BIGINT) AS n_missing,
  CAST(m.n_duplicate AS BIGINT) AS n_duplicate,
  CAST(m.n_unsupported AS BIGINT) AS n_unsupported,
  CAST(m.n_used AS BIGINT) AS n_used,
  CAST(m.n_swapped AS BIGINT) AS n_swapped,
  CAST(m.coverage AS DOUBLE) AS coverage,
  CAST(m.weight_coverage AS DOUBLE) AS weight_coverage
FROM raw.score_match AS m
