"""docs/how-to/imaging.md is true: its block runs as an engineer would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from biobraid.ingest.connectors.bids_options import BidsOptions, WfdbOptions
from biobraid.ingest.connectors.dicom_header import REASONS
from biobraid.ingest.connectors.dicom_options import DicomOptions

GUIDE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "imaging.md"
_BLOCK = re.compile(r"<!-- runs: imaging -->\n```sh\n(.*?)```", re.S)


@pytest.mark.slow
def test_the_guide_runs_and_shows_what_it_says(tmp_path: Path) -> None:
    (code,) = _BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    env = {
        **os.environ,
        "BIOBRAID_KEY_DIR": str(tmp_path / "keys"),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    locate = """
asset=$(biobraid --home mybank --json query brains \\
  "SELECT min(asset_id) AS id FROM omics.asset" | grep -oE '[0-9]{9,}' | head -1)
biobraid --home mybank vault locate --project brains "$asset"
"""
    done = subprocess.run(
        ["bash", "-euc", code + locate], cwd=tmp_path, env=env, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for shown in ("not-dicom", "Magnetic resonance", "612.5", "segmenter 2.1"):
        assert shown in done.stdout, shown
    assert re.search(r"scanner/images  bulk/[12]\n", done.stdout)
    for hidden in ("Okafor", "A-77", "1.2.3.1"):
        assert hidden not in done.stdout


def test_the_guide_names_every_option_and_reason() -> None:
    guide = GUIDE.read_text(encoding="utf-8")
    names = {
        *DicomOptions.model_fields, *WfdbOptions.model_fields, *BidsOptions.model_fields, *REASONS,
    }  # fmt: skip
    assert {n for n in names if n not in guide} == set()
