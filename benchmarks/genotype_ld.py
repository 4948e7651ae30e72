"""Simulated genotypes with linkage disequilibrium: a .bed of any size, and VCF text.

Every haplotype copies, block by block, one of a thousand founders and errs now and then;
founders of a block are alike, as haplotypes are. Simulated genotypes flatter a compressor:
sizes are to be compared within a run only.
"""

from __future__ import annotations

import subprocess
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from biobraid.core.genotypes import pack_calls

U8 = npt.NDArray[np.uint8]
_FOUNDERS, _BLOCK = 1000, 50
_ERROR, _MISSING = 0.001, 0.005
_BED = np.array([3, 2, 0, 1], np.uint8)
BASES = "ACGT"


def blocks(n_samples: int, n_variants: int, seed: int) -> Iterator[U8]:
    """Calls 0, 1, 2 and 3 (missing), (up to 50 variants, samples) at a time."""
    rng = np.random.default_rng(seed)
    for start in range(0, n_variants, _BLOCK):
        n = min(_BLOCK, n_variants - start)
        ancestors = rng.random((12, n)) < rng.beta(0.6, 2.0, n)
        founders = ancestors[rng.integers(0, 12, _FOUNDERS)]
        founders ^= rng.random(founders.shape) < 0.02
        bits = founders.astype(np.uint8).T.copy()
        calls = bits[:, rng.integers(0, _FOUNDERS, n_samples)]
        calls = calls + bits[:, rng.integers(0, _FOUNDERS, n_samples)]
        for share, value in ((_ERROR, 1), (_MISSING, 3)):
            n_hit = rng.binomial(calls.size, share)
            calls.ravel()[rng.integers(0, calls.size, n_hit)] = value
        yield calls


def site(n: int) -> tuple[str, int, str, str]:
    """Chromosome, position, reference and alternate allele of variant n."""
    return "2", 10_000 + 97 * n, BASES[n % 4], BASES[(n + 1 + n // 4 % 3) % 4]


def write_bed(stem: Path, n_samples: int, n_variants: int, seed: int) -> Path:
    """stem.bed, .bim and .fam; the alternate allele is A1."""
    path = stem.with_name(f"{stem.name}.bed")
    with path.open("wb") as file:
        file.write(b"\x6c\x1b\x01")
        for calls in blocks(n_samples, n_variants, seed):
            file.write(pack_calls(_BED[calls]).tobytes())
    with stem.with_name(f"{stem.name}.bim").open("w") as file:
        for n in range(n_variants):
            chromosome, position, ref, alt = site(n)
            file.write(f"{chromosome}\trs{n + 1_000_000_000}\t0\t{position}\t{alt}\t{ref}\n")
    with stem.with_name(f"{stem.name}.fam").open("w") as file:
        for n in range(n_samples):
            file.write(f"S{n:07d} S{n:07d} 0 0 {1 + n % 2} -9\n")
    return path


def pgen_bytes(bed: Path) -> int:
    """Size of the same genotypes as .pgen, made by plink2."""
    target = bed.with_name("peer")
    command = ["plink2", "--bfile", str(bed.with_suffix("")), "--make-pgen", "--out", str(target)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return target.with_suffix(".pgen").stat().st_size


def write_vcf(path: Path, n_samples: int, n_variants: int, seed: int) -> int:
    """A VCF of phased calls, packed by bgzip if the name ends in .gz; returns its raw bytes."""
    names = "\t".join(f"S{n:05d}" for n in range(n_samples))
    header = (
        "##fileformat=VCFv4.2\n##contig=<ID=2>\n"
        '##INFO=<ID=AF,Number=A,Type=Float,Description="frequency">\n'
        '##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">\n'
        f"#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\t{names}\n"
    ).encode()
    cells = np.frombuffer(b"\t0|0\t0|1\t1|1\t.|.", np.uint8).reshape(4, 4)
    n_raw, number = len(header), 0
    is_packed = path.suffix == ".gz"
    raw = path.with_suffix("") if is_packed else path
    with raw.open("wb") as file:
        file.write(header)
        for calls in blocks(n_samples, n_variants, seed):
            for row in calls:
                chromosome, position, ref, alt = site(number)
                line = f"{chromosome}\t{position}\trs{number}\t{ref}\t{alt}\t100\tPASS\tAF=0.1\tGT"
                text = line.encode() + cells[row].tobytes() + b"\n"
                n_raw += len(text)
                number += 1
                file.write(text)
    if is_packed:
        _bgzip(raw, path)
        raw.unlink()
    return n_raw


def _bgzip(raw: Path, packed: Path) -> None:
    """A file in BGZF blocks (SAM specification, 4.1), the empty one at the end included."""
    with raw.open("rb") as source, packed.open("wb") as target:
        while True:
            text = source.read(65280)
            deflate = zlib.compressobj(1, zlib.DEFLATED, -15)
            body = deflate.compress(text) + deflate.flush()
            head = b"\x1f\x8b\x08\x04" + bytes(5) + b"\xff\x06\x00BC\x02\x00"
            target.write(head + (len(body) + 25).to_bytes(2, "little") + body)
            target.write(zlib.crc32(text).to_bytes(4, "little") + len(text).to_bytes(4, "little"))
            if not text:
                return
