"""Rights of a person: restriction, correction, access."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from biobraid.cli import subject_rectify
from biobraid.cli.main import run
from biobraid.core.corrections import read_corrections
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.core.manifest import CORRECTED, Manifest
from biobraid.core.warehouse_views import refresh_views
from biobraid.linkage.link import link
from biobraid.linkage.vault import open_vault
from tests.privacy.conftest import LAKE, deliver, key, land, landed, linked, withdraw
from tests.privacy.scanner import Canary, scan


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


def rectify_value(bank: Home, *arguments: str) -> int:
    """`subject rectify` of a value of person 1 of lake, without the build that follows."""
    who = ["1", "--study", "lake", "--variable", "weight", "--reason", "asked by letter"]
    return run(["--quiet", "--home", str(bank.root), "subject", "rectify", *who, *arguments])


def weights(bank: Home) -> list[tuple[str, str]]:
    """(day, weight) of person 1 of lake as the models see them."""
    with duckdb.connect() as con, Manifest(bank) as manifest:
        refresh_views(con, bank, manifest)
        return con.execute(
            "SELECT left(start_time, 10), value FROM raw.value WHERE source_person_key = ? "
            "AND variable = 'weight' ORDER BY 1", [key(bank, "lake", "1")]
        ).fetchall()  # fmt: skip


def history(bank: Home) -> list[tuple[str, str, str]]:
    with open_vault(bank) as vault:
        return vault.con.execute(
            "SELECT old_value, new_value, reason FROM rectification ORDER BY ALL"
        ).fetchall()


def test_a_corrected_value_survives_its_next_delivery_and_can_be_taken_back(
    bank: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(subject_rectify, "build_step", lambda *_: 0)
    delivered = [("2010-03-01", "61"), ("2020-03-01", "61")]
    right = [delivered[0], ("2020-03-01", "71.5")]
    with Manifest(bank) as manifest:
        before = manifest.fingerprints()["raw.value"]
    assert rectify_value(bank, "--value", "71.5") == 10  # which of the two?
    assert "exactly one" in capsys.readouterr().err
    at = ("--at", "2020-03-01")
    assert rectify_value(bank, *at, "--field", "colour", "--value", "x") == 10
    assert rectify_value(bank, *at, "--lift") == 10
    for _ in range(2):  # a second time says nothing new
        assert rectify_value(bank, *at, "--value", "71.5") == 0
    assert weights(bank) == right
    with Manifest(bank) as manifest:
        assert manifest.fingerprints()["raw.value"] != before  # so that models are made anew
    assert landed(bank, "lake", "1") == [("visit", d) for d, _ in delivered]
    # The wrong value again, as an older and as a newer file: it stays corrected.
    deliver(bank, "lake", "visit1.csv", LAKE + "\n")
    land(bank)
    assert weights(bank) == right
    # Another value for that day is news, and counts.
    deliver(bank, "lake", "visit1.csv", LAKE.replace("1950-01-01,61", "1950-01-01,64"))
    land(bank)
    assert weights(bank) == [(d, "64") for d, _ in delivered]
    deliver(bank, "lake", "visit1.csv", LAKE + "\n\n")
    land(bank)
    assert weights(bank) == right
    assert rectify_value(bank, *at, "--lift") == 0
    assert weights(bank) == delivered
    with Manifest(bank) as manifest:
        assert manifest.note(CORRECTED) == {}
    assert history(bank) == [
        ("61", "71.5", "asked by letter"), ("71.5", "61", "asked by letter"),
    ]  # fmt: skip
    assert "71.5" not in capsys.readouterr().out


def test_a_correction_is_reported_and_goes_with_the_person(
    bank: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject_rectify, "build_step", lambda *_: 0)
    assert rectify_value(bank, "--at", "2020-03-01", "--value", "8765.4321") == 0
    out = tmp_path / "report.json"
    at = ["--quiet", "--home", str(bank.root)]
    assert run([*at, "subject", "report", "1", "--study", "lake", "--out", str(out)]) == 0
    held = json.loads(out.read_text())["held"]
    assert [r["new_value"] for r in held["correction.cell"]] == ["8765.4321"]
    assert withdraw(bank, "1", "--study", "lake", "--level", "no_use") == 0
    assert scan(bank.root, [Canary("value", "8765.4321", is_keyed=True)]).found == []
    assert history(bank) == []


def test_a_correction_goes_with_what_a_day_ends(
    bank: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject_rectify, "build_step", lambda *_: 0)
    for day in ("2010-03-01", "2020-03-01"):
        assert rectify_value(bank, "--at", day, "--value", "77") == 0
    assert (
        withdraw(bank, "1", "--study", "lake", "--level", "no_access", "--from", "2015-01-01") == 0
    )
    assert weights(bank) == [("2010-03-01", "77")]
    with Manifest(bank) as manifest:
        assert read_corrections(bank, manifest)["start_time"].to_pylist() == ["2010-03-01"]


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
