"""Real omics files, run whole: books balance, and values are those an independent reader finds."""

from __future__ import annotations

import csv
import gzip
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from tests.shared.packs import Bank, bank

pytestmark = [pytest.mark.slow, pytest.mark.shared]


@pytest.fixture(scope="module")
def together(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """The four packs in one home, built once."""
    folder = tmp_path_factory.mktemp("omics")
    others = ("somascan", "biom", "nmr_nightingale")
    with bank("american_gut", shared_data, folder, *others) as found:
        yield found


@pytest.fixture
def gut(together: Bank) -> Bank:
    return together


@pytest.fixture
def soma(together: Bank) -> Bank:
    return together.beside("somascan")


@pytest.fixture
def examples(together: Bank) -> Bank:
    return together.beside("biom")


@pytest.fixture
def nmr(together: Bank) -> Bank:
    return together.beside("nmr_nightingale")


def _gut_table(path: Path) -> dict[str, Any]:
    table: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))
    return table


def test_american_gut_joins_all_its_samples_and_fuses_nobody(gut: Bank) -> None:
    rows = gut.rows("AG_100nt.txt.gz", "\t")
    table = _gut_table(gut.delivery / "AG_100nt.biom.gz")
    samples = {column["id"] for column in table["columns"]}
    assert len(samples & {r["#SampleID"] for r in rows}) == len(samples) == 202
    books = gut.books["otu"]
    blanks = [r for r in rows if r["#SampleID"].startswith("Blank")]
    nobody = [r for r in rows if r not in blanks and r["HOST_SUBJECT_ID"].endswith(":unknown")]
    known = [r for r in rows if r not in blanks and r not in nobody]
    assert books["records_read"] == 202
    assert books["records_ignored"] == len(blanks)
    assert books["records_rejected"] == len(nobody), "a blank that is not called so"
    assert books["records_landed"] == len(known) == 186
    subjects = Counter(r["HOST_SUBJECT_ID"] for r in known)
    per_person = gut.query(
        "SELECT count(DISTINCT specimen_id) FROM omics.feature_value WHERE source = 'otu' "
        "GROUP BY person_id"
    )
    assert sorted(n for (n,) in per_person) == sorted(subjects.values())
    reasons = gut.query("SELECT reason, count(*) FROM raw.reject WHERE source = 'otu' GROUP BY ALL")
    assert reasons == [("placeholder-person-id", len(nobody))]


def test_american_gut_s_counts_are_those_of_the_table(gut: Bank) -> None:
    table = _gut_table(gut.delivery / "AG_100nt.biom.gz")
    rows = {r["#SampleID"]: r for r in gut.rows("AG_100nt.txt.gz", "\t")}
    lost = {s for s, r in rows.items()
            if s.startswith("Blank") or r["HOST_SUBJECT_ID"].endswith(":unknown")}  # fmt: skip
    names = [column["id"] for column in table["columns"]]
    otus = [row["id"] for row in table["rows"]]
    expected: Counter[str] = Counter()
    n = 0
    for otu, sample, value in table["data"]:
        if names[sample] not in lost and value:
            expected[otus[otu]] += value
            n += 1
    found = gut.query(
        "SELECT f.feature, sum(v.value), count(*) FROM omics.feature_value v "
        "JOIN omics.feature f USING (feature_id) WHERE v.source = 'otu' GROUP BY ALL"
    )
    assert sum(k for *_, k in found) == n
    assert {otu: total for otu, total, _ in found} == dict(expected)
    [(taxa, without)] = gut.query(
        "SELECT count(*), count(*) FILTER (taxonomy IS NULL) FROM omics.feature "
        "WHERE source = 'otu'"
    )
    assert (taxa, without) == (len(otus), 0) == (23_884, 0)
    days = gut.query("SELECT count(DISTINCT specimen_date), min(specimen_date) "
                     "FROM omics.feature_value WHERE source = 'otu'")  # fmt: skip
    assert days[0][0] > 50
    assert days[0][1].year == 2012, "both forms of dates are read"


