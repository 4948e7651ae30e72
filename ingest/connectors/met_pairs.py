"""Which measurements a file has given before: a bit for each run of a sample and each feature.

Exact, and small: 54,000 samples by 3,000 assays take 160 MB, where the measurements themselves,
kept as hashes, would take eight times as much.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]
_LEAST = 64


class MetPairs:
    """Pairs of a run (a sample on a plate) and a feature, by their places."""

    def __init__(self) -> None:
        self._run_at: dict[tuple[int, str | None], int] = {}
        self._met = np.zeros((0, 0), dtype=bool)

    def repeated(self, sample: Ints, feature: Ints, plates: pa.StringArray | None) -> Bools:
        """Which measurements were given before, or stand earlier in the same arrays."""
        if not len(sample):
            return np.zeros(0, dtype=bool)
        run = self._runs(sample, plates)
        self._grow(len(self._run_at), int(feature.max()) + 1)
        pairs = run * self._met.shape[1] + feature
        met = self._met.reshape(-1)
        _, first = np.unique(pairs, return_index=True)
        is_first = np.zeros(len(pairs), dtype=bool)
        is_first[first] = True
        twice: Bools = met[pairs] | ~is_first
        met[pairs] = True
        return twice

    def _runs(self, sample: Ints, plates: pa.StringArray | None) -> Ints:
        words: list[str | None] = [None]
        plate = np.zeros(len(sample), np.int64)
        if plates is not None:
            encoded = plates.fill_null("").dictionary_encode()
            plate = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
            words = encoded.dictionary.to_pylist()
        pairs, inverse = np.unique(sample * len(words) + plate, return_inverse=True)
        numbers = [
            self._run_at.setdefault(
                (pair // len(words), words[pair % len(words)]), len(self._run_at)
            )
            for pair in pairs.tolist()
        ]
        return np.array(numbers, dtype=np.int64)[inverse]

    def _grow(self, n_runs: int, n_features: int) -> None:
        """Room for so many; doubled, so that growing costs little."""
        rows, columns = self._met.shape
        if n_runs <= rows and n_features <= columns:
            return
        shape = (_doubled(rows, n_runs), _doubled(columns, n_features))
        grown = np.zeros(shape, dtype=bool)
        grown[:rows, :columns] = self._met
        self._met = grown


def _doubled(size: int, wanted: int) -> int:
    size = max(size, _LEAST)
    while size < wanted:
        size *= 2
    return size
