"""BIOM 1.0 piece by piece: any order of keys, any size of pieces, and what is too much is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors import biom_json
from tests.omics.delivery import deliver
from tests.omics.test_biom import COUNTS, SAMPLES, as_hdf5, as_json

ORDERS = (sorted, lambda keys: sorted(keys, reverse=True), list)


@pytest.mark.parametrize("dense", [False, True])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("piece", [3, 17, 1 << 20])
def test_keys_come_in_any_order_and_pieces_end_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dense: bool, piece: int,
    order: Callable[[list[str]], list[str]],
) -> None:  # fmt: skip
    monkeypatch.setattr(biom_json, "_PIECE", piece)
    table = as_json(dense=dense)
    table["comment"] = 'a "data": [[9, 9, 9]] in words, [ { and \\u00e9'
    table["rows"][0]["metadata"]["data"] = [[0, 0, 7]]
    path = tmp_path / "t.biom"
    path.write_text(json.dumps({key: table[key] for key in order(list(table))}, indent=1))
    got = deliver(path, "biom", {})
    at = np.zeros_like(COUNTS)
    names = [row["id"] for row in table["rows"]]
    for specimen, feature, value in got.values():
        at[specimen, names.index(feature)] = value
    assert (at == COUNTS).all()
    assert got.books == (len(SAMPLES), len(SAMPLES), 0, 0)


def test_more_entries_than_the_memory_holds_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(biom_json, "_LEAST_BYTES", 0)
    monkeypatch.setattr(biom_json, "_ENTRY_BYTES", 1e9 / 5)
    path = tmp_path / "t.biom"
    path.write_text(json.dumps(as_json()))
    with pytest.raises(SourceFileError, match=r"more than 5 entries[^\n]*\n[^\n]*BIOM 2\.1"):
        deliver(path, "biom", {})


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[0, 0, 5.0]", "[0, 0]", "no BIOM table"),
        ("[0, 0, 5.0]", "[0.5, 0, 5.0]", "do not fit the ids"),
        ("[0, 0, 5.0]", "[null, 0, 5.0]", "do not fit the ids"),
        ("[0, 0, 5.0]", '["x", 0, 5.0]', "no BIOM table"),
        ('"data"', '"date"', "no BIOM table"),
        ('"matrix_type": "sparse"', '"matrix_type": "dense"', "no BIOM table"),
        ('"shape": [4', '"shape": [5', "do not fit the ids"),
        ('"columns": [{', '"columns": [[{', "damaged"),
        ("{", "[" * 100_000, "damaged"),
        ("}", "}}", "damaged"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = json.dumps(as_json())
    assert old in text
    if old == "}":
        text += "}"
    else:
        text = "{" + text[1:].replace(old, new, 1) if old == "{" else text.replace(old, new, 1)
    path = tmp_path / "t.biom"
    path.write_text(text)
    with pytest.raises(SourceFileError, match=said):
        deliver(path, "biom", {})


@pytest.mark.parametrize("form", ["json", "hdf5"])
def test_an_entry_that_stands_twice_is_rejected(tmp_path: Path, form: str) -> None:
    path = tmp_path / "t.biom"
    if form == "json":
        table = as_json()
        table["data"].append([0, 0, 77])
        path.write_text(json.dumps(table))
    else:
        as_hdf5(path)
        with h5py.File(path, "a") as file:  # of the first sample: 0, 2, 3
            file["sample/matrix/indices"][:3] = [0, 2, 0]
    got = deliver(path, "biom", {})
    assert got.rejects == [(1, "", "duplicate-measurement")]


def _no_text(file: h5py.File) -> None:
    n = len(file["sample/ids"])
    del file["sample/ids"]
    file["sample"].create_dataset("ids", data=np.array([b"\xff\xfe"] * n, dtype="S2"))


def _a_group(file: h5py.File) -> None:
    del file["sample/ids"]
    file["sample"].create_group("ids")


def _a_scalar(file: h5py.File) -> None:
    del file["sample/matrix/data"]
    file["sample/matrix"]["data"] = 5.0


def _no_group(file: h5py.File) -> None:
    del file["sample/matrix"]
    file["sample"]["matrix"] = np.zeros(3)


def _words(file: h5py.File) -> None:
    n = len(file["sample/matrix/data"])
    del file["sample/matrix/data"]
    file["sample/matrix"].create_dataset("data", data=np.array([b"x"] * n))


@pytest.mark.parametrize("spoil", [_no_text, _a_group, _a_scalar, _no_group, _words])
def test_parts_of_another_kind_are_damage_and_no_bug(
    tmp_path: Path, spoil: Callable[[h5py.File], None]
) -> None:
    path = as_hdf5(tmp_path / "t.biom")
    with h5py.File(path, "a") as file:
        spoil(file)
    with pytest.raises(SourceFileError, match="the HDF5 file is damaged"):
        deliver(path, "biom", {})
