"""A slice of a chromosome of 500,000 imputed samples in BGEN, indexed where it lies.

The .bgen (8 bits, zlib, with .sample) is delivered to a source with `storage: reference`.
`seconds.index`: `biobraid ingest` as a whole process: token, samples with keyed ids and
identities, variants, places of their values. `gb.index`: what landing then holds. `ms.lookup`:
dosages of one variant, by its id, for all samples that count, in a process that has the set
open (median of 40). `seconds.withdraw`: ingest and link of a list of 200 withdrawn people,
after which no reader sees them. `gb.bgen` is the file. There is no peer that does the same; the
bgen package reads the same variants for `ms.lookup.bgen`, and the values must be equal.
"""

from __future__ import annotations

import os
import statistics
import struct
import tempfile
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from bgen import BgenReader

from benchmarks.genotype_data import tool

SAMPLES, VARIANTS, LOOKUPS, WITHDRAWN = 500_000, 1_500, 40, 200
LINES = [("ms.lookup", "<=", 200.0), ("max_abs_diff.bgen", "<=", 1e-4)]
_STUDY = """\
id: cohort
name: imputed
release: "1"
licence: synthetic
time_zone: UTC
withdrawals: {files: ["w*.csv"], level: no_use}
sources:
  imputed:
    connector: bgen
    files: ["*.bgen"]
    modality: genotype
    storage: reference
    options: {build: GRCh38}
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
        bank = Path(scratch) / "bank"
        os.environ["BIOBRAID_KEY_DIR"] = str(Path(scratch) / "keys")
        tool(bank, "init", str(bank))
        (bank / "studies" / "cohort").mkdir(parents=True)
        (bank / "studies" / "cohort" / "study.yaml").write_text(_STUDY, encoding="utf-8")
        delivered = Path(scratch) / "bank.deliveries" / "cohort"
        delivered.mkdir(parents=True)
        path = delivered / "chr7_slice.bgen"
        write_imputed(path, n_samples, n_variants, seed)
        figures["gb.bgen"] = round(path.stat().st_size / 1e9, 3)
        progress(f"{figures['gb.bgen']} GB of .bgen")
        figures["seconds.index"] = _timed(lambda: tool(bank, "ingest"))
        landing = list((bank / "landing").rglob("*.parquet"))
        figures["gb.index"] = round(sum(p.stat().st_size for p in landing) / 1e9, 4)
        progress(f"indexed in {figures['seconds.index']} s")
        figures["seconds.link"] = _timed(lambda: tool(bank, "link"))
        figures.update(_look_up(bank, path, n_variants, seed))
        ids = "".join(f"{_name(i)}\n" for i in range(0, n_samples, max(1, n_samples // WITHDRAWN)))
        (delivered / "w1_20240101.csv").write_text(ids, encoding="utf-8")
        figures["seconds.withdraw"] = _timed(lambda: (tool(bank, "ingest"), tool(bank, "link")))
        figures["n.visible_after"] = float(_n_visible(bank))
        figures["n.withdrawn"] = float(ids.count("\n"))
    return figures


def _timed(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return round(time.perf_counter() - begun, 2)


def _look_up(bank: Path, path: Path, n_variants: int, seed: int) -> dict[str, float]:
    of, reference = _open(bank)
    chosen = np.random.default_rng(seed).choice(n_variants, min(LOOKUPS, n_variants), False)
    ours, theirs, worst = [], [], 0.0
    with BgenReader(str(path), delay_parsing=False) as file:
        for variant in chosen.tolist():
            begun = time.perf_counter()
            found = reference.dosages(variant)[of.places]
            ours.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            p = file[variant].probabilities
            expected = p[:, 1] + 2.0 * p[:, 2]
            theirs.append(time.perf_counter() - begun)
            worst = max(worst, float(np.nanmax(np.abs(found - expected[of.places]))))
    return {
        "ms.lookup": round(1000 * statistics.median(ours), 1),
        "ms.lookup.bgen": round(1000 * statistics.median(theirs), 1),
        "max_abs_diff.bgen": worst,
    }


def _open(bank: Path):  # type: ignore[no-untyped-def]
    from biobraid.core.genotypes.landed import genotype_sets, withdrawn_keys
    from biobraid.core.home import open_home
    from biobraid.core.manifest import Manifest

    home = open_home(bank)
    with Manifest(home) as manifest:
        gone = withdrawn_keys(home, manifest)
        (of,) = genotype_sets(home, manifest, "cohort", "imputed", gone)
    if of.reference is None:
        raise RuntimeError("the set was copied")
    return of, of.reference


def _n_visible(bank: Path) -> int:
    of, _ = _open(bank)
    return len(of.places)


def _name(sample: int) -> str:
    return f"{1_000_000 + 13 * sample}"


def write_imputed(path: Path, n_samples: int, n_variants: int, seed: int) -> None:
    """Mostly certain probabilities in 255ths, and the .sample file beside."""
    rng = np.random.default_rng(seed)
    ploidy = np.full(n_samples, 2, np.uint8).tobytes()
    doubt = rng.integers(0, 40, n_samples).astype(np.uint8)
    doubt[rng.random(n_samples) < 0.9] = 0
    with path.open("wb") as out:
        out.write(struct.pack("<IIII4sI", 20, 20, n_variants, n_samples, b"bgen", 1 | 2 << 2))
        for v in range(n_variants):
            u = rng.random(n_samples, np.float32)
            f = float(rng.beta(0.4, 2.0))
            calls = (u < 1 - (1 - f) ** 2).astype(np.uint8) + (u < f * f)
            none, one = np.where(calls == 0, 255, 0), np.where(calls == 1, 255, 0)
            shift = np.roll(doubt, v)
            none = np.where(calls == 0, none - shift, none)
            one = np.where(calls == 0, shift, np.where(calls == 1, one - shift, one))
            body = np.stack([none, one], axis=1).astype(np.uint8).tobytes()
            body = struct.pack("<IHBB", n_samples, 2, 2, 2) + ploidy + b"\x00\x08" + body
            packed = zlib.compress(body, 1)
            words = [f"7:{v}", f"rs{v}", "7"]
            head = b"".join(struct.pack("<H", len(w)) + w.encode() for w in words)
            head += struct.pack("<IH", 1_000_000 + 50 * v, 2)
            head += struct.pack("<I", 1) + b"A" + struct.pack("<I", 1) + b"G"
            out.write(head + struct.pack("<II", len(packed) + 4, len(body)) + packed)
    with path.with_suffix(".sample").open("w") as sheet:
        sheet.write("ID_1 ID_2 missing sex\n0 0 0 D\n")
        for s in range(n_samples):
            sheet.write(f"{_name(s)} {_name(s)} 0 {1 + s % 2}\n")
