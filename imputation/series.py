"""One concept's observations in order of time, and what stands around any instant.

Everything is looked up by binary search in one sorted array of keys: no loop over persons, no
row of Python. A group is a person within one stretch of follow-up, so that nothing is carried
across a gap between two stays or registrations (MIMIC_Extract#27).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
MINUTES_PER_DAY = 1440
_MINUTE_BITS = 26  # 127 years
_FIXED = 2.0**32
_LARGEST_FIXED = 8.0  # normal scores end at 3.1; 2**28 of them fit
FAR_DAYS = 1e9  # gap to a neighbour that does not exist


@dataclass(frozen=True)
class Series:
    """Observations of one concept, sorted by group and minute, at most one at an instant.

    group: dense number of a person's stretch of follow-up; minute: since the earliest instant
    of the data, in [0, 2**26); score: normal score of the value.
    """

    group: Ints
    minute: Ints
    score: Floats

    def __post_init__(self) -> None:
        if len(self.minute) and not 0 <= int(self.minute.min()) <= int(self.minute.max()) < (
            1 << _MINUTE_BITS
        ):
            raise ValueError("minutes must lie within 127 years")

    @property
    def key(self) -> Ints:
        """Sorts like (group, minute)."""
        return keys(self.group, self.minute)


def keys(group: Ints, minute: Ints) -> Ints:
    """One number per instant of a group that sorts like (group, minute)."""
    return (group << _MINUTE_BITS) | minute


@dataclass(frozen=True)
class Before:
    """What a group knew strictly before an instant; one element per target.

    last, previous: scores of the last and the last but one observation, 0 where there is none.
    last_days, previous_days: their age in days, FAR_DAYS where there is none. n: observations
    before; mean: of their scores, 0 where there is none.
    """

    last: Floats
    last_days: Floats
    previous: Floats
    previous_days: Floats
    n: Floats
    mean: Floats

    def take(self, chosen: Ints | slice) -> Before:
        """Some of the targets."""
        return Before(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    def every(self, step: int) -> Before:
        """Every step-th target."""
        return self.take(slice(None, None, step))


def before(series: Series, group: Ints, minute: Ints) -> Before:
    """What stands strictly before each target; an observation at its very instant is not seen."""
    place = np.searchsorted(series.key, keys(group, minute), "left")
    return _looking(series.group, series.minute, series.score, group, minute, place)


def after(series: Series, group: Ints, minute: Ints) -> Before:
    """The same for what comes strictly after: last is the next observation, ages look ahead."""
    place = np.searchsorted(series.key, keys(group, minute), "right")
    size = len(series.key)
    return _looking(
        series.group[::-1], series.minute[::-1], series.score[::-1], group, minute, size - place
    )


def _looking(of: Ints, at: Ints, score: Floats, group: Ints, minute: Ints, place: Ints) -> Before:
    """Neighbours at places below `place` of arrays that run towards the target."""
    last, last_days = _neighbour(of, at, score, group, minute, place - 1)
    previous, previous_days = _neighbour(of, at, score, group, minute, place - 2)
    total, unit = _running_total(score)
    first = _first_places(of)
    # A group's own first place: that of its last neighbour, if there is one.
    has_last = last_days < FAR_DAYS
    start = np.where(has_last, first[np.maximum(place - 1, 0)] if len(of) else 0, place)
    n = (place - start).astype(np.float64)
    mean = np.where(has_last, (total[place] - total[start]) / unit / np.maximum(n, 1), 0.0)
    return Before(last, last_days, previous, previous_days, n, mean)


def _running_total(score: Floats) -> tuple[Floats | Ints, float]:
    """Sums of the first n scores and their unit; exact for normal scores.

    A float's running sum would carry the rounding of other persons' and later values into a
    difference of two sums; in fixed point past-only cells are bit for bit free of the future.
    """
    if len(score) and np.abs(score).max() > _LARGEST_FIXED:
        return np.concatenate(
            ([0.0], np.cumsum(score))
        ), 1.0  # raw values: no method uses their mean
    fixed = np.cumsum(np.round(score * _FIXED).astype(np.int64))
    return np.concatenate((np.zeros(1, np.int64), fixed)), _FIXED


def _neighbour(
    of: Ints, at: Ints, score: Floats, group: Ints, minute: Ints, place: Ints
) -> tuple[Floats, Floats]:
    if not len(of):
        return np.zeros(len(group)), np.full(len(group), FAR_DAYS)
    safe = np.maximum(place, 0)
    is_own = (place >= 0) & (of[safe] == group)
    days = np.abs(minute - at[safe]) / MINUTES_PER_DAY
    return np.where(is_own, score[safe], 0.0), np.where(is_own, days, FAR_DAYS)


def _first_places(group: Ints) -> Ints:
    """For each place the first place of its group."""
    if not len(group):
        return np.empty(0, np.int64)
    starts = np.flatnonzero(np.concatenate(([True], group[1:] != group[:-1])))
    return np.repeat(starts, np.diff(np.append(starts, len(group))))
