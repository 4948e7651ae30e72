"""A PLINK array in blocks of linkage disequilibrium, and a home that has landed it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from biobraid.core.genotypes import pack_calls

BLOCK, FOUNDERS = 50, 24
MISSING = 0.005
_CODE = np.array([3, 2, 0, 1], np.uint8)  # hom ref, het, hom alt, missing as .bed has them
_STUDY = """\
id: cohort
name: an array
release: "1"
licence: synthetic
time_zone: UTC
sources:
  array:
    connector: plink
    files: ["*.bed"]
    modality: genotype
    options: {build: GRCh38}
"""


def write_array(stem: Path, n_samples: int, n_variants: int, seed: int) -> None:
    """stem.bed, .bim, .fam; half of the persons are men; all variants on chromosome 1 and 2."""
    rng = np.random.default_rng(seed)
    with stem.with_suffix(".bed").open("wb") as bed:
        bed.write(b"\x6c\x1b\x01")
        for first in range(0, n_variants, BLOCK):
            n_here = min(BLOCK, n_variants - first)
            frequency = rng.beta(0.6, 1.6, n_here)
            founders = (rng.random((FOUNDERS, n_here)) < frequency).astype(np.uint8)
            mother, father = rng.integers(0, FOUNDERS, (2, n_samples))
            calls = (founders[mother] + founders[father]).T
            gaps = rng.integers(0, calls.size, int(calls.size * MISSING))
            calls.reshape(-1)[gaps] = 3
            bed.write(pack_calls(_CODE[calls]).tobytes())
    with stem.with_suffix(".bim").open("w") as bim:
        for v in range(n_variants):
            chromosome, place = 1 + (v >= n_variants // 2), 1_000_000 + 1000 * v
            bim.write(f"{chromosome}\trs{v}\t0\t{place}\tC\tA\n")
    with stem.with_suffix(".fam").open("w") as fam:
        for s in range(n_samples):
            fam.write(f"p{s:06d} p{s:06d} 0 0 {1 + s % 2} -9\n")


def landed_home(folder: Path, n_samples: int, n_variants: int, seed: int) -> tuple[Path, Path]:
    """A home that has ingested an array, and the stem of its PLINK files."""
    bank = folder / "bank"
    tool(bank, "init", str(bank))
    (bank / "studies" / "cohort").mkdir(parents=True)
    (bank / "studies" / "cohort" / "study.yaml").write_text(_STUDY, encoding="utf-8")
    delivered = folder / "bank.deliveries" / "cohort"
    delivered.mkdir(parents=True)
    write_array(delivered / "array", n_samples, n_variants, seed)
    tool(bank, "ingest")
    return bank, delivered / "array"


def tool(bank: Path, *arguments: str) -> None:
    """Run one biobraid command on the home."""
    home = [] if arguments[0] == "init" else ["--home", str(bank)]
    command = [sys.executable, "-m", "biobraid", "--quiet", *home, *arguments]
    env = {**os.environ, "BIOBRAID_KEY_DIR": str(bank.parent / "keys")}
    subprocess.run(command, check=True, env=env)


def plink2(stem: Path, out: Path, *arguments: str) -> list[str]:
    """The command line of plink2 on an array; the peer must be installed (Debian: plink2)."""
    program = shutil.which("plink2")
    if program is None:
        raise RuntimeError("the peer plink2 is not installed (Debian package plink2)")
    threads = str(os.cpu_count() or 1)
    return [program, "--bfile", str(stem), *arguments, "--threads", threads, "--out", str(out)]
