"""Records of a BCF, and dosages of any VCF, through cyvcf2."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.genotypes import (
    MISSING_CALL,
    calls_of_alleles,
    codes_of_dosages,
    pack_calls,
)
from biobraid.core.genotypes.dosage import n_half_calls
from biobraid.ingest.connectors.contract import Chunk, Counts, FileJob
from biobraid.ingest.connectors.genotype_files import broken
from biobraid.ingest.connectors.genotype_options import VcfOptions
from biobraid.ingest.connectors.genotype_samples import Samples
from biobraid.ingest.connectors.genotype_values import scattered_chunks
from biobraid.ingest.connectors.genotype_variants import Block, VariantReader

F64 = npt.NDArray[np.float64]
_CHUNK_VALUES = 8 << 20
_SCALES = {16: 30000, 8: 127}
_ROUNDING = 0.01  # so far beyond 0 and 2 a rounded dosage may lie


@dataclass(frozen=True)
class _Row:
    record: int
    chromosome: str
    position: int
    ref: str
    alt: str
    number: int
    n_alts: int
    label: str
    filter: str | None
    quality: float | None
    info: float | None
    value: tuple[str, int, npt.NDArray[np.uint8]]


def read_records(
    job: FileJob, file: Any, options: VcfOptions, samples: Samples, reader: VariantReader
) -> Iterator[Chunk | Counts]:
    """Variants with their values. file: a cyvcf2.VCF."""
    step = max(1, _CHUNK_VALUES // samples.n)
    records = enumerate(file)
    n_read = 0
    while True:
        asked = _Asked(options, samples.n)
        try:
            rows = [
                row
                for number, variant in islice(records, step)
                for row in _rows(number, variant, asked)
            ]
        except Exception as error:  # cyvcf2 raises plain Exception for what htslib cannot read
            if isinstance(error, MemoryError):
                raise
            raise broken(job, f"the file is damaged or cut off after {n_read} records") from None
        if not rows:
            break
        placed = reader.place(_block(rows), pa.array([r.value[0] for r in rows]))
        yield from placed.chunks
        yield from scattered_chunks(placed, [r.value for r in rows], samples)
        n_read += placed.counts.records_read
        placed.counts.warnings.update(asked.warnings)
        yield placed.counts
    if not n_read:
        raise broken(job, "the file holds no variant", "at least one record")


@dataclass(frozen=True)
class _Asked:
    """What is asked of every record; `warnings`: what was met in a block of them."""

    options: VcfOptions
    n_samples: int
    warnings: Counter[str] = field(default_factory=Counter)

    @property
    def fields(self) -> tuple[str, ...]:
        """Fields of FORMAT, the first that is there counts."""
        return ("DS", "GP", "GT") if self.options.field == "auto" else (self.options.field,)


def _rows(number: int, variant: Any, asked: _Asked) -> Iterator[_Row]:
    alts = list(variant.ALT) or ["."]
    alleles = _alleles(variant)
    if alleles is not None:
        n_half = n_half_calls(alleles)
        if n_half:
            asked.warnings["half-call"] += n_half
        if alleles.shape[1] > 2 and (alleles[:, 2] > -2).any():
            asked.warnings["polyploid-call"] += int((alleles[:, 2] > -2).sum())
    elif "GT" in asked.fields:
        asked.warnings["record-without-GT"] += 1
    for allele, alt in enumerate(alts, 1):
        yield _Row(
            number,
            variant.CHROM,
            int(variant.POS),
            variant.REF,
            alt,
            allele,
            len(alts),
            variant.ID or ".",
            ";".join(variant.FILTERS) or None if variant.FILTERS else None,
            variant.QUAL,
            _info(variant, asked.options),
            _value(variant, alleles, allele, len(alts), asked),
        )


def _alleles(variant: Any) -> npt.NDArray[np.int16] | None:
    try:
        genotype = variant.genotype
    except Exception:  # a record without GT
        return None
    if genotype is None:
        return None
    found: npt.NDArray[np.int16] = np.asarray(genotype.array())[:, :-1]
    return found


def _info(variant: Any, options: VcfOptions) -> float | None:
    for name in options.info_fields:
        try:
            return float(variant.INFO.get(name))
        except (TypeError, ValueError):  # not there, or a text
            continue
    return None


def _value(
    variant: Any, alleles: npt.NDArray[np.int16] | None, allele: int, n_alts: int, asked: _Asked
) -> tuple[str, int, npt.NDArray[np.uint8]]:
    """Encoding, scale and packed values of one alternate allele."""
    present = set(variant.FORMAT or ())
    haploid = np.zeros(1, bool) if alleles is None else alleles[:, 1:].max(axis=1, initial=-2) < -1
    for name in asked.fields:
        if name not in present:
            continue
        if name == "GT" and alleles is not None:
            return "call2", 1, pack_calls(calls_of_alleles(alleles, allele)[None])[0]
        if name == "DS":
            given = np.asarray(variant.format("DS"), np.float64)
            if given.shape[1] < n_alts:  # which allele is it of?
                asked.warnings["allele-without-dosage"] += 1
                continue
            column = given[:, allele - 1]
            return _packed(np.where(haploid, 2 * column, column), asked)
        if name == "GP":
            found = _dosages(np.asarray(variant.format("GP"), np.float64), allele, n_alts)
            return _packed(found, asked)
    return "call2", 1, pack_calls(np.full((1, asked.n_samples), MISSING_CALL, np.uint8))[0]


def _packed(dosages: F64, asked: _Asked) -> tuple[str, int, npt.NDArray[np.uint8]]:
    """Packed dosages; what no dosage can be (below 0, above 2) is missing and counted."""
    bits = asked.options.dosage_bits
    encoding, scale = f"dosage{bits}", _SCALES[bits]
    is_odd = (dosages < -_ROUNDING) | (dosages > 2 + _ROUNDING)
    if is_odd.any():
        asked.warnings["dosage-out-of-range"] += int(is_odd.sum())
        dosages = np.where(is_odd, np.nan, dosages)
    return encoding, scale, codes_of_dosages(dosages, scale, encoding).view(np.uint8)


def _dosages(probabilities: F64, allele: int, n_alts: int) -> F64:
    """Dosage from GP: per genotype in VCF's order; of haploid samples per allele."""
    n_alleles = n_alts + 1
    pairs = [(i, j) for j in range(n_alleles) for i in range(j + 1)]
    copies = np.array([(i == allele) + (j == allele) for i, j in pairs], np.float64)
    width = probabilities.shape[1]
    given = np.nan_to_num(probabilities)
    if width == n_alleles:  # everybody is haploid
        dosages = 2.0 * given[:, allele]
    else:
        dosages = given[:, : len(copies)] @ copies[:width]
        is_haploid = ~np.isnan(probabilities[:, 0]) & np.isnan(probabilities[:, n_alleles:]).all(
            axis=1
        )
        dosages[is_haploid] = 2.0 * given[is_haploid, allele]
    dosages[np.isnan(probabilities[:, 0])] = np.nan
    result: F64 = dosages
    return result


def _block(rows: list[_Row]) -> Block:
    def text(values: list[Any]) -> pa.Array:
        return pa.array(values, pa.string())

    def numbers(values: list[int]) -> npt.NDArray[np.int64]:
        return np.array(values, np.int64)

    return Block(
        record=numbers([r.record for r in rows]),
        chromosome=text([r.chromosome for r in rows]),
        position=numbers([r.position for r in rows]),
        ref=text([r.ref for r in rows]),
        alt=text([r.alt for r in rows]),
        allele_number=numbers([r.number for r in rows]),
        n_alts=numbers([r.n_alts for r in rows]),
        label=text([r.label for r in rows]),
        filter=text([r.filter for r in rows]),
        quality=pa.array([r.quality for r in rows], pa.float64()),
        info=pa.array([r.info for r in rows], pa.float64()),
    )
