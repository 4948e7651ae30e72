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
WITH = "pandas<3"  # 4.0.1 fails on pandas 3 (it puts text into a column of numbers)


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
    command = [python, "-m", "pip", "install", "--quiet", REQUIREMENT, WITH]
    subprocess.run(command, check=True, stdout=sys.stderr)
    (folder / "installed").touch()
    return folder


def unpack(source: Path, target: Path, progress: Callable[[str], None]) -> Measured:
    """Run the peer on a table, with all cores; it writes a wide table.

    Offline, with its own copy of the Showcase schema; without looking for list cells, which it
    expects by real field types that the generated columns do not have.
    """
    tool = environment(progress) / "bin" / "fmrib_unpack"
    options = ["-q", "-ow", "--no_download", "--no_expand_compressed", "--num_jobs", "-1"]
    measured = measure_command([str(tool), *options, str(target), str(source)])
    if measured.returncode:
        raise RuntimeError(f"{REQUIREMENT} ended with {measured.returncode}")
    return measured
