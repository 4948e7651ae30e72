"""What the names of files in a BIDS dataset say. Source: BIDS specification 1.10."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

# Datatype folder -> DICOM modality code, kind of asset.
DATATYPES: Mapping[str, tuple[str, str]] = {
    "anat": ("MR", "volume"),
    "func": ("MR", "volume"),
    "dwi": ("MR", "volume"),
    "fmap": ("MR", "volume"),
    "perf": ("MR", "volume"),
    "mrs": ("MR", "other"),
    "pet": ("PT", "volume"),
    "micr": ("SM", "image_series"),
    "eeg": ("EEG", "waveform"),
    "ieeg": ("EEG", "waveform"),
    "meg": ("MEG", "waveform"),
    "nirs": ("NIRS", "waveform"),
    "motion": ("POS", "waveform"),
}
# Suffixes the standard knows for images and signals. Any other is a word of whoever named the file.
_SUFFIXES = """
T1w T2w T2star T2starw PD PDw PDT2 FLAIR FLASH inplaneT1 inplaneT2 angio defacemask T1rho
T1map T2map T2starmap R1map R2map R2starmap PDmap MTRmap MTsat UNIT1 T1rhomap MWFmap MTVmap
Chimap S0map M0map VFA IRT1 MP2RAGE MESE MEGRE MTR MTS MPM TB1map RB1map TB1DAM TB1EPI TB1AFI
TB1TFL TB1RFM RB1COR TB1SRGE
bold cbv sbref phase noRF dwi phasediff phase1 phase2 magnitude magnitude1 magnitude2
fieldmap epi asl m0scan aslcontext svs mrsi unloc mrsref pet blood
TEM SEM uCT BF DF PC DIC FLUO CONF PLI CARS 2PE MPE SR NLO OCT SPIM XPCT photo
eeg ieeg meg nirs motion headshape markers
"""
SUFFIXES = frozenset(_SUFFIXES.split())
_DATA = (
    ".nii", ".nii.gz", ".edf", ".bdf", ".set", ".vhdr", ".fif", ".snirf", ".nwb", ".ome.tif",
    ".ome.tiff", ".png", ".tif", ".meg4", ".con",
)  # fmt: skip
_NOT_RAW = ("derivatives", "sourcedata", "code", "stimuli")
_NAME = re.compile(
    r"^(?P<subject>sub-[A-Za-z0-9+]+)(?:_(?P<session>ses-[A-Za-z0-9+]+))?"
    r"(?P<rest>(?:_[A-Za-z0-9]+-[A-Za-z0-9+]+)*)_(?P<suffix>[A-Za-z0-9]+)(?P<ending>\.[^/]*)$"
)


@dataclass(frozen=True)
class DataFile:
    """An image or signal of a subject."""

    name: str  # path in the dataset
    subject: str  # sub-XX
    session: str  # ses-YY or empty
    suffix: str  # T1w, bold, eeg, ...
    modality: str
    kind: str
    entities: frozenset[str]  # sub-01, task-rest, ...


def rule_of_file(name: str) -> str | None:
    """Why a file of the dataset is no record; None for an image or signal of a subject."""
    parts = PurePosixPath(name).parts
    if parts[0] in _NOT_RAW:
        return f"bids-{parts[0]}"
    if len(parts) < 3 or not parts[0].startswith("sub-"):
        return "bids-metadata"
    if parts[-2] not in DATATYPES or not name.lower().endswith(_DATA):
        return "bids-companion"
    return None


def data_file(name: str) -> DataFile | None:
    """The image or signal a path names; None if its name breaks the standard."""
    parts = PurePosixPath(name).parts
    match = _NAME.match(parts[-1])
    if match is None or match["subject"] != parts[0]:
        return None
    modality, kind = DATATYPES[parts[-2]]
    entities = frozenset(part for part in parts[-1].split("_") if "-" in part)
    return DataFile(
        name, match["subject"], match["session"] or "", match["suffix"], modality, kind, entities
    )


@dataclass(frozen=True)
class Sidecar:
    """One metadata file: what its name asks of the data it speaks of, and what it says."""

    entities: frozenset[str]
    suffix: str
    content: Mapping[str, Any]


def sidecars_by_folder(sidecars: Mapping[str, Mapping[str, Any]]) -> dict[str, list[Sidecar]]:
    """Folder -> its sidecars, those that ask for less first. sidecars: path -> content."""
    found: dict[str, list[Sidecar]] = {}
    for path, content in sorted(sidecars.items()):
        folder, _, name = path.rpartition("/")
        *entities, suffix = name.removesuffix(".json").split("_")
        found.setdefault(folder, []).append(Sidecar(frozenset(entities), suffix, content))
    for listed in found.values():
        listed.sort(key=lambda sidecar: len(sidecar.entities))
    return found


def metadata_of(file: DataFile, sidecars: Mapping[str, list[Sidecar]]) -> dict[str, Any]:
    """Metadata of a file by the inheritance principle: the nearest sidecar wins."""
    found: dict[str, Any] = {}
    folders = [str(p) for p in PurePosixPath(file.name).parents]
    for folder in reversed(["" if f == "." else f for f in folders]):
        for sidecar in sidecars.get(folder, ()):
            if sidecar.suffix == file.suffix and sidecar.entities <= file.entities:
                found |= sidecar.content
    return found


def read_json(data: bytes) -> dict[str, Any] | None:
    """An object of a sidecar; None if the bytes are no JSON object."""
    try:
        found = json.loads(data.decode("utf-8-sig"))
    except (ValueError, UnicodeDecodeError):
        return None
    return found if isinstance(found, dict) else None
