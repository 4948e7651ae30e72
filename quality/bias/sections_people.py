"""Rows of the audits that need attributes, modalities and the reference only."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from biobraid.quality.bias.blind_spots import blind_spots
from biobraid.quality.bias.frame import Floats, Frame, mask_of, set_name
from biobraid.quality.bias.intersection import Amplification, amplification
from biobraid.quality.bias.participation import modality_participation
from biobraid.quality.bias.raking import rake
from biobraid.quality.bias.reference import Reference
from biobraid.quality.bias.representativeness import level_rows, standardised_difference
from biobraid.quality.bias.verdict import NOT_ASSESSED, SMD, Verdict

Given = dict[str, Any]
COHORT = "(cohort)"


def judged(verdict: Verdict) -> Given:
    """Verdict and reason as columns."""
    return {"verdict": verdict.verdict, "reason": verdict.reason}


def margin_rows(reference: Reference) -> list[Given]:
    """audit.reference_margin."""
    rows = []
    for margin in reference.margins:
        for cell, n, se in zip(margin.levels, margin.n, margin.se, strict=True):
            first, second = margin.keys[0], margin.keys[1] if len(margin.keys) > 1 else None
            rows.append({
                "margin_id": margin.margin_id,
                "scheme": " x ".join(key[1] for key in margin.keys),
                "attribute_1": first[0], "level_1": cell[0],
                "attribute_2": second[0] if second else None,
                "level_2": cell[1] if second else None,
                "reference_n": float(n), "se": float(se), "source": margin.source,
                "licence": margin.licence, "as_of": margin.as_of,
                **judged(Verdict(NOT_ASSESSED, "what is compared to")),
            })  # fmt: skip
    return rows


def representativeness_rows(
    frame: Frame, reference: Reference, weights: Floats | None = None
) -> list[Given]:
    """audit.representativeness; weights: the cohort's, for the SMD after raking."""
    after = _weighted_smd(frame, reference, weights)
    rows = level_rows(frame, frame.level_counts(), reference)
    totals: dict[tuple[str, str], int] = {}
    for r in rows:
        if r.reference_share is not None:
            key = r.attribute, r.scheme
            totals[key] = totals.get(key, 0) + (r.n or 0)
    return [
        {
            "attribute": r.attribute, "scheme": r.scheme, "level": r.level, "n": r.n,
            "n_total": totals.get((r.attribute, r.scheme)), "share": r.share,
            "reference_share": r.reference_share, "smd": r.smd,
            "smd_weighted": after.get((r.attribute, r.scheme, r.level)),
            "participation_ratio": r.participation_ratio, "ratio_lo": r.ratio_lo,
            "ratio_hi": r.ratio_hi, **judged(r.verdict),
        }
        for r in rows
    ]  # fmt: skip


def _weighted_smd(
    frame: Frame, reference: Reference, weights: Floats | None
) -> dict[tuple[str, str, str], float]:
    """SMD of every level with the weights; empty without."""
    out: dict[tuple[str, str, str], float] = {}
    for margin in reference.one_way() if weights is not None else ():
        place = margin.place(frame)
        if place is None or weights is None:
            continue
        sums = np.bincount(place + 1, weights=weights, minlength=len(margin.n) + 1)[1:]
        for (level,), now, p0 in zip(margin.levels, sums / sums.sum(), margin.share, strict=True):
            smd = standardised_difference(float(now), float(p0))
            if smd is not None:
                out[*margin.keys[0], level] = smd
    return out


def histogram_rows(name: str, weights: Floats) -> list[Given]:
    """audit.weight_histogram of one set, ranges twice as wide each."""
    edges = [0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, float("inf")]
    rows: list[Given] = []
    for low, high in pairwise(edges):
        n = int(((weights >= low) & (weights < high)).sum())
        if n:
            rows.append({
                "set_name": name, "weight_from": low, "n": n,
                "weight_to": None if np.isinf(high) else high,
                **judged(Verdict(NOT_ASSESSED, "judged by the effective sample size")),
            })  # fmt: skip
    return rows


