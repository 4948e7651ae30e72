"""Raking: weights that make a set of people match the reference's margins, or a refusal.

Weights of the whole cohort do not carry over to those who have imaging as well: every export
set is raked anew. Weights are never trimmed, since trimming undoes the repair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import Floats, Frame, Ints
from biobraid.quality.bias.reference import Reference
from biobraid.quality.bias.verdict import FAIL, OK, WATCH, Verdict

MIN_ESS = 200
WARN_ESS = 500
WARN_ESS_SHARE = 0.10
WARN_MAX_RATIO = 50
UNSUPPORTED_SHARE = 0.01
MAX_SMD = 0.001  # a fit this near is used, finished or not
MARGIN_TOLERANCE = 0.01  # relative, between margins of one population


@dataclass(frozen=True)
class Weights:
    """Weights of one set, mean 1, and what they cost.

    weights: one per person of the frame; None where refused. max_smd_*: worst level of all
    margins. left_out: margins that could not be used, with the reason. n_dropped_cells: levels
    of the reference with nobody here, each at most 1 % of it.
    """

    weights: Floats | None
    n: int
    ess: float | None
    ess_share: float | None
    design_effect: float | None
    max_to_mean: float | None
    max_smd_before: float | None
    max_smd_after: float | None
    n_iterations: int
    converged: bool
    margins: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...]
    n_dropped_cells: int
    verdict: Verdict


@dataclass(frozen=True)
class _Usable:
    place: Ints  # cell of every cell of people; -1: level not known to the reference
    share: Floats  # target, summing to 1 over the supported cells


def rake(
    frame: Frame,
    reference: Reference,
    *,
    max_iterations: int = 1000,
    tolerance: float = 1e-9,
) -> Weights:
    """Iterative proportional fitting of a frame to one- and two-way margins.

    People whose level the reference does not know (`(missing)` above all) keep their share in
    that margin and count in the others. People are collapsed to distinct rows first.
    tolerance: largest relative deviation of a cell at which the fit has converged.
    """
    if frame.n < MIN_ESS:
        return _refused(frame.n, (), (), 0, f"fewer than {MIN_ESS} people")
    cell_of, multiplicity, first = _collapse(frame, reference)
    cells = frame.take(first)
    usable, names, left_out, dropped = _targets(cells, multiplicity, reference)
    unsupported = [why for _, why in left_out if why.startswith("unsupported")]
    if unsupported:
        return _refused(frame.n, names, left_out, dropped, unsupported[0])
    if not usable:
        return _refused(frame.n, (), left_out, 0, "no margin can be used")
    before = max(_smd(u, multiplicity) for u in usable)
    weights, n_iterations, converged = _fit(usable, multiplicity, max_iterations, tolerance)
    after = max(_smd(u, weights * multiplicity) for u in usable)
    each = (weights * (frame.n / (weights * multiplicity).sum()))[cell_of]
    ess = float(each.sum() ** 2 / (each**2).sum())
    verdict = _judge(ess, frame.n, float(each.max()), converged or after <= MAX_SMD)
    return Weights(
        None if verdict.verdict == FAIL else each, frame.n, ess, ess / frame.n, frame.n / ess,
        float(each.max()), before, after, n_iterations, converged, names, left_out, dropped,
        verdict,
    )  # fmt: skip


def _collapse(frame: Frame, reference: Reference) -> tuple[Ints, Floats, Ints]:
    """Cell of every person, people per cell, and one person of each cell."""
    columns = sorted({
        column for margin in reference.margins for key in margin.keys
        if (column := frame.position(*key)) is not None
    })  # fmt: skip
    packed = np.zeros(frame.n, np.int64)
    room = 1
    for column in columns:
        size = len(frame.attributes[column].levels)
        if room > (1 << 62) // max(size, 1):  # pack what there is into consecutive numbers
            packed = np.unique(packed, return_inverse=True)[1].astype(np.int64)
            room = int(packed.max()) + 1
        packed = packed * size + frame.codes[:, column]
        room *= size
    _, first, cell_of, counts = np.unique(
        packed, return_index=True, return_inverse=True, return_counts=True
    )
    return cell_of, counts.astype(np.float64), first


def _targets(
    cells: Frame, multiplicity: Floats, reference: Reference
) -> tuple[list[_Usable], tuple[str, ...], tuple[tuple[str, str], ...], int]:
    usable, names, left_out, dropped = [], [], [], 0
    for margin in reference.margins:
        place = margin.place(cells)
        if place is None:
            left_out.append((margin.margin_id, "the people have no such attribute in this scheme"))
            continue
        people = _sums(place, multiplicity, len(margin.n))
        share = margin.share.copy()
        empty = (people == 0) & (share > 0)
        if (share[empty] > UNSUPPORTED_SHARE).any():
            worst = int(np.argmax(np.where(empty, share, 0)))
            level = " x ".join(margin.levels[worst])
            why = f"unsupported: nobody in {margin.margin_id} {level}, {share[worst]:.1%} of the reference"
            left_out.append((margin.margin_id, why))
            continue
        if (people[share == 0] > 0).any():  # the reference says there is nobody: no target
            place = np.where((place >= 0) & (share[np.maximum(place, 0)] == 0), -1, place)
        dropped += int(empty.sum())
        share[empty] = 0
        usable.append(_Usable(place, share / share.sum()))
        names.append(margin.margin_id)
    return usable, tuple(names), tuple(left_out), dropped


def _sums(place: Ints, weights: Floats, size: int) -> Floats:
    """Weight per cell of a margin; people outside it are left out."""
    sums = np.bincount(place + 1, weights=weights, minlength=size + 1)
    return sums[1:].astype(np.float64)


def _fit(
    usable: Sequence[_Usable], multiplicity: Floats, max_iterations: int, tolerance: float
) -> tuple[Floats, int, bool]:
    total = multiplicity.copy()
    targets = [_with_outside(margin, multiplicity) for margin in usable]
    for iteration in range(1, max_iterations + 1):
        deviation, start = 0.0, total.copy()
        for margin, target in zip(usable, targets, strict=True):
            now = np.bincount(margin.place + 1, weights=total, minlength=len(target))
            factor = np.ones(len(now))
            np.divide(target, now, out=factor, where=(now > 0) & (target > 0))
            deviation = max(deviation, float(np.abs(factor - 1).max()))
            total *= factor[margin.place + 1]
        if deviation < tolerance:
            return total / multiplicity, iteration, True
        # Rounded margins never agree to the last digit: a fit that has come to rest is done,
        # unless what they disagree in is more than a margins file may.
        if float(np.abs(total / start - 1).max()) < tolerance:
            return total / multiplicity, iteration, deviation < MARGIN_TOLERANCE
    return total / multiplicity, max_iterations, False


def _with_outside(margin: _Usable, multiplicity: Floats) -> Floats:
    """People wanted in every cell, the first for those outside the margin, who keep their share.

    Were it not fixed, a handful of people without a level could be weighted to nothing or to
    everything to settle a quarrel between two margins.
    """
    outside = float(multiplicity[margin.place < 0].sum())
    return np.append(outside, margin.share * (multiplicity.sum() - outside)).astype(np.float64)


def _smd(margin: _Usable, weights: Floats) -> float:
    now = _sums(margin.place, weights, len(margin.share))
    p, p0 = now / now.sum(), margin.share
    spread = np.sqrt(p0 * (1 - p0))
    used = spread > 0
    return float((np.abs(p - p0)[used] / spread[used]).max(initial=0.0))


def _judge(ess: float, n: int, max_to_mean: float, converged: bool) -> Verdict:
    if not converged:
        return Verdict(
            FAIL, "refused: raking did not converge: these people cannot meet all margins at once"
        )
    if ess < MIN_ESS:
        return Verdict(FAIL, f"refused: effective sample size under {MIN_ESS}")
    warnings = []
    if ess < WARN_ESS:
        warnings.append(f"effective sample size about {_about(ess)}, under {WARN_ESS}")
    if ess / n < WARN_ESS_SHARE:
        warnings.append(f"effective sample size {ess / n:.0%} of n")
    if max_to_mean > WARN_MAX_RATIO:
        warnings.append(f"largest weight {max_to_mean:.0f} times the mean")
    if warnings:
        return Verdict(WATCH, "; ".join(warnings))
    return Verdict(OK, f"effective sample size about {_about(ess)}, {ess / n:.0%} of n")


def _about(ess: float) -> str:
    """Two digits: of equal weights the effective size is an exact count of people."""
    return f"{float(f'{ess:.2g}'):,.0f}"


def _refused(
    n: int, names: tuple[str, ...], left_out: tuple[tuple[str, str], ...], dropped: int, why: str
) -> Weights:
    return Weights(
        None, n, None, None, None, None, None, None, 0, False, names, left_out, dropped,
        Verdict(FAIL, f"refused: {why}"),
    )  # fmt: skip
