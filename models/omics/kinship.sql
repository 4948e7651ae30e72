/* One row per pair of related samples, as delivered. */
MODEL (
  name omics.kinship,
  kind FULL,
  grain (study, source, person_id, other_person_id, pair_number),
  references (
    person_id
  ),
  description 'Relatedness as the source computed it (KING). A pair stands here once, in no order: look for a person in both columns. person_id = other_person_id where linkage has found both samples to be one person.',
  column_descriptions (
    study = 'Study of the pair',
    source = 'Source of the pair',
    person_id = 'One person',
    other_person_id = 'The other person',
    pair_number = 'Tells the pairs of the same two persons in one source apart, 1 and up',
    kinship = 'Kinship coefficient: about 0.5 one person twice (or identical twins), 0.25 parent and child or siblings, 0.125 second degree, 0.0625 third',
    degree = 'duplicate, first, second, third or unrelated, by the limits of KING (0.354, 0.177, 0.0884, 0.0442)',
    n_variants = 'Variants compared; null if the file does not say',
    het_het = 'Share of variants where both are heterozygous; null if the file does not say',
    ibs0 = 'Share of variants where they share no allele; null if the file does not say'
  ),
  audits (
    unique_key(columns := (study, source, person_id, other_person_id, pair_number)),
    not_null(columns := (study, source, person_id, other_person_id)),
    refers_to_person(key := person_id),
    refers_to_person(key := other_person_id)
  )
);

WITH linked AS (
  SELECT
    b.source_person_key,
    b.person_id
  FROM link.person_bridge AS b
  INNER JOIN cdm.person AS p
    ON b.person_id = p.person_id
  WHERE
    b.link_status = 'linked'
), pair AS (
  SELECT
    k.study,
    k.source,
    k.row_id,
    LEAST(l.person_id, o.person_id) AS person_id,
    GREATEST(l.person_id, o.person_id) AS other_person_id,
    k.kinship,
    k.n_variants,
    k.het_het,
    k.ibs0
  FROM raw.kinship AS k
  INNER JOIN linked AS l
    ON k.source_person_key = l.source_person_key
  INNER JOIN linked AS o
    ON k.other_person_key = o.source_person_key
)
SELECT
  CAST(p.study AS TEXT) AS study,
  CAST(p.source AS TEXT) AS source,
  CAST(p.person_id AS BIGINT) AS person_id,
  CAST(p.other_person_id AS BIGINT) AS other_person_id,
  CAST(ROW_NUMBER() OVER (PARTITION BY p.study, p.source, p.person_id, p.other_person_id ORDER BY p.row_id) AS INT) AS pair_number,
  CAST(p.kinship AS DOUBLE) AS kinship,
  CAST(CASE
    WHEN p.kinship > 0.354
    THEN 'duplicate'
    WHEN p.kinship > 0.177
    THEN 'first'
    WHEN p.kinship > 0.0884
    THEN 'second'
    WHEN p.kinship > 0.0442
    THEN 'third'
    ELSE 'unrelated'
  END AS TEXT) AS degree,
  CAST(p.n_variants AS INT) AS n_variants,
  CAST(p.het_het AS DOUBLE) AS het_het,
  CAST(p.ibs0 AS DOUBLE) AS ibs0
FROM pair AS p
