"""The README is true: its marked blocks run as a newcomer would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from biobraid.ingest.sample import STUDIES

README = Path(__file__).parent.parent.parent / "README.md"
_BLOCK = re.compile(r"<!-- runs: ([a-z-]+) -->\n```(sh|python)\n(.*?)```", re.S)

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("readme")]


def _blocks(group: str) -> list[tuple[str, str]]:
    found = [
        (kind, code) for name, kind, code in _BLOCK.findall(README.read_text()) if name == group
    ]
    assert found, f"the README has no block marked {group}"
    return found


def _run(kind: str, code: str, folder: Path) -> str:
    env = {
        **os.environ,
        "BIOBRAID_KEY_DIR": str(folder / "keys"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    arguments = ["bash", "-euc", code] if kind == "sh" else [sys.executable, "-c", code]
    done = subprocess.run(arguments, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


def test_a_look_at_the_sample(tmp_path: Path) -> None:
    _run("sh", "biobraid --quiet demo demo-biobank --persons 200", tmp_path)
    printed = [_run(kind, code, tmp_path) for kind, code in _blocks("after-demo")]
    assert "mean_bmi" in printed[0]
    assert all(study in printed[1] for study in STUDIES), "each study told something"
    assert "sex" in printed[2]


def test_the_first_own_study(tmp_path: Path) -> None:
    shown = "".join(_run(kind, code, tmp_path) for kind, code in _blocks("own-study"))
    assert "0 errors" in shown
    assert "asked-declined" in shown, "the refusal keeps its reason"
    assert "68.4" in shown, "151 lb are 68.49 kg"
    assert "Meier" not in shown
    assert "Okafor" not in shown