def participation_rows(frame: Frame) -> list[Given]:
    """audit.modality_participation: a row per modality (attribute *) and per level."""
    models, odds = modality_participation(frame)
    rows: list[Given] = [
        {
            "modality": m.modality, "attribute": "*", "scheme": "", "level": "*", "n": frame.n,
            "n_members": m.n, "auc": m.auc, "max_abs_smd": m.max_abs_smd,
            "worst_level": m.worst_level, **judged(m.verdict),
        }
        for m in models
    ]  # fmt: skip
    for r in odds:
        why = "the level compared to" if r.is_baseline else "judged as a whole by the AUC"
        rows.append({
            "modality": r.modality, "attribute": r.attribute, "scheme": r.scheme, "level": r.level,
            "n": r.n, "n_members": r.n_members, "odds_ratio": r.odds_ratio, "or_lo": r.or_lo,
            "or_hi": r.or_hi, **judged(Verdict(NOT_ASSESSED, why)),
        })  # fmt: skip
    return rows


def intersection_rows(
    frame: Frame, reference: Reference, n_boot: int, seed: int
) -> tuple[list[Given], list[Given], Amplification]:
    """audit.intersection and audit.intersection_smd."""
    found = amplification(frame, reference, n_boot=n_boot, seed=seed)
    rows: list[Given] = [{
        "set_name": COHORT, "n_modalities": 0, "n": frame.n, "n_expected": float(frame.n),
        "d": found.d_cohort if np.isfinite(found.d_cohort) else None,
        **judged(Verdict(NOT_ASSESSED, "everybody: what the sets are compared to")),
    }]  # fmt: skip
    rows += [
        {
            "set_name": r.set_name, "n_modalities": len(r.members), "n": r.n,
            "n_expected": r.n_expected, "lift": r.lift, "d": r.d, "d_lo": r.d_lo, "d_hi": r.d_hi,
            "worst_single_d": r.worst_single_d, "af": r.af, "af_lo": r.af_lo, "af_hi": r.af_hi,
            "growth": r.growth, "is_amplified": r.is_amplified, **judged(r.verdict),
        }
        for r in found.rows
    ]  # fmt: skip
    smds = [s for r in found.rows for s in _set_smds(frame, found, r.members)]
    return rows, smds, found


def _set_smds(frame: Frame, found: Amplification, members: tuple[str, ...]) -> list[Given]:
    counts = found.counts[mask_of(frame.modalities, members)]
    rows: list[Given] = []
    for column, start, share, spots in zip(
        found.layout.columns, found.layout.starts, found.layout.shares, found.layout.spots,
        strict=True,
    ):  # fmt: skip
        attribute = frame.attributes[column]
        total = int(counts[start : start + len(share)].sum())
        for level, spot in zip(attribute.levels, spots, strict=True):
            if spot < 0 or total == 0:
                continue
            n, p0 = int(counts[spot]), float(share[spot - start])
            smd = standardised_difference(n / total, p0)
            rows.append({
                "set_name": set_name(members), "attribute": attribute.name,
                "scheme": attribute.scheme, "level": level, "n": n, "n_total": total,
                "share": n / total, "reference_share": p0, "smd": smd,
                **judged(SMD.judge(None if smd is None else abs(smd))),
            })  # fmt: skip
    return rows


def blind_rows(frame: Frame, reference: Reference, min_cell: int) -> list[Given]:
    """audit.blind_spot."""
    return [
        {
            "attributes": " x ".join(r.attributes), "basis": r.basis, "n_cells": r.n_cells,
            "n_blind": r.n_blind, "reference_share": r.reference_share, "n": frame.n,
            "top": "; ".join(f"{', '.join(c.levels)} ({c.share:.2%})" for c in r.top) or None,
            **judged(r.verdict),
        }
        for r in blind_spots(frame, reference, min_cell)
    ]  # fmt: skip


def weight_rows(
    frame: Frame, reference: Reference, sets: list[tuple[str, ...]]
) -> tuple[list[Given], dict[str, tuple[Frame, Floats]]]:
    """audit.weight_diagnostic of everybody and of each set; and the weights that were not refused."""
    rows, weights = [], {}
    for members in [(), *sets]:
        name = set_name(members) or COHORT
        inside = frame.take(frame.in_set(members))
        w = rake(inside, reference)
        if w.weights is not None:
            weights[name] = inside, w.weights
        rows.append({
            "set_name": name, "n": w.n, "ess": w.ess, "ess_share": w.ess_share,
            "design_effect": w.design_effect, "max_to_mean": w.max_to_mean,
            "max_smd_before": w.max_smd_before, "max_smd_after": w.max_smd_after,
            "n_iterations": w.n_iterations, "converged": w.converged,
            "margins": ", ".join(w.margins) or None,
            "left_out": "; ".join(f"{m}: {why}" for m, why in w.left_out) or None,
            **judged(w.verdict),
        })  # fmt: skip
    return rows, weights
