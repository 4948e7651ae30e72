"""Dosages of one variant of a .bgen: by allele, ploidy and phase, and packed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from biobraid.core.genotypes import (
    codes_of_dosages,
    dosages_of_haplotypes,
    dosages_of_probabilities,
    imputation_info,
)
from biobraid.core.genotypes.bgen_block import ZLIB, ZSTD, spare_units, stored_bits
from biobraid.ingest.connectors.genotype_options import BgenOptions

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
_EIGHT_BITS = 255
_MORE_BITS = 32767  # twice it still fits 16 bits beside the code for missing
_FLOAT_NOISE = 1e-5  # of a sum of 32-bit floats
_NEAR = 2e-3  # what 32-bit floats leave of a whole number of 255ths


@dataclass(frozen=True)
class Alternate:
    """One alternate allele of a variant, with the packed dosages of all samples."""

    chromosome: str
    position: int
    label: str
    ref: str
    alt: str
    allele_number: int
    n_alts: int
    info: float | None
    encoding: str
    scale: int
    packed: npt.NDArray[np.uint8]
    end_of_record: int
    n_malformed: int  # samples made missing; given with the first alternate allele only


def alternates(variant: Any, options: BgenOptions) -> Iterator[Alternate]:
    """The alternate alleles of a variant of the bgen package."""
    alleles = list(variant.alleles)
    order = list(range(len(alleles)))
    if options.ref_allele == "last":
        order.reverse()
    probabilities = np.asarray(variant.probabilities)
    ploidies = np.asarray(variant.ploidy)
    is_malformed = _malformed(variant, probabilities, ploidies)
    label = variant.rsid if variant.rsid not in ("", ".") else variant.varid
    for number, allele in enumerate(order[1:], 1):
        dosages, info = _dosages(probabilities, ploidies, variant.is_phased, len(alleles), allele)
        if is_malformed is not None:
            dosages[is_malformed] = np.nan
            info = None
        encoding, scale = _packing(dosages, options)
        yield Alternate(
            variant.chrom,
            int(variant.pos),
            label,
            alleles[order[0]],
            alleles[allele],
            number,
            len(alleles) - 1,
            info,
            encoding,
            scale,
            codes_of_dosages(dosages, scale, encoding).view(np.uint8),
            int(variant.next_variant_offset),
            0 if is_malformed is None or number > 1 else int(is_malformed.sum()),
        )


def _malformed(
    variant: Any, probabilities: F32, ploidies: npt.NDArray[np.uint8]
) -> npt.NDArray[np.bool_] | None:
    """Samples whose probabilities sum to more than 1 and rounding; None if there are none.

    The package sets the probability that is left out to 0 there, so that nothing else shows it.
    """
    n_alleles, width = len(variant.alleles), probabilities.shape[1]
    size = n_alleles if variant.is_phased else width
    groups = np.nan_to_num(probabilities).reshape(len(probabilities), -1, size)
    excess = groups.sum(axis=2, dtype=np.float64).max(axis=1) - 1.0
    if not (excess > _FLOAT_NOISE).any():
        return None
    n_stored = np.full(len(ploidies), n_alleles - 1)
    top = 32768
    if variant.layout == 1:
        n_stored[:] = 3
    else:
        packed_by = {"zlib": ZLIB, "zstd": ZSTD}.get(variant.compression, 0)
        top = (1 << stored_bits(bytes(variant.copy_data()), packed_by)) - 1
        if not variant.is_phased:
            n_stored = np.array([comb(int(p) + n_alleles - 1, n_alleles - 1) - 1 for p in ploidies])
    spare = np.array([spare_units(int(n)) for n in n_stored])
    found: npt.NDArray[np.bool_] = excess > spare / top + _FLOAT_NOISE
    return found if found.any() else None


def _packing(dosages: F64, options: BgenOptions) -> tuple[str, int]:
    """255ths where the file has 8 bits, which then come back exactly."""
    if options.dosage_bits == 8:
        return "dosage8", 127
    scaled = dosages[~np.isnan(dosages)] * _EIGHT_BITS
    is_eight = bool((np.abs(scaled - np.rint(scaled)) < _NEAR).all())
    return "dosage16", _EIGHT_BITS if is_eight else _MORE_BITS


def _dosages(
    probabilities: F32,
    ploidies: npt.NDArray[np.uint8],
    is_phased: bool,
    n_alleles: int,
    allele: int,
) -> tuple[F64, float | None]:
    """Dosages of one allele, NaN missing, and INFO where all samples are diploid and unphased."""
    width = probabilities.shape[1]
    is_missing = np.isnan(probabilities[:, 0]) | (np.nan_to_num(probabilities).sum(axis=1) == 0)
    if is_phased:
        alt = np.nan_to_num(probabilities[:, allele:width:n_alleles])
        dosages = dosages_of_haplotypes(alt, ploidies)
    elif n_alleles == 2 and (ploidies == 2).all():
        one, other = probabilities[:, 1], probabilities[:, 2 if allele == 1 else 0]
        dosages = dosages_of_probabilities(one, other)
        dosages[is_missing] = np.nan
        squares = one.astype(np.float64) + 4.0 * other
        return dosages, imputation_info(dosages, squares)
    else:
        dosages = np.zeros(len(probabilities))
        for ploidy in (1, 2):
            mine = ploidies == ploidy
            copies = _copies(n_alleles, ploidy, allele)
            given = np.nan_to_num(probabilities[np.ix_(mine, np.arange(len(copies)))])
            dosages[mine] = given.astype(np.float64) @ copies * (2 / ploidy)
    dosages[is_missing | ~np.isin(ploidies, (1, 2))] = np.nan
    return dosages, None


def _copies(n_alleles: int, ploidy: int, allele: int) -> F64:
    """Copies of an allele in each genotype, in the order of BGEN 1.2 (colexicographic)."""
    if ploidy == 1:
        alone: F64 = (np.arange(n_alleles) == allele).astype(np.float64)
        return alone
    pairs = [(i, j) for j in range(n_alleles) for i in range(j + 1)]
    return np.array([(i == allele) + (j == allele) for i, j in pairs], np.float64)
