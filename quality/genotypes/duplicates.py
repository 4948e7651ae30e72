"""Samples of one genotype, over all sets that lie in landing, without comparing all with all.

A panel of common variants that most sets share is drawn; samples that agree on all sixteen
variants of one of its bands are compared on the whole panel. Two samples of one person agree on a
band with a chance near one, two siblings in one of two thousand, strangers in one of a million.
Referenced files (storage: reference) are left out, as in the rest of the quality.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.genotypes import BLOCK_SAMPLES, unpack_calls
from biobraid.core.genotypes.landed import GenotypeSet, value_units
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas.raw_genotype_qc import RAW_VARIANT_QC
from biobraid.core.warehouse import duckdb_settings, parquet_list
from biobraid.quality.genotypes.variants import hard_calls

PANEL, BAND = 256, 16
MIN_COMMON = 0.2  # minor frequency of a variant of the panel
MIN_CALLED = 0.95
MIN_COMPARED = 64  # variants called in both
ONE_GENOTYPE = 0.9  # share of equal calls; siblings have about .6, one person twice above .98
_LARGEST_BUCKET = 200  # samples that agree on a band; more of them say something of the band
_MISSING = 3

Calls = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
Panel = dict[str, tuple[Ints, Ints]]  # file -> variant_index, column of the panel


@dataclass(frozen=True)
class Alike:
    """A pair of samples, by source_person_key; is_one: they have one genotype."""

    key_1: str
    key_2: str
    is_one: bool
    kinship: float


def find_alike(home: Home, manifest: Manifest, sets: Sequence[GenotypeSet]) -> list[Alike]:
    """Pairs of different source persons with one genotype; of one with two, in two sources.

    Needs raw.variant_qc in force.
    """
    panel = _draw_panel(home, manifest)
    sets = [of for of in sets if of.batch in panel and of.reference is None]
    if not sets:
        return []
    samples, calls = _gather(sets, panel)
    keys = np.array([key for _, key in samples])
    found: dict[tuple[str, str], Alike] = {}
    for left, right in _worth_comparing(calls, keys):
        n, equal, kinship = _compare(calls, left, right)
        same_key = keys[left] == keys[right]
        is_one = (n >= MIN_COMPARED) & (equal >= ONE_GENOTYPE * n)
        tells = np.where(same_key, (n >= MIN_COMPARED) & ~is_one, is_one)
        for i in np.flatnonzero(tells).tolist():
            low, high = sorted((str(keys[left[i]]), str(keys[right[i]])))
            found[low, high] = Alike(low, high, bool(is_one[i]), float(kinship[i]))
    return [found[pair] for pair in sorted(found)]


def _draw_panel(home: Home, manifest: Manifest) -> Panel:
    """Common autosomal variants, those that most files hold first, in an order by chance.

    Order and choice depend on the variants alone, so that the same landing gives the same pairs.
    """
    parts = [home.landing / p.path for p in manifest.parts("raw.variant") if p.rows]
    qc = manifest.objects().get(RAW_VARIANT_QC.full_name)
    if not parts or qc is None:
        return {}
    with duckdb.connect(config={**duckdb_settings(home.settings, home.tmp)}) as con:
        rows = con.execute(
            f"""
            WITH fit AS (
              SELECT v.variant_id, v.batch, min(v.variant_index) AS variant_index
              FROM read_parquet({parquet_list(parts)}) AS v
              INNER JOIN read_parquet({parquet_list([home.landing / qc[0]])}) AS q
                ON q.batch = v.batch AND q.variant_index = v.variant_index
              WHERE q.minor_frequency >= ? AND q.call_rate >= ?
                AND TRY_CAST(v.chromosome AS INTEGER) BETWEEN 1 AND 22
              GROUP BY ALL
            ), chosen AS (
              SELECT variant_id, row_number() OVER (ORDER BY md5(variant_id)) - 1 AS place
              FROM (
                SELECT variant_id FROM fit GROUP BY variant_id
                ORDER BY count(DISTINCT batch) DESC, md5(variant_id) LIMIT ?
              )
            )
            SELECT batch, variant_index, place FROM fit INNER JOIN chosen USING (variant_id)
            ORDER BY batch, variant_index""",  # noqa: S608  our own paths
            [MIN_COMMON, MIN_CALLED, PANEL],
        ).fetchnumpy()
    batches = rows["batch"].astype(str)
    return {
        batch: tuple(rows[c][batches == batch].astype(np.int64) for c in ("variant_index", "place"))
        for batch in np.unique(batches).tolist()
    }


def _gather(sets: Sequence[GenotypeSet], panel: Panel) -> tuple[list[tuple[str, str]], Calls]:
    """(study/source, key) of every sample, and samples x panel; files of a source together."""
    rows: dict[tuple[str, str], int] = {}
    at = [
        np.array(
            [
                rows.setdefault((f"{of.study}/{of.source}", k), len(rows))
                for k in of.keys.to_pylist()
            ],
            np.int64,
        )
        for of in sets
    ]
    calls = np.full((len(rows), PANEL), _MISSING, np.uint8)
    for of, row in zip(sets, at, strict=True):
        index, place = panel[of.batch]
        for unit in value_units(of, index):
            for values in unit():
                for first, packed, _ in hard_calls(values):
                    chosen = values.variants[first : first + len(packed)]
                    _fill(calls, of, row, values.block, chosen, packed, (index, place))
    return list(rows), calls


def _fill(
    calls: Calls,
    of: GenotypeSet,
    row: Ints,
    block: int,
    variants: Ints,
    packed: Calls,
    panel: tuple[Ints, Ints],
) -> None:
    here = np.flatnonzero(of.places // BLOCK_SAMPLES == block)
    within = of.places[here] % BLOCK_SAMPLES
    index, place = panel
    for variant, bits in zip(variants.tolist(), packed, strict=True):
        whole = unpack_calls(np.ascontiguousarray(bits), len(bits) * 4)
        calls[row[here], place[np.searchsorted(index, variant)]] = whole[within]


def _worth_comparing(calls: Calls, keys: npt.NDArray[np.str_]) -> Iterator[tuple[Ints, Ints]]:
    """Pairs of samples that agree on a band, band by band; and all of one key."""
    for first in range(0, PANEL, BAND):
        band = calls[:, first : first + BAND]
        whole = np.flatnonzero((band != _MISSING).all(axis=1))
        code = band[whole].astype(np.int64) @ (4 ** np.arange(BAND, dtype=np.int64))
        yield from _pairs_within(whole, code)
    _, same = np.unique(keys, return_inverse=True)
    yield from _pairs_within(np.arange(len(keys)), same)


def _pairs_within(samples: Ints, code: Ints) -> Iterator[tuple[Ints, Ints]]:
    """All pairs of samples of equal code, by their distance in the order of the codes."""
    order = np.argsort(code, kind="stable")
    samples, code = samples[order], code[order]
    _, size = np.unique(code, return_counts=True)
    few = (size > 1) & (size <= _LARGEST_BUCKET)
    keep = np.repeat(few, size)
    samples, code = samples[keep], code[keep]
    for apart in range(1, int(size[few].max(initial=1))):
        at = np.flatnonzero(code[apart:] == code[:-apart])
        if not len(at):
            return
        yield samples[at], samples[at + apart]


def _compare(calls: Calls, left: Ints, right: Ints) -> tuple[Ints, Ints, npt.NDArray[np.float64]]:
    """Variants called in both, equal calls, and kinship (Manichaikul et al. 2010, equation 11).

    Kinship is null (NaN) where nobody is heterozygous.
    """
    n, equal, kinship = [], [], []
    for first in range(0, len(left), 50_000):
        a, b = calls[left[first : first + 50_000]], calls[right[first : first + 50_000]]
        both = (a != _MISSING) & (b != _MISSING)
        het_a, het_b = (a == 1) & both, (b == 1) & both
        ibs0 = both & (np.abs(a.astype(np.int8) - b.astype(np.int8)) == 2)
        fewer = np.minimum(het_a.sum(axis=1), het_b.sum(axis=1)).astype(np.float64)
        more = np.maximum(het_a.sum(axis=1), het_b.sum(axis=1))
        shared = (het_a & het_b).sum(axis=1) - 2.0 * ibs0.sum(axis=1)
        fewer[fewer == 0] = np.nan
        kinship.append(shared / (2 * fewer) + 0.5 - 0.25 * (fewer + more) / fewer)
        n.append(both.sum(axis=1))
        equal.append(((a == b) & both).sum(axis=1))
    return np.concatenate(n), np.concatenate(equal), np.concatenate(kinship)


def as_pairs(alike: Sequence[Alike]) -> pa.Table:
    """The pairs in the columns of link_input.genetic_pair."""
    return pa.table(
        {
            "source_person_key_1": pa.array([a.key_1 for a in alike], pa.string()),
            "source_person_key_2": pa.array([a.key_2 for a in alike], pa.string()),
            "relation": pa.array(
                ["duplicate" if a.is_one else "different" for a in alike], pa.string()
            ),
            "kinship": pa.array(
                [None if np.isnan(a.kinship) else a.kinship for a in alike], pa.float64()
            ),
            "origin": pa.repeat("compared", len(alike)),
        }
    )
