"""Connector embeddings: vectors of images from Parquet or NumPy, joined to them by series UID."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import SourceFileError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing import check_books, ingest
from tests.imaging.delivery import KEYS, deliver

OPTIONS = {"options": {"model": "net", "version": "2"}}
IDS = {"PatientID": ["A", "B", "", "A"], "SeriesInstanceUID": ["1.1", "1.2", "1.3", "1.1"]}
VECTORS = np.arange(12, dtype=np.float64).reshape(4, 3)


def _parquet(path: Path, **columns: object) -> Path:
    pq.write_table(pa.table({**IDS, **columns}), path)
    return path


def _folder(path: Path, vectors: np.ndarray = VECTORS) -> Path:
    path.mkdir()
    rows = [f"{a},{b}" for a, b in zip(*IDS.values(), strict=True)]
    (path / "index.csv").write_text("\n".join([",".join(IDS), *rows]) + "\n")
    np.save(path / "vectors.npy", vectors)
    return path


def test_all_forms_land_the_same_vectors(tmp_path: Path) -> None:
    lists = _parquet(tmp_path / "a.parquet", embedding=[list(v) for v in VECTORS])
    wide = _parquet(tmp_path / "b.parquet", **{f"embedding_{i}": VECTORS[:, i] for i in range(3)})
    found = [
        deliver(path, "embeddings", **OPTIONS) for path in (lists, wide, _folder(tmp_path / "f"))
    ]
    for got in found:
        assert got.books == (4, 2, 2, 0)
        assert got.rows("raw.vector", "asset_id", "model", "version", "vector") == sorted([
            (KEYS.record_id("toy", "asset", "1.1"), "net", "2", [0.0, 1.0, 2.0]),
            (KEYS.record_id("toy", "asset", "1.2"), "net", "2", [3.0, 4.0, 5.0]),
        ], key=str)  # fmt: skip
        assert got.rows("raw.reject", "row_number", "reason") == [
            (3, "missing-person-id"), (4, "duplicate-key")
        ]  # fmt: skip
        assert "'1.1'" not in repr(got.tables)


def test_a_vector_that_is_no_number_is_rejected(tmp_path: Path) -> None:
    vectors = VECTORS.copy()
    vectors[1, 2] = np.nan
    got = deliver(_folder(tmp_path / "f", vectors), "embeddings", **OPTIONS)
    assert (2, "invalid-value") in got.rows("raw.reject", "row_number", "reason")


def test_an_array_that_does_not_fit_its_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceFileError, match="beside 4 rows"):
        deliver(_folder(tmp_path / "f", VECTORS[:3]), "embeddings", **OPTIONS)
    folder = _folder(tmp_path / "g")
    (folder / "vectors.npy").write_bytes(b"\x93NUMPY broken")
    with pytest.raises(SourceFileError, match="damaged"):
        deliver(folder, "embeddings", **OPTIONS)
    with pytest.raises(SourceFileError, match="no whole Parquet"):
        (tmp_path / "x.parquet").write_text("what")
        deliver(tmp_path / "x.parquet", "embeddings", **OPTIONS)


def test_a_column_named_like_the_vector_is_no_part_of_it(tmp_path: Path) -> None:
    vectors = [list(v) for v in VECTORS]
    path = _parquet(tmp_path / "a.parquet", embedding_of=["net"] * 4, embedding=vectors)
    assert deliver(path, "embeddings", **OPTIONS).books == (4, 2, 2, 0)


def test_a_damaged_file_or_words_for_numbers_are_refused(tmp_path: Path) -> None:
    words = _parquet(tmp_path / "a.parquet", embedding_0=["one"] * 4)
    damaged = _parquet(tmp_path / "b.parquet", embedding=[list(v) for v in VECTORS])
    data = bytearray(damaged.read_bytes())
    data[4:300] = b"\xff" * 296
    damaged.write_bytes(data)
    for path in (words, damaged):
        with pytest.raises(SourceFileError, match="damaged"):
            deliver(path, "embeddings", **OPTIONS)


STUDY = """
id: toy
name: Toy
release: "1"
licence: none
time_zone: UTC
sources:
  net: {connector: embeddings, files: ["net"], modality: imaging, options: {model: net}}
"""


def test_a_folder_lands_as_one_delivery_and_again_only_when_it_changed(home: Home) -> None:
    (home.studies / "toy").mkdir()
    (home.studies / "toy" / "study.yaml").write_text(STUDY)
    (home.deliveries / "toy").mkdir(parents=True)
    folder = _folder(home.deliveries / "toy" / "net")

    def run() -> list[str]:
        result = ingest(home, ["toy"], workers=1, load_variables=lambda *_: {})
        return sorted(o.status for o in result.outcomes)

    assert run() == ["landed"] and run() == ["unchanged"]
    np.save(folder / "vectors.npy", VECTORS + 1)
    assert run() == ["landed", "superseded"]
    assert check_books(home) == []
    with Manifest(home) as manifest:
        (part,) = (p for p in manifest.parts("raw.vector") if p.rows)
    read = pq.read_table(home.landing / part.path)
    assert sorted(read["vector"].to_pylist()) == [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
