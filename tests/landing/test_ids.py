"""Repeated ids are found whatever the memory: one pass or many give the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.ingest.landing.ids import ids_in_several, n_distinct_ids, repeated_ids


@pytest.fixture
def parts(tmp_path: Path) -> list[Path]:
    """Two parts of random ids: 5 and 9 stand in both, 9 twice in the first."""
    chance = np.random.default_rng(1)
    big = np.int64(2**62 + 12345)
    made = []
    for name, more in (("a", [5, 9, 9, big]), ("b", [5, 9, big])):
        ids = np.concatenate([chance.integers(1, 2**63 - 1, 5000), np.array(more, np.int64)])
        made.append(tmp_path / f"{name}.parquet")
        pq.write_table(pa.table({"row_id": ids}), made[-1])
    return made


@pytest.mark.parametrize("memory_bytes", [1 << 30, 60_000, 4_000])
def test_ids_are_compared_within_any_memory(parts: list[Path], memory_bytes: int) -> None:
    big = 2**62 + 12345
    assert repeated_ids(parts[:1], "row_id", memory_bytes).tolist() == [9]
    assert repeated_ids(parts, "row_id", memory_bytes).tolist() == [5, 9, big]
    groups = [parts[:1], parts[1:]]
    assert ids_in_several(groups, "row_id", memory_bytes).tolist() == [5, 9, big]
    assert n_distinct_ids(parts, "row_id", memory_bytes) == 10_000 + 3
