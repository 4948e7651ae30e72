"""Keys that are asked for block after block: hashed and sorted once, not for every block.

Arrow builds a table of all keys anew at each call of index_in, which for a file of many blocks
costs blocks times keys.
"""

from __future__ import annotations

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.hashing import U64

Bools = npt.NDArray[np.bool_]


class KeyIndex:
    """Places of keys. Of a key that stands twice the first place counts; null is no key."""

    def __init__(self, keys: pa.StringArray) -> None:
        self._keys = keys
        self._con = duckdb.connect(config={"threads": "1"})
        hashes = self._hashes(keys)
        self._order = np.argsort(hashes, kind="stable")
        self._hashed = hashes[self._order]

    def find(self, given: pa.StringArray) -> pa.Int64Array:
        """Place of each given key among the keys; null where it is none of them."""
        if not len(self._keys) or not len(given):
            return pa.nulls(len(given), pa.int64())
        hashes = self._hashes(given)
        at = np.minimum(np.searchsorted(self._hashed, hashes), len(self._hashed) - 1)
        is_hit = (self._hashed[at] == hashes) & given.is_valid().to_numpy(zero_copy_only=False)
        places = pa.array(self._order[at], mask=~is_hit)
        same = pc.equal(self._keys.take(places), given)
        if same.true_count != int(is_hit.sum()):  # two keys of one hash: once in 2^64 pairs
            return pc.cast(pc.index_in(given, self._keys, skip_nulls=True), pa.int64())
        return places

    def _hashes(self, keys: pa.StringArray) -> U64:
        rows = pa.table({"k": keys})
        self._con.register("given", rows)
        hashed = self._con.execute("SELECT hash(k) AS h FROM given").to_arrow_table()
        self._con.unregister("given")
        found: U64 = hashed["h"].to_numpy()
        return found


class SeenHashes:
    """Hashes seen so far, in sorted runs of at least doubling length: few to search, few merges."""

    def __init__(self) -> None:
        self._runs: list[U64] = []

    def contains(self, hashes: U64) -> Bools:
        """Which of the hashes were added before."""
        found = np.zeros(len(hashes), dtype=bool)
        for run in self._runs:
            at = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            found |= run[at] == hashes
        return found

    def add(self, hashes: U64) -> None:
        """Add hashes that are not yet there, each once."""
        if not len(hashes):
            return
        run = np.sort(hashes)
        while self._runs and len(self._runs[-1]) < 2 * len(run):
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        self._runs.append(run)
