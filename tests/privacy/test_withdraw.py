"""Withdrawal on a tiny bank without a warehouse: kills, books, re-delivery, levels, rights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home, open_home
from biobraid.core.keys import ingest_keys
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from biobraid.core.orders import open_orders
from biobraid.ingest.landing import check_books, ingest
from biobraid.linkage import persons
from biobraid.linkage.link import link
from biobraid.linkage.vault import open_vault
from tests.privacy.kill_withdraw import COMMAND
from tests.privacy.scanner import scan
from tests.privacy.traces import traces_of

STUDY = """
id: {study}
name: {study}
release: "1"
licence: none
time_zone: Europe/London
sources:
  visit:
    connector: delimited
    files: ["visit*.csv"]
    person_id: id
    delivery: append
    record_key: [id, day]
    identity: {{surname: surname, nhs: nhs_number, born: birth_date}}
    options: {{layout: wide, time: {{column: day, kind: date}}}}
  scan:
    connector: delimited
    files: ["scan*.csv"]
    person_id: id
    modality: imaging
    delivery: append
    record_key: [id, day]
    options: {{layout: wide, time: {{column: day, kind: date}}}}
"""
DICTIONARY = "variable,label,type,unit,allowed_values,instance_rule\n" + "".join(
    f"{v},{v},number,,,\n" for v in ("weight", "volume")
)
# Person 2 of lake is person B of hill, by NHS number and birth date.
NHS = {1: "9434765919", 2: "9434765870", 3: "9434765935", 4: "9434765943"}
VISITS = "id,day,surname,nhs,born,weight\n"
LAKE = VISITS + "".join(
    f"{n},20{y}-03-0{n},Surname{n}x,{NHS[n]},1950-01-0{n},{60 + n}\n"
    for n in NHS for y in (10, 20)
)  # fmt: skip
HILL = VISITS + f"B,2015-06-01,Surname2x,{NHS[2]},1950-01-02,63\nC,2015-06-02,Cx,,1949-01-01,80\n"
SCANS = "id,day,volume\n2,2016-01-01,1.5\n3,2016-01-02,1.7\n"
# Every write is tried with BIOBRAID_KILL_STEP=1 (some 100); 23 keeps it short.
STEP = int(os.environ.get("BIOBRAID_KILL_STEP", "23"))


@pytest.fixture
def bank(home: Home) -> Home:
    for study, visits in (("lake", LAKE), ("hill", HILL)):
        pack = home.studies / study
        pack.mkdir()
        (pack / "study.yaml").write_text(STUDY.format(study=study))
        (pack / "dictionary.csv").write_text(DICTIONARY)
        deliver(home, study, "visit1.csv", visits)
    deliver(home, "lake", "scan1.csv", SCANS)
    land(home)
    return home


def deliver(home: Home, study: str, name: str, text: str) -> None:
    folder = home.deliveries / study
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)


def land(home: Home) -> None:
    with writer(home):
        result = ingest(home, workers=1)
        assert result.exit_code == 0, [o.faults for o in result.outcomes]
        link(home)


def withdraw(home: Home, *arguments: str) -> int:
    return run(["--quiet", "--home", str(home.root), "withdraw", *arguments])


def key(home: Home, study: str, native: str) -> str:
    return ingest_keys(home).person_key(study, native)


def landed(home: Home, study: str, native: str) -> list[tuple[str, str]]:
    """(source, day) of the landed values of a source person."""
    with Manifest(home) as manifest, duckdb.connect() as con:
        paths = [str(home.landing / p.path) for p in manifest.parts("raw.value") if p.rows]
        return con.execute(
            "SELECT DISTINCT source, left(start_time, 10) FROM read_parquet(?) "
            "WHERE source_person_key = ? ORDER BY ALL",
            [paths, key(home, study, native)],
        ).fetchall()


def linked(home: Home) -> dict[str, tuple[str, int | None]]:
    """source_person_key -> link status and person."""
    with Manifest(home) as manifest, duckdb.connect() as con:
        path = home.landing / manifest.objects()["link.person_bridge"][0]
        rows = con.execute(
            "SELECT source_person_key, link_status, person_id FROM read_parquet(?)", [str(path)]
        ).fetchall()
    return {k: (status, person) for k, status, person in rows}


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


def test_restriction_stops_processing_and_erases_nothing(bank: Home) -> None:
    from biobraid.linkage.rights import restrict

    mine = key(bank, "lake", "3")
    before = linked(bank)
    with writer(bank):
        assert restrict(bank, [mine], "2026-01-01", "objection") == 1
        link(bank)
    assert linked(bank)[mine] == ("restricted", None)
    assert len(landed(bank, "lake", "3")) == 3
    with writer(bank):
        assert restrict(bank, [mine], "2026-01-02", "", lift=True) == 1
        link(bank)
    assert linked(bank) == before


def test_a_correction_holds_against_the_next_delivery_and_has_a_history(bank: Home) -> None:
    from biobraid.linkage.rights import rectify

    mine = key(bank, "lake", "1")
    with writer(bank):
        assert rectify(bank, [mine], "surname", "Right", "2026-01-01", "deed poll") == 1
    deliver(bank, "lake", "visit2.csv", LAKE.replace("2020", "2021"))
    land(bank)
    with open_vault(bank) as vault:
        ask = vault.con.execute
        names = ask("SELECT DISTINCT value FROM identifier WHERE type = 'surname' "
                    "AND source_person_key = ?", [mine]).fetchall()  # fmt: skip
        history = ask("SELECT old_value, new_value, reason FROM rectification").fetchall()
    assert names == [("Right",)]
    assert history == [("Surname1x", "Right", "deed poll")]


def test_a_report_holds_everything_and_stays_outside_the_home(
    bank: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at = ["--quiet", "--home", str(bank.root), "subject", "report", "2", "--study", "lake"]
    out = tmp_path / "report.json"
    assert run([*at, "--out", str(out)]) == 0
    held: dict[str, Any] = json.loads(out.read_text())["held"]
    assert {r["value"] for r in held["vault.identifier"] if r["type"] == "surname"} == {"Surname2x"}
    assert {r["study"] for r in held["raw.value"]} == {"lake", "hill"}
    assert out.stat().st_mode & 0o077 == 0
    assert run([*at, "--out", str(bank.root / "reports" / "x.json")]) == 10
    assert "Surname2x" not in capsys.readouterr().err
    at[5] = "99"
    assert run([*at, "--out", str(out)]) == 12


@pytest.mark.slow
def test_withdraw_can_be_killed_before_any_write(
    bank: Home, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    canaries = traces_of(bank, "lake", "2").canaries(projects=False)
    others = {k: v for k, v in linked(bank).items()
              if k not in (key(bank, "lake", "2"), key(bank, "hill", "B"))}  # fmt: skip
    out = tmp_path_factory.mktemp("killed")
    command = [sys.executable, "-m", "tests.privacy.kill_withdraw"]
    subprocess.run([*command, str(bank.root.parent), str(out), str(STEP)], check=True, timeout=600)
    copies = sorted(out.iterdir(), key=lambda p: int(p.name))
    assert len(copies) > 30 / STEP
    n_begun = 0
    for copy in copies:
        monkeypatch.setenv("BIOBRAID_KEY_DIR", str(copy / "keys"))
        home = open_home(copy / "bank")
        n_begun += bool(open_orders(home))
        with open_vault(home) as vault:  # it opens, with everybody else in it
            n = vault.con.execute("SELECT count(DISTINCT source_person_key) FROM person_member")
            assert n.fetchone()[0] >= len(others)
        code = run(["--quiet", "--home", str(home.root), *(
            ["withdraw"] if open_orders(home) else COMMAND)])  # fmt: skip
        assert code == 0
        assert linked(home) == others
        assert scan(home.root, canaries).found == []
        assert check_books(home) == []
        assert open_orders(home) == []
    assert n_begun > len(copies) / 2
