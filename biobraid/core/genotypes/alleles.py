"""Alleles brought to one form, so that the same variant has the same id in every source."""

from __future__ import annotations

import re
from dataclasses import dataclass

NO_ALLELE = "."
_BASES = re.compile(r"[ACGTN]+")
_NONE = frozenset({"", ".", "0"})


@dataclass(frozen=True)
class Alleles:
    """Place and alleles of one biallelic variant."""

    position: int
    ref: str
    alt: str


def normalised(position: int, ref: str, alt: str) -> Alleles:
    """Upper case, without the bases both alleles share: first at the end, then at the start.

    One base stays on each side (Tan, Abecasis and Kang 2015, Bioinformatics 31:2202), as far
    as that goes without the reference genome: indels in repeats are not shifted to the left.
    Symbolic alleles (<DEL>, *) and codes that are no bases (I, D, 1, 2) stay as they are;
    '0', '.' and nothing become '.'.
    """
    ref, alt = _cleaned(ref), _cleaned(alt)
    if ref == alt or not (_BASES.fullmatch(ref) and _BASES.fullmatch(alt)):
        return Alleles(position, ref, alt)
    while len(ref) > 1 and len(alt) > 1 and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    start = 0
    while start < len(ref) - 1 and start < len(alt) - 1 and ref[start] == alt[start]:
        start += 1
    return Alleles(position + start, ref[start:], alt[start:])


def variant_id(chromosome: str, alleles: Alleles) -> str:
    """chr:pos:ref:alt."""
    return f"{chromosome}:{alleles.position}:{alleles.ref}:{alleles.alt}"


def _cleaned(allele: str) -> str:
    if allele in _NONE:
        return NO_ALLELE
    return allele if allele.startswith("<") else allele.upper()
