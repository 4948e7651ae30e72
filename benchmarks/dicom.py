"""Headers of 10,000 DICOM files to landing, beside pydicom in one process.

`files_per_s`: files a second of `biobraid ingest` as a whole process on one delivered folder:
listing, tokens, headers, keyed ids, series put together, identities sealed, Parquet, the books.
`ratio.pydicom_single`: against one process that lists the folder and reads each file with
pydicom.dcmread(stop_before_pixels=True, specific_tags=...) and takes the same attributes, and
does nothing with them. Both after the files were read once. `peak_gb`: memory of our process
tree; `growth.peak_gb`: over that of a third of the files. Headers have some 90 attributes with
nested sequences and 10 KB of private elements, as those of a scanner do.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from benchmarks.machine import Measured, measure_command

FILES, PER_SERIES, PER_PERSON = 10_000, 50, 200
LINES = [
    ("ratio.pydicom_single", ">=", 1.6),
    ("peak_gb", "<=", 1.0),
    ("growth.peak_gb", "<=", 1.2),
]
_STUDY = """\
id: scans
name: a folder of scans
release: "1"
licence: synthetic
time_zone: Europe/London
sources:
  images: {connector: dicom, files: ["bulk"], modality: imaging}
"""
_PEER = """\
import sys
from pathlib import Path
import pydicom
names = ["PatientID", "PatientName", "PatientSex", "PatientBirthDate", "StudyInstanceUID",
         "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "Modality", "StudyDate",
         "SeriesDate", "StudyTime", "BodyPartExamined", "Rows", "Columns", "PixelSpacing",
         "SliceThickness", "EchoTime", "RepetitionTime", "Manufacturer", "ManufacturerModelName"]
rows = []
for path in sorted(Path(sys.argv[1]).rglob("*.dcm")):
    data = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=names)
    rows.append(tuple(data.get(name) for name in names))
print(len(rows))
"""


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures at 10,000 files; `data` is a scratch folder."""
    return measure(FILES, data, seed, progress)