def test_soma_scan_s_samples_land_and_its_controls_do_not(soma: Bank) -> None:
    lines = gzip.decompress((soma.delivery / "example_data.adat.gz").read_bytes()).decode()
    table = lines.split("^TABLE_BEGIN")[1].splitlines()[1:]
    at = next(i for i, line in enumerate(table) if line.startswith("PlateId\t"))
    header = table[at].split("\t")
    width = header.index("", 1)
    seq = next(line for line in table if line.lstrip("\t").startswith("SeqId\t")).lstrip("\t")
    ids = seq.split("\t")[1:]
    samples = [line.split("\t") for line in table[at + 1 :] if line]
    kinds = Counter(s[header.index("SampleType")] for s in samples)
    assert kinds == {"Sample": 170, "Calibrator": 10, "Buffer": 6, "QC": 6}
    books = soma.books["plasma"]
    assert (books["records_read"], books["records_landed"], books["records_ignored"]) == (
        192, 170, 22,
    )  # fmt: skip
    people = [s for s in samples if s[header.index("SampleType")] == "Sample"]
    rfu = np.array([s[width + 1 :] for s in people], dtype=np.float64)
    assert rfu.shape == (170, len(ids)) == (170, 5284)
    found = dict(soma.query(
        "SELECT f.feature, sum(v.value) FROM omics.feature_value v "
        "JOIN omics.feature f USING (feature_id) WHERE v.source = 'plasma' GROUP BY ALL"
    ))  # fmt: skip
    assert set(found) == set(ids)
    sums = dict(zip(ids, rfu.sum(axis=0).tolist(), strict=True))
    assert all(abs(found[i] - sums[i]) < 1e-6 * sums[i] for i in ids)
    flagged = sum(s[header.index("RowCheck")] == "FLAG" for s in people)
    [(values, specimens, persons, plates, flags)] = soma.query(
        "SELECT count(*), count(DISTINCT specimen_id), count(DISTINCT person_id), "
        "count(DISTINCT plate_id), count(DISTINCT specimen_id) FILTER (qc_flag = 'sample=FLAG') "
        "FROM omics.feature_value WHERE source = 'plasma'"
    )
    assert (values, specimens, persons, plates, flags) == (170 * 5284, 170, 170, 2, flagged)
    [(controls,)] = soma.query(
        "SELECT count(*) FROM omics.feature WHERE source = 'plasma' AND role = 'control'"
    )
    assert controls > 0


def _cells(path: Path) -> Counter[tuple[str, float]]:
    """(observation, value) of each entry of a BIOM file."""
    if path.name.endswith("hdf5.biom") or "hdf5" in path.name:
        with h5py.File(path) as file:
            ids = [i.decode() for i in file["observation/ids"][:]]
            data = file["observation/matrix/data"][:]
            starts = file["observation/matrix/indptr"][:]
        owner = np.repeat(np.arange(len(ids)), np.diff(starts))
        return Counter((ids[o], float(v)) for o, v in zip(owner, data, strict=True))
    table = json.loads(path.read_text())
    return Counter((table["rows"][o]["id"], float(v)) for o, _, v in table["data"])


def test_the_examples_are_the_same_in_json_and_hdf5(examples: Bank) -> None:
    files = {
        "minimal_json": "min_sparse_otu_table.biom",
        "minimal_hdf5": "min_sparse_otu_table_hdf5.biom",
        "rich_json": "rich_sparse_otu_table.biom",
        "rich_hdf5": "rich_sparse_otu_table_hdf5.biom",
        "grouped_hdf5": "rich_sparse_otu_table_hdf5_group_metadata.biom",
    }
    for source, name in files.items():
        found = examples.query(
            "SELECT f.feature, v.value FROM omics.feature_value v "
            f"JOIN omics.feature f USING (feature_id) WHERE v.source = '{source}'"
        )
        assert Counter(found) == _cells(examples.delivery / name)
        assert len(found) == 15
    lineages = examples.query(
        "SELECT source, feature, taxonomy FROM omics.feature WHERE study = 'biom' "
        "AND taxonomy IS NOT NULL ORDER BY ALL"
    )
    by_source: dict[str, dict[str, str]] = {}
    for source, feature, text in lineages:
        by_source.setdefault(source, {})[feature] = text
    assert by_source["rich_json"] == by_source["rich_hdf5"]
    assert len(by_source["rich_json"]) == 5
    assert by_source["grouped_hdf5"]["GG_OTU_2"] == "Root;k__Bacteria", "of the table beside it"


def test_nmr_values_and_flags_are_those_of_the_file(nmr: Bank) -> None:
    rows = nmr.rows("test_data.csv")
    with (nmr.delivery / "nmr_info.csv").open() as lines:
        info = {r["UKB.Field.ID"]: r for r in csv.DictReader(lines)}
    expected: Counter[tuple[str, float | None, str | None]] = Counter()
    people = set()
    for row in rows:
        for column, cell in row.items():
            field, _, instance = column.removeprefix("p").partition("_i")
            if field not in info or not (23400 <= int(field) < 23649):
                continue
            flag = row.get(f"p{int(field) + 300}_i{instance}") or None
            if cell or flag:
                people.add((row["eid"], instance))
                expected[
                    info[field]["Biomarker"],
                    float(cell) if cell else None,
                    f"value={flag}" if flag else None,
                ] += 1
    found = Counter(nmr.query(
        "SELECT f.feature, v.value, v.qc_flag FROM omics.feature_value v "
        "JOIN omics.feature f USING (feature_id) WHERE v.source = 'nmr'"
    ))  # fmt: skip
    assert found == expected
    assert nmr.books["nmr"]["records_landed"] == len(people)
    units = nmr.query("SELECT feature, unit, label FROM omics.feature WHERE source = 'nmr'")
    known = {r["Biomarker"]: (r["Units"], r["Description"]) for r in info.values()}
    assert all((unit, label) == known[name] for name, unit, label in units)
