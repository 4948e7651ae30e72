"""Small genotype files of known calls, written in every format."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pgenlib
from bgen import BgenWriter

from biobraid.core.genotypes import pack_calls

U8 = npt.NDArray[np.uint8]
_BED = np.array([3, 2, 0, 1], np.uint8)  # code of 0, 1, 2 alternate copies (A1) and missing
_GT = np.array(["0/0", "0/1", "1/1", "./."])


def drawn(n_variants: int, n_samples: int, seed: int = 1) -> U8:
    """Calls 0, 1, 2 and 3 (missing), (variants, samples)."""
    rng = np.random.default_rng(seed)
    frequency = rng.uniform(0.05, 0.5, (n_variants, 1))
    calls = rng.binomial(2, frequency, (n_variants, n_samples))
    return np.where(rng.random(calls.shape) < 0.03, 3, calls).astype(np.uint8)


def sites(n_variants: int) -> list[tuple[str, int, str, str, str]]:
    """(chromosome, position, label, ref, alt), two chromosomes, sorted."""
    bases = "ACGT"
    return [
        (
            "1" if i < n_variants // 2 else "7",
            1000 + 100 * i,
            f"rs{i + 900_000_000}",
            bases[i % 4],
            bases[(i + 1) % 4],
        )
        for i in range(n_variants)
    ]


def write_plink(stem: Path, calls: U8, ids: Sequence[str], sexes: Sequence[int] = ()) -> Path:
    """.bed, .bim and .fam; A1 is the alternate allele."""
    n_variants, n_samples = calls.shape
    bed = stem.with_name(f"{stem.name}.bed")
    bed.write_bytes(b"\x6c\x1b\x01" + pack_calls(_BED[calls]).tobytes())
    lines = [f"{c}\t{label}\t0\t{p}\t{alt}\t{ref}" for c, p, label, ref, alt in sites(n_variants)]
    stem.with_name(f"{stem.name}.bim").write_text("\n".join(lines) + "\n")
    given = list(sexes) or [0] * n_samples
    people = [f"F{i} {i} 0 0 {sex} -9" for i, sex in zip(ids, given, strict=True)]
    stem.with_name(f"{stem.name}.fam").write_text("\n".join(people) + "\n")
    return bed


def write_pgen(
    stem: Path, calls: U8, ids: Sequence[str], dosages: npt.NDArray[np.float32] | None = None
) -> Path:
    """.pgen, .pvar and .psam; with dosages (0 to 2) these are written, calls otherwise."""
    n_variants, n_samples = calls.shape
    pgen = stem.with_name(f"{stem.name}.pgen")
    with pgenlib.PgenWriter(
        str(pgen).encode(), n_samples, variant_ct=n_variants, nonref_flags=False,
        dosage_present=dosages is not None,
    ) as writer:  # fmt: skip
        for i, row in enumerate(calls):
            if dosages is None:
                writer.append_biallelic(np.where(row == 3, -9, row).astype(np.int8))
            else:
                writer.append_dosages(dosages[i].astype(np.float32))
    lines = [f"{c}\t{p}\t{label}\t{ref}\t{alt}" for c, p, label, ref, alt in sites(n_variants)]
    stem.with_name(f"{stem.name}.pvar").write_text(
        "#CHROM\tPOS\tID\tREF\tALT\n" + "\n".join(lines) + "\n"
    )
    people = "\n".join(f"{i}\t0" for i in ids)
    stem.with_name(f"{stem.name}.psam").write_text(f"#IID\tSEX\n{people}\n")
    return pgen


def write_vcf(path: Path, calls: U8, ids: Sequence[str]) -> Path:
    """A VCF of calls, packed where the name ends in .gz."""
    header = ["##fileformat=VCFv4.2", '##FORMAT=<ID=GT,Number=1,Type=String,Description="GT">']
    header += ["##contig=<ID=1>", "##contig=<ID=7>"]
    names = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO", "FORMAT", *ids]
    lines = [*header, "\t".join(names)]
    for (c, p, label, ref, alt), row in zip(sites(len(calls)), calls, strict=True):
        lines.append("\t".join([c, str(p), label, ref, alt, ".", "PASS", ".", "GT", *_GT[row]]))
    return write_text(path, "\n".join(lines) + "\n")


def write_text(path: Path, text: str) -> Path:
    """A text file, packed where the name ends in .gz."""
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def write_bgen(path: Path, probabilities: npt.NDArray[np.float64], ids: Sequence[str]) -> Path:
    """A .bgen of 8 bits, unphased and diploid, with its .bgi. probabilities: (variants, samples, 3)."""
    with BgenWriter(str(path), len(ids), samples=list(ids)) as writer:
        for (c, p, label, ref, alt), rows in zip(
            sites(len(probabilities)), probabilities, strict=True
        ):
            writer.add_variant(label, label, c, p, [ref, alt], rows, ploidy=2, bit_depth=8)
    return path


def as_dosages(calls: U8) -> npt.NDArray[np.float32]:
    """Calls as dosages, NaN missing."""
    return np.where(calls == 3, np.nan, calls).astype(np.float32)
