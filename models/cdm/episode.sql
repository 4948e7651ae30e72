/* One row per episode of a disease or treatment. */
MODEL (
  name cdm.episode,
  kind FULL,
  grain episode_id,
  references (
    person_id
  ),
  description 'Facts of stem.event for this table.',
  column_descriptions (
    episode_id = 'A unique identifier for each Episode',
    person_id = 'The PERSON_ID of the PERSON for whom the episode is recorded',
    episode_concept_id = 'The EPISODE_CONCEPT_ID represents the kind abstraction related to the disease phase, outcome or treatment',
    episode_start_date = 'The date when the Episode beings',
    episode_start_datetime = 'The date and time when the Episode begins',
    episode_end_date = 'The date when the instance of the Episode is considered to have ended',
    episode_end_datetime = 'The date when the instance of the Episode is considered to have ended',
    episode_parent_id = 'Use this field to find the Episode that subsumes the given Episode record',
    episode_number = 'For sequences of episodes, this is used to indicate the order the episodes occurred',
    episode_object_concept_id = 'A Standard Concept representing the disease phase, outcome, or other abstraction of which the episode consists',
    episode_type_concept_id = 'This field can be used to determine the provenance of the Episode record, as in whether the episode was from an EHR system, insurance claim, registry, or other sources',
    episode_source_value = 'The source code for the Episode as it appears in the source data',
    episode_source_concept_id = 'A foreign key to a Episode Concept that refers to the code used in the source'
  ),
  audits (
    not_null(
      columns := (
        episode_id,
        person_id,
        episode_concept_id,
        episode_start_date,
        episode_object_concept_id,
        episode_type_concept_id
      )
    ),
    unique_key(columns := (
      episode_id
    )),
    positive(key := episode_id),
    refers_to_person(key := person_id)
  )
);

SELECT
  CAST(e.fact_id AS BIGINT) AS episode_id,
  CAST(e.person_id AS BIGINT) AS person_id,
  CAST(e.concept_id AS BIGINT) AS episode_concept_id,
  CAST(e.start_date AS DATE) AS episode_start_date,
  CAST(e.start_datetime AS TIMESTAMP) AS episode_start_datetime,
  CAST(CASE WHEN e.end_date >= e.start_date THEN e.end_date END AS DATE) AS episode_end_date,
  CAST(CASE WHEN e.end_datetime >= e.start_datetime THEN e.end_datetime END AS TIMESTAMP) AS episode_end_datetime,
  CAST(CASE WHEN e.parent_table = 'episode' THEN e.parent_id ELSE b.fact_id END AS BIGINT) AS episode_parent_id,
  CAST(d.episode_number AS INT) AS episode_number,
  CAST(COALESCE(d.episode_object_concept_id, e.value_concept_id, 0) AS BIGINT) AS episode_object_concept_id,
  CAST(e.type_concept_id AS BIGINT) AS episode_type_concept_id,
  CAST(SUBSTRING(e.source_code, 1, 50) AS TEXT) AS episode_source_value,
  CAST(e.source_concept_id AS BIGINT) AS episode_source_concept_id
FROM stem.event AS e
INNER JOIN cdm.person AS p
  ON e.person_id = p.person_id
LEFT JOIN stem.event_detail AS d
  ON e.record_id = d.record_id AND e.kind = d.kind
LEFT JOIN stem.record_fact AS b
  ON d.episode_parent_id = b.record_id AND b.cdm_table = 'episode' AND e.person_id = b.person_id
WHERE
  e.cdm_table = 'episode' AND NOT e.start_date IS NULL
