"""Who wears what, and what they truly did hour by hour; the same whatever block they are made in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from biobraid.ingest.sample.draws import Draws
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import BAD_DATE_GP, CANARY_UKDEMO, UNKNOWN_SMOKING

STUDY = "stride"
HOME = ZoneInfo("Europe/London")
AWAY = ZoneInfo("America/New_York")
FIRST_DAY, N_DAYS = datetime(2021, 10, 27), 7  # clocks go back on 31 October, at 2 o'clock
CLOCK_CHANGE = "2021-10-31"
EXPORTED = datetime(2021, 11, 20, 12, tzinfo=UTC)
MOST_WEARERS = 2_000  # nobody with a higher number wears anything: exports are large
SHARE, SHARE_APPLE, SHARE_BOTH = 0.04, 0.6, 0.2

WEARS_BOTH = CANARY_UKDEMO
CHANGES_DEVICE = UNKNOWN_SMOKING  # a new watch from the fourth day on
TRAVELS = BAD_DATE_GP  # in New York on the third to fifth day
OLD_WATCH, NEW_WATCH, PHONE, BAND = "Watch5,2", "Watch7,1", "iPhone12,1", "Fitbit"
_AWAKE = range(7, 23)


@dataclass(frozen=True)
class Wearer:
    """One participant: number of the person, its row in the block, and habits."""

    number: int
    row: int
    has_apple: bool
    has_fitbit: bool
    day_off: int  # the day on which nothing is worn

    @property
    def stride_id(self) -> str:
        """Native id: that of an account, which says nothing about the person."""
        return f"acc{(self.number * 7_368_787 + 104_729) % 9_999_991:07d}"

    def zone(self, day: int) -> ZoneInfo:
        """Where the person is on a day."""
        return AWAY if self.number == TRAVELS and 2 <= day <= 4 else HOME

    def watch(self, day: int) -> str | None:
        """Model of the watch worn on a day."""
        if day == self.day_off:
            return None
        return NEW_WATCH if self.number == CHANGES_DEVICE and day >= 3 else OLD_WATCH


def wearers(block: People) -> list[Wearer]:
    """The block's participants: people of ukdemo who live and have not withdrawn."""
    draws, part = block.draws, block.part
    alive = np.isnat(part.death) | (part.death > np.datetime64("2022-01-01", "D"))
    planted = np.isin(draws.numbers, (WEARS_BOTH, CHANGES_DEVICE, TRAVELS))
    drawn = draws.chance("stride", SHARE) & (draws.numbers >= 30) & (draws.numbers < MOST_WEARERS)
    here = np.flatnonzero(part.in_ukdemo & ~part.withdrawn & ((alive & drawn) | planted))
    apple, both = draws.chance("stride/apple", SHARE_APPLE), draws.chance("stride/both", SHARE_BOTH)
    off = draws.below("stride/off", N_DAYS)
    found = []
    for row in here.tolist():
        number = int(draws.numbers[row])
        has_both = bool(both[row]) or number == WEARS_BOTH
        has_apple = bool(apple[row]) or has_both or bool(planted[row])
        found.append(Wearer(number, row, has_apple, has_both or not has_apple, int(off[row])))
    return found


def hours(wearer: Wearer, day: int) -> list[datetime]:
    """Waking hours of a day, with their offset."""
    zone = wearer.zone(day)
    start = FIRST_DAY + timedelta(days=day)
    return [(start + timedelta(hours=h)).replace(tzinfo=zone) for h in _AWAKE]


def steps(draws: Draws, wearer: Wearer, day: int) -> list[int]:
    """True steps of each waking hour."""
    own = draws.at(np.array([wearer.row]))
    return [int(own.below("stride/steps", 900, day * 100 + h)[0]) for h in _AWAKE]


def heart(draws: Draws, wearer: Wearer, day: int) -> list[int]:
    """True heart rate in each waking hour."""
    own = draws.at(np.array([wearer.row]))
    return [58 + int(own.below("stride/heart", 45, day * 100 + h)[0]) for h in _AWAKE]


def is_worn(wearer: Wearer, day: int) -> bool:
    """True where a watch or band is worn on the day."""
    return day != wearer.day_off
