"""Modality participation: whose data a modality holds, by logistic regression on attributes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.design import Dummies
from biobraid.quality.bias.frame import MISSING, Attribute, Floats, Frame, Ints
from biobraid.quality.bias.logistic import auc, fit_logistic
from biobraid.quality.bias.representativeness import Z95
from biobraid.quality.bias.threads import one_blas_thread
from biobraid.quality.bias.verdict import AUC, NOT_ASSESSED, Verdict

MIN_CLASS = 50  # people with and without the modality


@dataclass(frozen=True)
class OddsRow:
    """Odds of having a modality in a level against the attribute's largest level."""

    modality: str
    attribute: str
    scheme: str
    level: str
    is_baseline: bool
    n: int  # people in the level
    n_members: int  # of them, with the modality
    odds_ratio: float | None
    or_lo: float | None
    or_hi: float | None


@dataclass(frozen=True)
class ModalityRow:
    """How far attributes tell who has a modality."""

    modality: str
    n: int
    share: float
    auc: float | None
    max_abs_smd: float | None  # members against the whole cohort, worst level
    worst_level: str
    converged: bool
    verdict: Verdict


def modality_participation(frame: Frame) -> tuple[list[ModalityRow], list[OddsRow]]:
    """One row per modality, and one per modality and level."""
    with one_blas_thread():
        return _participation(frame)


def _participation(frame: Frame) -> tuple[list[ModalityRow], list[OddsRow]]:
    sizes = [len(a.levels) for a in frame.attributes]
    counts = frame.counts()
    baseline = [_largest(a, c) for a, c in zip(frame.attributes, counts, strict=True)]
    used = [i for i, c in enumerate(counts) if int((c > 0).sum()) > 1]
    design = Dummies(frame.codes[:, used], [sizes[i] for i in used], [baseline[i] for i in used])
    modality_rows, odds = [], []
    for place, modality in enumerate(frame.modalities):
        y = frame.has[:, place]
        n = int(y.sum())
        share = n / frame.n if frame.n else 0.0
        inside = frame.take(y).counts()
        smd, level = _worst(frame, counts, inside)
        if min(n, frame.n - n) < MIN_CLASS or not used:
            who = "everybody" if n == frame.n else f"fewer than {MIN_CLASS} people"
            why = Verdict(NOT_ASSESSED, f"{who} on one side of having it")
            modality_rows.append(ModalityRow(modality, n, share, None, smd, level, False, why))
            continue
        # A touch of ridge keeps levels in which nobody (or everybody) has it finite.
        fit = fit_logistic(design, y, ridge=1e-3)
        area = auc(fit.log_odds, y)
        modality_rows.append(
            ModalityRow(modality, n, share, area, smd, level, fit.converged, AUC.judge(area))
        )
        odds += _odds(frame, modality, used, baseline, counts, inside, fit.coefficients,
                      np.sqrt(np.diag(fit.covariance)))  # fmt: skip
    return modality_rows, odds


def _largest(attribute: Attribute, counts: Ints) -> int:
    """The level with the most people, (missing) only where there is no other."""
    known = np.array([level != MISSING for level in attribute.levels])
    return int(np.argmax(np.where(known, counts, 0) if counts[known].any() else counts))


def _worst(frame: Frame, counts: list[Ints], inside: list[Ints]) -> tuple[float | None, str]:
    best, name = None, ""
    for attribute, all_n, in_n in zip(frame.attributes, counts, inside, strict=True):
        if not in_n.sum():
            continue
        p0, p = all_n / all_n.sum(), in_n / in_n.sum()
        spread = np.sqrt(p0 * (1 - p0))
        with np.errstate(invalid="ignore", divide="ignore"):
            smd = np.where(spread > 0, np.abs(p - p0) / spread, 0.0)
        place = int(np.argmax(smd))
        if best is None or smd[place] > best:
            best, name = float(smd[place]), f"{attribute.name}: {attribute.levels[place]}"
    return best, name


def _odds(
    frame: Frame, modality: str, used: list[int], baseline: list[int], counts: list[Ints],
    inside: list[Ints], beta: Floats, se: Floats,
) -> list[OddsRow]:  # fmt: skip
    rows, place = [], 0
    for i in used:
        attribute = frame.attributes[i]
        for level, name in enumerate(attribute.levels):
            n, members = int(counts[i][level]), int(inside[i][level])
            given = (modality, attribute.name, attribute.scheme, name)
            if level == baseline[i]:
                rows.append(OddsRow(*given, True, n, members, 1.0, None, None))
                continue
            place += 1
            b, s = float(beta[place]), float(se[place])
            ratio = (
                (math.exp(b), math.exp(b - Z95 * s), math.exp(b + Z95 * s)) if n else (None,) * 3
            )
            rows.append(OddsRow(*given, False, n, members, *ratio))
    return rows
