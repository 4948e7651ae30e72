"""Genotypes put straight into landing, and the same ones as PLINK files for plink2."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.genotypes import codes_of_dosages, pack_calls
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest, Part
from biobraid.core.schemas import RAW_GENOTYPE, RAW_GENOTYPE_SAMPLE, RAW_VARIANT, Table

needs_plink2 = pytest.mark.skipif(
    shutil.which("plink2") is None,
    reason="plink2 (Debian package plink2) is not installed; hand-worked values are tested anyway",
)
SCALE = 30_000


@dataclass(frozen=True)
class Made:
    """Variants x samples: calls 0, 1, 2, 3 (missing), or dosages with NaN."""

    calls: npt.NDArray[np.uint8]
    chromosome: list[str]
    sexes: npt.NDArray[np.int8]  # 1 male, 2 female, 0 unknown
    dosages: npt.NDArray[np.float64] | None = None
    batch: str = "b0"
    ids: list[str] = field(default_factory=list)

    @property
    def sample_ids(self) -> list[str]:
        """Ids of the samples, also their keys in landing."""
        return self.ids or [f"p{i:05d}" for i in range(self.calls.shape[1])]

    @property
    def positions(self) -> npt.NDArray[np.int64]:
        """Ascending positions, beyond the pseudo-autosomal region of X."""
        return 5_000_000 + 100 * np.arange(len(self.chromosome))


def simulated(seed: int, n_variants: int, n_samples: int, missing: float = 0.02) -> Made:
    """Calls on two autosomes, X, Y and MT, with haploids as 0 and 2 and a few odd ones."""
    rng = np.random.default_rng(seed)
    names = np.array(["1", "2", "X", "Y", "MT"])
    chromosome = np.sort(rng.choice(5, n_variants, p=[0.5, 0.3, 0.12, 0.04, 0.04]))
    frequency = rng.beta(0.5, 1.5, n_variants)[:, None]
    mother, father = rng.random((2, n_variants, n_samples)) < frequency
    calls = mother.astype(np.uint8) + father
    sexes = rng.integers(1, 3, n_samples).astype(np.int8)
    is_haploid = (chromosome >= 3)[:, None] | ((chromosome == 2)[:, None] & (sexes == 1))
    calls = np.where(is_haploid, 2 * mother, calls).astype(np.uint8)
    calls[rng.random(calls.shape) < missing] = 3
    calls[(chromosome == 3)[:, None] & (sexes == 2)] = 3
    return Made(calls, names[chromosome].tolist(), sexes)


def land(home: Home, made: Made, study: str = "s", source: str = "array", group: int = 40) -> None:
    """Put a set into landing, in row groups of `group` variants."""
    n_variants, n_samples = made.calls.shape
    whose = {"study": study, "source": source, "batch": made.batch}
    if made.dosages is None:
        rows, encoding, scale = pack_calls(made.calls), "call2", 1
    else:
        encoding, scale = "dosage16", SCALE
        rows = codes_of_dosages(made.dosages, SCALE, encoding).view(np.uint8)
    ids = [f"{c}:{p}:A:C" for c, p in zip(made.chromosome, made.positions, strict=True)]
    place = {
        "variant_index": np.arange(n_variants), "variant_id": ids, "chromosome": made.chromosome,
        "position": made.positions,
    }  # fmt: skip
    variants = {
        **place, "build": ["GRCh38"] * n_variants, "ref_allele": ["A"] * n_variants,
        "alt_allele": ["C"] * n_variants, "encoding": [encoding] * n_variants,
        "source_label": [f"rs{i}" for i in range(n_variants)],
    }  # fmt: skip
    sex = np.array([None, "male", "female"], dtype=object)[made.sexes]
    samples = {
        "source_person_key": made.sample_ids, "sample_index": np.arange(n_samples),
        "n_samples": [n_samples] * n_samples, "sex": sex.tolist(),
    }  # fmt: skip
    values = {
        **place, "sample_block": [0] * n_variants, "n_samples": [n_samples] * n_variants,
        "encoding": [encoding] * n_variants, "scale": [scale] * n_variants,
        "genotypes": [row.tobytes() for row in rows],
    }  # fmt: skip
    with Manifest(home) as manifest, manifest.transaction():
        for table, columns, size in (
            (RAW_VARIANT, variants, 1000), (RAW_GENOTYPE_SAMPLE, samples, 1000),
            (RAW_GENOTYPE, values, group),
        ):  # fmt: skip
            path = f"{table.name}/{study}-{source}-{made.batch}.parquet"
            _write(home.landing / path, table, columns, whose, size)
            mark = str(hash((path, made.calls.tobytes(), made.dosages is None)))
            manifest.put_part(
                Part(path, table.full_name, study, source, made.batch, len(rows), mark)
            )


def _write(
    path: Path, table: Table, columns: dict[str, object], whose: dict[str, str], size: int
) -> None:
    n = len(next(iter(columns.values())))  # type: ignore[arg-type]
    given = {**{k: [v] * n for k, v in whose.items()}, **columns}
    arrays = [
        pa.array(given[f.name]).cast(f.type) if f.name in given else pa.nulls(n, f.type)
        for f in table.arrow
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_arrays(arrays, schema=table.arrow), path, row_group_size=size)


def write_bed(stem: Path, made: Made) -> None:
    """The calls as PLINK files; A1 is the alternate allele C."""
    codes = np.array([3, 2, 0, 1], np.uint8)[made.calls]  # hom ref, het, hom alt, missing
    stem.with_suffix(".bed").write_bytes(b"\x6c\x1b\x01" + pack_calls(codes).tobytes())
    stem.with_suffix(".bim").write_text(
        "".join(
            f"{c}\trs{i}\t0\t{p}\tC\tA\n"
            for i, (c, p) in enumerate(zip(made.chromosome, made.positions, strict=True))
        )
    )
    stem.with_suffix(".fam").write_text(
        "".join(f"{k} {k} 0 0 {s} -9\n" for k, s in zip(made.sample_ids, made.sexes, strict=True))
    )


def plink2(stem: Path, *arguments: str) -> None:
    """Run plink2 on stem's PLINK files; results go to stem.*."""
    done = subprocess.run(
        ["plink2", "--bfile", str(stem), *arguments, "--threads", "2", "--out", str(stem)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def plink_table(path: Path) -> dict[str, list[str]]:
    """A result table of plink2, by column."""
    header, *rows = [line.split() for line in path.read_text().splitlines()]
    names = [name.lstrip("#") for name in header]
    return {name: [row[i] for row in rows] for i, name in enumerate(names)}
