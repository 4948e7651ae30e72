"""Quality of an array's variants and samples, beside plink2.

50,000 persons x 20,000 variants in landing. `ratio.plink2`: seconds of call rates, allele
frequencies and exact Hardy-Weinberg tests of all variants, as a whole process with its start-up,
over those of plink2 --freq --hardy --missing variant-only, which reads the .bed.
`ratio.with_samples.plink2`: the same with call rate, heterozygosity and sex check of all samples,
beside --het --missing as well. `ratio.cpu.*` compares processor seconds, which a busy machine
changes less. `seconds.in_process*`: of ours, what is left without start-up and imports.
`max_*_diff.*`: greatest difference of the figures. Ours leaves pandas out, as `biobraid ingest` does.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from benchmarks.genotype_data import landed_home, plink2
from benchmarks.machine import measure_command

SAMPLES, VARIANTS, REPEATS = 50_000, 20_000, 3
LINES = [("ratio.plink2", "<=", 5.0), ("peak_gb", "<=", 4.0)]
_VARIANTS_ONLY = """
import sys, time
from biobraid.core.without_pandas import leave_out_pandas
leave_out_pandas()
from pathlib import Path
import pyarrow.parquet as pq
from biobraid.core.genotypes.landed import genotype_sets
from biobraid.core.home import open_home
from biobraid.core.manifest import Manifest
from biobraid.quality.genotypes.variants import tally_variants, variant_table
home = open_home(Path(sys.argv[1]))
with Manifest(home) as manifest:
    (of,) = genotype_sets(home, manifest, "cohort", "array", frozenset())
begun = time.perf_counter()
table = variant_table(of, tally_variants(of, home.settings.threads))
print(time.perf_counter() - begun)
pq.write_table(table, sys.argv[2])
"""
_ALL = """
import sys, time
from biobraid.core.without_pandas import leave_out_pandas
leave_out_pandas()
from pathlib import Path
from biobraid.core.home import open_home
from biobraid.core.manifest import Manifest
from biobraid.quality.genotypes import refresh_qc
home = open_home(Path(sys.argv[1]))
with Manifest(home) as manifest:
    manifest.set_note("genotype_qc", {})
begun = time.perf_counter()
refresh_qc(home)
print(time.perf_counter() - begun)
"""


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
    figures: dict[str, float] = {}
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        bank, stem = landed_home(folder, n_samples, n_variants, seed)
        progress("landed")
        ours, out = folder / "ours.parquet", folder / "peer"
        env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / "keys")}
        peer = ["--freq", "--hardy", "--missing", "variant-only"]
        pairs = {
            "": (_VARIANTS_ONLY, [str(bank), str(ours)], peer),
            ".with_samples": (_ALL, [str(bank)], ["--freq", "--hardy", "--missing", "--het"]),
        }
        for name, (script, arguments, wanted) in pairs.items():
            own, other, peak = [], [], 0.0
            for _ in range(REPEATS):  # in turn, so that both meet the same noise
                said = folder / "said.txt"
                command = f'"$0" -c "$1" {" ".join(arguments)} > {said}'
                done = measure_command(["sh", "-c", command, sys.executable, script], env=env)
                theirs = measure_command(plink2(stem, out, *wanted))
                if done.returncode or theirs.returncode:
                    raise RuntimeError("a run failed")
                own.append([done.seconds, done.cpu_seconds, float(said.read_text())])
                other.append([theirs.seconds, theirs.cpu_seconds])
                peak = max(peak, done.peak_gb)
            (seconds, cpu, inside), (peer_seconds, peer_cpu) = _medians(own), _medians(other)
            figures[f"seconds{name}"] = round(seconds, 3)
            figures[f"seconds.in_process{name}"] = round(inside, 3)
            figures[f"seconds{name}.plink2"] = round(peer_seconds, 3)
            figures[f"ratio{name}.plink2"] = round(seconds / peer_seconds, 2)
            figures[f"ratio.cpu{name}.plink2"] = round(cpu / peer_cpu, 2)
            figures[f"peak_gb{name}"] = round(peak, 3)
            progress(f"{name or 'variants'}: {own}, plink2 {other} (wall, CPU)")
        figures.update(_differences(ours, out))
    return figures


def _medians(rows: list[list[float]]) -> list[float]:
    return [statistics.median(column) for column in zip(*rows, strict=True)]


def _differences(ours: Path, peer: Path) -> dict[str, float]:
    table = pq.read_table(ours)
    frequency = _column(peer.with_suffix(".afreq"), "ALT_FREQS")
    p = _column(peer.with_suffix(".hardy"), "P")
    own = table["hwe_p"].to_numpy()
    off = np.abs(np.log(np.maximum(own, 1e-300)) - np.log(np.maximum(p, 1e-300)))
    return {
        "max_abs_diff.frequency": float(
            np.nanmax(np.abs(table["alt_frequency"].to_numpy() - frequency))
        ),
        "max_rel_diff.hwe_p": float(np.nanmax(off)),
    }


def _column(path: Path, name: str) -> np.ndarray:
    with path.open() as lines:
        place = lines.readline().lstrip("#").split().index(name)
        return np.array([float(line.split()[place]) for line in lines])
