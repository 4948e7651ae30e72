"""Quality of samples: call rate, heterozygosity, sex as X tells it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.genotypes import BLOCK_SAMPLES
from biobraid.core.genotypes.landed import AUTOSOME, MT, GenotypeSet, Unit, X, Y, value_units
from biobraid.core.schemas.raw_genotype_qc import RAW_SAMPLE_QC
from biobraid.quality.genotypes.bits import (
    heterozygous,
    missing,
    sample_mask,
    sum_by_sample,
    weigh_by_sample,
    words_of,
)
from biobraid.quality.genotypes.variants import Tally, alt_frequencies, hard_calls

MALE_ABOVE, FEMALE_BELOW = 0.8, 0.2  # of F on X (plink 1.9's defaults)
MIN_X_VARIANTS = 20

F64 = npt.NDArray[np.float64]
_REGIONS = (AUTOSOME, X, Y, MT)
# Sums per sample and region.
_MISSING, _HET, _EXPECTED_MISSING = range(3)


@dataclass
class SampleSums:
    """Per sample of a source, added up over its files: variants, gaps, heterozygous calls.

    n_variants, expected: per region; sums: (region, sum, sample of the set by place).
    """

    n_variants: F64
    expected: F64
    sums: F64


def sum_samples(of: GenotypeSet, tally: Tally, threads: int) -> SampleSums:
    """Second pass over a set's values, with the frequencies of the first."""
    frequency = np.nan_to_num(alt_frequencies(of, tally))
    hom = 1.0 - 2.0 * frequency * (1.0 - frequency)
    n_places = of.n_blocks * BLOCK_SAMPLES if of.n_blocks > 1 else of.n_samples
    sums = np.zeros((len(_REGIONS), 3, n_places))
    masks = [
        sample_mask(of.flags(np.ones(len(of.places), np.bool_), block))
        for block in range(of.n_blocks)
    ]

    def add(unit: Unit) -> list[tuple[int, int, npt.NDArray[np.float64]]]:
        found = []
        for values in unit():
            for first, packed, _ in hard_calls(values):
                words = words_of(packed)
                at = values.variants[first : first + len(words)]
                for r, region in enumerate(_REGIONS):
                    rows = of.region[at] == region
                    if not rows.any():
                        continue
                    here = words if rows.all() else words[rows]
                    mask = masks[values.block]
                    gaps = missing(here, mask)
                    weighed = weigh_by_sample(gaps, hom[at[rows]], gaps.shape[1] * 32)
                    three = np.stack(
                        [sum_by_sample(gaps), sum_by_sample(heterozygous(here, mask)), weighed]
                    )
                    found.append((r, values.block, three[:, : values.n_samples]))
        return found

    with ThreadPoolExecutor(threads) as pool:
        for found in pool.map(add, value_units(of)):
            for r, block, three in found:
                start = block * BLOCK_SAMPLES
                sums[r, :, start : start + three.shape[1]] += three
    n_variants = np.array([(of.region == region).sum() for region in _REGIONS], np.float64)
    expected = np.array([hom[of.region == region].sum() for region in _REGIONS])
    return SampleSums(n_variants, expected, sums[:, :, of.places])


def sample_table(sets: list[tuple[GenotypeSet, SampleSums]]) -> pa.Table:
    """Rows of raw.sample_qc of one source."""
    keys = pa.chunked_array([of.keys for of, _ in sets], pa.string()).unique()
    n = len(keys)
    totals = np.zeros((len(_REGIONS), 5, n))  # variants, missing, het, expected, expected missing
    is_said = np.zeros((3, n), np.bool_)  # unknown, male, female
    for of, summed in sets:
        at = pc.index_in(of.keys, keys).to_numpy()  # of two samples of a person twice the same
        n_here = np.bincount(at, minlength=n)
        totals[:, 0] += summed.n_variants[:, None] * n_here
        totals[:, 3] += summed.expected[:, None] * n_here
        for here, there in ((_MISSING, 1), (_HET, 2), (_EXPECTED_MISSING, 4)):
            for region, values in enumerate(summed.sums[:, here]):
                totals[region, there] += np.bincount(at, values, minlength=n)
        is_said[of.sexes, at] = True
    sexes = np.where(is_said[1] & is_said[2], 0, is_said[1] + 2 * is_said[2])
    called = totals[:, 0] - totals[:, 1]
    expected = totals[:, 3] - totals[:, 4]
    autosomal, x, y = (_REGIONS.index(r) for r in (AUTOSOME, X, Y))
    whole = [i for i in range(len(_REGIONS)) if i != y]
    x_f = _f(called[x], totals[x, 2], expected[x])
    inferred = _inferred(x_f, called[x])
    stated = pa.array(["male", "female"]).take(pa.array(sexes - 1, pa.int64(), mask=sexes == 0))
    columns = {
        "study": pa.array([sets[0][0].study] * n),
        "source": pa.array([sets[0][0].source] * n),
        "source_person_key": keys,
        "n_variants": totals[whole, 0].sum(axis=0),
        "n_called": called[whole].sum(axis=0),
        "call_rate": _share(called[whole].sum(axis=0), totals[whole, 0].sum(axis=0)),
        "n_autosomal": called[autosomal],
        "n_het": totals[autosomal, 2],
        "expected_hom": expected[autosomal],
        "heterozygosity": _share(totals[autosomal, 2], called[autosomal]),
        "inbreeding_f": _known(_f(called[autosomal], totals[autosomal, 2], expected[autosomal])),
        "n_x": called[x],
        "x_f": _known(x_f),
        "y_call_rate": _share(called[y], totals[y, 0]),
        "sex_stated": stated,
        "sex_inferred": inferred,
        "is_sex_mismatch": pc.not_equal(stated, inferred),
    }
    return pa.table(columns).cast(RAW_SAMPLE_QC.arrow)


def _f(called: F64, n_het: F64, expected_hom: F64) -> F64:
    """(observed - expected) / (called - expected) homozygous calls; NaN without variation."""
    room = called - expected_hom
    out = np.full(len(called), np.nan)
    np.divide(called - n_het - expected_hom, room, out=out, where=room > 1e-9)
    return out


def _inferred(x_f: F64, n_x: F64) -> pa.Array:
    place = np.where(x_f > MALE_ABOVE, 0, np.where(x_f < FEMALE_BELOW, 1, -1))
    place[(n_x < MIN_X_VARIANTS) | np.isnan(x_f)] = -1
    return pa.array(["male", "female"]).take(pa.array(place, pa.int64(), mask=place < 0))


def _share(part: F64, whole: F64) -> pa.Array:
    out = np.full(len(part), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return _known(out)


def _known(values: F64) -> pa.Array:
    return pa.array(values, mask=~np.isfinite(values))
