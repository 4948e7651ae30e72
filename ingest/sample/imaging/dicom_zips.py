"""Zips of DICOM files as UK Biobank names them: <eid>_<field>_<instance>_<array>.zip.

Every header is full of what must not leave the hospital: the person's name and address, comments,
private elements, a name burnt into a description.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from biobraid.ingest.sample.imaging.scans import uid

_PIXELS = 8
N_FREE_TEXTS = 2  # attributes of a header that are prose: StudyDescription, PatientComments
_MADE = (1980, 1, 1, 0, 0, 0)  # every zip has the same bytes whenever it is made


@dataclass(frozen=True)
class Series:
    """A kind of series: field of UK Biobank, modality, body part, SOP class, instances."""

    field: str
    modality: str
    body_part: str
    sop_class: str
    n_instances: int
    device: str


MR = Series("20252", "MR", "BRAIN", "1.2.840.10008.5.1.4.1.1.4", 2, "Skyra fit")
BONE = Series("20158", "BMD", "SPINE", "1.2.840.10008.5.1.4.1.1.7", 1, "iDXA")
XRAY = Series("20999", "DX", "CHEST", "1.2.840.10008.5.1.4.1.1.1.1", 1, "Ysio Max")


@dataclass(frozen=True)
class Patient:
    """What a header says of whom."""

    number: int
    seed: int
    eid: str
    first_name: str
    surname: str
    birth: np.datetime64
    male: bool
    postcode: str
    phone: str
    day: np.datetime64


def write_zip(folder: Path, patient: Patient, series: Series) -> str:
    """Write one zip; returns its name."""
    name = f"{patient.eid}_{series.field}_2_0.zip"
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_STORED) as archive:
        for n in range(n_instances(patient, series)):
            out = BytesIO()
            _image(patient, series, n).save_as(out, enforce_file_format=True)
            member = zipfile.ZipInfo(f"{series.modality}/{n + 1:04d}.dcm", _MADE)
            archive.writestr(member, out.getvalue())
    return name


def n_instances(patient: Patient, series: Series) -> int:
    """Files of a series; every other person lay still for two slices of the brain."""
    return series.n_instances if patient.number % 2 else 1


def series_uid(patient: Patient, series: Series) -> str:
    """SeriesInstanceUID."""
    return uid(patient.seed, patient.number, 2, int(series.field))


def _image(patient: Patient, series: Series, n: int) -> Dataset:
    data = Dataset()
    day = str(patient.day).replace("-", "")
    whole = f"{patient.surname}^{patient.first_name}"
    data.SOPClassUID = series.sop_class
    data.SOPInstanceUID = f"{series_uid(patient, series)}.{n + 1}"
    data.StudyInstanceUID = uid(patient.seed, patient.number, 2)
    data.SeriesInstanceUID = series_uid(patient, series)
    data.ImageType = ["ORIGINAL", "PRIMARY"]
    data.StudyDate = data.SeriesDate = day
    data.StudyTime = data.SeriesTime = f"{9 + patient.number % 8:02d}3000"
    data.Modality = series.modality
    data.Manufacturer, data.ManufacturerModelName = "Example Imaging", series.device
    data.BodyPartExamined = series.body_part
    data.PatientID = "ANONYMOUS"  # the person stands in the zip's name
    data.PatientName = whole
    data.PatientBirthDate = str(patient.birth).replace("-", "")
    data.PatientSex = "M" if patient.male else "F"
    data.PatientAddress = f"1 Long Lane, {patient.postcode}"
    data.PatientComments = f"{patient.first_name} {patient.surname} asks for a copy"
    data.StudyDescription = f"{series.body_part} of {patient.surname}"
    data.StationName = "SCANNER-3"
    data.DeviceSerialNumber = f"SN-{patient.eid}"
    data.InstitutionName = "Example Centre"
    private = data.private_block(0x0051, "EXAMPLE PRIVATE", create=True)
    private.add_new(0x0C, "LO", f"{whole} {patient.phone}")
    if series is MR:
        data.MagneticFieldStrength, data.SliceThickness = "3", "1"
        data.RepetitionTime, data.EchoTime = "2000", "2.01"
    data.Rows = data.Columns = _PIXELS
    data.BitsAllocated = data.BitsStored = 8
    data.HighBit, data.PixelRepresentation = 7, 0
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.PixelSpacing = ["1", "1"]
    data.PixelData = bytes(((np.arange(_PIXELS**2) + n) % 256).astype(np.uint8))
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return data
