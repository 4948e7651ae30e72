"""Loading an Athena-sized vocabulary, killed once in the middle: seconds and memory.

6 M concepts, 40 M relationships and 80 M ancestors are generated first, which is not counted.
`seconds` is what both runs of the same command took together: the one that was killed when
everything was read and CONCEPT_RELATIONSHIP was being sorted, and the one that went on. `peak_gb` is the larger of the two, of the
process tree. The look-ups are those of a mapping with 20,000 codes on what was loaded.
There is no peer that does the same work.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb

from benchmarks.machine import measure_command
from biobraid.core.home import Home, open_home
from biobraid.core.manifest import Manifest
from biobraid.ingest.vocabulary import vocabulary_in_force
from biobraid.ingest.vocabulary.generate_athena import generate_athena

CONCEPTS = 6_000_000
N_CODES = 20_000
LINES = [("seconds", "<=", 1800.0), ("peak_gb", "<=", 8.0)]


def run(
    data: Path | None, seed: int, progress: Callable[[str], None], concepts: int = CONCEPTS
) -> dict[str, float]:
    """seconds, peak_gb, rows, and seconds of look-ups; `data` is a scratch folder."""
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        began = time.perf_counter()
        generate_athena(folder / "download", concepts, seed)
        generated = time.perf_counter() - began
        size = sum(f.stat().st_size for f in (folder / "download").iterdir())
        progress(f"generated {size / 1e9:.1f} GB in {generated:.0f} s")
        figures = {"seconds.generated": round(generated, 1), "gb.unpacked": round(size / 1e9, 2)}
        env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / "keys")}
        tool = [sys.executable, "-m", "biobraid", "--quiet"]
        measure_command([*tool, "init", str(folder / "bank")], env=env)
        home = open_home(folder / "bank")
        load = [*tool, "--home", str(home.root), "vocabulary", "load", str(folder / "download")]
        seconds = peak = 0.0
        for what in ("killed", "whole"):
            kill = (lambda: _is_half_way(home)) if what == "killed" else None
            done = measure_command(load, env=env, kill_when=kill)
            if (done.returncode == 0) != (what == "whole"):
                raise RuntimeError(f"the {what} run ended with {done.returncode}")
            seconds, peak = seconds + done.seconds, max(peak, done.peak_gb)
            figures[f"seconds.{what}"] = round(done.seconds, 1)
            progress(f"{what} run: {done.seconds:.0f} s, {done.peak_gb:.2f} GB")
        figures |= {"seconds": round(seconds, 1), "peak_gb": round(peak, 3)}
        return figures | _rows(home) | _look_ups(home)


def _is_half_way(home: Home) -> bool:
    """True while the sorted CONCEPT_RELATIONSHIP is being written: its sorting is lost."""
    found = home.vocabulary_stage.glob("concept_relationship.parquet.*.partial")
    return any(path.stat().st_size for path in found)


def _rows(home: Home) -> dict[str, float]:
    with Manifest(home) as manifest:
        objects = manifest.objects()
    names = ("concept", "concept_relationship", "concept_ancestor")
    return {f"rows.{name}": objects[f"vocab.{name}"][1] for name in names}


def _look_ups(home: Home) -> dict[str, float]:
    """Seconds to find codes, ids and replacements, each for N_CODES of them."""
    vocabulary = vocabulary_in_force(home)
    with Manifest(home) as manifest:
        concept = home.landing / manifest.objects()["vocab.concept"][0]
    sample = duckdb.execute(
        "SELECT vocabulary_id, concept_code, concept_id FROM read_parquet(?)"
        " WHERE vocabulary_id IN ('NDC', 'Read', 'ICD10CM') ORDER BY hash(concept_id) LIMIT ?",
        [str(concept), N_CODES],
    ).fetchall()
    figures = {}
    for name, ask in (
        ("codes", lambda: vocabulary.look_up_codes({(v, c) for v, c, _ in sample})),
        ("ids", lambda: vocabulary.look_up(i for _, _, i in sample)),
        ("replacements", lambda: vocabulary.replacements(i for _, _, i in sample)),
    ):
        began = time.perf_counter()
        found = ask()
        if len(found) < 0.9 * len(sample):
            raise RuntimeError(f"{len(found)} of {len(sample)} {name} found")
        figures[f"seconds.look_up.{name}"] = round(time.perf_counter() - began, 2)
    return figures
