"""The sample's variants: blocks of linkage disequilibrium, each with a few founder haplotypes.

Every haplotype of a person is one founder per block, drawn by chance, so variants of a block
are correlated, blocks are independent, and genotypes are in Hardy-Weinberg equilibrium.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from biobraid.ingest.sample.draws import Draws, Floats, Ints
from biobraid.ingest.sample.planted import EFFECTS

BUILD = "GRCh38"
N_FOUNDERS = 8
VARIANTS_IN_BLOCK = 10
# Chromosome -> blocks. Positions are invented, within the chromosome and outside the PAR of X.
BLOCKS = {"1": 16, "2": 12, "19": 8, "22": 8, "X": 10, "Y": 2, "MT": 1}
_FIRST_POSITION = {"Y": 6_000_000, "MT": 300}
_STEP = {"MT": 37}
_BASES = np.array(list("ACGT"))
N_CAUSAL = 12


@dataclass(frozen=True)
class Panel:
    """One element per variant, sorted by chromosome and position; block: of the variant.

    founders: block -> founder x variant of the block, 0 reference, 1 alternate, 2 second
    alternate (only at sites with alt2). weights: block -> frequency of each founder.
    effect: mmol/L of cholesterol per alternate allele, 0 for most.
    """

    chromosome: npt.NDArray[np.str_]
    position: Ints
    rsid: npt.NDArray[np.str_]
    ref: npt.NDArray[np.str_]
    alt: npt.NDArray[np.str_]
    alt2: npt.NDArray[np.str_]  # '' at biallelic sites
    block: Ints
    effect: Floats
    on_array: npt.NDArray[np.bool_]
    founders: tuple[npt.NDArray[np.uint8], ...]
    weights: tuple[Floats, ...]

    @property
    def n_blocks(self) -> int:
        """Blocks of linkage disequilibrium."""
        return len(self.founders)

    def of_block(self, block: int) -> slice:
        """Where the block's variants stand."""
        return slice(block * VARIANTS_IN_BLOCK, (block + 1) * VARIANTS_IN_BLOCK)

    def chromosome_of(self, block: int) -> str:
        """Chromosome of a block."""
        return str(self.chromosome[block * VARIANTS_IN_BLOCK])

    @property
    def is_multiallelic(self) -> npt.NDArray[np.bool_]:
        """Sites with two alternate alleles; only the sequencing knows them."""
        out: npt.NDArray[np.bool_] = self.alt2 != ""
        return out

    @property
    def lead(self) -> int:
        """The variant with the greatest effect."""
        return int(np.argmax(np.abs(self.effect)))

    def frequency(self) -> Floats:
        """True frequency of the first alternate allele."""
        return np.concatenate(
            [w @ (f == 1) for f, w in zip(self.founders, self.weights, strict=True)]
        )


@lru_cache(maxsize=4)
def panel(seed: int) -> Panel:
    """The panel of a sample; the same seed gives the same panel whoever takes part."""
    chromosome = np.repeat(list(BLOCKS), [n * VARIANTS_IN_BLOCK for n in BLOCKS.values()])
    n = len(chromosome)
    draws = Draws(seed, np.arange(n, dtype=np.int64))
    block = np.arange(n) // VARIANTS_IN_BLOCK
    ref = draws.below("panel/ref", 4)
    alt = (ref + 1 + draws.below("panel/alt", 3)) % 4
    is_multi = draws.chance("panel/multi", 0.02) & ~np.isin(chromosome, ("X", "Y", "MT"))
    weights, founders = _founders(seed, int(block[-1]) + 1)
    is_ambiguous = (ref + alt) == 3  # A/T and C/G look the same on both strands
    is_plain = ~np.isin(chromosome, ("X", "Y", "MT")) & ~is_multi & ~is_ambiguous
    effect = _effects(seed, is_plain, founders, weights)
    is_multi &= effect == 0.0
    second = (alt + 1 + ((alt + 1) % 4 == ref)) % 4  # a third base
    for b in range(len(founders)):
        multi = is_multi[b * VARIANTS_IN_BLOCK : (b + 1) * VARIANTS_IN_BLOCK]
        rows = founders[b]
        # Of a multiallelic site every second carrier founder carries the second allele.
        odd = (np.cumsum(rows, axis=0) % 2 == 0) & (rows == 1) & multi
        rows[odd] = 2
        rows.flags.writeable = False
    return Panel(
        chromosome=chromosome,
        position=_positions(draws, chromosome, block),
        rsid=np.char.add("rs", (990_000_001 + 17 * np.arange(n)).astype(str)),
        ref=_BASES[ref],
        alt=_BASES[alt],
        alt2=np.where(is_multi, _BASES[second], ""),
        block=block,
        effect=effect,
        on_array=(draws.chance("panel/array", 0.7) | (effect != 0)) & ~is_multi,
        founders=tuple(founders),
        weights=tuple(weights),
    )


def _founders(seed: int, n_blocks: int) -> tuple[list[Floats], list[npt.NDArray[np.uint8]]]:
    """Founder frequencies and haplotypes; every variant is carried by some founder, not all."""
    weights, founders = [], []
    per_block = N_FOUNDERS * VARIANTS_IN_BLOCK
    for block in range(n_blocks):
        key = np.arange(block * per_block, (block + 1) * per_block, dtype=np.int64)
        draws = Draws(seed, key)
        share = 0.15 - np.log1p(-draws.uniform("panel/weight")[:N_FOUNDERS])
        weights.append(share / share.sum())
        carries = (draws.uniform("panel/carrier") < 0.32).reshape(N_FOUNDERS, VARIANTS_IN_BLOCK)
        carrier = draws.below("panel/one", N_FOUNDERS)[:VARIANTS_IN_BLOCK]
        columns = np.arange(VARIANTS_IN_BLOCK)
        carries[carrier, columns] = True
        carries[(carrier + 1) % N_FOUNDERS, columns] = False
        founders.append(carries.astype(np.uint8))
    return weights, founders


def _effects(
    seed: int,
    is_plain: npt.NDArray[np.bool_],
    founders: list[npt.NDArray[np.uint8]],
    weights: list[Floats],
) -> Floats:
    """One causal variant in every third block, at plain sites; the lead is a common one."""
    frequency = np.concatenate([w @ f for f, w in zip(founders, weights, strict=True)])
    candidates = np.flatnonzero(is_plain & (frequency > 0.15) & (frequency < 0.85))
    _, first = np.unique(candidates // VARIANTS_IN_BLOCK, return_index=True)
    chosen = candidates[first[::3][:N_CAUSAL]]
    effect = np.zeros(len(frequency))
    draws = Draws(seed, chosen.astype(np.int64))
    effect[chosen] = (0.05 + 0.07 * draws.uniform("panel/effect")) * np.where(
        draws.chance("panel/sign", 0.5), 1.0, -1.0
    )
    off = np.abs(frequency[chosen] - 0.35)
    effect[chosen[np.argmin(off)]] = EFFECTS["cholesterol_mmol_l_per_allele"]
    return effect


def _positions(draws: Draws, chromosome: npt.NDArray[np.str_], block: Ints) -> Ints:
    gaps = 900 + draws.below("panel/gap", 9_000)
    gaps[np.flatnonzero(np.diff(block)) + 1] += 400_000
    out = np.zeros(len(chromosome), dtype=np.int64)
    for name in BLOCKS:
        here = chromosome == name
        if name in _STEP:
            out[here] = _FIRST_POSITION[name] + _STEP[name] * np.arange(here.sum())
        else:
            out[here] = _FIRST_POSITION.get(name, 3_000_000) + np.cumsum(gaps[here])
    return out
