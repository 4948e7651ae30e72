"""A long NPX file to landing, beside polars that reads the same columns and writes Parquet.

`rows_per_s`, `mb_per_s`: measurements and delivered megabytes a second of `biobraid ingest` as a
whole process, 1,000 samples x 3,000 assays (about 300 MB): samples decided about, every line
counted, repeated measurements found, limits and warnings, keyed ids, Parquet, the books.
`ratio.polars`: seconds of the tool over the peer's. The peer does less: it parses the five
columns that are kept, and writes them without ids, rejects or counts.
`peak_gb`: memory of the process tree. `bytes_per_row`: landed Parquet of raw.feature.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.machine import Measured, measure_command

SAMPLES, ASSAYS, PLATE = 1000, 3000, 88
LINES = [("mb_per_s", ">=", 15.0), ("peak_gb", "<=", 2.0)]
_STUDY = """\
id: npx
name: proteomics
release: "1"
licence: synthetic
time_zone: UTC
sources:
  olink:
    connector: olink
    files: ["npx.csv"]
    person_id: SampleID
    modality: omics
"""
_HEADER = (
    "SampleID;Index;OlinkID;UniProt;Assay;MissingFreq;Panel;PlateID;QC_Warning;LOD;NPX;"
    "Normalization;Assay_Warning;Sample_Type\n"
)
_PEER = """
import sys, polars as pl
frame = pl.read_csv(sys.argv[1], separator=";",
  columns=["SampleID", "OlinkID", "PlateID", "QC_Warning", "LOD", "NPX"])
frame.write_parquet(sys.argv[2], compression="zstd")
"""


def run(data: Path | None, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    """Figures at full size; `data` is a scratch folder."""
    return measure(SAMPLES, data, seed, progress)


def measure(
    samples: int, data: Path | None, seed: int, progress: Callable[[str], None]
) -> dict[str, float]:
    """The same for any number of samples."""
    with tempfile.TemporaryDirectory(dir=data) as scratch:
        folder = Path(scratch)
        bank = folder / "bank"
        _checked([*_tool(), "init", str(bank)], folder)
        (bank / "studies" / "npx").mkdir(parents=True)
        (bank / "studies" / "npx" / "study.yaml").write_text(_STUDY, encoding="utf-8")
        delivered = folder / "bank.deliveries" / "npx" / "npx.csv"
        write_npx(delivered, samples, seed)
        megabytes, rows = delivered.stat().st_size / 1e6, samples * ASSAYS
        ours = _checked([*_tool(), "--home", str(bank), "ingest"], folder)
        progress(f"{megabytes:.0f} MB in {ours.seconds:.1f} s, {ours.peak_gb:.2f} GB")
        peer = _checked(
            [sys.executable, "-c", _PEER, str(delivered), str(folder / "peer.parquet")], folder
        )
        progress(f"polars {peer.seconds:.1f} s")
        landed = sum(p.stat().st_size for p in (bank / "landing" / "feature").rglob("*.parquet"))
    return {
        "mb_per_s": round(megabytes / ours.seconds, 2),
        "rows_per_s": round(rows / ours.seconds),
        "cpu_seconds": round(ours.cpu_seconds, 2),
        "peak_gb": round(ours.peak_gb, 3),
        "bytes_per_row": round(landed / rows, 2),
        "ratio.polars": round(ours.seconds / peer.seconds, 2),
        "cpu_ratio.polars": round(ours.cpu_seconds / peer.cpu_seconds, 2),
    }


def write_npx(path: Path, samples: int, seed: int) -> None:
    """A long NPX file, sample by sample."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(seed)
    with path.open("w", encoding="utf-8") as out:
        out.write(_HEADER)
        for sample in range(samples):
            npx = random.normal(size=ASSAYS)
            warned = "WARN" if random.random() < 0.05 else "PASS"
            out.writelines(
                f"S{sample:06d};{sample};OID{assay:05d};P{assay:05d};GENE{assay};0.01;Panel "
                f"{assay // 370};PLATE{sample // PLATE};{warned};-1.5;{npx[assay]:.4f};"
                "Plate control;PASS;SAMPLE\n"
                for assay in range(ASSAYS)
            )


def _tool() -> list[str]:
    return [sys.executable, "-m", "biobraid", "--quiet"]


def _checked(command: list[str], folder: Path) -> Measured:
    env = {**os.environ, "BIOBRAID_KEY_DIR": str(folder / "keys")}
    measured = measure_command(command, env=env)
    if measured.returncode:
        raise RuntimeError(f"{command[-1]} ended with {measured.returncode}")
    return measured
