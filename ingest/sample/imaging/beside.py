"""A BIDS dataset of some who were scanned, and ECGs of the other cohort in WFDB's form."""

from __future__ import annotations

import gzip
import json
import struct
from io import BytesIO
from pathlib import Path

import numpy as np

SHAPE = (4, 5, 6)
HERTZ, SECONDS, LEADS = 100, 2, ("I", "II", "V5")


def write_dataset(folder: Path) -> None:
    """What stands above the subjects of the dataset."""
    folder.mkdir(parents=True, exist_ok=True)
    _json(folder / "dataset_description.json", {"Name": "Rest", "BIDSVersion": "1.10.0"})
    _json(folder / "task-rest_bold.json", {
        "TaskName": "rest", "RepetitionTime": 0.735, "MagneticFieldStrength": 3,
        "InstitutionName": "Example Centre",
    })  # fmt: skip
    (folder / "participants.tsv").write_text("participant_id\tage\tsex\n", encoding="utf-8")


def write_subject(folder: Path, label: str, age: int, male: bool, day: np.datetime64) -> None:
    """One subject with one run at rest."""
    subject = f"sub-{label}"
    with (folder / "participants.tsv").open("a", encoding="utf-8") as out:
        out.write(f"{subject}\t{age}\t{'M' if male else 'F'}\n")
    run = f"func/{subject}_task-rest_bold.nii.gz"
    path = folder / subject / run
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_nifti())
    scans = folder / subject / f"{subject}_scans.tsv"
    scans.write_text(f"filename\tacq_time\n{run}\t{day}T11:00:00\n", encoding="utf-8")


def write_ecg(folder: Path, person: str, age: int, male: bool, name: str, day: str) -> None:
    """One record of two seconds; its header says who and why, in free text. day: DD/MM/YYYY."""
    path = folder / person
    path.mkdir(parents=True, exist_ok=True)
    n = HERTZ * SECONDS
    lines = [f"rest {len(LEADS)} {HERTZ} {n} 10:15:00 {day}"]
    lines += [f"rest.dat 16 200 16 0 0 0 0 {lead}" for lead in LEADS]
    lines += [f"# age: {age}", f"# sex: {'male' if male else 'female'}",
              f"# Reason: {name} felt a flutter"]  # fmt: skip
    (path / "rest.hea").write_text("\n".join(lines) + "\n", encoding="utf-8")
    wave = (1000 * np.sin(np.arange(n) / 8)).astype("<i2")
    (path / "rest.dat").write_bytes(np.repeat(wave, len(LEADS)).tobytes())


def _nifti() -> bytes:
    """A NIfTI-1 file of three volumes of zeros, compressed, always the same bytes."""
    header = bytearray(352)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 4, *SHAPE, 3, 1, 1, 1)
    struct.pack_into("<2h", header, 70, 2, 8)  # unsigned char
    struct.pack_into("<8f", header, 76, 1, 2, 2, 2, 0.735, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    header[123], header[344:348] = 2 | 8, b"n+1\0"
    out = BytesIO()
    with gzip.GzipFile(filename="", mode="wb", fileobj=out, mtime=0) as file:
        file.write(bytes(header) + bytes(3 * int(np.prod(SHAPE))))
    return out.getvalue()


def _json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
