"""Representativeness: standardised differences of levels against a reference population."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biobraid.quality.bias.frame import Frame
from biobraid.quality.bias.reference import Margin, Reference
from biobraid.quality.bias.verdict import NOT_ASSESSED, SMD, Verdict

Z95 = 1.959963984540054


@dataclass(frozen=True)
class LevelRow:
    """A level of an attribute in a cohort beside the reference; None where it is in neither."""

    attribute: str
    scheme: str
    level: str
    n: int | None  # people of the cohort
    share: float | None  # of those whose level the reference knows
    reference_share: float | None
    smd: float | None
    participation_ratio: float | None  # share / reference_share
    ratio_lo: float | None
    ratio_hi: float | None
    verdict: Verdict


def standardised_difference(share: float, reference_share: float) -> float | None:
    """(p - p0) / sqrt(p0 (1 - p0)); the denominator stays the reference's.

    None where the reference has nobody, or nobody else.
    """
    spread = reference_share * (1 - reference_share)
    return (share - reference_share) / math.sqrt(spread) if spread > 0 else None


def participation_ratio(n: float, total: float, reference_share: float) -> tuple[float, float, float] | None:  # fmt: skip
    """p / p0 with its 95 % interval (log scale, delta method); None without people.

    Above 1: the level takes part more than its share of the population.
    """
    if n <= 0 or total <= 0 or reference_share <= 0:
        return None
    share = n / total
    ratio = share / reference_share
    half = Z95 * math.sqrt((1 - share) / n)
    return ratio, ratio * math.exp(-half), ratio * math.exp(half)


def level_rows(frame: Frame, counts: Sequence[Sequence[int | None]], reference: Reference) -> list[LevelRow]:  # fmt: skip
    """One row per level of every attribute, from counts of people per level.

    counts: one list per attribute of the frame; None where a count is suppressed. Levels that
    only one side knows get a row too, and are not assessed.
    """
    margins = {m.keys[0]: m for m in reference.one_way()}
    rows: list[LevelRow] = []
    for attribute, given in zip(frame.attributes, counts, strict=True):
        margin = margins.get(attribute.key)
        known = dict(zip(attribute.levels, given, strict=True))
        rows += _attribute_rows(attribute.name, attribute.scheme, known, margin)
    return rows


def _attribute_rows(
    name: str, scheme: str, counts: dict[str, int | None], margin: Margin | None
) -> list[LevelRow]:
    shares = {} if margin is None else dict(
        zip((levels[0] for levels in margin.levels), margin.share.tolist(), strict=True)
    )  # fmt: skip
    total = sum(n for level, n in counts.items() if n is not None and level in shares)
    total = int(total)
    rows = []
    for level in [*shares, *sorted(set(counts) - set(shares))]:
        n, p0 = counts.get(level, 0), shares.get(level)
        if p0 is None or n is None or total == 0:
            why = (
                "fewer people than may be shown" if n is None
                else f"the reference has no margin of {name} ({scheme})" if margin is None
                else "the reference does not know this level"
            )  # fmt: skip
            rows.append(LevelRow(name, scheme, level, None if n is None else int(n), None, p0, None,
                                 None, None, None, Verdict(NOT_ASSESSED, why)))  # fmt: skip
            continue
        share = int(n) / total
        smd = standardised_difference(share, p0)
        ratio, low, high = participation_ratio(n, total, p0) or (None, None, None)
        verdict = SMD.judge(None if smd is None else abs(smd))
        rows.append(
            LevelRow(name, scheme, level, int(n), share, p0, smd, ratio, low, high, verdict)
        )
    return rows


def squared_distance(
    counts: np.ndarray, reference_share: np.ndarray, n_noises: int = 1
) -> np.ndarray:
    """phi^2 of one attribute: sum (p - p0)^2 / p0, less what chance alone would give.

    counts: ... x level (the last axis), people of levels the reference knows. n_noises: 1 for
    data, 2 for bootstrap replicates, which carry the sampling noise twice.
    Returns one number per leading index; nan where there are no people.
    """
    counts = np.asarray(counts, np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        n = counts.sum(axis=-1, keepdims=True)
        p = counts / n
        gap = ((p - reference_share) ** 2 / reference_share).sum(axis=-1)
        noise = (p * (1 - p) / reference_share).sum(axis=-1) / n[..., 0]
    out: np.ndarray = gap - n_noises * noise
    return out
