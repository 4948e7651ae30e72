"""Proxy leakage: how well exported features tell a protected attribute that was left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.design import Dummies
from biobraid.quality.bias.frame import Codes, Flags, Floats, Frame, Ints
from biobraid.quality.bias.logistic import auc, fit_logistic
from biobraid.quality.bias.threads import one_blas_thread
from biobraid.quality.bias.verdict import LEAK, NOT_ASSESSED, Threshold, Verdict

N_BINS = 10
N_FOLDS = 5
MIN_CLASS = 50


@dataclass(frozen=True)
class LeakRow:
    """Cross-validated AUC of one level against all others, from all features together."""

    attribute: str
    scheme: str
    level: str
    n: int
    auc: float | None
    verdict: Verdict


def binned(features: Floats, n_bins: int = N_BINS) -> tuple[Codes, list[int]]:
    """Features as deciles, gaps as a level of their own: bends and missingness leak, too.

    features: person x feature, nan where missing. Returns person x feature codes (0: missing)
    and the number of codes of each.
    """
    out = np.zeros(features.shape, np.int16)
    sizes = []
    for place in range(features.shape[1]):
        column = features[:, place]
        known = np.isfinite(column)
        cuts = np.unique(np.quantile(column[known], np.linspace(0, 1, n_bins + 1)[1:-1])) if known.any() else np.zeros(0)  # fmt: skip
        out[known, place] = 1 + np.searchsorted(cuts, column[known], side="right")
        sizes.append(len(cuts) + 2)
    return out, sizes


def cross_validated_auc(codes: Codes, sizes: list[int], y: Flags, seed: int) -> float | None:
    """AUC of out-of-fold scores of a ridge-penalised logistic regression; None if y is too rare."""
    if min(int(y.sum()), int((~y).sum())) < MIN_CLASS or not sizes:
        return None
    fold = np.random.default_rng(seed).permutation(len(y)) % N_FOLDS
    score = np.empty(len(y))
    left_out = [int(np.bincount(codes[:, i]).argmax()) for i in range(len(sizes))]
    with one_blas_thread():
        for k in range(N_FOLDS):
            train, test = fold != k, fold == k
            fit = fit_logistic(Dummies(codes[train], sizes, left_out), y[train], ridge=5.0)
            score[test] = fit.coefficients[0] + Dummies(codes[test], sizes, left_out).dot(
                fit.coefficients[1:]
            )
    return auc(score, y)


def leakage(frame: Frame, features: Floats, seed: int = 1) -> list[LeakRow]:
    """One row per level of every attribute that enough people are in and outside of."""
    codes, sizes = binned(features)
    rows = []
    for place, attribute in enumerate(frame.attributes):
        counts: Ints = np.bincount(frame.codes[:, place], minlength=len(attribute.levels))
        for level, name in enumerate(attribute.levels):
            n = int(counts[level])
            if n == 0:
                continue
            area = cross_validated_auc(codes, sizes, frame.codes[:, place] == level, seed)
            verdict = (
                Verdict(NOT_ASSESSED, f"fewer than {MIN_CLASS} people in it or outside")
                if area is None
                else judge(area, LEAK)
            )
            rows.append(LeakRow(attribute.name, attribute.scheme, name, n, area, verdict))
    return rows


def judge(area: float, threshold: Threshold) -> Verdict:
    """A verdict on an AUC; below one half it tells nothing."""
    return threshold.judge(max(area, 0.5))
