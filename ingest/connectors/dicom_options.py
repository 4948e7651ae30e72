"""Options of the connector `dicom`."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator


class DicomOptions(BaseModel):
    """person_from: where the person's id stands.

    patient_id: in PatientID (default). path: in the names of folders, zips or files, where
    `person_pattern` (with a group `person`) finds it; the pattern is searched in the path below
    the study's deliveries (inside a zip: zip!name). UK Biobank's zips: `(?P<person>\\d{7})_`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    person_from: Literal["patient_id", "path"] = "patient_id"
    person_pattern: str = r"(?P<person>[^/]+)"

    @field_validator("person_pattern")
    @classmethod
    def _has_group(cls, value: str) -> str:
        try:
            groups = re.compile(value).groupindex
        except re.error:
            raise ValueError("is no regular expression") from None
        if "person" not in groups:
            raise ValueError("needs a group (?P<person>...)")
        return value
