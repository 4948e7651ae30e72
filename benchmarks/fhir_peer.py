"""The peer of `fhir`: fhir.resources' R4B models in an environment of their own.

It validates each line of the files it is given, one type a file.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.machine import Measured, measure_command

REQUIREMENT = "fhir.resources==8.3.0"
# The default models of version 8 are R5's; R4B is the nearest to R4 that it has.
_PROGRAM = """
import json, sys
from fhir.resources.R4B import get_fhir_model_class
n, faulty = 0, 0
for path in sys.argv[1:]:
    with open(path, "rb") as lines:
        for i, line in enumerate(lines):
            if i == 0:
                model = get_fhir_model_class(json.loads(line)["resourceType"])
            try:
                model.model_validate_json(line)
            except ValueError as error:
                faulty += 1
                if faulty < 5:
                    print(path, str(error)[:300], file=sys.stderr)
            n += 1
sys.exit(1 if faulty else 0)
"""


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
    command = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", REQUIREMENT]
    subprocess.run(command, check=True, stdout=sys.stderr)
    (folder / "installed").touch()
    return folder


def validate(files: Sequence[Path], progress: Callable[[str], None]) -> Measured:
    """Run the peer over NDJSON files, in one process."""
    python = environment(progress) / "bin" / "python"
    measured = measure_command([str(python), "-c", _PROGRAM, *map(str, files)])
    if measured.returncode:
        raise RuntimeError(f"{REQUIREMENT} ended with {measured.returncode}")
    return measured
