"""The linkage guide's commands run as they stand and do what the guide says."""

from __future__ import annotations

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "linkage.md"
_BLOCK = re.compile(r"<!-- runs: linkage -->\n```sh\n(.*?)```", re.S)


@pytest.mark.slow
def test_the_guide_links_reviews_and_compares(tmp_path: Path) -> None:
    env = os.environ | {
        "BIOBRAID_KEY_DIR": str(tmp_path / "keys"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }

    def sh(script: str) -> str:
        done = subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, env=env, text=True,
                              capture_output=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def totals() -> dict[str, int]:
        counts = json.loads(sh("biobraid --home mybank link --json"))["link"]
        return dict(counts["*"])

    link, review, decide, shadow, tokens = _BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    sh(link)
    first = totals()
    assert first["n_linked_probabilistic"] == 2
    sh(review)
    pairs = list(csv.DictReader((tmp_path / "to-review.csv").read_text().splitlines()))
    assert {p["reason"] for p in pairs} == {"birth-date", ""}
    sh(decide)
    second = totals()
    assert second["n_linked_review"] == 1 and second["n_linked_probabilistic"] == 2
    assert "would-merge" in sh(shadow)
    sh(tokens)
    assert len((tmp_path / "shy-tokens.csv").read_text().splitlines()) == 2
