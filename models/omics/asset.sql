/* One row per image series, volume, waveform or report of a person of cdm. */
MODEL (
  name omics.asset,
  kind FULL,
  grain asset_id,
  references (
    person_id
  ),
  description 'Bulk objects with their geometry: what is there to be asked for. Pixels and signals stay where they were delivered; whoever may read them asks the keeper of the vault with asset_id. cdm.image_occurrence holds the images among them under the same id.',
  column_descriptions (
    asset_id = 'Id of the asset; image_occurrence_id where it is an image',
    person_id = 'Person',
    study = 'Study of the asset',
    source = 'Source within the study',
    kind = 'Image_series, volume, waveform, report or other',
    file_format = 'Dicom, nifti, wfdb, bids or index (a table of metadata: the files lie elsewhere)',
    study_uid = 'Keyed DICOM UID (2.25.n) of the imaging study or session; null if none',
    series_uid = 'Keyed DICOM UID (2.25.n) of the series; null if none',
    modality = 'DICOM modality code (MR, CT, DX, ECG, ...), other codes as delivered; null if not given',
    body_part = 'DICOM code of the body part examined, as delivered; null if not given',
    laterality = 'L, R, B, or U where unpaired; null if not given',
    view_position = 'DICOM view position (AP, PA, LL, ...); null if not given',
    sequence_name = 'What kind of image, where the format has a closed word for it (BIDS suffix T1w, bold; DICOM image type); null otherwise',
    sop_class = 'DICOM SOP class UID, a public one; null if not DICOM',
    manufacturer = 'Of the device, as delivered; null if not given',
    device_model = 'Model name of the device, as delivered; never a serial or station name',
    n_rows = 'Pixels down; of a volume the second dimension; null if not given',
    n_columns = 'Pixels across; of a volume the first dimension; null if not given',
    n_slices = 'Third dimension of a volume; null elsewhere',
    pixel_spacing_mm = 'Distance between pixel rows in mm; null if not given',
    slice_thickness_mm = 'Slice thickness in mm; null if not given',
    field_strength_t = 'Magnetic field strength in tesla; null if not given',
    tube_voltage_kv = 'Peak tube voltage in kV; null if not given',
    repetition_time_ms = 'Repetition time in ms; null if not given',
    echo_time_ms = 'Echo time in ms; null if not given',
    sampling_hz = 'Samples per second of a waveform; null elsewhere',
    n_channels = 'Channels of a waveform; null elsewhere',
    duration_s = 'Length of a waveform or of a series of volumes in s; null if not known',
    has_burned_in_annotation = 'Whether the pixels are said to hold text that may name somebody; null if nothing is said',
    n_instances = 'Files or instances of all parts; null if not known',
    n_frames = 'Frames, slices or volumes over time of all parts; null if not given',
    n_bytes = 'Size of the files of all parts as delivered; null if they were not delivered',
    start_date = 'Local date; null if none was given',
    start_datetime = 'Local date and time; null where only a date was given'
  ),
  audits (
    unique_key(columns := (
      asset_id
    )),
    not_null(columns := (asset_id, person_id, study, source, kind)),
    positive(key := asset_id),
    refers_to_person(key := person_id)
  )
);

SELECT
  CAST(a.asset_id AS BIGINT) AS asset_id,
  CAST(a.person_id AS BIGINT) AS person_id,
  CAST(a.study AS TEXT) AS study,
  CAST(a.source AS TEXT) AS source,
  CAST(a.kind AS TEXT) AS kind,
  CAST(a.file_format AS TEXT) AS file_format,
  CAST(a.study_uid AS TEXT) AS study_uid,
  CAST(a.series_uid AS TEXT) AS series_uid,
  CAST(a.modality AS TEXT) AS modality,
  CAST(a.body_part AS TEXT) AS body_part,
  CAST(a.laterality AS TEXT) AS laterality,
  CAST(a.view_position AS TEXT) AS view_position,
  CAST(a.sequence_name AS TEXT) AS sequence_name,
  CAST(a.sop_class AS TEXT) AS sop_class,
  CAST(a.manufacturer AS TEXT) AS manufacturer,
  CAST(a.device_model AS TEXT) AS device_model,
  CAST(a.n_rows AS INT) AS n_rows,
  CAST(a.n_columns AS INT) AS n_columns,
  CAST(a.n_slices AS INT) AS n_slices,
  CAST(a.pixel_spacing_mm AS DOUBLE) AS pixel_spacing_mm,
  CAST(a.slice_thickness_mm AS DOUBLE) AS slice_thickness_mm,
  CAST(a.field_strength_t AS DOUBLE) AS field_strength_t,
  CAST(a.tube_voltage_kv AS DOUBLE) AS tube_voltage_kv,
  CAST(a.repetition_time_ms AS DOUBLE) AS repetition_time_ms,
  CAST(a.echo_time_ms AS DOUBLE) AS echo_time_ms,
  CAST(a.sampling_hz AS DOUBLE) AS sampling_hz,
  CAST(a.n_channels AS INT) AS n_channels,
  CAST(a.duration_s AS DOUBLE) AS duration_s,
  CAST(a.has_burned_in_annotation AS BOOLEAN) AS has_burned_in_annotation,
  CAST(a.n_instances AS BIGINT) AS n_instances,
  CAST(a.n_frames AS BIGINT) AS n_frames,
  CAST(a.n_bytes AS BIGINT) AS n_bytes,
  CAST(a.start_date AS DATE) AS start_date,
  CAST(a.start_datetime AS TIMESTAMP) AS start_datetime
FROM stem.asset AS a
INNER JOIN cdm.person AS p
  ON a.person_id = p.person_id
WHERE
  a.n_persons = 1
