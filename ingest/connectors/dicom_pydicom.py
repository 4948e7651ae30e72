"""Headers that the scanner leaves: read by pydicom, in the same form.

The only place that reads DICOM with pydicom. Imported when the first such file is met.
"""

from __future__ import annotations

import warnings
from typing import Any, BinaryIO

import pydicom
from pydicom.charset import convert_encodings, decode_bytes
from pydicom.errors import InvalidDicomError

from biobraid.ingest.connectors.dicom_scan import Header
from biobraid.ingest.connectors.dicom_tags import PIXEL_GROUP, WANTED, rule_of

_WAVEFORMS = 0x5400_0100
# First bytes of a data set without preamble: group 0008 or 0002, in either byte order.
_BARE = (b"\x08\x00", b"\x00\x08", b"\x02\x00", b"\x00\x02")
_DIRECTORY_CLASS = "1.2.840.10008.1.3.10"


class NotDicom(Exception):
    """The bytes are no DICOM file."""


class Damaged(Exception):
    """A DICOM file that cannot be read to its end."""


def read_header(file: BinaryIO) -> Header:
    """The header of a file by pydicom; pixels are not read. Raises NotDicom or Damaged."""
    dataset = _read(file)
    header = Header()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warnings quote values
            for element in dataset:
                _take(header, element)
    except Exception:  # pydicom raises whatever a damaged value makes its converters raise
        raise Damaged from None
    return header


def _read(file: BinaryIO) -> Any:
    head = file.read(132)
    file.seek(0)
    is_bare = head[128:] != b"DICM"
    if is_bare and head[:2] not in _BARE:
        raise NotDicom
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warnings quote values
            dataset = pydicom.dcmread(file, stop_before_pixels=True, force=is_bare)
    except InvalidDicomError:
        raise NotDicom from None
    except Exception:  # zlib, struct, decoding: many kinds
        raise Damaged from None
    if is_bare and not (len(dataset) > 3 and "SOPClassUID" in dataset):
        raise NotDicom  # read by force: it may be anything
    return dataset


def _take(header: Header, element: Any) -> None:
    tag = int(element.tag)
    if tag >> 16 >= PIXEL_GROUP or not tag & 0xFFFF or tag >> 16 <= 2:
        return
    if element.VM == 0 or element.value in ("", b""):
        return
    name = WANTED.get(tag)
    if name is None:
        header.dropped[rule_of(tag, str(element.VR).encode())] += 1
        return
    value = element.value
    several = element.VM > 1 and not isinstance(value, str | bytes)
    text = "\\".join(str(v) for v in value) if several else str(value)
    if name != "character_set":
        header.values[name] = text.encode()
        header.values["character_set"] = b"ISO_IR 192"  # pydicom has decoded it


def decoded(value: bytes, character_sets: bytes) -> str:
    """Text in the file's character sets; bytes that cannot be read become question marks."""
    sets = character_sets.decode("ascii", "replace").replace("\0", "").split("\\")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(decode_bytes(value, convert_encodings([s.strip() for s in sets]), {0x5C}))


def waveform_of(file: BinaryIO) -> tuple[int, float, float]:
    """Channels, samples per second and length in seconds of a waveform object; zeros if unknown."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its warnings quote values
            item = _read(file)[_WAVEFORMS].value[0]
            hertz = float(item.SamplingFrequency)
            n_channels, n_samples = item.NumberOfWaveformChannels, item.NumberOfWaveformSamples
            return int(n_channels), hertz, int(n_samples) / hertz
    except Exception:  # missing, empty or damaged: pydicom raises whatever its converters raise
        return 0, 0.0, 0.0


def files_of_directory(file: BinaryIO) -> list[str] | None:
    """File names that a DICOMDIR lists, with slashes; None if the file is none."""
    try:
        dataset = _read(file)
        if str(dataset.file_meta.MediaStorageSOPClassUID) != _DIRECTORY_CLASS:
            return None
        found = []
        for record in dataset.DirectoryRecordSequence:
            parts = record.get("ReferencedFileID")
            if parts:
                found.append("/".join([parts] if isinstance(parts, str) else list(parts)))
        return found
    except (NotDicom, Damaged, AttributeError):
        return None
