"""Options of the connectors `imaging_index` and `embeddings`."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator

Role = Literal[
    "person", "study_uid", "series_uid", "modality", "body_part", "laterality", "view_position",
    "date", "other_date", "time", "sop_class", "manufacturer", "device_model", "n_instances",
    "size_mb", "n_rows", "n_columns", "slice_thickness_mm", "field_strength_t", "sex", "age",
    "birth_date", "location", "algorithm", "algorithm_time",
]  # fmt: skip
ROLES: tuple[str, ...] = get_args(Role)
# Columns of tables people deliver: IDC's index, MIMIC-CXR's metadata, DICOM keywords.
KNOWN: dict[str, tuple[str, ...]] = {
    "person": ("PatientID", "subject_id", "patient_id"),
    "study_uid": ("StudyInstanceUID", "study_id"),
    "series_uid": ("SeriesInstanceUID", "dicom_id", "series_uid"),
    "modality": ("Modality",),
    "body_part": ("BodyPartExamined",),
    "laterality": ("Laterality", "ImageLaterality"),
    "view_position": ("ViewPosition",),
    "date": ("SeriesDate", "AcquisitionDate", "StudyDate"),
    "other_date": ("StudyDate",),
    "time": ("StudyTime", "SeriesTime"),
    "sop_class": ("SOPClassUID",),
    "manufacturer": ("Manufacturer",),
    "device_model": ("ManufacturerModelName",),
    "n_instances": ("instanceCount",),
    "size_mb": ("series_size_MB",),
    "n_rows": ("Rows",),
    "n_columns": ("Columns",),
    "slice_thickness_mm": ("SliceThickness",),
    "field_strength_t": ("MagneticFieldStrength",),
    "sex": ("PatientSex",),
    "age": ("PatientAge",),
    "birth_date": ("PatientBirthDate",),
    "location": ("series_aws_url", "path", "file_path"),
    "algorithm": ("algorithm",),
    "algorithm_time": ("algorithm_time",),
}


class ImagingIndexOptions(BaseModel):
    """How a table about images is written and what its columns mean.

    lands: `assets`, one row per series or image; `features`, one row per image and what was
    derived from it: every column the dictionary declares becomes a value, joined to the image by
    its series UID. columns: role -> column, where the header does not use a name of KNOWN.
    modality: of all rows, where no column says it. algorithm: of all rows of features.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    lands: Literal["assets", "features"] = "assets"
    delimiter: str = ","
    null_values: tuple[str, ...] = ()
    columns: dict[Role, str] = {}
    modality: str | None = None
    algorithm: str | None = None

    @field_validator("delimiter")
    @classmethod
    def _tab(cls, value: str) -> str:
        return "\t" if value in ("tab", "\\t") else value


class EmbeddingsOptions(BaseModel):
    """Vectors of images: a Parquet file, or a folder with a table and a .npy file of its rows.

    series_uid, person: columns of the table. vector: the list column of a Parquet file, or the
    beginning of the names of its columns (emb_0, emb_1, ...). model, version: what computed them.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str = Field(min_length=1)
    version: str = ""
    series_uid: str = "SeriesInstanceUID"
    person: str = "PatientID"
    vector: str = "embedding"
    delimiter: str = ","
