"""Which of many byte strings may stand in a large content: those whose first five bytes do.

Searching hundreds of megabytes for tens of thousands of spellings one by one takes minutes; one
look at every place for all their beginnings takes seconds, and leaves few to be searched for.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

LENGTH = 5
_BITS = 22
_SPREAD = np.uint64(0x9E3779B97F4A7C15)
_PIECE = 1 << 20


class Beginnings:
    """The first five bytes of every form of five bytes and more."""

    def __init__(self, forms: Iterable[bytes]) -> None:
        starts = {form[:LENGTH] for form in forms if len(form) >= LENGTH}
        numbers = [int.from_bytes(start, "little") for start in starts]
        self._wanted = np.sort(np.array(numbers, np.uint64))
        self._table = np.zeros(1 << _BITS, bool)
        self._table[_places(self._wanted)] = True

    def of(self, content: bytes) -> set[bytes]:
        """Those that stand somewhere in the content."""
        seen: set[int] = set()
        for first in range(0, max(0, len(content) - LENGTH + 1), _PIECE):
            piece = np.frombuffer(content[first : first + _PIECE + LENGTH - 1], np.uint8)
            n = len(piece) - LENGTH + 1
            windows = np.zeros(n, np.uint64)
            for place in range(LENGTH):
                shift = np.uint64(8 * place)
                windows |= piece[place : place + n].astype(np.uint64) << shift
            likely = np.unique(windows[self._table[_places(windows)]])
            seen.update(np.intersect1d(likely, self._wanted, assume_unique=True).tolist())
        return {number.to_bytes(LENGTH, "little") for number in seen}


def _places(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    with np.errstate(over="ignore"):
        return ((numbers * _SPREAD) >> np.uint64(64 - _BITS)).astype(np.int64)
