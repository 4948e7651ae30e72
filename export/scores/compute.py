"""Adding up weights: sum over variants of weight x copies of the effect allele."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biobraid.core.genotypes import BLOCK_SAMPLES, MISSING_CODE, codes_of_row, dosages_of_codes
from biobraid.core.genotypes.landed import MT, GenotypeSet, Unit, Values, X, Y, value_units

F64 = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Weights:
    """Weights of one set's variants.

    counts_ref: the reference is counted. is_rest: no weight of its own, but what another
    alternate allele takes off the reference (match.used_weights).
    """

    variants: Ints
    weights: F64
    counts_ref: Flags
    is_rest: Flags


@dataclass(frozen=True)
class Scores:
    """One element per sample of the set that counts.

    n_imputed: variants whose call is missing and was taken as the set's mean.
    """

    total: F64
    n_imputed: Ints


def score_set(of: GenotypeSet, weights: Weights, threads: int) -> Scores:
    """Scores of a set's samples; missing calls count as twice the effect allele's frequency.

    Haploid calls count twice, impossible ones (a heterozygous man on X) as missing, and
    variants of Y and MT as any other. plink2's --score does the same with its defaults.
    """
    size = max(1, of.n_samples)
    total, n_imputed = np.zeros(size), np.zeros(size, np.int64)
    order = np.argsort(weights.variants)
    lookup = weights.variants[order]

    everybody, is_man = np.ones(len(of.places), np.bool_), of.sexes == 1
    flags = [(of.flags(everybody, b), of.flags(is_man, b)) for b in range(of.n_blocks)]

    def add(unit: Unit) -> list[tuple[int, F64, Ints]]:
        return [
            (v.block, *_score_values(of, weights, order, lookup, v, *flags[v.block]))
            for v in unit()
        ]

    with ThreadPoolExecutor(threads) as pool:
        for found in pool.map(add, value_units(of, lookup)):
            for block, sums, gaps in found:
                here = slice(block * BLOCK_SAMPLES, block * BLOCK_SAMPLES + len(sums))
                total[here] += sums
                n_imputed[here] += gaps
    return Scores(total[of.places], n_imputed[of.places])


def _score_values(
    of: GenotypeSet,
    weights: Weights,
    order: Ints,
    lookup: Ints,
    values: Values,
    included: Flags,
    men: Flags,
) -> tuple[F64, Ints]:
    """Sums and gaps of the samples of one piece. included: samples that count."""
    total, gaps = np.zeros(values.n_samples), np.zeros(values.n_samples, np.int64)
    for variant, row in zip(values.variants.tolist(), values.packed, strict=True):
        first = np.searchsorted(lookup, variant, "left")
        last = np.searchsorted(lookup, variant, "right")
        region = int(of.region[variant])
        if values.encoding == "call2" and region not in (X, Y):
            # Four possible calls: their dosages are a table, and each sample looks its own up.
            calls = codes_of_row(row, values.encoding, values.n_samples)
            missing, place = calls == MISSING_CODE["call2"], calls
            dosages = _dosages_of_calls(calls[included])
        else:
            dosages, missing = _dosages(values, row, region, men)
            frequency = _frequency(dosages, missing, region, men, included)
            dosages[missing] = 2.0 * frequency
            place = None
        for at in order[first:last]:
            counted = weights.weights[at] * (2.0 - dosages if weights.counts_ref[at] else dosages)
            total += counted if place is None else counted[place]
            if not weights.is_rest[at]:
                gaps += missing
    return total, gaps


def _dosages_of_calls(calls: npt.NDArray[np.unsignedinteger]) -> F64:
    """Dosage of each of the four calls; that of a missing one is twice the frequency."""
    n = np.bincount(calls, minlength=4)
    n_called = n[:3].sum()
    return np.array([0.0, 1.0, 2.0, (n[1] + 2 * n[2]) / n_called if n_called else 0.0])


def _dosages(
    values: Values, row: npt.NDArray[np.uint8], region: int, men: npt.NDArray[np.bool_]
) -> tuple[F64, npt.NDArray[np.bool_]]:
    codes = codes_of_row(row, values.encoding, values.n_samples)
    if values.encoding == "call2":
        dosages = codes.astype(np.float64)
        missing = codes == MISSING_CODE["call2"]
        if region in (X, Y):
            missing = missing | (men & (codes == 1))
        return dosages, missing
    dosages = dosages_of_codes(codes, values.encoding, values.scale).astype(np.float64)
    return dosages, np.isnan(dosages)


def _frequency(
    dosages: F64,
    missing: npt.NDArray[np.bool_],
    region: int,
    men: npt.NDArray[np.bool_],
    included: npt.NDArray[np.bool_],
) -> float:
    """Frequency of the alternate allele among the samples that count; 0 if nobody is called."""
    weight = included & ~missing
    alleles = np.where(men & (region in (X, Y)), 0.5, 0.5 if region == MT else 1.0)[weight]
    n = 2.0 * alleles.sum()
    return float((dosages[weight] * alleles).sum() / n) if n else 0.0
