"""`raw`: bulk objects that stay where they lie (images, waveforms), and vectors made of them."""

from biobraid.core.schemas.raw import ORIGIN, TIMES
from biobraid.core.schemas.table import Table, columns_of

ASSET_KINDS = ("image_series", "volume", "waveform", "report", "other")

RAW_ASSET = Table(
    "raw",
    "asset",
    "image series, volume, waveform or report x delivered group that holds a part of it; "
    "where it lies stands in the vault only (identity type asset_location)",
    ("asset_id", "row_id"),
    columns_of(
        ORIGIN
        + """
asset_id BIGINT positive 63-bit id of the asset, keyed, the same in every part and delivery of the study
kind VARCHAR image_series, volume, waveform, report or other
file_format VARCHAR dicom, nifti, wfdb, bids or index (a table of metadata: the files lie elsewhere)
study_uid VARCHAR keyed DICOM UID (2.25.n) of the imaging study or session; null if none
series_uid VARCHAR keyed DICOM UID (2.25.n) of the series; null if none
modality VARCHAR DICOM modality code (MR, CT, DX, ECG, ...), other codes as delivered; null if not given
body_part VARCHAR DICOM code of the body part examined, as delivered; null if not given
laterality VARCHAR L, R, B, or U where unpaired; null if not given
view_position VARCHAR DICOM view position (AP, PA, LL, ...); null if not given
sequence_name VARCHAR what kind of image, where the format has a closed word for it (BIDS suffix T1w, bold; DICOM image type); null otherwise
sop_class VARCHAR DICOM SOP class UID, a public one; null if not DICOM
manufacturer VARCHAR of the device, as delivered; null if not given
device_model VARCHAR model name of the device, as delivered; never a serial or station name
n_instances BIGINT files or instances of this part
n_frames BIGINT frames, slices or volumes over time of this part; null if not given
n_rows INTEGER pixels down; of a volume the second dimension; null if not given
n_columns INTEGER pixels across; of a volume the first dimension; null if not given
n_slices INTEGER third dimension of a volume; null elsewhere
pixel_spacing_mm DOUBLE distance between pixel rows in mm; null if not given
slice_thickness_mm DOUBLE slice thickness in mm; null if not given
field_strength_t DOUBLE magnetic field strength in tesla; null if not given
tube_voltage_kv DOUBLE peak tube voltage in kV; null if not given
repetition_time_ms DOUBLE repetition time in ms; null if not given
echo_time_ms DOUBLE echo time in ms; null if not given
sampling_hz DOUBLE samples per second of a waveform; null elsewhere
n_channels INTEGER channels of a waveform; null elsewhere
duration_s DOUBLE length of a waveform or of a series of volumes in s; null if not known
n_bytes BIGINT size of the part's files as delivered; null if they were not delivered
has_burned_in_annotation BOOLEAN whether the pixels are said to hold text that may name somebody; null if nothing is said
"""
        + TIMES
    ),
)

RAW_VECTOR = Table(
    "raw",
    "vector",
    "vector that a model computed from an asset (an embedding)",
    ("asset_id", "model", "version"),
    columns_of(
        ORIGIN
        + """
asset_id BIGINT keyed id of the asset, as in raw.asset
model VARCHAR name of the model that computed the vector
version VARCHAR version of the model; empty where none is stated
vector FLOAT[] the vector, single precision; its length is fixed by the model
"""
        + "\n".join(line for line in TIMES.splitlines() if line.startswith(("start_", "time_")))
    ),
)
