"""Where else the sample's persons are known: two hospitals, a survey and a health-record extract.

Each place draws its people from all persons by chance alone, whatever they have, so that
effects among its patients are those of the population. Each knows them under its own ids.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import Dates, joined, pick
from biobraid.ingest.sample.draws import Draws, Flags, Ints
from biobraid.ingest.sample.planted import PLANTED_AT, SHARE_AT, WITHDRAWN_BOTH, WITHDRAWN_UKDEMO

HOSPITALS = ("northgate", "southgate")
SURVEY = "mindwell"
EXTRACT = "valley"
_SHARE_GIVES_NHS = {"northgate": 0.93, "southgate": 0.80, SURVEY: 0.75}
_SHARE_ON_MAP = 0.85
_SHARE_PARTIAL_BIRTH = 0.01


@dataclass(frozen=True)
class Attendance:
    """Membership of each place by name, and how far a person's identity is known there."""

    at: dict[str, Flags]
    gives_nhs: dict[str, Flags]
    birth_is_partial: dict[str, Flags]  # only the year was registered
    on_valley_map: Flags
    survey_visit: Dates  # of mindwell's baseline, drawn for everybody


def attendance(draws: Draws, death: Dates) -> Attendance:
    """Who is known where; the first thirty as planted. The dead take part in no survey."""
    by_hand = draws.numbers < 30
    gone = np.isin(draws.numbers, (WITHDRAWN_UKDEMO, WITHDRAWN_BOTH))
    visit = np.datetime64("2017-02-06", "D") + draws.below("mindwell-visit", 600)
    at = {}
    for place, share in SHARE_AT.items():
        drawn = draws.chance(f"at/{place}", share) & ~gone
        if place == SURVEY:
            drawn &= ~(death <= visit)
        at[place] = np.where(by_hand, np.isin(draws.numbers, PLANTED_AT[place]), drawn)
    return Attendance(
        at=at,
        gives_nhs={
            place: at[place] & (by_hand | draws.chance(f"nhs/{place}", share))
            for place, share in _SHARE_GIVES_NHS.items()
        },
        birth_is_partial={
            place: at[place] & ~by_hand & draws.chance(f"year/{place}", _SHARE_PARTIAL_BIRTH)
            for place in HOSPITALS
        },
        on_valley_map=at[EXTRACT] & (by_hand | draws.chance("map/valley", _SHARE_ON_MAP)),
        survey_visit=visit,
    )


_HEX = [f"{i:04x}" for i in range(65_536)]


def patient_ids(draws: Draws, hospital: str) -> pa.Array:
    """Logical ids of Patient resources: twelve hexadecimal digits after the hospital's letter.

    They are unique: odd multiplication permutes the 48-bit numbers.
    """
    mixed = (draws.numbers * 104_395_301 + _start(draws.seed, hospital)) % (1 << 47)
    mixed = (mixed * 0x5DEECE66D + 11) % (1 << 47)
    parts = [pick(_HEX, mixed >> shift & 0xFFFF) for shift in (32, 16, 0)]
    return joined([f"{hospital[0]}-", *parts])


def record_numbers(draws: Draws, hospital: str) -> pa.Array:
    """Medical record numbers: two letters and seven digits."""
    number = (draws.numbers * 3_454_321 + _start(draws.seed, hospital)) % 8_999_993
    digits = 1_000_000 + number
    thousands, rest = pick(_THOUSANDS, digits // 1000), pick(_UNITS, digits % 1000)
    return joined([hospital[:2].upper(), thousands, rest])


def survey_ids(draws: Draws) -> pa.Array:
    """REDCap record ids: MW- and six digits."""
    number = (draws.numbers * 271_829 + _start(draws.seed, SURVEY)) % 999_983
    return joined(["MW-", pick(_UNITS, number // 1000), pick(_UNITS, number % 1000)])


def extract_ids(draws: Draws) -> Ints:
    """person_id of the extract: hashes that fill all 64 bits, negative ones too."""
    return hashed(draws.numbers + _start(draws.seed, EXTRACT))


def hashed(numbers: Ints) -> Ints:
    """Different 64-bit numbers for different ones, of either sign (splitmix64's finalizer)."""
    with np.errstate(over="ignore"):
        x = numbers.astype(np.uint64)
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    return x.view(np.int64)


_UNITS = [f"{i:03d}" for i in range(1000)]
_THOUSANDS = [f"{i:04d}" for i in range(10_000)]


def _start(seed: int, name: str) -> int:
    """Where a place's numbering begins; different for each seed."""
    start: int = sum(ord(c) * 131 ** (i % 6) for i, c in enumerate(name))
    return (seed * 7_919 + start) % 1_000_003
