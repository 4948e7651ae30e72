"""Intersection amplification: what asking for several modalities at once does to who is left.

D(S) is the distance of the people with all modalities of S from the reference; AF(S) = D(S) /
the largest D of a single modality of S. Chance alone makes small sets look distant, so the
expected noise is subtracted: once in the data, twice in bootstrap replicates (without it 78.5 %
of purely random sets of a representative cohort of 100,000 are called amplified).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biobraid.quality.bias.frame import Floats, Frame, Ints, mask_of, set_name, sets_of
from biobraid.quality.bias.reference import Reference
from biobraid.quality.bias.representativeness import squared_distance
from biobraid.quality.bias.threads import one_blas_thread
from biobraid.quality.bias.verdict import FAIL, NOT_ASSESSED, OK, WATCH, Verdict

AF_LINE = 1.10
MIN_SINGLE_D = 0.02
MIN_N = 200
BLOCK = 16_384


@dataclass(frozen=True)
class Layout:
    """Where each level that the reference knows stands in a flat array of levels."""

    columns: tuple[int, ...]  # of the frame, one per attribute used
    starts: tuple[int, ...]
    shares: tuple[Floats, ...]
    spots: tuple[
        Ints, ...
    ]  # level of the frame -> place in the flat array; the spare last: unknown
    size: int

    @property
    def groups(self) -> list[tuple[slice, Floats]]:
        """Slice of the flat array and reference shares, per attribute."""
        return [
            (slice(start, start + len(share)), share)
            for start, share in zip(self.starts, self.shares, strict=True)
        ]


@dataclass(frozen=True)
class SetRow:
    """People with all modalities of a set, and how far they are from the reference."""

    set_name: str
    members: tuple[str, ...]
    n: int
    n_expected: float  # if the modalities were independent
    lift: float | None  # n / n_expected
    d: float | None
    d_lo: float | None
    d_hi: float | None
    worst_single_d: float | None
    af: float | None
    af_lo: float | None
    af_hi: float | None
    growth: float | None  # D(S) / D(cohort)
    is_amplified: bool
    verdict: Verdict


@dataclass(frozen=True)
class Amplification:
    """All sets, D of the whole cohort, and people per set and level."""

    d_cohort: float
    rows: tuple[SetRow, ...]
    layout: Layout
    counts: npt.NDArray[np.int64]  # set (as bits, 0 the cohort) x flat level


def layout_of(frame: Frame, reference: Reference) -> Layout:
    """Attributes that both sides have in the same scheme, and their levels with people there."""
    columns, starts, shares, spots, size = [], [], [], [], 0
    for margin in reference.one_way():
        column = frame.position(*margin.keys[0])
        if column is None:
            continue
        known = [(levels[0], n) for levels, n in zip(margin.levels, margin.n, strict=True) if n > 0]
        where = {level: size + i for i, (level, _) in enumerate(known)}
        levels = frame.attributes[column].levels
        columns.append(column)
        starts.append(size)
        shares.append(np.array([n for _, n in known]) / sum(n for _, n in known))
        spots.append(np.array([where.get(level, -1) for level in levels], np.int64))
        size += len(known)
    return Layout(tuple(columns), tuple(starts), tuple(shares), tuple(spots), size)


def distances(layout: Layout, counts: np.ndarray, n_noises: int = 1) -> Floats:
    """D = sqrt(mean over attributes of phi^2), never below 0; nan without people."""
    total = sum(
        squared_distance(counts[..., where], share, n_noises) for where, share in layout.groups
    )
    out: Floats = np.sqrt(np.maximum(np.asarray(total) / max(len(layout.columns), 1), 0.0))
    return out


def pattern_counts(frame: Frame, layout: Layout) -> npt.NDArray[np.int64]:
    """People per exact pattern of modalities and flat level."""
    pattern = frame.pattern()
    out = np.zeros((1 << len(frame.modalities), layout.size + 1), np.int64)
    for column, spots in zip(layout.columns, layout.spots, strict=True):
        spot = spots[frame.codes[:, column]]
        flat = pattern * (layout.size + 1) + np.where(spot < 0, layout.size, spot)
        out += np.bincount(flat, minlength=out.size).reshape(out.shape)
    return out[:, : layout.size]


def superset_sums(by_pattern: np.ndarray, n_modalities: int, axis: int = 0) -> np.ndarray:
    """Zeta transform: from people with exactly these modalities to people with at least these."""
    out = np.moveaxis(by_pattern.copy(), axis, 0)
    for bit in range(n_modalities):
        with_bit = np.arange(len(out)) & (1 << bit) != 0
        out[~with_bit] += out[with_bit]
    return np.moveaxis(out, 0, axis)


def bootstrap_counts(
    frame: Frame, layout: Layout, n_boot: int, seed: int
) -> npt.NDArray[np.float32]:
    """Replicate x set x flat level: people counted Poisson(1) times each, the same in all sets."""
    rng = np.random.default_rng(seed)
    n_sets = 1 << len(frame.modalities)
    pattern = frame.pattern()
    order = np.argsort(pattern, kind="stable")
    edges = np.searchsorted(pattern[order], np.arange(n_sets + 1))
    out = np.zeros((n_boot, n_sets, layout.size), np.float32)
    for cell in range(n_sets):
        for start in range(edges[cell], edges[cell + 1], BLOCK):
            rows = order[start : min(start + BLOCK, edges[cell + 1])]
            hot = np.zeros((len(rows), layout.size + 1), np.float32)
            every = np.arange(len(rows))
            for column, spots in zip(layout.columns, layout.spots, strict=True):
                hot[every, spots[frame.codes[rows, column]]] = 1.0
            weights = rng.poisson(1.0, (n_boot, len(rows))).astype(np.float32)
            out[:, cell] += weights @ hot[:, :-1]
    return np.asarray(superset_sums(out, len(frame.modalities), axis=1))


def amplification(
    frame: Frame,
    reference: Reference,
    *,
    n_boot: int = 200,
    seed: int = 1,
    sets: Sequence[tuple[str, ...]] | None = None,
) -> Amplification:
    """Every set of modalities (or those given), with a 95 % interval from n_boot replicates."""
    layout = layout_of(frame, reference)
    n_modalities = len(frame.modalities)
    counts = superset_sums(pattern_counts(frame, layout), n_modalities)
    people = superset_sums(np.bincount(frame.pattern(), minlength=1 << n_modalities), n_modalities)
    d = distances(layout, counts)
    with one_blas_thread():
        drawn = bootstrap_counts(frame, layout, n_boot, seed)
    replicate = distances(layout, drawn, n_noises=2)
    singles = {m: mask_of(frame.modalities, (m,)) for m in frame.modalities}
    share = {m: people[mask] / max(frame.n, 1) for m, mask in singles.items()}
    rows = [
        _row(members, mask_of(frame.modalities, members), [singles[m] for m in members],
             int(people[mask_of(frame.modalities, members)]),
             frame.n * float(np.prod([share[m] for m in members])), d, replicate)
        for members in (sets_of(frame.modalities) if sets is None else sets)
    ]  # fmt: skip
    return Amplification(float(d[0]), tuple(rows), layout, counts)


def _row(
    members: tuple[str, ...], mask: int, singles: list[int], n: int, expected: float,
    d: Floats, replicate: Floats,
) -> SetRow:  # fmt: skip
    name = set_name(members)
    lift = n / expected if expected > 0 else None
    single = float(np.max(d[singles])) if n else float("nan")
    if not n or not np.isfinite(d[mask]):
        why = Verdict(NOT_ASSESSED, "nobody has all of these modalities" if not n else
                      "the reference shares no attribute with the cohort")  # fmt: skip
        return SetRow(name, members, n, expected, lift, *(None,) * 8, False, why)
    with np.errstate(invalid="ignore", divide="ignore"):
        factor = d[mask] / single
        factors = replicate[:, mask] / np.max(replicate[:, singles], axis=1)
    d_lo, d_hi = _interval(replicate[:, mask])
    af_lo, af_hi = _interval(factors)
    af = float(factor) if np.isfinite(factor) else None
    is_amplified = (
        len(members) > 1 and af is not None and af_lo is not None and af_lo > 1
        and af >= AF_LINE and single >= MIN_SINGLE_D and n >= MIN_N
    )  # fmt: skip
    growth = float(d[mask] / d[0]) if d[0] > 0 else None
    verdict = _verdict(members, n, single, af, af_lo, is_amplified)
    return SetRow(name, members, n, expected, lift, float(d[mask]), d_lo, d_hi, single, af, af_lo,
                  af_hi, growth, is_amplified, verdict)  # fmt: skip


def _interval(values: Floats) -> tuple[float | None, float | None]:
    finite = values[np.isfinite(values)]
    if len(finite) < 20:
        return None, None
    low, high = np.quantile(finite, [0.025, 0.975])
    return float(low), float(high)


def _verdict(
    members: tuple[str, ...], n: int, single: float, af: float | None, af_lo: float | None,
    is_amplified: bool,
) -> Verdict:  # fmt: skip
    if len(members) == 1:
        return Verdict(NOT_ASSESSED, "a single modality has nothing to amplify")
    if n < MIN_N:
        return Verdict(NOT_ASSESSED, f"fewer than {MIN_N} people")
    if af is None or single < MIN_SINGLE_D:
        return Verdict(OK, f"no modality of the set stands out (worst single D {single:.3f})")
    if is_amplified:
        low = f"interval from {af_lo:.2f}"
        if af >= 1.5:
            return Verdict(FAIL, f"bias {af:.2f} times that of its worst modality, {low}")
        return Verdict(WATCH, f"bias {af:.2f} times that of its worst modality, {low}")
    return Verdict(OK, f"AF {af:.2f}: no worse than its worst modality by the lines")
