/* One row per image series (DICOM) or volume of a person. */
MODEL (
  name cdm.image_occurrence,
  kind FULL,
  grain image_occurrence_id,
  references (
    person_id
  ),
  depends_on (
    cdm.visit_occurrence
  ),
  description 'IMAGE_OCCURRENCE of the medical imaging extension (MI-CDM): dated series, volumes and reports of stem.asset whose imaging procedure is in cdm. Waveforms that are no images are in omics.asset only. Those without a place here are counted in stem.record_arrival.',
  column_descriptions (
    image_occurrence_id = 'The unique key given to an imaging series; asset_id of omics.asset',
    person_id = 'Person id',
    visit_occurrence_id = 'The visit in which the image was made; null where the source gives none',
    procedure_occurrence_id = 'The procedure the images were made in: one per study and modality',
    wadors_uri = 'Always null: where images lie stands in the vault only',
    local_path = 'Always null: where images lie stands in the vault only',
    image_occurrence_date = 'Date of the series, else of its study',
    image_study_uid = 'DICOM study UID, keyed (2.25.n): it joins series of one study and leads to no file',
    image_series_uid = 'DICOM series UID, keyed (2.25.n)',
    modality_concept_id = 'DICOM modality (MR, CT, DX, ...); 0 if no concept matches',
    anatomic_site_concept_id = 'Body part examined, as a DICOM concept; 0 if no concept matches; null if not given'
  ),
  audits (
    not_null(
      columns := (
        image_occurrence_id,
        person_id,
        procedure_occurrence_id,
        image_occurrence_date,
        image_study_uid,
        image_series_uid,
        modality_concept_id
      )
    ),
    unique_key(columns := (
      image_occurrence_id
    )),
    positive(key := image_occurrence_id),
    refers_to_person(key := person_id),
    refers_to_visit_occurrence(key := visit_occurrence_id)
  )
);

WITH term AS (
  SELECT
    c.concept_code,
    MIN(c.concept_id) AS concept_id
  FROM vocab.concept AS c
  WHERE
    c.vocabulary_id = 'DICOM' AND c.concept_class_id <> 'DICOM Attributes'
  GROUP BY
    c.concept_code
), made AS (
  SELECT
    e.record_id,
    e.person_id,
    e.source_code,
    MIN(e.fact_id) AS fact_id
  FROM stem.event_fact AS e
  WHERE
    e.kind = 'procedure' AND e.cdm_table = 'procedure_occurrence' AND NOT e.start_date IS NULL
  GROUP BY
    e.record_id,
    e.person_id,
    e.source_code
)
SELECT
  CAST(a.asset_id AS BIGINT) AS image_occurrence_id,
  CAST(a.person_id AS BIGINT) AS person_id,
  CAST(NULL AS BIGINT) AS visit_occurrence_id,
  CAST(m.fact_id AS BIGINT) AS procedure_occurrence_id,
  CAST(NULL AS TEXT) AS wadors_uri,
  CAST(NULL AS TEXT) AS local_path,
  CAST(a.start_date AS DATE) AS image_occurrence_date,
  CAST(a.study_uid AS TEXT) AS image_study_uid,
  CAST(a.series_uid AS TEXT) AS image_series_uid,
  CAST(COALESCE(t.concept_id, 0) AS BIGINT) AS modality_concept_id,
  CAST(CASE WHEN NOT a.body_part IS NULL THEN COALESCE(s.concept_id, 0) END AS BIGINT) AS anatomic_site_concept_id
FROM stem.asset AS a
INNER JOIN cdm.person AS p
  ON a.person_id = p.person_id
INNER JOIN made AS m
  ON a.record_id = m.record_id AND a.person_id = m.person_id AND COALESCE(a.modality, 'OT') = m.source_code
LEFT JOIN term AS t
  ON a.modality = t.concept_code
LEFT JOIN term AS s
  ON a.body_part = s.concept_code
WHERE
  a.n_persons = 1
  AND a.kind <> 'waveform'
  AND NOT a.start_date IS NULL
  AND NOT a.study_uid IS NULL
  AND NOT a.series_uid IS NULL
