"""The dosage rule: which number a genotype becomes.

A stored value is the dosage of one alternate allele on the diploid scale 0 to 2, whatever the
format it came from:

* Multiallelic records are split, one value per alternate allele: the copies of *that* allele;
  all other alleles count as none. (1/2 is 1 for the first and 1 for the second.)
* A half-call (./1, 1/.) is missing, for every allele of the record.
* A haploid call counts twice: 0 is 0, 1 is 2, as PLINK, PGEN and VCF readers have it. Dosages
  of men and women on X are then alike in a score, and copies = dosage x ploidy / 2.
* More than two alleles in one call (polyploid calls of a caller) are missing.
* Probabilities become P(het) + 2 P(hom alt); of haploid samples 2 P(alt); phased ones are the
  sum over the haplotypes. All probabilities 0, or the missing flag, is missing.
* Which samples are haploid where follows from sex and place (builds.ploidy): men on X and Y
  outside the pseudo-autosomal regions, everybody on MT, women nowhere on Y. A heterozygous
  call of a haploid sample, and any call of ploidy 0, is impossible. Landing keeps impossible
  calls as delivered, because checks of sex need them; whoever reads values for analysis
  applies `without_impossible` (releases and scores do).

Phase is not kept.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

U8 = npt.NDArray[np.uint8]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer]

MISSING_CALL = 3
_UNCALLED = -1
_ABSENT = -2  # a haploid call's second allele


def calls_of_alleles(alleles: Ints, allele: int) -> U8:
    """Calls (0, 1, 2 or 3 = missing) of one alternate allele.

    alleles: (samples, width), per sample the allele numbers of its call; -1 uncalled, -2 no
    such allele (the rest of a haploid call). allele: number of the alternate allele, >= 1.
    """
    width = alleles.shape[1]
    n_called = np.zeros(len(alleles), np.uint8)
    n_absent = np.zeros(len(alleles), np.uint8)
    copies = np.zeros(len(alleles), np.uint8)
    for place in range(width):
        column = alleles[:, place]
        n_called += column >= 0
        n_absent += column <= _ABSENT
        copies += column == allele
    calls = np.where(n_called == 1, copies * 2, copies)
    is_whole = (n_called + n_absent == width) & (n_called >= 1) & (n_called <= 2)
    return np.where(is_whole, calls, MISSING_CALL).astype(np.uint8)


def n_half_calls(alleles: Ints) -> int:
    """Calls of which some alleles are called and some are not."""
    return int(((alleles >= 0).any(axis=1) & (alleles == _UNCALLED).any(axis=1)).sum())


def dosages_of_probabilities(
    heterozygous: npt.NDArray[np.floating], homozygous: npt.NDArray[np.floating]
) -> F64:
    """P(het) + 2 P(hom alt); NaN where either is."""
    return heterozygous.astype(np.float64) + 2.0 * homozygous.astype(np.float64)


def dosages_of_haplotypes(alt: npt.NDArray[np.floating], n_haplotypes: Ints) -> F64:
    """Dosage on the diploid scale from P(alt) per haplotype.

    alt: (samples, haplotypes), 0 where a sample has no such haplotype. n_haplotypes: 1 or 2.
    """
    summed: F64 = alt.astype(np.float64).sum(axis=1)
    dosages: F64 = summed * 2.0 / np.maximum(n_haplotypes, 1)
    return dosages


def imputation_info(dosages: F64, squares: F64) -> float | None:
    """INFO of a variant: 1 - sum(E[g^2] - E[g]^2) / (2 N f (1 - f)); 1 where f is 0 or 1.

    dosages: E[g]; squares: E[g^2] = P(het) + 4 P(hom alt); NaN where missing. Can be below 0;
    it is cut at 0. None if every sample is missing. For diploid samples.
    Source: Marchini and Howie 2010, Nat Rev Genet 11:499, supplement (IMPUTE's INFO).
    """
    known = ~np.isnan(dosages)
    n = int(known.sum())
    if n == 0:
        return None
    given = dosages[known]
    frequency = float(given.sum()) / (2.0 * n)
    spread = 2.0 * n * frequency * (1.0 - frequency)
    if spread <= 1e-12:
        return 1.0
    uncertain = float((squares[known] - given * given).sum())
    return max(0.0, 1.0 - uncertain / spread)


def without_impossible(dosages: F32, ploidies: npt.NDArray[np.int8]) -> F32:
    """Dosages with NaN where a call cannot be: a haploid sample between 0 and 2, ploidy 0.

    For calls; dosages of haploid samples that were imputed may lie anywhere and are not to be
    given. ploidies: 0, 1 or 2 per sample; -1 unknown, nothing is then impossible.
    """
    bad = (ploidies == 0) | ((ploidies == 1) & (dosages != 0) & (dosages != 2))
    return np.where(bad, np.float32(np.nan), dosages).astype(np.float32)
