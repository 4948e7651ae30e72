"""Who is who over all six studies: what a linkage by the stated rules must find.

A true person's records in several studies are one person in the warehouse where an
authoritative map says so, or where a strong key agrees with something that corroborates it.
The rules are those of linkage/deterministic.py, told here from what was planted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from biobraid.ingest.sample.draws import Flags, Ints
from biobraid.ingest.sample.genotypes.members import duplicate_pair
from biobraid.ingest.sample.people import People
from biobraid.ingest.sample.planted import (
    OTHERS_NHS,
    RAGGED_RIVERSIDE,
    SEX_MISMATCH,
    SHARED_NHS,
    TWO_PATIENTS,
)
from biobraid.ingest.sample.riverside_identities import Given, given_identities
from biobraid.ingest.sample.ukdemo import has_nhs

PLACES = ("ukdemo", "riverside", "northgate", "southgate", "mindwell", "valley")
_UK, _RIVER, _VALLEY = PLACES.index("ukdemo"), PLACES.index("riverside"), PLACES.index("valley")
ABSENT = -1


@dataclass(frozen=True)
class Links:
    """label: person x place, equal where the records are one person; ABSENT where there is none.

    is_quarantined: person x place, records whose cluster contradicts itself (two birth dates that
    are no slip of the keyboard, two NHS numbers, a genotype that is another's). The withdrawn
    have no label.
    """

    label: npt.NDArray[np.int64]
    is_quarantined: npt.NDArray[np.bool_]


def links(block: People) -> Links:
    """The clusters that linkage must make of each person's records."""
    n = len(block.draws.numbers)
    here = _taking_part(block)
    given = given_identities(block, np.arange(n, dtype=np.int64))
    holds = _right_numbers(block, here, given)
    edges = np.zeros((n, len(PLACES), len(PLACES)), dtype=np.bool_)
    for left in range(len(PLACES)):
        for right in range(left):
            both = holds[:, left] & holds[:, right]
            edges[:, left, right] = both & (
                _corroborated(given) if _RIVER in (left, right) else True
            )
    edges[:, _RIVER, _UK] |= block.part.on_map & here[:, _RIVER] & here[:, _UK]
    on_map = block.attends.on_valley_map
    edges[:, _VALLEY, _UK] |= on_map & here[:, _UK]
    edges[:, _VALLEY, _RIVER] |= on_map & here[:, _RIVER] & ~block.part.in_ukdemo
    label = np.where(here, np.arange(len(PLACES)), ABSENT)
    for _ in PLACES:  # the smallest label spreads along the edges
        for left in range(len(PLACES)):
            for right in range(len(PLACES)):
                joined = edges[:, left, right] | edges[:, right, left]
                joined &= here[:, left] & here[:, right]
                lower = np.minimum(label[:, left], label[:, right])
                label[:, left] = np.where(joined, lower, label[:, left])
    torn = _contradictions(block, here, given, label) | _wrong_samples(block, here, label)
    return Links(label, torn)


def members(block: People) -> npt.NDArray[np.bool_]:
    """Person x place: who is known where."""
    at = block.attends.at
    columns = [block.part.in_ukdemo, block.part.in_riverside]
    return np.stack([*columns, *(at[place] for place in PLACES[2:])], axis=1)


def _taking_part(block: People) -> npt.NDArray[np.bool_]:
    """The members, without the withdrawn and without whose only identities were rejected."""
    here = members(block)
    here[:, _UK] &= ~block.part.withdrawn
    here[:, _RIVER] &= block.draws.numbers != RAGGED_RIVERSIDE
    return here


def _right_numbers(
    block: People, here: npt.NDArray[np.bool_], given: Given
) -> npt.NDArray[np.bool_]:
    """Whose own NHS number stands in which study, if it may link at all."""
    gives = block.attends.gives_nhs
    numbers = block.draws.numbers
    columns = [has_nhs(block), given.nhs_is_right]
    columns += [gives[place] for place in PLACES[2:5]]
    columns.append(np.zeros(len(numbers), dtype=np.bool_))
    holds = np.stack(columns, axis=1) & here
    holds[:, PLACES.index("northgate")] &= numbers != OTHERS_NHS
    # A number that two persons of one study hold links nobody.
    holds[np.isin(numbers, (SHARED_NHS[0], TWO_PATIENTS))] = False
    return holds


def _corroborated(given: Given) -> Flags:
    return given.birth_is_right | (given.birth_year_is_right & given.a_name_is_right)


def _contradictions(
    block: People, here: npt.NDArray[np.bool_], given: Given, label: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Clusters of riverside with others in which its birth date or NHS number contradicts."""
    true, said = block.identity.birth, given.birth
    year, month, day = _parts(true)
    years, months, days = _parts(said)
    swapped = (month == days) & (day == months)
    disagree = (year != years) | ((month != months) & (day != days) & ~swapped)
    disagree &= ~given.birth_is_missing
    alone = (here & (label == label[:, [_RIVER]])).sum(axis=1) < 2
    # A place that registered only the year is compared by it.
    full = here & (label == label[:, [_RIVER]])
    full[:, _RIVER] = False
    for place, partial in block.attends.birth_is_partial.items():
        full[:, PLACES.index(place)] &= ~(partial & (year == years))
    numbers = full & _states_number(block)
    torn = (disagree & full.any(axis=1)) | (given.nhs_is_anothers & numbers.any(axis=1))
    torn &= here[:, _RIVER] & ~alone
    out: npt.NDArray[np.bool_] = here & torn[:, None] & (label == label[:, [_RIVER]])
    return out


def _wrong_samples(
    block: People, here: npt.NDArray[np.bool_], label: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """Clusters of those whose array sample is of the other sex, or the same as another's."""
    numbers = block.draws.numbers
    wrong = np.isin(numbers, (SEX_MISMATCH, *duplicate_pair(numbers, block.traits.male)))
    out: npt.NDArray[np.bool_] = here & wrong[:, None] & (label == label[:, [_UK]])
    return out & here[:, [_UK]]


def _states_number(block: People) -> npt.NDArray[np.bool_]:
    gives = block.attends.gives_nhs
    none = np.zeros(len(block.draws.numbers), dtype=np.bool_)
    return np.stack([has_nhs(block), none, *(gives[p] for p in PLACES[2:5]), none], axis=1)


def _parts(day: npt.NDArray[np.datetime64]) -> tuple[Ints, Ints, Ints]:
    month = day.astype("datetime64[M]")
    return (
        day.astype("datetime64[Y]").astype(np.int64),
        month.astype(np.int64) % 12 + 1,
        (day - month.astype("datetime64[D]")).astype(np.int64) + 1,
    )
