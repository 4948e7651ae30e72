"""Rights of a person: restriction, correction, access."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from biobraid.cli.main import run
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.linkage.link import link
from biobraid.linkage.vault import open_vault
from tests.privacy.conftest import LAKE, deliver, key, land, landed, linked


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
