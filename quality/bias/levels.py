"""Levels of attributes that are numbers: cut into the reference's bands, or into fifths."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

MAX_LEVELS = 40  # more distinct numbers than this are cut
_BAND = re.compile(r"^\[(-inf|-?\d+(?:\.\d+)?), (inf|-?\d+(?:\.\d+)?)\)$")


def band_of(level: str) -> tuple[float, float] | None:
    """Limits of a band written '[-3, -1)' (the upper one outside; inf allowed); else None."""
    found = _BAND.match(level)
    return (float(found[1]), float(found[2])) if found else None


def is_numeric(levels: Sequence[str]) -> bool:
    """Whether there are many levels and all are numbers."""
    return len(levels) > MAX_LEVELS and all(_number(level) is not None for level in levels)


def cut(levels: Sequence[str], counts: Sequence[int], bands: Sequence[str] | None) -> list[str]:
    """The band of every level, in the order of the levels.

    bands: the reference's, '[a, b)'; without them fifths of the people.
    """
    values = np.array([_number(level) for level in levels], np.float64)
    if bands is None:
        order = np.argsort(values)
        upto = np.cumsum(np.asarray(counts)[order]) / max(sum(counts), 1)
        edges = [float(values[order][np.searchsorted(upto, q)]) for q in (0.2, 0.4, 0.6, 0.8)]
        limits = [-math.inf, *sorted(set(edges)), math.inf]
        bands = [f"[{low:g}, {high:g})" for low, high in pairwise(limits)]
    pairs = [(name, band_of(name)) for name in bands]
    return [
        next((name for name, band in pairs if band and band[0] <= value < band[1]), "(outside)")
        for value in values
    ]


def _number(level: str) -> float | None:
    try:
        value = float(level)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
