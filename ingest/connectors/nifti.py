"""The header of a NIfTI-1 or NIfTI-2 file, compressed or not: shape and voxel size, no voxels.

Source: nifti1.h and nifti2.h (NIMH), fields dim, pixdim and xyzt_units.
"""

from __future__ import annotations

import gzip
import struct
import zlib
from dataclasses import dataclass
from io import BytesIO

HEADER_BYTES = 540
_TO_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
_TO_S = {0: 1.0, 8: 1.0, 16: 1e-3, 24: 1e-6}


@dataclass(frozen=True)
class NiftiHeader:
    """Size of the volume; lengths in mm, repetition time in s (0 if there is one volume)."""

    n_columns: int
    n_rows: int
    n_slices: int
    n_volumes: int
    row_spacing_mm: float
    slice_spacing_mm: float
    repetition_s: float


def read_nifti_header(data: bytes) -> NiftiHeader | None:
    """The header that the first bytes of a file hold; None if they are no NIfTI."""
    if data[:2] == b"\x1f\x8b":
        try:
            with gzip.GzipFile(fileobj=BytesIO(data)) as file:
                data = file.read(HEADER_BYTES)
        except (OSError, EOFError, zlib.error):
            return None
    if len(data) < 348:
        return None
    for order in "<>":
        (size,) = struct.unpack_from(f"{order}i", data)
        if size == 348 and data[344:347] in (b"n+1", b"ni1"):
            return _header(
                struct.unpack_from(f"{order}8h", data, 40),
                struct.unpack_from(f"{order}8f", data, 76),
                data[123],
            )
        if size == 540 and len(data) >= 540 and data[4:7] in (b"n+2", b"ni2"):
            return _header(
                struct.unpack_from(f"{order}8q", data, 16),
                struct.unpack_from(f"{order}8d", data, 104),
                struct.unpack_from(f"{order}i", data, 500)[0],
            )
    return None


def _header(dim: tuple[int, ...], pixdim: tuple[float, ...], units: int) -> NiftiHeader | None:
    if not 1 <= dim[0] <= 7 or any(not 0 <= n < 2**31 for n in dim[1 : dim[0] + 1]):
        return None
    sizes = [dim[i] if i <= dim[0] else 1 for i in range(1, 5)]
    to_mm, to_s = _TO_MM.get(units & 7, 1.0), _TO_S.get(units & 56, 0.0)
    return NiftiHeader(
        sizes[0],
        sizes[1],
        sizes[2],
        max(sizes[3], 1),
        abs(pixdim[2]) * to_mm,
        abs(pixdim[3]) * to_mm,
        pixdim[4] * to_s if sizes[3] > 1 else 0.0,
    )
