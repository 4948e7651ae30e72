"""The array genotypes of ukdemo as PLINK 1 files; A1 of .bim is the alternate allele."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from biobraid.ingest.sample.genotypes.draw import NONE, alleles, count_alt
from biobraid.ingest.sample.genotypes.members import Members
from biobraid.ingest.sample.genotypes.panel import Panel

STEM = "ukb22418_b0_v2"
_MAGIC = b"\x6c\x1b\x01"  # variant-major
# Alternate alleles counted (-1: missing) -> the two bits of .bed.
_CODE = np.array([3, 2, 0, 1], dtype=np.uint8)
_NUMBER = {"X": "23", "Y": "24", "MT": "26"}
_MISSING, _MISSING_POOR = 0.004, 0.12
HWE_VIOLATION, LOW_CALL_VARIANT = 3, 5  # of the array's variants, in order


def write_plink(folder: Path, made: Panel, who: Members) -> None:
    """Write STEM.bed, .bim and .fam, one block of variants after the other."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = np.flatnonzero(made.on_array)
    with (folder / f"{STEM}.bed").open("wb") as bed:
        bed.write(_MAGIC)
        for block in range(made.n_blocks):
            at = made.of_block(block)
            here = np.flatnonzero(made.on_array[at])
            bed.write(packed(_called(made, block, who)[:, here]).tobytes())
    with (folder / f"{STEM}.bim").open("w", encoding="utf-8", newline="") as bim:
        for v in chosen:
            chromosome = _NUMBER.get(str(made.chromosome[v]), str(made.chromosome[v]))
            line = (chromosome, made.rsid[v], "0", str(made.position[v]), made.alt[v], made.ref[v])
            bim.write("\t".join(map(str, line)) + "\n")
    sex = np.where(who.said_male, "1", "2")
    with (folder / f"{STEM}.fam").open("w", encoding="utf-8", newline="") as fam:
        for sample, code in zip(who.ids.to_pylist(), sex.tolist(), strict=True):
            fam.write(f"{sample} {sample} 0 0 {code} -9\n")


def special_variants(made: Panel) -> tuple[int, int]:
    """Variants with spoilt calls: one out of Hardy-Weinberg equilibrium, one of low call rate."""
    frequency = made.frequency()
    usable = made.on_array & (made.effect == 0) & (frequency > 0.3) & (frequency < 0.7)
    usable &= ~np.isin(made.chromosome, ("X", "Y", "MT"))
    chosen = np.flatnonzero(usable)
    return int(chosen[HWE_VIOLATION]), int(chosen[LOW_CALL_VARIANT])


def packed(counts: npt.NDArray[np.int8]) -> npt.NDArray[np.uint8]:
    """Person x variant counts as rows of .bed: four persons a byte, the first in the low bits."""
    codes = np.ascontiguousarray(_CODE[counts].T)
    padding = -codes.shape[1] % 4
    codes = np.pad(codes, ((0, 0), (0, padding)))
    quads = codes.reshape(codes.shape[0], -1, 4)
    shifts = np.array([0, 2, 4, 6], dtype=np.uint8)
    out: npt.NDArray[np.uint8] = np.bitwise_or.reduce(quads << shifts, axis=2)
    return out


def _called(made: Panel, block: int, who: Members) -> npt.NDArray[np.int8]:
    """What the array called: haploid calls homozygous, gaps, and the spoilt variants."""
    first, second = alleles(made, block, who.draws, who.male)
    counts = count_alt(first, second)
    if made.chromosome_of(block) in ("X", "Y", "MT"):
        haploid = ((first == NONE) | (second == NONE)) & (counts > 0)
        counts[haploid] = 2
    at = made.of_block(block)
    violating, gappy = special_variants(made)
    seats = who.draws.at(np.arange(len(who.ids), dtype=np.int64))
    share = np.where(who.is_poor, _MISSING_POOR, _MISSING)
    for column, v in enumerate(range(at.start, at.stop)):
        if v == violating:
            counts[counts[:, column] == 2, column] = 1
        chance = np.maximum(share, 0.15) if v == gappy else share
        counts[seats.chance("no-call", chance, v), column] = -1
    return counts
