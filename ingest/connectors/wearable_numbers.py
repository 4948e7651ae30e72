"""Numbers and codes among text cells."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_NUMBER = r"^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$"


def are_codes(text: pa.Array) -> npt.NDArray[np.bool_]:
    """Which cells are constants of HealthKit's; other words may be a person's."""
    found: npt.NDArray[np.bool_] = (
        pc.match_substring_regex(text, "^HK[A-Za-z0-9]+$")
        .fill_null(False)
        .to_numpy(zero_copy_only=False)
    )
    return found


def numbers(text: pa.Array) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The number of each cell (0 where there is none), and where a cell is one; null is none."""
    is_number = pc.match_substring_regex(text, _NUMBER).fill_null(False)
    found = pc.cast(pc.if_else(is_number, text, "0"), pa.float64())
    is_number = pc.and_(is_number, pc.is_finite(found))  # 1e999 is none
    found = pc.if_else(is_number, found, 0.0)
    return found.to_numpy(zero_copy_only=False), is_number.to_numpy(zero_copy_only=False)
