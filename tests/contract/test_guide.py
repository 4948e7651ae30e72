"""docs/how-to/quality.md tells the truth about the delivery contract: its commands run as shown."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import pytest

from biobraid.cli import steps
from biobraid.cli.main import run
from biobraid.core.home import create_home
from biobraid.core.keys import create_keys
from biobraid.quality.contract.rules import CRITICAL, RULES
from tests.contract.bank import changed, clinic, new_bank

GUIDE = (Path(__file__).parents[2] / "docs" / "how-to" / "quality.md").read_text()


def test_the_commands_do_what_the_guide_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("BIOBRAID_KEY_DIR", str(tmp_path / "keys"))
    for name in ("link_step", "build_step", "check_step"):
        monkeypatch.setattr(steps, name, lambda *_arguments: 0)
    home = create_home(Path("mybank"), memory_limit_gb=1.0, threads=1)
    create_keys(home)
    bank = new_bank(home)
    bank.deliver(clinic())
    assert bank("run") == 0
    index = home.reports / "contract" / "index.html"
    assert "Great Expectations was not loaded" in index.read_text()
    bank.deliver(changed(clinic(), lambda n, r: {"height_cm": r["height_cm"] + "0"}))
    capsys.readouterr()

    (block,) = re.findall(r"<!-- runs: contract -->\n```sh\n(.*?)```", GUIDE, re.S)
    judge, again, write, accept, status = (shlex.split(line)[1:] for line in block.splitlines())
    assert run(judge) == 13
    (shown,) = re.findall(r"```\n(QualityError: .*?)\n```", GUIDE, re.S)
    assert " ".join(shown.split()) in capsys.readouterr().err
    assert run(again) == 13
    assert Path("contract.xml").is_file()
    assert run(write) == 0
    assert run(accept) == 0
    capsys.readouterr()
    assert run(status) == 0
    assert "delivered in millimetres from now on" in capsys.readouterr().out

    (own,) = re.findall(r"<!-- file: own.json -->\n```json\n(.*?)```", GUIDE, re.S)
    path = home.studies / "lake" / "contract" / "suite.json"
    suite = json.loads(path.read_text())
    suite["expectations"].append(json.loads(own))
    path.write_text(json.dumps(suite))
    row = {"height_cm": ""}
    bank.deliver(
        changed(
            clinic(),
            lambda n, r: row if n % 20 == 0 else {"height_cm": r["height_cm"] + "0"},
        )
    )
    assert bank("check", "--delivery") == 13
    assert any("height is never left out" in text for text in bank.judged()["breaches"])


def test_the_guide_names_every_rule_that_refuses() -> None:
    assert [
        r.measure for r in RULES if r.severity == CRITICAL and f"`{r.measure}`" not in GUIDE
    ] == []
