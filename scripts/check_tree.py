"""Checks of the tree that no linter knows: file length, SQL-only models, no machine paths."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 300
FORBIDDEN = re.compile(
    r"index-url|https?://[^\s\"'<>]+/(?:simple|packages)/|(?:^|[\s\"'=])/(?:work|home|root|Users)/"
)


def tracked() -> list[Path]:
    """Files under version control (or about to be), symlinks left out."""
    out = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, text=True,
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    paths = (ROOT / line for line in out.splitlines())
    return [p for p in paths if p.is_file() and not p.is_symlink()]


def faults() -> list[str]:
    """One line per thing that must not be in the tree."""
    found = []
    for path in tracked():
        name = path.relative_to(ROOT).as_posix()
        is_code = path.suffix == ".py" or (name.startswith("models/") and path.suffix == ".sql")
        if is_code and len(path.read_text(encoding="utf-8").splitlines()) > MAX_LINES:
            found.append(f"{name}: over {MAX_LINES} lines; split it by subject")
        if name.startswith("models/") and path.suffix == ".py":
            found.append(f"{name}: models are SQL only")
        if path.suffix in {".gz", ".parquet", ".png", ".duckdb"} or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if FORBIDDEN.search(line) and name != "Makefile":
                found.append(f"{name}, line {number}: a registry's address or a machine's path")
    return found


if __name__ == "__main__":
    lines = faults()
    sys.stdout.write("".join(f"{line}\n" for line in lines) or "tree: ok\n")
    sys.exit(1 if lines else 0)
