"""Keys hashed once and asked for block after block: the same answers as from Arrow, built once."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from biobraid.ingest import key_index
from biobraid.ingest.key_index import KeyIndex, SeenHashes


def test_places_are_those_of_the_first_of_each_key() -> None:
    keys = pa.array([f"p{i % 700}" for i in range(1000)] + [""])
    given = pa.array(["p5", None, "p699", "nobody", "", "p0"])
    assert KeyIndex(keys).find(given).to_pylist() == [5, None, 699, None, 1000, 0]
    assert KeyIndex(keys.slice(0, 0)).find(given).null_count == len(given)
    assert len(KeyIndex(keys).find(given.slice(0, 0))) == 0


def test_two_keys_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeyIndex, "_hashes", lambda _, keys: np.ones(len(keys), dtype=np.uint64))
    keys, given = pa.array(["a", "b"]), pa.array(["b", "c", None, "a"])
    assert KeyIndex(keys).find(given).to_pylist() == [1, None, None, 0]


def test_all_keys_are_hashed_once_however_many_blocks_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("builds a table of all keys")

    monkeypatch.setattr(key_index.pc, "index_in", refuse)
    index = KeyIndex(pa.array([str(i) for i in range(5000)]))
    for start in range(0, 5000, 500):
        block = pa.array([str(i) for i in range(start, start + 500)])
        assert pc.sum(index.find(block)).as_py() == sum(range(start, start + 500))


def test_hashes_are_seen_however_they_came() -> None:
    rng = np.random.default_rng(1)
    seen, known = SeenHashes(), np.empty(0, dtype=np.uint64)
    for _ in range(60):
        block = rng.integers(0, 5000, size=100, dtype=np.uint64)
        is_known = seen.contains(block)
        assert (is_known == np.isin(block, known)).all()
        new = np.unique(block[~is_known])
        seen.add(new)
        known = np.concatenate([known, new])
    assert len(seen._runs) <= 14
