"""Small DICOM files, written by pydicom."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

MR = "1.2.840.10008.5.1.4.1.1.4"


def uid(*numbers: int) -> str:
    """A UID of a made-up root."""
    return ".".join(["1.2.826.0.1", *(str(n) for n in numbers)])


def image(
    patient: str = "P1",
    study: int = 1,
    series: int = 1,
    instance: int = 1,
    *,
    pixels: bool = True,
    **attributes: Any,
) -> Dataset:
    """A magnetic resonance image of 8 x 8 pixels; attributes by DICOM keyword."""
    data = Dataset()
    data.SOPClassUID = MR
    data.SOPInstanceUID = uid(study, series, instance, 9)
    data.StudyInstanceUID = uid(study)
    data.SeriesInstanceUID = uid(study, series)
    data.PatientID = patient
    data.Modality = "MR"
    data.StudyDate = "20190402"
    data.StudyTime = "101500"
    for keyword, value in attributes.items():
        if value is None:
            delattr(data, keyword)
        else:
            setattr(data, keyword, value)
    if pixels:
        data.Rows = data.Columns = 8
        data.BitsAllocated = data.BitsStored = 16
        data.HighBit, data.PixelRepresentation = 15, 0
        data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
        data.PixelData = np.arange(64, dtype=np.uint16).tobytes()
    return data


def write(path: Path, data: Dataset, *, implicit: bool = False) -> Path:
    """Write one file with preamble and meta information."""
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = (
        ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    data.save_as(path, enforce_file_format=True)
    return path
