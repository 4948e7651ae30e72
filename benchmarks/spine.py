"""The whole way, ingest to release, at two sizes: seconds, memory and growth of each step.

The sample biobank is the load, with all its studies and modalities: tables shaped as UK Biobank's,
CSV, FHIR with deltas, REDCap, OMOP, genotypes, images, omics and wearables (about 6 kB of FHIR for each person of the sample, a quarter of them patients).
Every step is run as its own process, as an engineer would run it; the memory is that of the
process tree. `slope.STEP` is the log-log slope of seconds between the two sizes: 1 is linear.
There is no peer that does the same work end to end; the parts have their own benchmarks.
"""

from __future__ import annotations

import math
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.machine import measure_command

SIZES = (10_000, 100_000)
STEPS = ("ingest", "link", "build", "release")
LINES = [
    *((f"slope.{step}", "<=", 1.1) for step in STEPS),
    *((f"peak_gb.{step}", "<=", 8.0) for step in STEPS),
]


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Seconds and peak_gb at the larger size, slopes between both; `data` is a scratch folder."""
    figures: dict[str, float] = {}
    seconds: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        for persons in SIZES:
            folder = Path(scratch) / str(persons)
            folder.mkdir()
            seconds[persons] = _one_size(folder, persons, seed, figures, progress)
    small, large = SIZES
    for step in STEPS:
        ratio = seconds[large][step] / seconds[small][step]
        figures[f"slope.{step}"] = round(math.log(ratio) / math.log(large / small), 3)
    return figures


def _one_size(
    folder: Path,
    persons: int,
    seed: int,
    figures: dict[str, float],
    progress: Callable[[str], None],
) -> dict[str, float]:
    env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / "keys")}
    home = folder / "bank"
    tool = [sys.executable, "-m", "biobraid", "--quiet"]
    commands = {
        "demo": [*tool, "demo", str(home), "--persons", str(persons), "--seed", str(seed),
                 "--only-generate"],
        "ingest": [*tool, "--home", str(home), "ingest"],
        "link": [*tool, "--home", str(home), "link"],
        "build": [*tool, "--home", str(home), "build"],
        "project": [*tool, "--home", str(home), "project", "create", "bench"],
        "release": [*tool, "--home", str(home), "release", "bench", "r1"],
    }  # fmt: skip
    seconds = {}
    for step, command in commands.items():
        measured = measure_command(command, env=env)
        if measured.returncode:
            raise RuntimeError(f"{step} at {persons:,} persons ended with {measured.returncode}")
        seconds[step] = measured.seconds
        if step in STEPS:
            figures[f"seconds.{step}"] = round(measured.seconds, 2)
            figures[f"peak_gb.{step}"] = round(measured.peak_gb, 3)
            figures[f"seconds.{step}.{persons}"] = round(measured.seconds, 2)
            figures[f"peak_gb.{step}.{persons}"] = round(measured.peak_gb, 3)
        progress(f"{persons:,} persons: {step} {measured.seconds:.1f} s {measured.peak_gb:.2f} GB")
    return seconds
