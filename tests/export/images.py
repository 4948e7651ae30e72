"""Images of the hand-made warehouse: one series for every third person, a measurement made of it."""

IMAGES = """
CREATE SCHEMA IF NOT EXISTS omics;
CREATE TABLE stem.asset AS SELECT 9700000 + k AS asset_id, 1000 * k + 7 AS person_id, 'one' AS study,
  'scanner' AS source, DATE '2021-05-01' + CAST(k AS INTEGER) AS start_date
  FROM range(3, 61, 3) AS r(k);
CREATE TABLE omics.asset AS SELECT asset_id, person_id, study, source, 'image_series' AS kind,
  '2.25.' || asset_id AS series_uid, start_date FROM stem.asset;
CREATE TABLE omics.feature_vector AS SELECT asset_id, person_id, study, source, 'net' AS model,
  '1' AS version, CAST([0.5, asset_id] AS FLOAT[]) AS vector, start_date FROM stem.asset;
CREATE TABLE cdm.image_occurrence AS SELECT asset_id AS image_occurrence_id, person_id,
  50000 + asset_id AS procedure_occurrence_id, start_date AS image_occurrence_date,
  '2.25.9' || person_id AS image_study_uid, '2.25.' || asset_id AS image_series_uid,
  2128009230 AS modality_concept_id FROM stem.asset;
CREATE TABLE cdm.image_feature AS SELECT m.measurement_id AS image_feature_id, i.person_id,
  i.image_occurrence_id, m.measurement_id AS image_feature_event_id,
  m.measurement_concept_id AS image_feature_concept_id
  FROM cdm.image_occurrence AS i JOIN cdm.measurement AS m
    ON m.person_id = i.person_id AND m.measurement_id % 10 = 1;
"""
