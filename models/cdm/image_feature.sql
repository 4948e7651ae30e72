/* One row per fact that was derived from an image. */
MODEL (
  name cdm.image_feature,
  kind FULL,
  grain image_feature_id,
  references (
    person_id
  ),
  description 'IMAGE_FEATURE of the medical imaging extension (MI-CDM): dated facts of stem.image_fact whose image is in cdm.image_occurrence and of the same person. The value stands in the table that image_feature_event_id points to; features without an image are counted in stem.record_arrival.',
  column_descriptions (
    image_feature_id = 'The unique key given to an imaging feature',
    person_id = 'Person id',
    image_occurrence_id = 'The image the feature was derived from',
    image_feature_concept_id = 'Concept of the feature; 0 if no concept matches',
    image_feature_type_concept_id = 'Provenance of the feature: OMOP type concept of the fact',
    image_feature_event_field_concept_id = 'Concept of the id column image_feature_event_id stands in; 0 if the vocabulary has none',
    image_feature_event_id = 'The fact: measurement_id, observation_id or condition_occurrence_id',
    image_finding_concept_id = 'Concept of the finding; null: features are not grouped to findings',
    image_finding_id = 'Id of the finding; null: features are not grouped to findings',
    anatomic_site_concept_id = 'Body part of the image, as a DICOM concept; 0 if no concept matches; null if not given',
    alg_system = 'Algorithm that derived the feature, with its version, as delivered; null if not stated',
    alg_datetime = 'When the algorithm ran; null if not stated'
  ),
  audits (
    not_null(
      columns := (
        image_feature_id,
        person_id,
        image_occurrence_id,
        image_feature_concept_id,
        image_feature_type_concept_id
      )
    ),
    unique_key(columns := (
      image_feature_id
    )),
    positive(key := image_feature_id),
    refers_to_person(key := person_id)
  )
);

WITH field_concept AS (
  SELECT
    c.concept_name,
    MIN(c.concept_id) AS concept_id
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'CDM' AND c.concept_class_id = 'Field'
  GROUP BY
    c.concept_name
)
SELECT
  CAST(f.fact_id AS BIGINT) AS image_feature_id,
  CAST(f.person_id AS BIGINT) AS person_id,
  CAST(o.image_occurrence_id AS BIGINT) AS image_occurrence_id,
  CAST(f.concept_id AS BIGINT) AS image_feature_concept_id,
  CAST(f.type_concept_id AS BIGINT) AS image_feature_type_concept_id,
  CAST(COALESCE(c.concept_id, 0) AS BIGINT) AS image_feature_event_field_concept_id,
  CAST(f.fact_id AS BIGINT) AS image_feature_event_id,
  CAST(NULL AS BIGINT) AS image_finding_concept_id,
  CAST(NULL AS BIGINT) AS image_finding_id,
  CAST(o.anatomic_site_concept_id AS BIGINT) AS anatomic_site_concept_id,
  CAST(f.alg_system AS TEXT) AS alg_system,
  CAST(f.alg_datetime AS TIMESTAMP) AS alg_datetime
FROM stem.image_fact AS f
INNER JOIN cdm.image_occurrence AS o
  ON f.asset_id = o.image_occurrence_id AND f.person_id = o.person_id
INNER JOIN cdm.person AS p
  ON f.person_id = p.person_id
LEFT JOIN field_concept AS c
  ON f.cdm_table || '.' || f.cdm_table || '_id' = c.concept_name
WHERE
  NOT f.start_date IS NULL
