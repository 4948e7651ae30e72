"""`biobraid run` on the shared samples: books balance, mapped share and leftovers are reported."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.warehouse import connect
from biobraid.ingest.landing import check_books

PACKS = Path(__file__).parent.parent / "shared_studies"
# pack -> sample folders whose files are its delivery
FOLDERS = {
    "ukb_dummy": ["ukb"],
    "physionet2012": ["physionet2012"],
}

pytestmark = [pytest.mark.slow, pytest.mark.shared]


def _deliver(home: Home, shared: Path, pack: str) -> None:
    shutil.copytree(PACKS / pack, home.studies / pack)
    delivery = home.deliveries / pack
    delivery.mkdir(parents=True)
    for folder in FOLDERS[pack]:
        for path in (shared / folder).iterdir():
            if path.is_file() and path.name not in ("SOURCE.txt", "README.txt"):
                (delivery / path.name).symlink_to(path)


def _status(home: Home, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    capsys.readouterr()
    assert run(["--home", str(home.root), "--json", "status"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


def _run_and_balance(
    pack: str, home: Home, shared: Path, capsys: pytest.CaptureFixture[str]
) -> dict[str, Any]:
    _deliver(home, shared, pack)
    assert run(["--home", str(home.root), "--quiet", "run"]) == 0
    assert check_books(home) == []
    report = _status(home, capsys)
    for books in report["files"]:
        read, *others = (
            books[f"records_{n}"]
            for n in ("read", "landed", "rejected", "ignored", "superseded", "deleted")
        )
        assert read == sum(others) > 0
        assert books["records_landed"] > 0
    assert {"coverage", "unmapped", "books", "attrition"} <= set(report["warehouse"])
    return report


@pytest.mark.parametrize("pack", ["ukb_dummy"])
def test_a_real_delivery_balances(
    pack: str, home: Home, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = _run_and_balance(pack, home, shared_data, capsys)
    assert all(b["facts_landed"] > 0 for b in report["files"])


def test_the_icu_stays_balance_and_arrive_mapped(
    home: Home, shared_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = _run_and_balance("physionet2012", home, shared_data, capsys)
    books = {b["source"]: b for b in report["files"]}
    assert books["measurements"]["records_read"] == 1_678_892
    assert books["outcomes"]["records_read"] == books["outcomes"]["records_landed"] == 4_000
    coverage = {c["source"]: c for c in report["warehouse"]["coverage"]}
    assert coverage["measurements"]["mapped_share"] > 0.75
    with connect(home, read_only=True) as con:
        born = con.execute("SELECT COUNT(*), MIN(year_of_birth) FROM cdm.person").fetchone()
    assert born == (4_000, 1910), "the eldest is 90 on 2000-01-01, the pack's anchor"
