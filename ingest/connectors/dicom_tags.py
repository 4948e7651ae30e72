"""Which DICOM attributes are read, which go to the vault, and why all others are dropped.

An allow-list, after the basic profile of DICOM PS3.15 annex E: what is not named here never
leaves the file. Tags are group * 65536 + element.
"""

from __future__ import annotations

TRANSFER_SYNTAX = 0x0002_0010
CHARACTER_SET = 0x0008_0005
PIXEL_GROUP = 0x7FE0

# Attributes that land, by the name used in our code.
LANDS: dict[int, str] = {
    0x0008_0008: "image_type",
    0x0008_0016: "sop_class",
    0x0008_0020: "study_date",
    0x0008_0021: "series_date",
    0x0008_0022: "acquisition_date",
    0x0008_0023: "content_date",
    0x0008_002A: "acquisition_datetime",
    0x0008_0030: "study_time",
    0x0008_0031: "series_time",
    0x0008_0032: "acquisition_time",
    0x0008_0060: "modality",
    0x0008_0070: "manufacturer",
    0x0008_0201: "offset",
    0x0008_1090: "device_model",
    0x0018_0015: "body_part",
    0x0018_0050: "slice_thickness_mm",
    0x0018_0060: "tube_voltage_kv",
    0x0018_0080: "repetition_time_ms",
    0x0018_0081: "echo_time_ms",
    0x0018_0087: "field_strength_t",
    0x0018_5101: "view_position",
    0x0020_0060: "laterality",
    0x0020_0062: "laterality_of_image",
    0x0028_0008: "n_frames",
    0x0028_0010: "n_rows",
    0x0028_0011: "n_columns",
    0x0028_0030: "pixel_spacing",
    0x0028_0301: "burned_in",
}
# Keys of the records: they are kept as keyed ids only.
KEYS: dict[int, str] = {
    0x0008_0018: "sop_uid",
    0x0020_000D: "study_uid",
    0x0020_000E: "series_uid",
}
# Attributes of the person that land too, coarsened; they go to the vault as well.
PERSON: dict[int, str] = {
    0x0010_0030: "birth_date",
    0x0010_0040: "sex",
    0x0010_1010: "age",
}
# Attributes that go to the vault, with the identity type.
VAULT: dict[int, str] = {
    0x0010_0010: "full_name",
    0x0010_0020: "patient_id",
    0x0010_0021: "other",  # issuer of the patient id
    0x0010_1000: "other",  # other patient ids
    0x0010_1001: "other",  # other names
    0x0010_1040: "address",
    0x0010_2154: "phone",
}
WANTED: dict[int, str] = {
    CHARACTER_SET: "character_set",
    **LANDS,
    **KEYS,
    **PERSON,
    **{tag: f"{tag:08x}" for tag in VAULT},
}
# Read as unsigned shorts; all other wanted attributes are text.
SHORTS = frozenset({0x0028_0010, 0x0028_0011})

PRIVATE, TEXT, NOT_ALLOWED = "private-tag", "free-text-undeclared", "tag-not-allowed"
# Attributes in which people write what they like (descriptions, comments, names of protocols).
_TEXT_VRS = frozenset({b"LT", b"ST", b"UT"})
_TEXT_TAGS = frozenset(
    {
        0x0008_1030, 0x0008_103E, 0x0008_1080, 0x0008_2111, 0x0018_1030, 0x0018_1400,
        0x0020_4000, 0x0032_1060, 0x0040_0007, 0x0040_0254, 0x0010_4000, 0x0010_21B0,
        0x0008_4000, 0x0018_0010, 0x0018_0024, 0x0040_0275, 0x0032_4000, 0x0040_2400,
    }
)  # fmt: skip


def rule_of(tag: int, vr: bytes) -> str:
    """Why an attribute that is not wanted is dropped."""
    if tag & 0x1_0000:  # odd group
        return PRIVATE
    return TEXT if vr in _TEXT_VRS or tag in _TEXT_TAGS else NOT_ALLOWED
