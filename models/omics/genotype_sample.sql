/* One row per sample of a genotype set whose person is linked. */
MODEL (
  name omics.genotype_sample,
  kind FULL,
  grain (genotype_set_id, sample_index),
  references (
    person_id
  ),
  description 'Whose values stand where in the rows of a genotype set. Samples of persons who are not (or no longer) linked are in staging.unlinked. A person may have several samples in a set.',
  column_descriptions (
    genotype_set_id = 'Delivered genotype file: its samples stand in one order for all of its variants',
    sample_index = 'Place of the sample in the set, from 0; in a release the order is the project''s own',
    person_id = 'Person the sample is of',
    study = 'Study the file belongs to',
    source = 'Source within the study',
    sex = 'male or female as the genotype file states it; null if it does not',
    family_source_value = 'Keyed family of the genotype file; null if none'
  ),
  audits (
    unique_key(columns := (genotype_set_id, sample_index)),
    not_null(columns := (genotype_set_id, sample_index, person_id))
  )
);

SELECT
  CAST(s.study || '/' || s.source || '/' || s.batch AS TEXT) AS genotype_set_id,
  CAST(s.sample_index AS INT) AS sample_index,
  CAST(b.person_id AS BIGINT) AS person_id,
  CAST(s.study AS TEXT) AS study,
  CAST(s.source AS TEXT) AS source,
  CAST(s.sex AS TEXT) AS sex,
  CAST(s.family_key AS TEXT) AS family_source_value
FROM raw.genotype_sample AS s
JOIN link.person_bridge AS b
  ON s.source_person_key = b.source_person_key
WHERE
  b.link_status = 'linked' AND NOT b.person_id IS NULL
