"""Remake the pictures of docs/how-to/imputation.md: python scripts/imputation_pictures.py [HOME]

HOME: a home made by `biobraid demo --persons 6000`; without it one is made in a temporary folder.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
GUIDE = ROOT / "docs" / "how-to" / "imputation.md"
PICTURES = GUIDE.parent / "pictures"
PERSONS = 6000


def biobraid(*words: str) -> str:
    """Run one command of biobraid; its standard output."""
    done = subprocess.run(
        [sys.executable, "-m", "biobraid", *words], cwd=ROOT, check=True, text=True,
        stdout=subprocess.PIPE, env=dict(os.environ),
    )  # fmt: skip
    return done.stdout


def main() -> int:
    """Evaluate the guide's own plan and copy what was drawn."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        home = sys.argv[1] if len(sys.argv) > 1 else str(folder / "demo")
        if len(sys.argv) <= 1:
            biobraid("demo", home, "--persons", str(PERSONS))
        plan = re.search(r"```yaml\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.S)
        assert plan is not None
        (folder / "labs.yaml").write_text(plan.group(1), encoding="utf-8")
        said = json.loads(
            biobraid("--home", home, "--json", "impute", "evaluate", str(folder / "labs.yaml"))
        )
        PICTURES.mkdir(exist_ok=True)
        for path in said["files"]:
            if path.endswith(".png"):
                shutil.copy(path, PICTURES)
    return 0


if __name__ == "__main__":
    sys.exit(main())
