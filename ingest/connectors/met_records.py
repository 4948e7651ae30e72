"""Which records a file has given before: sorted runs of ids, eight bytes a record."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from biobraid.ingest.hashing import U64


class MetRecords:
    """Record ids; runs are merged when they are of one size, so that few are searched."""

    def __init__(self) -> None:
        self._runs: list[U64] = []

    def repeated(self, ids: U64) -> npt.NDArray[np.bool_]:
        """Which ids were given before, or stand earlier in the same array."""
        twice = np.ones(len(ids), dtype=np.bool_)
        twice[np.unique(ids, return_index=True)[1]] = False
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, ids), len(run) - 1)
            twice |= run[at] == ids
        new = np.sort(ids[~twice])
        while self._runs and len(self._runs[-1]) <= len(new):
            new = np.sort(np.concatenate([self._runs.pop(), new]))
        if len(new):
            self._runs.append(new)
        return twice
