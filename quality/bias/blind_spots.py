"""Blind spots: crosses of attributes in which the reference has people and the data almost none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from biobraid.quality.bias.frame import Floats, Frame, Ints
from biobraid.quality.bias.reference import Margin, Reference
from biobraid.quality.bias.verdict import BLIND, NOT_ASSESSED, Verdict

MAX_WAYS = 3


@dataclass(frozen=True)
class BlindCell:
    """One cross with fewer than min_cell people; `share` is the reference's."""

    levels: tuple[str, ...]  # 'age_band: 40-49', ...
    share: float


@dataclass(frozen=True)
class BlindRow:
    """Share of the reference that lives where the data are blind, for one cross of attributes.

    basis: 'margin' where the reference gives the cross itself; 'independence' where it is the
    product of its one-way margins, because a cross was not given.
    """

    attributes: tuple[str, ...]
    basis: str
    n_cells: int  # crosses in which the reference has people
    n_blind: int
    reference_share: float
    top: tuple[BlindCell, ...]
    verdict: Verdict


def blind_spots(
    frame: Frame, reference: Reference, min_cell: int, *, max_ways: int = MAX_WAYS, n_top: int = 5
) -> list[BlindRow]:
    """One row per attribute, pair and triple that both sides have; widest crosses last."""
    one_way = [m for m in reference.one_way() if frame.position(*m.keys[0]) is not None]
    crosses = {frozenset(m.keys): m for m in reference.margins if len(m.keys) > 1}
    places = {m.margin_id: m.place(frame) for m in one_way}
    rows = []
    for ways in range(1, max_ways + 1):
        for margins in combinations(one_way, ways):
            given = crosses.get(frozenset(m.keys[0] for m in margins))
            place = given.place(frame) if given else None
            if given is not None and place is not None:
                rows.append(_row(given, place, min_cell, n_top))
            else:
                joined, place = _product(margins, [places[m.margin_id] for m in margins])
                rows.append(_row(joined, place, min_cell, n_top,
                                 "margin" if ways == 1 else "independence"))  # fmt: skip
    return rows


def _product(margins: Sequence[Margin], places: Sequence[Ints | None]) -> tuple[Margin, Ints]:
    """The cross of one-way margins under independence, and each person's cell in it."""
    share: Floats = np.ones(1)
    place = np.zeros(len(next(p for p in places if p is not None)), np.int64)
    levels: list[tuple[str, ...]] = [()]
    outside = np.zeros(len(place), np.bool_)
    for margin, spot in zip(margins, places, strict=True):
        if spot is None:
            continue
        share = np.outer(share, margin.share).ravel()
        levels = [(*left, *right) for left in levels for right in margin.levels]
        outside |= spot < 0
        place = place * len(margin.n) + spot
    total = float(margins[0].n.sum())
    keys = tuple(m.keys[0] for m in margins)
    name = " x ".join(k[0] for k in keys)
    joined = Margin(name, "", keys, tuple(levels), share * total, np.zeros(len(share)))
    return joined, np.where(outside, -1, place)


def _row(margin: Margin, place: Ints, min_cell: int, n_top: int, basis: str = "margin") -> BlindRow:
    people = np.bincount(place + 1, minlength=len(margin.n) + 1)[1:]
    share = margin.share
    # A cross in which the reference itself expects less than one person is not a group.
    populated = margin.n >= 1
    blind = populated & (people < min_cell)
    total = float(share[blind].sum())
    order = np.argsort(np.where(blind, -share, 0.0), kind="stable")[:n_top]
    names = [k[0] for k in margin.keys]
    top = tuple(
        BlindCell(tuple(f"{n}: {level}" for n, level in zip(names, margin.levels[cell], strict=True)),
                  float(share[cell]))
        for cell in order if blind[cell]
    )  # fmt: skip
    if not populated.any():
        return BlindRow(
            tuple(names), basis, 0, 0, 0.0, (), Verdict(NOT_ASSESSED, "no people there")
        )
    return BlindRow(tuple(names), basis, int(populated.sum()), int(blind.sum()), total, top,
                    BLIND.judge(total))  # fmt: skip
