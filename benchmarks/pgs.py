"""A polygenic score of 100 variants for 50,000 persons, beside plink2 --score.

`seconds`: matching the scoring file, reading the variants from landing, adding up and writing
scores and reports, in a process that is already running (median of three).
`max_abs_diff.plink2`: greatest difference from plink2's sums, all of them below 1, which it
prints with six digits. `cpu_seconds`: of processors. `seconds.plink2` is its whole process on the .bed.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.genotype_data import landed_home, plink2
from benchmarks.machine import measure_command

SAMPLES, VARIANTS, WEIGHTS, REPEATS = 50_000, 20_000, 100, 3
LINES = [("seconds", "<=", 1.0), ("max_abs_diff.plink2", "<=", 1e-6)]


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures at full size; `data` is a scratch folder."""
    return measure(SAMPLES, VARIANTS, data, seed, progress)


def measure(
    n_samples: int,
    n_variants: int,
    data: Path | None,
    seed: int,
    progress: Callable[[str], None],
) -> dict[str, float]:
    """The same for any size."""
    from biobraid.core.home import open_home
    from biobraid.core.manifest import Manifest
    from biobraid.export.scores.run import score_file

    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        bank, stem = landed_home(folder, n_samples, n_variants, seed)
        progress("landed")
        file = _write_weights(folder, n_variants, seed)
        os.environ["BIOBRAID_KEY_DIR"] = str(folder / "keys")
        home = open_home(bank)
        seconds, used = [], []
        for _ in range(REPEATS):
            begun, cpu = time.perf_counter(), time.process_time()
            score_file(home, file)
            seconds.append(time.perf_counter() - begun)
            used.append(time.process_time() - cpu)
        theirs = measure_command(
            plink2(stem, folder / "peer", "--score", str(folder / "plain.txt"), "1", "2", "3",
                   "cols=+scoresums")
        )  # fmt: skip
        if theirs.returncode:
            raise RuntimeError("plink2 failed")
        with Manifest(home) as manifest:
            path, _, _ = manifest.objects()["raw.score"]
            (part,) = manifest.parts("raw.genotype_sample", "cohort")
        ours = pq.read_table(bank / "landing" / path)
        samples = pq.ParquetFile(bank / "landing" / part.path).read()
        figures["seconds"] = round(statistics.median(seconds), 3)
        figures["cpu_seconds"] = round(statistics.median(used), 3)
        figures["cpu_seconds.plink2"] = round(theirs.cpu_seconds, 3)
        figures["seconds.plink2"] = round(theirs.seconds, 3)
        figures["max_abs_diff.plink2"] = _difference(ours, samples, folder / "peer.sscore")
        progress(f"{seconds} s, plink2 {theirs.seconds:.2f} s")
    return figures


def _write_weights(folder: Path, n_variants: int, seed: int) -> Path:
    rng = np.random.default_rng(seed + 1)
    chosen = np.sort(rng.choice(n_variants, min(WEIGHTS, n_variants), replace=False))
    weights = rng.normal(scale=0.003, size=len(chosen))
    lines = ["#pgs_id=bench", "#genome_build=GRCh38",
             "rsID\tchr_name\tchr_position\teffect_allele\tother_allele\teffect_weight"]  # fmt: skip
    plain = []
    for v, w in zip(chosen.tolist(), weights.tolist(), strict=True):
        chromosome, place = 1 + (v >= n_variants // 2), 1_000_000 + 1000 * v
        effect, other = ("C", "A") if v % 3 else ("A", "C")
        lines.append(f"rs{v}\t{chromosome}\t{place}\t{effect}\t{other}\t{w:.9f}")
        plain.append(f"rs{v} {effect} {w:.9f}")
    (folder / "plain.txt").write_text("\n".join(plain) + "\n", encoding="utf-8")
    path = folder / "weights.txt"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _difference(ours: pa.Table, samples: pa.Table, peer: Path) -> float:
    """Persons come in the file's order in both; landing has only their keys."""
    order = samples.sort_by("sample_index")["source_person_key"].to_pylist()
    by_key = dict(
        zip(ours["source_person_key"].to_pylist(), ours["score"].to_pylist(), strict=True)
    )
    with peer.open() as lines:
        place = lines.readline().lstrip("#").split().index("SCORE1_SUM")
        theirs = np.array([float(line.split()[place]) for line in lines])
    return float(np.abs(np.array([by_key[key] for key in order]) - theirs).max())
