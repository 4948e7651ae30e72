"""Who was scanned, when, and what a perfect reader would have measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.ingest.sample.cells import Dates
from biobraid.ingest.sample.draws import Flags, Floats, Ints, logistic
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import CANARY_BOTH, CANARY_UKDEMO, EFFECTS
from biobraid.ingest.sample.traits import ETHNICITIES

# Files of images are delivered for the first persons only: the phenotypes made of all images
# come as a table, as they do from a large biobank. So the sample stays small.
LAST_WITH_FILES = 600
LAST_IN_BIDS = 300
ALWAYS = (CANARY_BOTH, CANARY_UKDEMO)
NEVER = np.datetime64("NaT", "D")
WHITE = np.array([label in ("British", "Irish", "Any other white background")
                   for label, *_ in ETHNICITIES])  # fmt: skip
_SHARE_ECG = 0.30


@dataclass(frozen=True)
class Scans:
    """One element per person of the block; values are meaningless where `day` is NaT."""

    day: Dates
    has_files: Flags
    in_bids: Flags
    grey_matter_ml: Floats
    bone_t_score: Floats
    ecg_day: Dates  # riverside's ECG


def scans(block: People) -> Scans:
    """Of those who came to the imaging visit the healthier, younger and whiter were scanned."""
    draws, traits, part = block.draws, block.traits, block.part
    ill = block.illness.has("mi") | traits.diabetic
    age = traits.age - 57.0
    chance = logistic(
        1.4
        + EFFECTS["scan_log_odds_per_year_of_age"] * age
        + EFFECTS["scan_log_odds_mi_or_diabetes"] * ill
        + EFFECTS["scan_log_odds_not_white"] * ~WHITE[traits.ethnicity]
    )
    planted = np.isin(draws.numbers, ALWAYS)
    came = ~np.isnat(part.visits[2]) & draws.chance("scanned", chance)
    day = np.where(came, part.visits[2], NEVER)
    day = np.where(planted & np.isnat(day), np.datetime64("2016-05-09", "D"), day)
    at_scan = (day - block.identity.birth).astype(np.float64) / 365.25
    at_scan = np.where(np.isnat(day), 60.0, at_scan)
    grey = (
        620.0
        + EFFECTS["grey_matter_ml_per_year_of_age"] * (at_scan - 65.0)
        + EFFECTS["grey_matter_ml_male"] * traits.male
        + 35.0 * draws.normal("grey-matter")
    )
    bone = -0.6 - 0.04 * (at_scan - 65.0) + 0.9 * draws.normal("bone")
    has_ecg = part.in_riverside & draws.chance("ecg", _SHARE_ECG)
    ecg = np.where(has_ecg, part.riverside_visit, NEVER)
    return Scans(
        day=day,
        has_files=~np.isnat(day) & (draws.numbers < LAST_WITH_FILES),
        in_bids=~np.isnat(day) & (draws.numbers < LAST_IN_BIDS) & draws.chance("bids", 0.4),
        grey_matter_ml=grey,
        bone_t_score=bone,
        ecg_day=np.where(draws.numbers < LAST_WITH_FILES, ecg, NEVER),
    )


def uid(seed: int, number: int, *parts: int) -> str:
    """A DICOM UID of an object of a person; it holds nothing of the person's own ids."""
    start = (seed * 7_919 + number * 104_729) % 9_999_991
    return ".".join(["1.2.826.0.1.3680043.8.498", str(1 + start), str(number), *map(str, parts)])


def rows_of(mask: Flags) -> Ints:
    """Positions in the block."""
    return np.flatnonzero(mask)
