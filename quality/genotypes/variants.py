"""Quality of variants: call rate, allele frequency, Hardy-Weinberg, R2 of dosages."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.genotypes import codes_of_row, dosages_of_codes, pack_calls
from biobraid.core.genotypes.landed import (
    MT,
    OTHER,
    GenotypeSet,
    Unit,
    Values,
    X,
    Y,
    value_units,
)
from biobraid.core.schemas.raw_genotype_qc import RAW_VARIANT_QC
from biobraid.quality.genotypes.bits import Words, count_calls, sample_mask
from biobraid.quality.genotypes.hwe import hwe_exact

HARD_CALL_DISTANCE = 0.1  # dosages this close to a whole number are a call (plink2's default)
# Groups that are counted apart: on X and Y they differ in ploidy. Where it does not matter,
# everybody is in the second. Of the third the sex is not stated: they may be men or women.
_MEN, _OTHERS, _UNKNOWN = 0, 1, 2

Ints = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass
class Tally:
    """Counts of a set by variant index: calls by group of samples, moments of dosages."""

    calls: Ints  # (groups, variants, 4)
    moments: F64  # (groups, variants, 3): n, sum, sum of squares of the dosages
    has_dosages: npt.NDArray[np.bool_]

    @classmethod
    def empty(cls, n_variants: int) -> Tally:
        """Nothing counted yet."""
        return cls(
            np.zeros((3, n_variants, 4), np.int64),
            np.zeros((3, n_variants, 3)),
            np.zeros(n_variants, np.bool_),
        )


@dataclass(frozen=True)
class _Counted:
    """What one piece of values adds to the tally of one group of samples."""

    who: int
    variants: Ints
    calls: Ints
    moments: F64 | None


def tally_variants(of: GenotypeSet, threads: int) -> Tally:
    """Count every variant of a set in one pass over its values."""
    tally = Tally.empty(of.n_variants)
    groups = [_groups(of, block) for block in range(of.n_blocks)]
    with ThreadPoolExecutor(threads) as pool:
        # Blocks of one variant may lie in two groups, so only this thread adds.
        for found in pool.map(partial(_count_unit, of.region, groups), value_units(of)):
            for piece in found:
                tally.calls[piece.who, piece.variants] += piece.calls
                if piece.moments is not None:
                    tally.moments[piece.who, piece.variants] += piece.moments
                    tally.has_dosages[piece.variants] = True
    return tally


@dataclass(frozen=True)
class _Groups:
    """Samples of a block that are counted apart, as flags by place and as mask of the calls."""

    by_sex: dict[int, tuple[Flags, Words]]
    together: dict[int, tuple[Flags, Words]]


def _groups(of: GenotypeSet, block: int) -> _Groups:
    by_sex = {
        who: of.flags(of.sexes == sex, block)
        for who, sex in ((_MEN, 1), (_OTHERS, 2), (_UNKNOWN, 0))
    }
    everybody = by_sex[_MEN] | by_sex[_OTHERS] | by_sex[_UNKNOWN]
    return _Groups(
        {who: (flags, sample_mask(flags)) for who, flags in by_sex.items() if flags.any()},
        {_OTHERS: (everybody, sample_mask(everybody))},
    )


def _count_unit(region: npt.NDArray[np.uint8], groups: list[_Groups], unit: Unit) -> list[_Counted]:
    """Counts of one piece; men are counted apart only where X or Y are among the variants."""
    found = []
    for values in unit():
        of_block = groups[values.block]
        for first, packed, dosages in hard_calls(values):
            at = values.variants[first : first + len(packed)]
            is_sexed = bool(np.isin(region[at], (X, Y)).any())
            for who, (chosen, mask) in (of_block.by_sex if is_sexed else of_block.together).items():
                moments = None if dosages is None else _moments(dosages[:, chosen])
                found.append(_Counted(who, at, count_calls(packed, mask), moments))
    return found


def _moments(dosages: F32) -> F64:
    """(variants, 3): samples with a dosage, sum, sum of squares."""
    part = dosages.astype(np.float64)
    known = ~np.isnan(part)
    part[~known] = 0.0
    return np.stack(
        [known.sum(axis=1), part.sum(axis=1), np.einsum("ij,ij->i", part, part)], axis=1
    )


def hard_calls(values: Values) -> Iterable[tuple[int, npt.NDArray[np.uint8], F32 | None]]:
    """(first row, calls as call2, dosages or None) in pieces of bounded memory."""
    if values.encoding == "call2":
        yield 0, values.packed, None
        return
    step = max(1, (1 << 22) // max(values.n_samples, 1))
    for first in range(0, len(values.packed), step):
        rows = values.packed[first : first + step]
        codes = codes_of_row(rows.reshape(-1), values.encoding, values.n_samples * len(rows))
        dosages = dosages_of_codes(codes, values.encoding, values.scale)
        dosages = dosages.reshape(len(rows), values.n_samples)
        whole = np.rint(dosages)
        is_call = np.abs(dosages - whole) <= HARD_CALL_DISTANCE
        calls = np.where(is_call, np.nan_to_num(whole), 3).astype(np.uint8)
        yield first, pack_calls(calls), dosages


def alt_frequencies(of: GenotypeSet, tally: Tally) -> F64:
    """Frequency of the alternate allele per variant; NaN where nobody is called.

    Haploid samples count one allele, and nothing where their call is heterozygous; who may be
    one on X counts as diploid there, as in plink2.
    """
    region = of.region
    weight = _weights(region)
    calls = tally.calls.astype(np.float64)
    calls[_MEN, region == X, 1] = calls[_MEN, region == Y, 1] = 0.0
    copies = calls[:, :, 1] + 2.0 * calls[:, :, 2]
    n = calls[:, :, :3].sum(axis=2)
    copies = np.where(tally.has_dosages, tally.moments[:, :, 1], copies)
    n = np.where(tally.has_dosages, tally.moments[:, :, 0], n)
    with np.errstate(invalid="ignore"):
        out: F64 = (copies * weight).sum(axis=0) / (2.0 * n * weight).sum(axis=0)
    return out


def _weights(region: npt.NDArray[np.uint8]) -> F64:
    """(groups, variants): alleles a sample has there, as a share of two."""
    weight = np.ones((3, len(region)))
    weight[_MEN, (region == X) | (region == Y)] = 0.5
    weight[_OTHERS, region == Y] = weight[_UNKNOWN, region == Y] = 0.0
    weight[:, region == MT] = 0.5
    return weight


def variant_table(of: GenotypeSet, tally: Tally) -> pa.Table:
    """Rows of raw.variant_qc for a set."""
    region, calls = of.region, tally.calls
    sexed = np.isin(region, (X, Y))
    counted = calls.sum(axis=0)
    counted[region == Y] = calls[_MEN, region == Y]
    on_x = (region == X)[:, None]
    diploid = np.where(on_x, calls[_OTHERS] + calls[_UNKNOWN], counted)
    diploid[np.isin(region, (Y, MT))] = 0
    haploid = np.where(sexed[:, None], calls[_MEN], 0)
    haploid[region == MT] = counted[region == MT]
    n_samples = counted.sum(axis=1)
    n_called = counted[:, :3].sum(axis=1)
    frequency = alt_frequencies(of, tally)
    tested = np.where(on_x, calls[_OTHERS], diploid)
    hwe = hwe_exact(tested[:, 0], tested[:, 1], tested[:, 2])
    hwe[np.isin(region, (Y, MT, OTHER))] = np.nan
    columns = {
        "study": pa.repeat(of.study, of.n_variants),
        "source": pa.repeat(of.source, of.n_variants),
        "batch": pa.repeat(of.batch, of.n_variants),
        "variant_index": np.arange(of.n_variants),
        "n_samples": n_samples,
        "n_called": n_called,
        "call_rate": _number(_ratio(n_called, n_samples)),
        "n_hom_ref": diploid[:, 0],
        "n_het": diploid[:, 1],
        "n_hom_alt": diploid[:, 2],
        "n_haploid_ref": haploid[:, 0],
        "n_haploid_alt": haploid[:, 2],
        "n_haploid_het": haploid[:, 1],
        "alt_frequency": _number(frequency),
        "minor_frequency": _number(np.minimum(frequency, 1.0 - frequency)),
        "hwe_p": _number(hwe),
        "dosage_r2": _number(_dosage_r2(tally)),
    }
    return pa.table(columns).cast(RAW_VARIANT_QC.arrow)


def _dosage_r2(tally: Tally) -> F64:
    n, total, squares = np.moveaxis(tally.moments.sum(axis=0), 1, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = total / n
        expected = mean * (2.0 - mean) / 2.0
        found: F64 = (squares / n - mean * mean) / expected
    found[~tally.has_dosages | ~(expected > 1e-12)] = np.nan
    return found


def _ratio(part: Ints, whole: Ints) -> F64:
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _number(values: F64) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))
