"""What each person of the sample carries: founder haplotypes, allele counts, genetic effects."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from biobraid.ingest.sample.draws import Draws, Flags, Floats
from biobraid.ingest.sample.genotypes.panel import Panel, panel

Alleles = npt.NDArray[np.uint8]
NONE = 9  # an allele that is not there: second of a haploid, or Y of a woman


def alleles(made: Panel, block: int, draws: Draws, male: Flags) -> tuple[Alleles, Alleles]:
    """Maternal and paternal allele, person x variant of the block; NONE where there is none.

    A man has one X (of his mother) and a Y, everybody one MT (of the mother).
    """
    chromosome = made.chromosome_of(block)
    mother, father = (_haplotype(made, block, draws, strand) for strand in (0, 1))
    if chromosome == "X":
        father[male] = NONE
    elif chromosome == "Y":
        mother[:] = NONE
        father[~male] = NONE
    elif chromosome == "MT":
        father[:] = NONE
    return mother, father


def _haplotype(made: Panel, block: int, draws: Draws, strand: int) -> Alleles:
    edges = np.cumsum(made.weights[block])
    u = draws.uniform("haplotype", 2 * block + strand)
    founder = np.minimum(np.searchsorted(edges, u, side="right"), len(edges) - 1)
    out: Alleles = made.founders[block][founder].copy()
    return out


def count_alt(first: Alleles, second: Alleles, which: int = 1) -> npt.NDArray[np.int8]:
    """How often a person carries the alternate allele `which`; -1 where there is no chromosome."""
    n: npt.NDArray[np.int8] = np.add(first == which, second == which, dtype=np.int8)
    n[(first == NONE) & (second == NONE)] = -1
    return n


def genetic_cholesterol(draws: Draws, male: Flags) -> Floats:
    """mmol/L of cholesterol that a person's alleles add, relative to the average person."""
    made = panel(draws.seed)
    out = np.zeros(len(draws.numbers))
    frequency = made.frequency()
    for block in np.unique(made.block[made.effect != 0]):
        at = made.of_block(int(block))
        counts = count_alt(*alleles(made, int(block), draws, male))
        out += (counts - 2.0 * frequency[at]) @ made.effect[at]
    return out
