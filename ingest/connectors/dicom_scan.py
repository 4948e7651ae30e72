"""Reading the header of a DICOM file without making an object of each attribute.

Handles little endian with explicit or implicit VR, which is how images are stored. Anything
else, and anything that looks wrong, is left to pydicom (dicom_pydicom.py): this scanner says
nothing rather than something doubtful. Source: DICOM PS3.5 section 7, PS3.10 section 7.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from struct import Struct
from struct import error as StructError

from biobraid.ingest.connectors.dicom_tags import (
    PIXEL_GROUP,
    SHORTS,
    TRANSFER_SYNTAX,
    WANTED,
    rule_of,
)

PREAMBLE = 128
_IMPLICIT = b"1.2.840.10008.1.2"
_OTHER = (b"1.2.840.10008.1.2.2", b"1.2.840.10008.1.2.1.99")  # big endian, deflated
_LONG = frozenset(
    (b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV")
)
_SHORT = frozenset(
    (b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT", b"PN",
     b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US")
)  # fmt: skip
_UNDEFINED = 0xFFFF_FFFF
_ITEM, _ITEM_END, _SEQUENCE_END = 0xFFFE_E000, 0xFFFE_E00D, 0xFFFE_E0DD
_TAG, _U16, _U32 = Struct("<HH").unpack_from, Struct("<H").unpack_from, Struct("<I").unpack_from


@dataclass
class Header:
    """What was read of one file: wanted values by name, as stored, and what was dropped, by rule.

    pixels_end: where the pixel data end by their
    stated length; 0 if there are none or their length is not stated.
    """

    values: dict[str, bytes] = field(default_factory=dict)
    dropped: Counter[str] = field(default_factory=Counter)
    pixels_end: int = 0


class NeedMore(Exception):
    """The header goes on after the bytes at hand."""


class Unusual(Exception):
    """Not a file for this scanner."""


def scan_header(data: bytes, n_bytes: int) -> Header:
    """The header of a file that begins with `data` and has n_bytes in all.

    Raises NeedMore if data end before the header does, Unusual if pydicom should look at it.
    """
    if data[PREAMBLE : PREAMBLE + 4] != b"DICM":
        raise Unusual
    try:
        position, syntax = _meta(data, n_bytes)
        if syntax in _OTHER:
            raise Unusual
        return _dataset(data, position, n_bytes, is_explicit=syntax != _IMPLICIT)
    except StructError:  # a length could not be read
        raise (NeedMore if len(data) < n_bytes else Unusual) from None


def _meta(data: bytes, n_bytes: int) -> tuple[int, bytes]:
    """Where the data set begins, and its transfer syntax."""
    position, syntax = PREAMBLE + 4, b""
    while True:
        if position + 12 > len(data) and len(data) < n_bytes:
            raise NeedMore
        group, element = _TAG(data, position)
        if group != 2:
            break
        vr = data[position + 4 : position + 6]
        if vr in _LONG:
            start, length = position + 12, _U32(data, position + 8)[0]
        elif vr in _SHORT:
            start, length = position + 8, _U16(data, position + 6)[0]
        else:
            raise Unusual
        position = start + length
        if group << 16 | element == TRANSFER_SYNTAX:
            syntax = data[start:position].rstrip(b"\0 ")
    if not syntax:
        raise Unusual
    return position, syntax


def _dataset(data: bytes, position: int, n_bytes: int, is_explicit: bool) -> Header:
    header = Header()
    values, dropped = header.values, header.dropped
    end, before = len(data), 0
    while position < n_bytes:
        if position + 12 > end and end < n_bytes:
            raise NeedMore
        group, element = _TAG(data, position)
        tag = group << 16 | element
        if tag <= before:
            raise Unusual
        before = tag
        if is_explicit:
            vr = data[position + 4 : position + 6]
            if vr in _SHORT:
                length, start = _U16(data, position + 6)[0], position + 8
            elif vr in _LONG:
                length, start = _U32(data, position + 8)[0], position + 12
            else:
                raise Unusual
        else:
            vr, length, start = b"", _U32(data, position + 4)[0], position + 8
        if group >= PIXEL_GROUP:
            if group == PIXEL_GROUP and length != _UNDEFINED:
                header.pixels_end = start + length
            return header
        if length == _UNDEFINED:
            position = _after_sequence(data, start, n_bytes, is_explicit and vr != b"UN")
        else:
            position = start + length
            if position > n_bytes:
                raise Unusual  # cut short, or a wrong length
        if tag in WANTED:
            if position > end:
                raise NeedMore
            value = data[start:position]
            if tag in SHORTS:
                if length != 2:
                    raise Unusual
                values[WANTED[tag]] = b"%d" % _U16(value)[0]
            elif length:
                values[WANTED[tag]] = value
        elif length and element:  # element 0000 only says how long its group is
            dropped[rule_of(tag, vr)] += 1
    return header


def _after_sequence(data: bytes, position: int, n_bytes: int, is_explicit: bool) -> int:
    """Where a sequence of undefined length ends; `position`: its first item."""
    while True:
        if position + 8 > len(data):
            raise NeedMore if len(data) < n_bytes else Unusual
        group, element = _TAG(data, position)
        tag, length = group << 16 | element, _U32(data, position + 4)[0]
        position += 8
        if tag == _SEQUENCE_END:
            return position
        if tag != _ITEM:
            raise Unusual
        if length == _UNDEFINED:
            position = _after_item(data, position, n_bytes, is_explicit)
        else:
            position += length


def _after_item(data: bytes, position: int, n_bytes: int, is_explicit: bool) -> int:
    """Where an item of undefined length ends."""
    while True:
        if position + 12 > len(data) and len(data) < n_bytes:
            raise NeedMore
        group, element = _TAG(data, position)
        if group << 16 | element == _ITEM_END:
            return position + 8
        vr = data[position + 4 : position + 6]
        if not is_explicit:
            length, start = _U32(data, position + 4)[0], position + 8
        elif vr in _SHORT:
            length, start = _U16(data, position + 6)[0], position + 8
        elif vr in _LONG:
            length, start = _U32(data, position + 8)[0], position + 12
        else:
            raise Unusual
        if length == _UNDEFINED:
            position = _after_sequence(data, start, n_bytes, is_explicit and vr != b"UN")
        else:
            position = start + length
