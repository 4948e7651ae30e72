"""Hiding observed cells, so that what a method fills in can be held against the truth."""

from __future__ import annotations

import numpy as np

from biobraid.imputation.panel import Bools, Cells, Panel
from biobraid.imputation.series import MINUTES_PER_DAY, keys

Split = tuple[dict[int, Cells], dict[int, Cells]]  # visible, hidden


def hide_at_random(panel: Panel, share: float, seed: int) -> Split:
    """Hide each cell with probability `share`."""
    draw = np.random.default_rng(seed)
    return _split(panel, {c: draw.random(len(cells)) < share for c, cells in sorted(panel.items())})


def hide_blocks(panel: Panel, days: float, seed: int, share: float = 0.5) -> Split:
    """Hide everything within one block of `days` in a share of the (group, concept) series.

    A block begins at a uniformly drawn instant of the group's span of the concept.
    """
    draw = np.random.default_rng(seed)
    hidden = {}
    for concept, cells in sorted(panel.items()):
        groups, at = np.unique(cells.group, return_inverse=True)
        first = np.full(len(groups), np.iinfo(np.int64).max)
        last = np.zeros(len(groups), np.int64)
        np.minimum.at(first, at, cells.minute)
        np.maximum.at(last, at, cells.minute)
        length = days * MINUTES_PER_DAY
        room = np.maximum(last - first - length, 0)
        start = first + draw.random(len(groups)) * room
        is_chosen = draw.random(len(groups)) < share
        hidden[concept] = (
            is_chosen[at] & (cells.minute >= start[at]) & (cells.minute < start[at] + length)
        )
    return _split(panel, hidden)


def hide_as_missing(panel: Panel, share: float, seed: int) -> Split:
    """Hide cells in the pattern in which values are really missing.

    A share of the instants of a group takes the pattern of another instant, drawn from all of the
    panel: what was not measured there is hidden here. Concepts that are missing together in the
    data are so in the mask.
    """
    concepts = sorted(c for c in panel if len(panel[c]))
    if not concepts:
        return _split(panel, {c: np.zeros(len(cells), np.bool_) for c, cells in panel.items()})
    key = {c: keys(panel[c].group, panel[c].minute) for c in concepts}
    instants = np.unique(np.concatenate([key[c] for c in concepts]))
    draw = np.random.default_rng(seed)
    donor = draw.integers(0, len(instants), len(instants))
    is_chosen = draw.random(len(instants)) < share
    hidden = {c: np.zeros(len(cells), np.bool_) for c, cells in panel.items()}
    for concept in concepts:
        is_seen = np.zeros(len(instants), np.bool_)
        at = np.searchsorted(instants, key[concept])
        is_seen[at] = True
        hidden[concept] = is_chosen[at] & ~is_seen[donor[at]]
    return _split(panel, hidden)


def _split(panel: Panel, hidden: dict[int, Bools]) -> Split:
    return (
        {c: cells.take(~hidden[c]) for c, cells in panel.items()},
        {c: cells.take(hidden[c]) for c, cells in panel.items()},
    )
