"""A run stops at a breach, goes on when it is accepted with a reason, and stands a kill in between."""

from __future__ import annotations

import json
import re

import pytest

from biobraid.cli import steps
from biobraid.core.manifest import Manifest
from biobraid.quality.contract import judge as judging
from biobraid.quality.contract.data_docs import fetched_from_elsewhere
from biobraid.quality.contract.deliveries import read_note
from tests.contract.bank import Bank, changed, clinic


@pytest.fixture
def later_steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the steps after the contract that a run came to; they do nothing here."""
    reached: list[str] = []

    def step(name: str) -> object:
        def note(*_arguments: object) -> int:
            reached.append(name)
            return 0

        return note

    for name in ("link_step", "build_step", "check_step"):
        monkeypatch.setattr(steps, name, step(name))
    return reached


def _in_centimetres_times_ten(bank: Bank) -> None:
    bank.deliver(changed(clinic(), lambda n, r: {"height_cm": r["height_cm"] + "0"}))


def test_a_run_stops_before_link_until_the_breach_is_accepted(
    bank: Bank, later_steps: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bank("run") == 0
    assert later_steps == ["link_step", "build_step", "check_step"]
    later_steps.clear()

    _in_centimetres_times_ten(bank)
    for _ in range(2):  # asked again, it says the same
        assert bank("run") == 13
        assert later_steps == []
        errors = capsys.readouterr().err
        assert "QualityError: lake/clinic, number height_cm: the numbers are 10 times" in errors
        assert '--accept "why"' in errors

    assert bank("run", "--accept", "delivered in millimetres from now on") == 0
    assert later_steps == ["link_step", "build_step", "check_step"]
    with Manifest(bank.home) as manifest:
        (accepted,) = read_note(manifest, "lake", "clinic")["accepted"]
        run = manifest.runs()[-1]
    assert accepted["why"] == "delivered in millimetres from now on"
    assert accepted["run_id"] == run["run_id"]
    assert accepted["at"] == run["started_at"]
    assert "10 times larger" in accepted["breaches"][0]
    assert run["detail"]["contract"]["lake"]["why"] == "delivered in millimetres from now on"

    capsys.readouterr()
    assert bank("status", "--json") == 0
    (row,) = [r for r in json.loads(capsys.readouterr().out)["contract"] if r["source"] == "clinic"]
    assert row["judgement"] == "accepted"
    assert row["why"] == "delivered in millimetres from now on"

    later_steps.clear()  # what was accepted is what later deliveries are compared with
    bank.deliver(changed(clinic(again=5), lambda n, r: {"height_cm": r["height_cm"] + "0"}))
    assert bank("run") == 0
    assert later_steps


def test_a_kill_between_judging_and_remembering_changes_nothing(
    bank: Bank, later_steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bank.deliver(clinic())
    assert bank("check", "--delivery", "--accept", "centimetres again") == 0
    _in_centimetres_times_ten(bank)
    with Manifest(bank.home) as manifest:
        before = read_note(manifest, "lake", "clinic")

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(judging, "write_note", killed)
        assert bank("run") == 130
    with Manifest(bank.home) as manifest:
        assert read_note(manifest, "lake", "clinic") == before
    assert bank("run") == 13
    assert later_steps == []
    bank.deliver(clinic(again=6))
    assert bank("run") == 0
    assert later_steps == ["link_step", "build_step", "check_step"]


def test_the_site_fetches_nothing_and_names_the_breach(bank: Bank) -> None:
    _in_centimetres_times_ten(bank)
    assert bank("check", "--delivery") == 13
    site = bank.home.reports / "contract"
    assert fetched_from_elsewhere(site) == []
    index = (site / "index.html").read_text()
    assert "10 times larger than in the last accepted delivery" in index
    assert "<script" not in "".join(p.read_text() for p in site.rglob("*.html"))
    links = re.findall(r'href="([^"#]+)"', index)
    assert len(links) == 3  # style, results, suite
    assert all((site / link).is_file() for link in links)
    (results,) = (site / "validations").rglob("*.html")
    assert "number height_cm" in results.read_text()


def test_what_is_kept_holds_no_small_cell(bank: Bank) -> None:
    """A code that five persons have is counted in the reference without its name."""
    bank.deliver(changed(clinic(), lambda n, r: {"smoker": "77"} if n % 80 == 0 else {}))
    assert bank("check", "--delivery", "--accept", "codes to come") == 0
    with Manifest(bank.home) as manifest:
        note = read_note(manifest, "lake", "clinic")
    assert '"77"' not in json.dumps(note)
    assert "have: 77" not in json.dumps(note)
    assert note["reference"]["unnamed"] == {"smoker": 10}
    assert "too rare to be named" in json.dumps(note["judged"])
    smallest = min(n for codes in note["reference"]["codes"].values() for n in codes.values())
    assert smallest >= bank.home.settings.min_cell
