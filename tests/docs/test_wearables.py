"""docs/how-to/wearables.md is true: its block runs as an engineer would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "wearables.md"
_BLOCK = re.compile(r"<!-- runs: wearables -->\n```sh\n(.*?)```", re.S)

pytestmark = pytest.mark.slow


def test_the_guide_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    (code,) = _BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    env = {
        **os.environ,
        "BIOBRAID_KEY_DIR": str(tmp_path / "keys"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    done = subprocess.run(
        ["bash", "-euc", code], cwd=tmp_path, env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in ("export-date", "end-before-start"):
        assert shown in done.stdout
    assert "Okafor" not in done.stdout + done.stderr
    landed = b"".join(p.read_bytes() for p in (tmp_path / "mybank" / "landing").rglob("*.parquet"))
    assert b"Watch6,2" in landed and b"Okafor" not in landed
