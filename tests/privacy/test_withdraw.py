"""Withdrawal on a tiny bank without a warehouse: levels, books, re-delivery, backups."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.ingest.landing import check_books
from biobraid.linkage import persons
from biobraid.linkage.vault import open_vault
from tests.privacy.conftest import LAKE, VISITS, deliver, key, land, landed, linked, withdraw
from tests.privacy.scanner import scan
from tests.privacy.traces import traces_of


def test_from_one_study_the_other_keeps_its_own(bank: Home) -> None:
    before = linked(bank)
    assert before[key(bank, "lake", "2")] == before[key(bank, "hill", "B")]
    assert withdraw(bank, "2", "--study", "lake", "--level", "no_use") == 0
    after = linked(bank)
    assert key(bank, "lake", "2") not in after
    assert after[key(bank, "hill", "B")] == before[key(bank, "hill", "B")]
    assert landed(bank, "lake", "2") == []
    assert landed(bank, "hill", "B") == [("visit", "2015-06-01")]
    assert check_books(bank) == []
    with Manifest(bank) as manifest:
        (books,) = manifest.files("lake", "visit")
    assert (books.row["records_deleted"], books.row["records_landed"]) == (2, 6)


def test_later_deliveries_bring_nobody_back_and_are_counted(bank: Home) -> None:
    assert withdraw(bank, "2", "--study", "lake", "--level", "no_use") == 0
    deliver(bank, "lake", "visit2.csv", LAKE.replace("2020", "2021").replace("2010", "2011"))
    land(bank)
    assert landed(bank, "lake", "2") == []
    assert len(landed(bank, "lake", "3")) == 5
    with Manifest(bank) as manifest:
        newest = max(manifest.files("lake", "visit"), key=lambda b: b.row["delivery"])
    assert newest.row["records_ignored"] == 2
    assert 0 < newest.detail["ignored"]["withdrawn"] <= newest.row["facts_ignored"]
    with open_vault(bank) as vault:
        known = vault.con.execute("SELECT count(*) FROM source_record WHERE study = 'lake'")
        assert known.fetchone()[0] == 4  # three visitors, one of them with a scan
    assert (
        run(["--quiet", "--home", str(bank.root), "withdraw", "2", "--study", "lake", "--lift"])
        == 0
    )
    deliver(bank, "lake", "visit3.csv", LAKE.replace("2020", "2022").replace("2010", "2012"))
    land(bank)
    assert [day for _, day in landed(bank, "lake", "2")] == ["2012-03-02", "2022-03-02"]


def test_no_access_ends_at_the_day_in_later_deliveries_too(bank: Home) -> None:
    day = ("--study", "lake", "--level", "no_access", "--from", "2015-12-31")
    assert withdraw(bank, "3", *day) == 0
    assert landed(bank, "lake", "3") == [("visit", "2010-03-03")]
    deliver(bank, "lake", "visit2.csv", LAKE.replace("2020", "2021").replace("2010", "2011"))
    land(bank)
    assert landed(bank, "lake", "3") == [("visit", "2010-03-03"), ("visit", "2011-03-03")]
    assert check_books(bank) == []
    assert linked(bank)[key(bank, "lake", "3")][0] == "linked"


def test_one_modality_goes_and_the_others_stay(bank: Home) -> None:
    given = ("--study", "lake", "--level", "no_use", "--modality", "imaging")
    assert withdraw(bank, "3", *given) == 0
    assert landed(bank, "lake", "3") == [("visit", "2010-03-03"), ("visit", "2020-03-03")]
    assert landed(bank, "lake", "2")[0] == ("scan", "2016-01-01")
    with Manifest(bank) as manifest, duckdb.connect() as con:
        path = bank.landing / manifest.objects()["link.consent"][0]
        rows = con.execute("SELECT modality, status, level FROM read_parquet(?)", [str(path)])
        assert rows.fetchall() == [("imaging", "withdrawn", "no_use")]


def test_whoever_a_list_withdrew_is_erased_on_request(bank: Home) -> None:
    pack = bank.studies / "hill" / "study.yaml"
    pack.write_text(pack.read_text() + 'withdrawals: {files: ["w*.csv"], level: no_use}\n')
    deliver(bank, "hill", "w1.csv", "C\n")
    land(bank)
    assert linked(bank)[key(bank, "hill", "C")] == ("withdrawn", None)
    canaries = traces_of(bank, "hill", "C").canaries(projects=False)
    assert withdraw(bank, "--pending") == 0
    assert scan(bank.root, canaries).found == []
    deliver(bank, "hill", "w2.csv", "C\nC9\n")  # lists repeat whoever ever withdrew
    land(bank)
    assert scan(bank.root, canaries).found == []
    assert key(bank, "hill", "C") not in linked(bank)


def test_an_ordered_withdrawal_masks_and_waits(bank: Home) -> None:
    from biobraid.core.orders import masked_keys

    assert (
        withdraw(bank, "2", "--study", "lake", "--level", "no_use", "--everywhere", "--later") == 0
    )
    assert set(masked_keys(bank)) == {key(bank, "lake", "2"), key(bank, "hill", "B")}
    assert landed(bank, "lake", "2") != []
    assert withdraw(bank) == 0
    assert landed(bank, "lake", "2") == landed(bank, "hill", "B") == []
    assert masked_keys(bank) == []


def test_a_restored_backup_does_not_bring_the_person_back(bank: Home, tmp_path: Path) -> None:
    at = ["--quiet", "--home", str(bank.root)]
    assert run([*at, "vault", "backup", str(tmp_path / "backup")]) == 0
    old = linked(bank)[key(bank, "hill", "B")][1]
    assert withdraw(bank, "2", "--study", "lake", "--level", "no_use", "--everywhere") == 0
    assert run([*at, "vault", "restore", str(tmp_path / "backup")]) == 0
    land(bank)
    assert key(bank, "lake", "2") not in linked(bank)
    with open_vault(bank) as vault:
        ids = vault.con.execute("SELECT person_id FROM person").fetchall()
        names = vault.con.execute("SELECT DISTINCT value FROM identifier").fetchall()
    assert (old,) not in ids
    assert ("Surname2x",) not in names


def test_t17_the_id_of_somebody_erased_is_never_drawn_again(
    bank: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = linked(bank)[key(bank, "lake", "4")][1]
    assert old is not None
    assert withdraw(bank, "4", "--study", "lake", "--level", "no_use") == 0
    drawn = iter([old.to_bytes(8, "little"), (old ^ 1).to_bytes(8, "little")])
    monkeypatch.setattr(persons, "secrets", SimpleNamespace(token_bytes=lambda _n: next(drawn)))
    deliver(bank, "hill", "visit2.csv", VISITS + "Z,2020-01-01,Zx,,1971-01-01,70\n")
    land(bank)
    assert linked(bank)[key(bank, "hill", "Z")] == ("linked", old ^ 1)
