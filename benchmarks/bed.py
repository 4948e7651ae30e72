"""A .bed of 50,000 samples x 20,000 variants to landing, beside a plain read of the file.

`ratio.plain_read`: seconds to land the file (connector, keyed ids, Parquet, books) over the
seconds to read it and nothing else, both with the file out of the page cache, medians of three.
`size_ratio.pgen`: bytes of raw.genotype over those of the same calls as .pgen, made by plink2.
`seconds.ingest`, `peak_gb`: `biobraid ingest` as a whole process, hashing and start-up included.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.genotype_bank import ingest, land, make_bank
from benchmarks.genotype_ld import pgen_bytes, write_bed

SAMPLES, VARIANTS = 50_000, 20_000
LINES = [("ratio.plain_read", "<=", 3.0), ("size_ratio.pgen", "<=", 1.2), ("peak_gb", "<=", 4.0)]
_REPEATS = 3
_BLOCK = 1 << 20


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures; `data` is a scratch folder."""
    return measure(SAMPLES, VARIANTS, data, seed, progress)


def measure(
    n_samples: int, n_variants: int, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any size."""
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        home = make_bank(Path(scratch), "plink", "bed")
        bed = write_bed(home.deliveries / "genes" / "cohort", n_samples, n_variants, seed)
        progress(f"{bed.stat().st_size / 1e6:.0f} MB written")
        plain, landed, cpu, n_bytes = [], [], [], 0
        for n in range(_REPEATS):
            _forget(bed)
            plain.append(_seconds(lambda: _read(bed)))
            _forget(bed)
            start, cpu_start = time.perf_counter(), time.process_time()
            read = land(home, bed, f"token{n}")
            landed.append(time.perf_counter() - start)
            cpu.append(time.process_time() - cpu_start)
            n_bytes = sum(p.path.stat().st_size for p in read.parts if p.table == "raw.genotype")
            for part in read.parts:
                part.path.unlink()
            progress(f"read {plain[-1]:.2f} s, landed {landed[-1]:.2f} s, {n_bytes / 1e6:.0f} MB")
        whole = ingest(home)
        pgen = pgen_bytes(bed)
    seconds = {"plain_read": statistics.median(plain), "land": statistics.median(landed)}
    return {
        "seconds.plain_read": round(seconds["plain_read"], 3),
        "seconds.land": round(seconds["land"], 3),
        "cpu_seconds.land": round(statistics.median(cpu), 3),
        "ratio.plain_read": round(seconds["land"] / seconds["plain_read"], 2),
        "mb.bed": round((n_samples + 3) // 4 * n_variants / 1e6, 1),
        "mb.pgen": round(pgen / 1e6, 1),
        "mb.landing": round(n_bytes / 1e6, 1),
        "size_ratio.pgen": round(n_bytes / pgen, 3),
        "seconds.ingest": round(whole.seconds, 2),
        "peak_gb": round(whole.peak_gb, 3),
    }


def _seconds(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def _read(path: Path) -> None:
    with path.open("rb", buffering=0) as file:
        while file.read(_BLOCK):
            pass


def _forget(path: Path) -> None:
    """Take a file out of the page cache."""
    os.sync()
    with path.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
