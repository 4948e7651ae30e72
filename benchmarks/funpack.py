"""The peer of `ukb_wide`: fmrib-unpack in an environment of its own, made at run time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import Measured, measure_command

REQUIREMENT = "fmrib-unpack==4.0.1"


def environment(progress: Callable[[str], None]) -> Path:
    """Folder of the peer's environment; installed on first use."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    folder = cache / "biobraid-benchmarks" / REQUIREMENT.replace("==", "-")
    if (folder / "installed").is_file():
        return folder
    progress(f"installing {REQUIREMENT}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = str(folder / "bin" / "python")
    command = [python, "-m", "pip", "install", "--quiet", REQUIREMENT]
    subprocess.run(command, check=True, stdout=sys.stderr)
    (folder / "installed").touch()
    return folder


def unpack(source: Path, target: Path, progress: Callable[[str], None]) -> Measured:
    """Run the peer on a table with its defaults; it writes a wide table."""
    tool = environment(progress) / "bin" / "fmrib_unpack"
    measured = measure_command([str(tool), "-q", "-ow", str(target), str(source)])
    if measured.returncode:
        raise RuntimeError(f"{REQUIREMENT} ended with {measured.returncode}")
    return measured
