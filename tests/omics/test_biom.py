"""BIOM tables of both formats: the same rows, samples of nobody kept out, damage named."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.connectors.biom_heap import has_endless_heap
from biobraid.ingest.sample.omics.microbiome import write_biom
from tests.omics.delivery import deliver

SAMPLES = ["K1", "K2", "K3", "BLANK.1", "K9", "K5"]
COUNTS = np.array(
    [[5, 0, 2, 1], [0, 0, 7, 0], [1, 1, 0, 0], [9, 9, 9, 9], [3, 0, 0, 0], [4, 0, 0, 6]],
    dtype=np.float64,
)
MAPPING = """
#SampleID\tperson\tcollected\tsite
K1\tanna\t3/4/19\tUBERON:feces
K2\tanna\t03/05/2019\tUBERON:tongue
K3\tbert\t\tUBERON:feces
BLANK.1\t7:unknown\t\t
K5\t7:unknown\t3/4/19\tUBERON:feces
"""
OPTIONS: dict[str, Any] = {
    "samples": {"files": "mapping.tsv", "key": "#SampleID"},
    "collected": "collected",
    "two_digit_until": 2029,
    "specimen": {"column": "site"},
    "controls": {"sample": r"BLANK\..*"},
    "placeholder_ids": [r"\d+:unknown"],
}
SOURCE = {"person_id": "person", "date_order": "mdy"}


def as_json(taxa: int = 4, dense: bool = False) -> dict[str, Any]:
    """The table as BIOM 1.0."""
    entries = [[t, s, COUNTS[s, t]] for s, t in zip(*np.nonzero(COUNTS), strict=True)]
    ranks = [["k__Bacteria", f"s__{t}"] for t in range(taxa)]
    return {
        "format": "Biological Observation Matrix 1.0.0",
        "rows": [{"id": f"{1_000_000 + 37 * t}", "metadata": {"taxonomy": ranks[t]}}
                 for t in range(taxa)],
        "columns": [{"id": s, "metadata": None} for s in SAMPLES],
        "matrix_type": "dense" if dense else "sparse",
        "shape": [taxa, len(SAMPLES)],
        "data": COUNTS.T.tolist() if dense else [[int(t), int(s), v] for t, s, v in entries],
    }  # fmt: skip


def as_hdf5(path: Path) -> Path:
    """The table as BIOM 2.1, by the writer of the sample biobank (40 lineages cut to 4)."""
    write_biom(path, SAMPLES, COUNTS)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "mapping.tsv").write_text(MAPPING.lstrip())
    return tmp_path


@pytest.mark.parametrize("form", ["json", "dense", "json.gz", "hdf5", "hdf5.gz"])
def test_either_format_lands_the_same_rows(folder: Path, form: str) -> None:
    path = folder / "table.biom"
    if form.startswith("hdf5"):
        as_hdf5(path)
    else:
        path.write_text(json.dumps(as_json(dense=form == "dense")))
    if form.endswith(".gz"):
        path.write_bytes(gzip.compress(path.read_bytes()))
    got = deliver(path, "biom", OPTIONS, **SOURCE)
    assert got.books == (6, 3, 2, 1), "a blank ignored; K9 not in the mapping, K5 of nobody"
    assert got.tally.ignored == {"control-sample": 1}
    assert got.rejects == [(5, "", "unknown-sample"), (6, "", "placeholder-person-id")]
    assert got.values() == [
        (0, "1000000", 5.0), (0, "1000074", 2.0), (0, "1000111", 1.0),
        (1, "1000074", 7.0), (2, "1000000", 1.0), (2, "1000037", 1.0),
    ]  # fmt: skip
    assert got.persons[0] == got.persons[1] != got.persons[2]
    specimens = got.tables["raw.event"]
    assert [s["start_time"] for s in specimens] == ["2019-03-04", "2019-03-05", None]
    assert [s["code"] for s in specimens] == ["UBERON:feces", "UBERON:tongue", "UBERON:feces"]
    assert {s["code_system"] for s in specimens} == {"toy:q"}
    assert {t for t, _ in got.identities} == {"native_id", "sample_id"}
    lineages = {f["taxonomy"] for f in got.features.values()}
    assert all(line.startswith("k__Bacteria; ") for line in lineages)


def test_a_placeholder_fuses_nobody_and_one_of_the_study_s_own_is_declared(folder: Path) -> None:
    path = folder / "table.biom"
    path.write_text(json.dumps(as_json()))
    loose = {k: v for k, v in OPTIONS.items() if k not in ("controls", "placeholder_ids")}
    assert deliver(path, "biom", loose, **SOURCE).books == (6, 3, 3, 0)
    (folder / "mapping.tsv").write_text(MAPPING.lstrip().replace("7:unknown", "lab stock"))
    assert deliver(path, "biom", loose, **SOURCE).books == (6, 5, 1, 0), "as of one person"
    own = loose | {"placeholder_ids": ["lab .*"]}
    assert deliver(path, "biom", own, **SOURCE).books == (6, 3, 3, 0)


def test_random_tables_come_out_as_they_went_in(tmp_path: Path) -> None:
    random = np.random.default_rng(5)
    counts = random.poisson(0.4, (50, 30)).astype(np.float64)
    samples = [f"S{i}" for i in range(50)]
    path = tmp_path / "t.biom"
    write_biom(path, samples, counts)
    got = deliver(path, "biom", {})
    at = np.zeros((50, 30))
    names = {f"{1_000_000 + 37 * i}": i for i in range(30)}
    for specimen, feature, value in got.values():
        at[specimen, names[feature]] = value
    assert (at == counts).all()
    assert len(got.tables["raw.feature"]) == int((counts > 0).sum())


def test_whose_a_sample_is_may_stand_in_the_table_itself(tmp_path: Path) -> None:
    table = as_json()
    for i, column in enumerate(table["columns"]):
        column["metadata"] = {"who": f"p{i % 2}", "kit": "x"}
    path = tmp_path / "t.biom"
    path.write_text(json.dumps(table))
    got = deliver(path, "biom", {}, person_id="who")
    assert len(set(got.persons)) == 2
    assert got.tally.ignored == {"unread-column": 6}


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


@pytest.mark.parametrize(
    ("form", "spoil", "said"),
    [
        ("json", cut(0.7), "the JSON is damaged or ends in the middle"),
        ("hdf5", cut(0.5), "the HDF5 file is damaged"),
        ("json.gz", cut(0.6), "the compressed data is damaged or ends in the middle"),
        ("json", lambda _: b"", "the file is empty"),
        ("json", lambda _: b"#OTU ID\tS1\n1\t2\n", "neither HDF5 nor JSON"),
        ("json", lambda d: d.replace(b'"rows"', b'"lines"'), "no BIOM table"),
        ("json", lambda d: d.replace(b"[0, 0, 5.0]", b"[99, 0, 5.0]"), "do not fit the ids"),
        ("json", lambda d: d.replace(b'"1000037"', b'"1000000"'), "observations stand more than"),
    ],
)
def test_damage_is_said_and_nothing_lands(
    folder: Path, form: str, spoil: Callable[[bytes], bytes], said: str
) -> None:
    path = folder / "table.biom"
    data = json.dumps(as_json()).encode() if form != "hdf5" else as_hdf5(path).read_bytes()
    if form.endswith(".gz"):
        data = gzip.compress(data)
    path.write_bytes(spoil(data))
    with pytest.raises(SourceFileError, match=said):
        deliver(path, "biom", OPTIONS, **SOURCE)


@pytest.mark.parametrize("what", ["sample/matrix", "sample/ids"])
def test_an_hdf5_file_without_its_parts_is_no_table(folder: Path, what: str) -> None:
    path = as_hdf5(folder / "table.biom")
    with h5py.File(path, "a") as file:
        del file[what]
    with pytest.raises(SourceFileError, match="lacks ids or the matrix"):
        deliver(path, "biom", OPTIONS, **SOURCE)


@pytest.mark.parametrize("what", ["indices", "metadata"])
def test_an_hdf5_matrix_and_its_metadata_must_fit_its_ids(folder: Path, what: str) -> None:
    path = as_hdf5(folder / "table.biom")
    with h5py.File(path, "a") as file:
        if what == "indices":
            file["sample/matrix/indices"][0] = 77
        else:
            file["sample/metadata/site"] = ["feces"]
    with pytest.raises(SourceFileError, match="do not fit its ids"):
        deliver(path, "biom", OPTIONS, **SOURCE)


@pytest.mark.parametrize("is_free", [False, True])
def test_a_heap_of_strings_that_libhdf5_would_read_for_ever_is_damage(
    folder: Path, is_free: bool
) -> None:
    """Without the look at the heap this test would not fail, but never end."""
    path = as_hdf5(folder / "table.biom")
    with h5py.File(path, "a") as file:
        del file["sample/ids"]
        file.create_dataset("sample/ids", data=SAMPLES, dtype=h5py.string_dtype())
    assert not has_endless_heap(path)
    data = bytearray(path.read_bytes())
    first = data.rindex(b"GCOL") + 16  # the size of an object stands 8 bytes into it
    if is_free:
        data[first : first + 2] = bytes(2)
    data[first + 8 : first + 16] = (0 if is_free else 2**64 - 16).to_bytes(8, "little")
    path.write_bytes(data)
    assert has_endless_heap(path)
    with pytest.raises(SourceFileError, match="HDF5 file is damaged"):
        deliver(path, "biom", OPTIONS, **SOURCE)


def test_a_value_that_is_no_number_is_a_rejected_cell(folder: Path) -> None:
    path = folder / "table.biom"
    path.write_text(json.dumps(as_json()).replace("[0, 0, 5.0]", "[0, 0, NaN]"))
    got = deliver(path, "biom", OPTIONS, **SOURCE)
    assert (1, "", "invalid-number") in got.rejects
    assert len(got.values()) == 5


def test_a_date_that_is_none_costs_the_date_and_not_the_sample(folder: Path) -> None:
    (folder / "mapping.tsv").write_text(MAPPING.lstrip().replace("3/4/19\tUBERON:feces\nK2", "13/45/19\tUBERON:feces\nK2"))  # fmt: skip
    path = folder / "table.biom"
    path.write_text(json.dumps(as_json()))
    got = deliver(path, "biom", OPTIONS, **SOURCE)
    assert (1, "collected", "invalid-date") in got.rejects
    assert got.books[1] == 3
    assert got.tables["raw.event"][0]["start_time"] is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"samples": {"files": "none.tsv", "key": "#SampleID"}}, "no file beside"),
        ({"samples": {"files": "../mapping.tsv", "key": "#SampleID"}}, "leads out of"),
        ({"samples": {"files": "mapping.tsv", "key": "SampleID"}}, "no column 'SampleID'"),
        ({"collected": "day"}, "no column 'day'"),
        ({"controls": {"kind": "x"}}, "no column 'kind'"),
    ],
)
def test_what_the_options_name_must_be_there(
    folder: Path, change: dict[str, Any], said: str
) -> None:
    path = folder / "table.biom"
    path.write_text(json.dumps(as_json()))
    with pytest.raises(SourceFileError, match=said):
        deliver(path, "biom", OPTIONS | change, **SOURCE)


def test_a_mapping_file_that_repeats_a_sample_is_refused(folder: Path) -> None:
    (folder / "mapping.tsv").write_text(MAPPING.lstrip() + "K1\tcarl\t\t\n")
    path = folder / "table.biom"
    path.write_text(json.dumps(as_json()))
    with pytest.raises(SourceFileError, match="1 rows repeat a '#SampleID'"):
        deliver(path, "biom", OPTIONS, **SOURCE)
