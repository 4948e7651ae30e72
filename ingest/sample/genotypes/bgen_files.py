"""The imputed genotypes of riverside as BGEN 1.2 (8 bits, zlib) with a .sample file.

Three autosomes and half of X; the probability of the true genotype falls with the quality of the variant's
imputation. First allele is the reference.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from biobraid.ingest.sample.draws import Draws, Floats
from biobraid.ingest.sample.genotypes.draw import NONE, alleles, count_alt
from biobraid.ingest.sample.genotypes.members import Members
from biobraid.ingest.sample.genotypes.panel import Panel

STEM = "riverside_imputed_v3"
CHROMOSOMES = ("1", "2", "19", "X")  # the others were not imputed, and half of X was not
_FLAGS = 1 | 2 << 2  # zlib, layout 2, sample ids in the .sample file
_HEADER = 20
_MISSING = 0.002


def write_bgen(folder: Path, made: Panel, who: Members) -> None:
    """Write STEM.bgen and STEM.sample, one variant after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    is_left_out = (made.chromosome == "X") & (made.block % 2 == 1)
    is_wanted = np.isin(made.chromosome, CHROMOSOMES) & ~made.is_multiallelic & ~is_left_out
    chosen = np.flatnonzero(is_wanted)
    quality = imputation_quality(made)
    with (folder / f"{STEM}.bgen").open("wb") as out:
        out.write(struct.pack("<IIII4sI", _HEADER, _HEADER, len(chosen), len(who.ids), b"bgen",
                              _FLAGS))  # fmt: skip
        for block in range(made.n_blocks):
            at = made.of_block(block)
            wanted = [v for v in range(at.start, at.stop) if v in set(chosen.tolist())]
            if not wanted:
                continue
            first, second = alleles(made, block, who.draws, who.male)
            counts, haploid = count_alt(first, second), (second == NONE) | (first == NONE)
            for v in wanted:
                column = v - at.start
                missing = who.draws.chance("not-imputed", _MISSING, v)
                probabilities = _probabilities(
                    counts[:, column], haploid[:, column], quality[v], who.draws, v
                )
                out.write(_identity(made, v))
                out.write(_block(probabilities, haploid[:, column], missing))
    _write_sample(folder / f"{STEM}.sample", who)


def imputation_quality(made: Panel) -> Floats:
    """Share of certainty of each variant's imputation, 0 to 1; every eighth is poor."""
    draws = Draws(0, made.position)
    u = draws.uniform("imputation")
    out: Floats = np.where(draws.chance("poor", 0.125), 0.3 + 0.3 * u, 0.92 + 0.08 * u)
    return out


def _probabilities(
    counts: npt.NDArray[np.int8],
    haploid: npt.NDArray[np.bool_],
    quality: float,
    draws: Draws,
    variant: int,
) -> npt.NDArray[np.uint8]:
    """Person x (none, one) copies of the alternate allele in 255ths; two copies are the rest.

    Haploids: column 0 is the probability of the reference allele, column 1 is not written.
    """
    doubt = (1.0 - quality) * draws.uniform("doubt", variant)
    one_hot = np.stack([counts == k for k in range(3)], axis=1)
    spread = np.where(haploid[:, None], [0.5, 0.5, 0.0], [0.25, 0.5, 0.25])
    mixed = one_hot * (1.0 - doubt)[:, None] + spread * doubt[:, None]
    out = np.rint(mixed[:, :2] * 255).astype(np.uint8)
    over = out.astype(np.int64).sum(axis=1) > 255
    out[over, 1] -= 1
    return out


def _identity(made: Panel, v: int) -> bytes:
    words = (made.rsid[v], made.rsid[v], made.chromosome[v])
    parts = [struct.pack("<H", len(str(w))) + str(w).encode() for w in words]
    parts.append(struct.pack("<IH", int(made.position[v]), 2))
    for allele in (made.ref[v], made.alt[v]):
        parts.append(struct.pack("<I", len(str(allele))) + str(allele).encode())
    return b"".join(parts)


def _block(
    probabilities: npt.NDArray[np.uint8],
    haploid: npt.NDArray[np.bool_],
    missing: npt.NDArray[np.bool_],
) -> bytes:
    ploidy = np.where(haploid, 1, 2).astype(np.uint8)
    written = np.where(missing[:, None], 0, probabilities).astype(np.uint8)
    stored = np.stack([np.ones(len(ploidy), np.bool_), ~haploid], axis=1)
    body = (
        struct.pack("<IHBB", len(ploidy), 2, int(ploidy.min()), int(ploidy.max()))
        + (ploidy | missing.astype(np.uint8) << 7).tobytes()
        + struct.pack("<BB", 0, 8)
        + written[stored].tobytes()
    )
    packed = zlib.compress(body, 6)
    return struct.pack("<II", len(packed) + 4, len(body)) + packed


def _write_sample(path: Path, who: Members) -> None:
    sex = np.where(who.said_male, "1", "2")
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write("ID_1 ID_2 missing sex\n0 0 0 D\n")
        for sample, code in zip(who.ids.to_pylist(), sex.tolist(), strict=True):
            out.write(f"{sample} {sample} 0 {code}\n")
