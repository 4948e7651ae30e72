"""`biobraid run` on real images: pydicom's test files, IDC's index, BIDS examples, WFDB records."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pydicom.data
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, create_home
from biobraid.core.keys import create_keys
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import connect
from biobraid.ingest.landing import check_books
from tests.privacy.scanner import Canary, scan

PACKS = Path(__file__).parent.parent / "shared_studies"
STUDIES = ("pydicom_files", "idc_index", "bids_examples", "wfdb_ecg")

pytestmark = [pytest.mark.slow, pytest.mark.shared, pytest.mark.xdist_group("shared-images")]


@pytest.fixture(scope="module")
def bank(tmp_path_factory: pytest.TempPathFactory, shared_data: Path) -> Iterator[Home]:
    """All four deliveries, run together once."""
    folder = tmp_path_factory.mktemp("images")
    patch = pytest.MonkeyPatch()
    patch.setenv("BIOBRAID_KEY_DIR", str(folder / "keys"))
    home = create_home(folder / "bank", memory_limit_gb=1.0, threads=2)
    create_keys(home)
    for study in STUDIES:
        shutil.copytree(PACKS / study, home.studies / study)
        (home.deliveries / study).mkdir(parents=True)
    data = Path(pydicom.data.__file__).parent
    for name in ("test_files", "charset_files"):
        (home.deliveries / "pydicom_files" / name).symlink_to(data / name)
    index = "idc_index_sample.parquet"
    (home.deliveries / "idc_index" / index).symlink_to(shared_data / "idc_index" / index)
    for dataset in (p for p in (shared_data / "bids").iterdir() if p.is_dir()):
        (home.deliveries / "bids_examples" / dataset.name).symlink_to(dataset)
    (home.deliveries / "wfdb_ecg" / "records").symlink_to(shared_data / "wfdb_ecg")
    assert run(["--home", str(home.root), "--quiet", "run"]) == 0
    yield home
    patch.undo()


def _books(home: Home, study: str) -> Counter[str]:
    with Manifest(home) as manifest:
        files = [f.row for f in manifest.files(study)]
    return Counter({n: sum(row[n] for row in files) for n in files[0] if n.startswith("records_")})


def _reasons(home: Home, study: str) -> dict[str, int]:
    with Manifest(home) as manifest:
        files = [f.detail for f in manifest.files(study)]
    found: Counter[str] = Counter()
    for detail in files:
        found.update({r["reason"]: r["n"] for r in detail["rejects"] if r["unit"] == "record"})
    return dict(found)


def _ask(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with connect(home, read_only=True) as con:
        return con.execute(sql).fetchall()


def test_the_books_of_every_delivery_balance(bank: Home) -> None:
    assert check_books(bank) == []
    for study in STUDIES:
        books = _books(bank, study)
        others = sum(n for name, n in books.items() if name != "records_read")
        assert books["records_read"] == others > 0 < books["records_landed"], study
    unbalanced = _ask(
        bank,
        """SELECT cdm_table FROM stem.record_arrival
           WHERE n_records <> n_excluded + n_unresolved + n_rows""",
    )
    assert unbalanced == []


def test_every_one_of_pydicoms_files_is_landed_rejected_or_ignored(bank: Home) -> None:
    books = _books(bank, "pydicom_files")
    data = Path(pydicom.data.__file__).parent
    n_files = sum(
        p.is_file() and not p.name.startswith(".") and p.suffix != ".zip"
        for name in ("test_files", "charset_files")
        for p in (data / name).rglob("*")
    )
    assert books["records_read"] >= n_files
    reasons = _reasons(bank, "pydicom_files")
    assert {"missing-uid", "duplicate-key", "not-dicom", "conflicting-person"} & set(reasons)
    assert books["records_rejected"] == sum(reasons.values())


def test_each_series_of_the_index_is_an_image(bank: Home) -> None:
    books = _books(bank, "idc_index")
    assert books["records_read"] == books["records_landed"] == 999
    ((n, n_persons),) = _ask(
        bank,
        "SELECT count(*), count(DISTINCT person_id) FROM stem.asset WHERE study = 'idc_index'",
    )
    assert (n, n_persons) == (999, 81)
    modalities = dict(
        _ask(bank, "SELECT modality, count(*) FROM stem.asset WHERE study = 'idc_index' GROUP BY 1")
    )
    assert (modalities["SR"], modalities["CT"], modalities["MR"]) == (231, 201, 136)
    unmatched = _ask(
        bank,
        """SELECT count(*) FROM cdm.image_occurrence AS i JOIN stem.asset AS a
           ON a.asset_id = i.image_occurrence_id
           WHERE a.study = 'idc_index' AND i.modality_concept_id = 0
             AND a.modality NOT IN ('ANN')""",
    )
    assert unmatched == [(0,)]


def test_participants_of_different_datasets_stay_different_people(bank: Home) -> None:
    ((n_files, n_persons),) = _ask(
        bank,
        """SELECT count(*), count(DISTINCT person_id) FROM stem.asset
           WHERE study = 'bids_examples'""",
    )
    # ds001 and eeg_matchingpennies have 7 subjects with files, genetics_ukbb 9, pheno004 2.
    assert n_persons == 7 + 7 + 9 + 2
    assert (
        n_files
        == _ask(
            bank,
            """SELECT count(*) FROM raw.asset WHERE study = 'bids_examples'""",
        )[0][0]
    )  # no two files are one asset


def test_ecgs_are_told_by_their_headers(bank: Home) -> None:
    found = _ask(
        bank,
        """SELECT n_channels, sampling_hz, duration_s, start_date FROM stem.asset
           WHERE study = 'wfdb_ecg' ORDER BY 1""",
    )
    assert [row[:2] for row in found] == [(2, 360.0), (3, 360.0), (15, 1000.0)]
    assert found[2][2:] == (38.4, date(1990, 10, 1))


def test_nothing_of_the_headers_that_names_somebody_is_left(bank: Home) -> None:
    """Names, ids and UIDs of pydicom's files, ids of the index, diagnoses of the ECG."""
    index = next((bank.deliveries / "idc_index").iterdir())
    with duckdb.connect() as con:
        ids = con.execute(
            "SELECT DISTINCT PatientID FROM read_parquet(?) WHERE length(PatientID) > 7 LIMIT 20",
            [str(index)],
        ).fetchall()
        uids = con.execute(
            "SELECT SeriesInstanceUID FROM read_parquet(?) LIMIT 20", [str(index)]
        ).fetchall()
    words = ["CompressedSamples^CT1", "1.3.6.1.4.1.5962.1.2.1.20040119072730.12322",
             "Adachi^Yuko", "Isosorbit-Dinitrate"]  # fmt: skip
    canaries = [Canary("other", word) for (word,) in [*ids, *uids]]
    canaries += [Canary("full_name", word) for word in words]
    assert scan(bank.root, canaries, outside=("vault",)).found == []


def test_the_counts_are_reported(bank: Home, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(["--home", str(bank.root), "--json", "status"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {b["study"] for b in report["files"]} == set(STUDIES)