def measure(
    n_files: int, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any number of files."""
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        for n, name in ((n_files // 3, ".third"), (n_files, "")):
            bank = _bank(folder / f"scans{name}", n, seed)
            bulk = bank.with_name("bank.deliveries") / "scans" / "bulk"
            peer = _checked([sys.executable, "-c", _PEER, str(bulk)], bank.parent)  # warms up
            measured = _checked(_tool(bank, "ingest"), bank.parent)
            figures[f"files_per_s{name}"] = round(n / measured.seconds, 1)
            figures[f"seconds{name}"] = round(measured.seconds, 2)
            figures[f"peak_gb{name}"] = round(measured.peak_gb, 3)
            progress(f"{n} files in {measured.seconds:.1f} s, {measured.peak_gb:.2f} GB")
        again = _checked([sys.executable, "-c", _PEER, str(bulk)], bank.parent)
        seconds = min(peer.seconds, again.seconds)
        figures["files_per_s.pydicom_single"] = round(n_files / seconds, 1)
        figures["cpu_seconds"] = round(measured.cpu_seconds, 2)
        figures["cpu_seconds.pydicom_single"] = round(again.cpu_seconds, 2)
        progress(f"pydicom: {n_files / seconds:.0f} files a second")
    figures["ratio.pydicom_single"] = round(
        figures["files_per_s"] / figures["files_per_s.pydicom_single"], 2
    )
    figures["growth.peak_gb"] = round(figures["peak_gb"] / figures["peak_gb.third"], 3)
    return figures


def _bank(folder: Path, n_files: int, seed: int) -> Path:
    """A home with one study and its folder of files."""
    folder.mkdir()
    bank = folder / "bank"
    _checked(_tool(bank, "init", str(bank)), folder)
    pack = bank / "studies" / "scans"
    pack.mkdir(parents=True)
    (pack / "study.yaml").write_text(_STUDY, encoding="utf-8")
    write_scans(folder / "bank.deliveries" / "scans" / "bulk", n_files, seed)
    return bank


def write_scans(folder: Path, n_files: int, seed: int) -> None:
    """Folders of persons and series; every file is the first one with other numbers in it."""
    random = np.random.default_rng(seed)
    template = _template(random.integers(0, 256, 10_000, dtype=np.uint8).tobytes())
    for n in range(n_files):
        person, series = n // PER_PERSON, n // PER_SERIES
        numbers = ((b"9111111119", person), (b"9222222229", series), (b"9333333339", n))
        data = template
        for mark, number in numbers:
            data = data.replace(mark, b"9%08d9" % number)
        path = folder / f"p{person:05d}" / f"s{series:06d}" / f"{n:07d}.dcm"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _template(private: bytes) -> bytes:
    """A magnetic resonance image of 64 x 64 pixels with a scanner's header."""
    root = "1.2.826.0.1.3680043.8.498"
    data = Dataset()
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    data.StudyInstanceUID = f"{root}.1.9111111119"
    data.SeriesInstanceUID = f"{root}.2.9222222229"
    data.SOPInstanceUID = f"{root}.3.9333333339"
    data.PatientID, data.PatientName = "9111111119", "Person^Some"
    data.PatientBirthDate, data.PatientSex, data.PatientAge = "19600430", "F", "059Y"
    data.StudyDate = data.SeriesDate = data.AcquisitionDate = data.ContentDate = "20190402"
    data.StudyTime = data.SeriesTime = data.AcquisitionTime = data.ContentTime = "101500.250000"
    data.Modality, data.Manufacturer = "MR", "EXAMPLE"
    data.ManufacturerModelName, data.BodyPartExamined = "Scanner 3T", "BRAIN"
    data.StudyDescription, data.SeriesDescription = "Brain", "t1_mprage_sag_p2_iso"
    data.ImageType = ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"]
    for keyword, value in _SEQUENCES.items():
        item = Dataset()
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, "EX", "Example"
        setattr(data, keyword, [item])
    for keyword, number in _NUMBERS.items():
        setattr(data, keyword, number)
    for keyword in _WORDS:
        setattr(data, keyword, "EXAMPLE")
    data.PixelSpacing, data.ImagePositionPatient = ["1", "1"], ["-90.5", "-120.25", "88.75"]
    data.ImageOrientationPatient = ["0", "1", "0", "0", "0", "-1"]
    block = data.private_block(0x0029, "EXAMPLE CSA HEADER", create=True)
    block.add_new(0x10, "OB", private)
    for n in range(20):
        data.private_block(0x0051, "EXAMPLE MR", create=True).add_new(n, "LO", f"value {n}")
    data.Rows = data.Columns = 64
    data.BitsAllocated, data.BitsStored, data.HighBit = 16, 12, 11
    data.PixelRepresentation, data.SamplesPerPixel = 0, 1
    data.PhotometricInterpretation, data.PixelData = "MONOCHROME2", bytes(2 * 64 * 64)
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    out = BytesIO()
    data.save_as(out, enforce_file_format=True)
    return out.getvalue()


_SEQUENCES = {"ProcedureCodeSequence": "P1", "RequestAttributesSequence": "R1",
              "PerformedProtocolCodeSequence": "C1", "AnatomicRegionSequence": "A1"}  # fmt: skip
_NUMBERS = {
    "SliceThickness": "1", "RepetitionTime": "2000", "EchoTime": "2.01", "InversionTime": "880",
    "NumberOfAverages": "1", "ImagingFrequency": "123.25", "EchoNumbers": "1",
    "MagneticFieldStrength": "3", "NumberOfPhaseEncodingSteps": "256", "EchoTrainLength": "1",
    "PercentSampling": "100", "PercentPhaseFieldOfView": "100", "PixelBandwidth": "240",
    "FlipAngle": "8", "SAR": "0.05", "dBdt": "0", "SeriesNumber": "5", "AcquisitionNumber": "1",
    "InstanceNumber": "1", "SliceLocation": "12.5", "WindowCenter": "300", "WindowWidth": "600",
    "SmallestImagePixelValue": 0, "LargestImagePixelValue": 1200, "RescaleSlope": "1",
    "RescaleIntercept": "0",
}  # fmt: skip
_WORDS = (
    "StationName", "InstitutionName", "ProtocolName", "SequenceName", "ScanningSequence",
    "SequenceVariant", "ScanOptions", "MRAcquisitionType", "SoftwareVersions", "TransmitCoilName",
    "PatientPosition", "AccessionNumber", "StudyID", "PositionReferenceIndicator",
    "PerformedProcedureStepDescription", "DeviceSerialNumber", "InPlanePhaseEncodingDirection",
)  # fmt: skip


def _tool(bank: Path, *arguments: str) -> list[str]:
    home = [] if arguments[0] == "init" else ["--home", str(bank)]
    return [sys.executable, "-m", "biobraid", "--quiet", *home, *arguments]


def _checked(command: list[str], folder: Path) -> Measured:
    env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / "keys")}
    measured = measure_command(command, env=env)
    if measured.returncode:
        raise RuntimeError(f"{command[-1]} ended with {measured.returncode}")
    return measured
