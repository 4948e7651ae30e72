"""Heaps of strings of an HDF5 file, looked at before libhdf5 reads them.

libhdf5 walks the objects of a heap by their sizes, and goes round for ever where a damaged size
makes a step of nothing. It cannot be interrupted there, so that such a file is to be found first.
Source: HDF5 File Format Specification 3.0, III.E (global heap).
"""

from __future__ import annotations

import mmap
from pathlib import Path

_HEAP = b"GCOL\x01\x00\x00\x00"
_HEADER = 16  # of a heap, and of an object in it
_WRAP = 1 << 64
_LENGTHS_AT = {0: 14, 1: 14, 2: 10, 3: 10}  # version of the superblock -> where it says their size


def has_endless_heap(path: Path) -> bool:
    """True if a heap of the file has an object after which there is no next one.

    Files whose lengths have another size than the usual 8 bytes are not looked at.
    """
    with path.open("rb") as handle, mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as data:
        place = _LENGTHS_AT.get(data[8]) if len(data) > _HEADER else None
        if place is None or data[place] != 8:
            return False
        at = data.find(_HEAP)
        while at >= 0:
            if _is_endless(data, at):
                return True
            at = data.find(_HEAP, at + len(_HEAP))
    return False


def _is_endless(data: mmap.mmap, start: int) -> bool:
    end = min(start + _number(data, start + 8, 8), len(data))
    at = start + _HEADER
    while at + _HEADER <= end:
        size = _number(data, at + 8, 8)
        is_free = _number(data, at, 2) == 0  # whose size counts its header
        step = (size if is_free else _HEADER + (size + 7) // 8 * 8) % _WRAP
        if step == 0:
            return True
        at += step
    return False


def _number(data: mmap.mmap, at: int, n_bytes: int) -> int:
    return int.from_bytes(data[at : at + n_bytes], "little")
