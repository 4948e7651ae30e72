"""The true persons of the sample: who they are, what they have, and where they take part."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from biobraid.ingest.sample.attendance import Attendance, attendance
from biobraid.ingest.sample.cells import Dates
from biobraid.ingest.sample.draws import Draws, Flags, Ints, logistic
from biobraid.ingest.sample.identities import Identities, identities
from biobraid.ingest.sample.illness import Illness, illness
from biobraid.ingest.sample.planted import (
    BOTH,
    EFFECTS,
    GP_LINKED,
    ON_MAP,
    RIVERSIDE_ONLY,
    SHARE_BOTH,
    SHARE_ON_MAP,
    SHARE_UKDEMO_ONLY,
    UKDEMO_ONLY,
    WITHDRAWN_BOTH,
    WITHDRAWN_UKDEMO,
)
from biobraid.ingest.sample.traits import Traits, true_traits

NEVER = np.datetime64("NaT", "D")
LAST_DAY = np.datetime64("2022-12-31", "D")  # nothing is recorded after it


@dataclass(frozen=True)
class Participation:
    """Where a person takes part, and when; NaT where not."""

    in_ukdemo: Flags
    in_riverside: Flags
    on_map: Flags
    visits: tuple[Dates, Dates, Dates]  # ukdemo's instances 0, 1, 2
    riverside_visit: Dates
    centre: Ints
    gp_linked: Flags
    gp_provider: Ints  # 1 or 3: which of the two Read versions codes are in
    death: Dates
    withdrawn: Flags


@dataclass(frozen=True)
class People:
    """A block of persons."""

    draws: Draws
    identity: Identities
    traits: Traits
    illness: Illness
    part: Participation
    attends: Attendance


def people(seed: int, numbers: Ints) -> People:
    """The persons with these numbers; the same whatever block they are made in."""
    draws = Draws(seed, numbers)
    in_ukdemo, in_riverside, on_map = membership(draws)
    male = draws.chance("male", 0.46)
    birth = np.datetime64("1937-01-01", "D") + np.where(
        in_ukdemo, draws.below("birth", 33 * 365), draws.below("birth", 48 * 365)
    )
    who = identities(draws, male, birth)
    first_visit = np.datetime64("2006-03-13", "D") + draws.below("visit0", 1660)
    traits = true_traits(draws, male, (first_visit - who.birth).astype(np.int64) / 365.25)
    ill = illness(draws, traits, who.birth)
    part = _participation(draws, traits, ill, first_visit, (in_ukdemo, in_riverside, on_map))
    return People(draws, who, traits, ill, part, attendance(draws, part.death))


def membership(draws: Draws) -> tuple[Flags, Flags, Flags]:
    """In ukdemo, in riverside, and (of those in both) on the authoritative map."""
    u = draws.uniform("cohort")
    only_ukdemo = u < SHARE_UKDEMO_ONLY
    both = ~only_ukdemo & (u < SHARE_UKDEMO_ONLY + SHARE_BOTH)
    on_map = draws.chance("map", SHARE_ON_MAP)
    planted = np.isin(draws.numbers, (*UKDEMO_ONLY, *BOTH, *RIVERSIDE_ONLY))
    only_ukdemo = np.where(planted, np.isin(draws.numbers, UKDEMO_ONLY), only_ukdemo)
    both = np.where(planted, np.isin(draws.numbers, BOTH), both)
    on_map = both & np.where(planted, np.isin(draws.numbers, ON_MAP), on_map)
    return only_ukdemo | both, ~only_ukdemo, on_map


def _participation(
    draws: Draws,
    traits: Traits,
    ill: Illness,
    first_visit: Dates,
    member: tuple[Flags, Flags, Flags],
) -> Participation:
    in_ukdemo, in_riverside, on_map = member
    dies = draws.chance(
        "dies",
        logistic(-3.0 + 0.09 * (traits.age - 57.0) + 0.6 * (traits.smoking == 2)
                 + 0.8 * ill.has("mi")),
    )  # fmt: skip
    death = np.where(dies, np.datetime64("2015-01-01", "D") + draws.below("death", 2900), NEVER)
    age, town, male = traits.age - 57.0, traits.townsend, traits.male
    imaging = draws.chance(
        "imaging",
        logistic(-1.2 + EFFECTS["imaging_log_odds_per_year_of_age"] * age
                 + EFFECTS["imaging_log_odds_per_townsend"] * town
                 + EFFECTS["imaging_log_odds_male"] * male),
    )  # fmt: skip
    gp = draws.chance(
        "gp",
        logistic(-0.2 + EFFECTS["gp_log_odds_per_year_of_age"] * age
                 + EFFECTS["gp_log_odds_per_townsend"] * town
                 + EFFECTS["gp_log_odds_male"] * male),
    )  # fmt: skip
    second = first_visit + 1500 + draws.below("visit1", 900)
    third = np.datetime64("2014-05-02", "D") + draws.below("visit2", 2000)
    riverside = np.datetime64("2012-01-09", "D") + draws.below("riverside-visit", 900)
    repeat = in_ukdemo & draws.chance("repeat", 0.08)
    return Participation(
        in_ukdemo=in_ukdemo,
        in_riverside=in_riverside,
        on_map=on_map,
        visits=(
            _only(first_visit, in_ukdemo, death),
            _only(second, repeat, death),
            _only(third, in_ukdemo & imaging, death),
        ),
        riverside_visit=_only(riverside, in_riverside, death),
        centre=draws.below("centre", 6),
        gp_linked=in_ukdemo & (gp | np.isin(draws.numbers, GP_LINKED)),
        gp_provider=np.where(draws.chance("provider", 0.6), 3, 1).astype(np.int64),
        death=death,
        withdrawn=in_ukdemo & np.isin(draws.numbers, (WITHDRAWN_UKDEMO, WITHDRAWN_BOTH)),
    )


def _only(day: Dates, takes_part: Flags, death: Dates) -> Dates:
    """The day where the person takes part and still lives, else not a date."""
    alive = np.isnat(death) | (day < death)
    out: Dates = np.where(takes_part & alive, day, NEVER)
    return out
