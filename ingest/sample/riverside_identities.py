"""Identities as riverside's people gave them: typing errors, gaps, and other people's numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import Dates, date, where
from biobraid.ingest.sample.draws import Draws, Flags, Ints
from biobraid.ingest.sample.identities import misspelt, nhs_numbers, nhs_text
from biobraid.ingest.sample.people import People, membership
from biobraid.ingest.sample.planted import (
    CANARIES,
    NO_BIRTH_DATE,
    RIVERSIDE_FIRST,
    SHARED_NHS,
    TYPO_BOTH,
    WRONG_NHS,
    WRONG_NHS_OWNER,
    Planted,
)

_FILE = "baseline.csv"
_SHARE_NHS = 0.70
_SHARE_TYPO = 0.04
_SHARE_NO_BIRTH = 0.01
_SHARE_BIRTH_ERROR = 0.02
_SHARE_OTHERS_NHS = 0.005
_SHARE_INVALID_NHS = 0.005


@dataclass(frozen=True)
class Given:
    """What was given, and which parts of it are true."""

    cells: dict[str, pa.Array]
    nhs_is_right: Flags
    birth_is_right: Flags
    birth_year_is_right: Flags
    a_name_is_right: Flags
    birth: Dates
    birth_is_missing: Flags
    nhs_is_anothers: Flags  # valid, and not the person's own


def given_identities(block: People, rows: Ints, planted: Planted | None = None) -> Given:
    """Identity cells of the persons in `rows`; counts what was planted unless planted is None."""
    draws, numbers = block.draws.at(rows), block.draws.numbers[rows]
    who = block.identity
    at = pa.array(rows)
    by_hand = numbers < 30  # faults of the first thirty are placed, not drawn
    typo = np.where(by_hand, numbers == TYPO_BOTH, draws.chance("typo", _SHARE_TYPO))
    nhs, absent, wrong, invalid, shared = _nhs(draws, who.nhs[rows])
    birth, no_birth, shifted = _birth(draws, who.birth[rows])
    surname = misspelt(who.surname.take(at), draws, typo)
    first = misspelt(
        who.first_name.take(at), draws, ~by_hand & draws.chance("typo-first", _SHARE_TYPO)
    )
    cells = {
        "participant_id": who.riverside_id.take(at),
        "nhs_no": nhs_text(nhs, absent=absent),
        "first_name": first,
        "surname": surname,
        "dob": where(no_birth, None, date(birth, "%m/%d/%Y")),
        "postcode": who.postcode.take(at),
    }
    if planted is not None:
        for defect, column, flags in (
            ("mistyped-name", "surname", typo),
            ("wrong-nhs-number", "nhs_no", wrong),
            ("invalid-nhs-number", "nhs_no", invalid),
            ("shared-nhs-number", "nhs_no", shared),
            ("missing-birth-date", "dob", no_birth),
        ):
            planted.count(defect, "riverside", _FILE, column, int(flags.sum()))
    year = birth.astype("datetime64[Y]") == who.birth[rows].astype("datetime64[Y]")
    names = [
        np.asarray(given.to_numpy(False) == true.take(at).to_numpy(False))
        for given, true in ((first, who.first_name), (surname, who.surname))
    ]
    return Given(
        cells=cells,
        nhs_is_right=~absent & ~wrong & ~invalid & (nhs == who.nhs[rows]),
        birth_is_right=~no_birth & ~shifted,
        birth_year_is_right=~no_birth & year,
        a_name_is_right=names[0] | names[1],
        birth=birth,
        birth_is_missing=no_birth,
        nhs_is_anothers=~absent & ~invalid & (nhs != who.nhs[rows]),
    )


def _nhs(draws: Draws, true: Ints) -> tuple[Ints, Flags, Flags, Flags, Flags]:
    """Numbers given; which are absent, someone else's, invalid, or shared by a couple."""
    numbers = draws.numbers
    by_hand = numbers < 30
    shared = np.isin(numbers, SHARED_NHS)
    always = shared | np.isin(numbers, (*CANARIES, TYPO_BOTH, WRONG_NHS, RIVERSIDE_FIRST))
    absent = ~always & ~draws.chance("gave-nhs", _SHARE_NHS)
    # The next person's number, where that is a person of ukdemo and not also of riverside.
    next_one = membership(Draws(draws.seed, numbers + 1))
    wrong = ~by_hand & draws.chance("others-nhs", _SHARE_OTHERS_NHS) & next_one[0] & ~next_one[1]
    wrong |= numbers == WRONG_NHS
    wrong &= ~absent
    owner = np.where(numbers == WRONG_NHS, WRONG_NHS_OWNER, numbers + 1)
    invalid = ~by_hand & ~wrong & ~absent & draws.chance("bad-nhs", _SHARE_INVALID_NHS)
    invalid |= numbers == RIVERSIDE_FIRST
    given = np.where(wrong, nhs_numbers(draws.seed, owner), true)
    given = np.where(shared, nhs_numbers(draws.seed, np.full(len(true), SHARED_NHS[0])), given)
    given = np.where(invalid, given // 10 * 10 + (given + 1) % 10, given)
    return given, absent, wrong, invalid, shared


def _birth(draws: Draws, true: Dates) -> tuple[Dates, Flags, Flags]:
    """Birth dates given; which are missing, which are wrong by days or by years."""
    by_hand = draws.numbers < 30
    missing = np.where(
        by_hand, draws.numbers == NO_BIRTH_DATE, draws.chance("no-dob", _SHARE_NO_BIRTH)
    )
    shifted = ~by_hand & ~missing & draws.chance("dob-error", _SHARE_BIRTH_ERROR)
    days = np.where(draws.chance("dob-year", 0.3), 730, 1 + draws.below("dob-days", 20))
    given: Dates = np.where(shifted, true + days, true)
    return given, missing, shifted
