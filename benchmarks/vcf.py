"""A VCF.gz of 2,504 samples, 1 GB unpacked, to landing, beside bcftools query.

`ratio.bcftools`: seconds of `bcftools query -f '[%GT\\t]\\n'`, its output thrown away, over those
of `biobraid ingest`, both as whole processes, medians of three. Ingest does more: it hashes the
file, keys the samples, packs the calls, writes Parquet and checks the books.
`cpu_seconds.*`: of either process, which a busy machine blurs less.
`values_equal.cyvcf2`: share of the calls of the first 2,000 records that equal cyvcf2's.
"""

from __future__ import annotations

import shutil
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
from cyvcf2 import VCF

from benchmarks.genotype_bank import ingest, make_bank
from benchmarks.genotype_ld import write_vcf
from benchmarks.machine import Measured, measure_command
from biobraid.core.genotypes import unpack_calls

SAMPLES, VARIANTS = 2504, 100_000
LINES = [
    ("ratio.bcftools", ">=", 1.2),
    ("values_equal.cyvcf2", ">=", 1.0),
    ("peak_gb", "<=", 4.0),
]
_REPEATS = 3
_COMPARED = 2000


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures; `data` is a scratch folder."""
    return measure(VARIANTS, data, seed, progress)


def measure(
    n_variants: int, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any number of variants."""
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        path = folder / "cohort.vcf.gz"
        raw = write_vcf(path, SAMPLES, n_variants, seed)
        progress(f"{raw / 1e6:.0f} MB raw, {path.stat().st_size / 1e6:.0f} MB packed")
        ours: list[Measured] = []
        theirs: list[Measured] = []
        equal = 0.0
        for n in range(_REPEATS):
            peer = measure_command(["bcftools", "query", "-f", "[%GT\t]\n", str(path)])
            theirs.append(peer)
            part = folder / f"bank{n}"
            part.mkdir()
            home = make_bank(part, "vcf", "vcf.gz")
            (home.deliveries / "genes" / "cohort.vcf.gz").symlink_to(path)
            measured = ingest(home)
            ours.append(measured)
            progress(f"bcftools {peer.seconds:.1f} s, ingest {measured.seconds:.1f} s")
            if n == 0:
                equal = _equal_share(path, home.landing)
            shutil.rmtree(part)
    seconds, peer_seconds = (statistics.median(m.seconds for m in side) for side in (ours, theirs))
    return {
        "mb.raw": round(raw / 1e6, 1),
        "seconds.ingest": round(seconds, 2),
        "seconds.bcftools": round(peer_seconds, 2),
        "ratio.bcftools": round(peer_seconds / seconds, 2),
        "cpu_seconds.ingest": round(statistics.median(m.cpu_seconds for m in ours), 2),
        "cpu_seconds.bcftools": round(statistics.median(m.cpu_seconds for m in theirs), 2),
        "values_equal.cyvcf2": equal,
        "peak_gb": round(max(m.peak_gb for m in ours), 3),
    }


def _equal_share(path: Path, landing: Path) -> float:
    rows = duckdb.execute(
        "SELECT genotypes FROM read_parquet(?) WHERE variant_index < ? ORDER BY variant_index",
        [f"{landing}/genotype/*/*/*/*.parquet", _COMPARED],
    ).fetchall()
    equal = n = 0
    for (packed,), variant in zip(rows, VCF(str(path), gts012=True), strict=False):
        ours = unpack_calls(np.frombuffer(packed, np.uint8), SAMPLES)
        equal += int((ours == variant.gt_types).sum())
        n += SAMPLES
    return equal / n
