"""People as two British files know them: an EHR and a questionnaire, with stated errors.

Rates are those of the design (linkage.md 2.2): 70 % of each file are in the other; NHS number
97 % and 60 %; in the questionnaire names mistyped 5 % each, surname changed 3 % (women), moved
15 %, birth date wrong 3 %, names turned round 1 %, values missing; the EHR at 40 % of that; one
NHS number in a thousand is someone else's. `hard` adds e-mails, phones and families (HARD below).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Texts = npt.NDArray[np.str_]
Ints = npt.NDArray[np.int64]
Rng = np.random.Generator

OVERLAP = 0.7
EHR_SHARE_OF_ERRORS = 0.4
RATES = {
    "typo": 0.05, "surname_changed": 0.03, "moved": 0.15, "birth_wrong": 0.03, "turned": 0.01,
    "first_name": 0.01, "surname": 0.01, "birth_date": 0.01, "postcode": 0.04, "sex": 0.01,
}  # fmt: skip
NHS_KNOWN = (0.97, 0.60)
NHS_OF_ANOTHER = 0.001
EMAIL_KNOWN, PHONE_KNOWN = (0.35, 0.85), (0.6, 0.8)
# Of all people: twin pairs (same surname, birth date, home; half of them of one sex), parents and
# children of one name at one home, and families of up to three who give one e-mail and phone.
HARD = {"twins": 0.03, "namesakes": 0.02, "shared_contact": 0.25, "shared_typo": 0.02}

_ONSETS = [
    "b",
    "br",
    "c",
    "ch",
    "cl",
    "d",
    "f",
    "fr",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "l",
    "m",
    "n",
    "p",
    "r",
    "s",
    "sh",
    "st",
    "t",
    "th",
    "tr",
    "v",
    "w",
]
_VOWELS = ["a", "e", "i", "o", "u", "ai", "ea", "ee", "ia", "oa"]
_ENDS = ["l", "n", "r", "s", "t", "m", "d", "th", "nd", "rt", "ck", "y"]


@dataclass(frozen=True)
class Files:
    """Two files of as many rows each; `person` is the truth, -1 never occurs."""

    ehr: pa.Table
    survey: pa.Table


def draw_files(n: int, seed: int, profile: str = "base") -> Files:
    """Two files of n records each, columns person (int64) and the identity types as text."""
    rng = np.random.default_rng([seed, 7])
    n_people = round(n * (2 - OVERLAP))
    people = _people(rng, n_people, is_hard=profile == "hard")
    order = rng.permutation(n_people)
    in_ehr, in_survey = order[:n], order[n_people - n :]
    return Files(
        _observed(rng, people, rng.permutation(in_ehr), 0),
        _observed(rng, people, rng.permutation(in_survey), 1),
    )


def _people(rng: Rng, n: int, is_hard: bool) -> dict[str, npt.NDArray[np.generic]]:
    female = rng.random(n) < 0.52
    names = _names(rng, 2400, 1), _names(rng, 40_000, 2)
    half = len(names[0]) // 2
    first = names[0][_zipf(rng, n, half, 0.9) + np.where(female, half, 0)]
    surname = names[1][_zipf(rng, n, len(names[1]), 0.75)]
    born = (np.datetime64("1930-01-01") + rng.triangular(0, 12_000, 27_000, n).astype(int)).astype(
        "datetime64[D]"
    )
    home = rng.integers(0, max(n // 15, 1), n)
    contact = np.arange(n)
    if is_hard:
        _make_families(rng, n, first, surname, born, home, female, contact, names[0], half)
    return {
        "female": female, "first_name": first, "surname": surname, "born": born, "home": home,
        "contact": contact, "nhs": _nhs_numbers(rng, n), "all_surnames": names[1],
        "has_contact": np.array(is_hard),
    }  # fmt: skip


def _make_families(
    rng: Rng, n: int, first: Texts, surname: Texts, born: npt.NDArray[np.datetime64],
    home: Ints, female: npt.NDArray[np.bool_], contact: Ints, all_first: Texts, half: int,
) -> None:  # fmt: skip
    order = rng.permutation(n)
    n_twins, n_same = round(n * HARD["twins"] / 2), round(n * HARD["namesakes"] / 2)
    one, other = order[:n_twins], order[n_twins : 2 * n_twins]
    surname[other], born[other], home[other] = surname[one], born[one], home[one]
    same_sex = rng.random(n_twins) < 0.5
    female[other] = np.where(same_sex, female[one], ~female[one])
    first[other] = all_first[_zipf(rng, n_twins, half, 0.9) + np.where(female[other], half, 0)]
    start = 2 * n_twins
    parent, child = order[start : start + n_same], order[start + n_same : start + 2 * n_same]
    surname[child], first[child], home[child] = surname[parent], first[parent], home[parent]
    female[child] = female[parent]
    contact[other], contact[child] = contact[one], contact[parent]
    rest = order[start + 2 * n_same :]
    n_trios = round(n * HARD["shared_contact"] / 3)
    trio = rest[: 3 * n_trios].reshape(-1, 3)
    for member in (1, 2):
        home[trio[:, member]] = home[trio[:, 0]]
        contact[trio[:, member]] = contact[trio[:, 0]]
        surname[trio[:, member]] = surname[trio[:, 0]]


def _observed(
    rng: Rng, people: dict[str, npt.NDArray[np.generic]], who: Ints, file: int
) -> pa.Table:
    """One file's records of `who`."""
    n = len(who)
    share = (EHR_SHARE_OF_ERRORS, 1.0)[file]

    def hit(rate: str) -> npt.NDArray[np.bool_]:
        hits: npt.NDArray[np.bool_] = rng.random(n) < RATES[rate] * share
        return hits

    female = people["female"][who]
    first, surname = people["first_name"][who], people["surname"][who]
    changed = hit("surname_changed") & female
    spouses = people["all_surnames"]
    surname = np.where(changed, spouses[_zipf(rng, n, len(spouses), 0.75)], surname)
    first, surname = _mistype(rng, first, hit("typo")), _mistype(rng, surname, hit("typo"))
    turned = hit("turned")
    first, surname = np.where(turned, surname, first), np.where(turned, first, surname)
    n_homes = max(len(people["home"]) // 15, 1)
    home = np.where(hit("moved"), rng.integers(0, n_homes, n), people["home"][who])
    born = _wrong_dates(rng, people["born"][who], hit("birth_wrong"))
    number = people["nhs"][who]
    others = rng.random(n) < NHS_OF_ANOTHER
    number = np.where(others, people["nhs"][rng.integers(0, len(people["nhs"]), n)], number)
    contact = people["contact"][who]
    email = np.char.add(np.char.add("p", (contact * 7919 + 13).astype(str)), "@mail.org")
    phone = np.char.add("07", np.char.zfill((contact * 6_700_417 % 10**9).astype(str), 9))
    missing = {
        name: hit(name) for name in ("first_name", "surname", "birth_date", "postcode", "sex")
    }
    missing["nhs_number"] = rng.random(n) > NHS_KNOWN[file]
    missing["email"] = rng.random(n) > EMAIL_KNOWN[file] * people["has_contact"]
    missing["phone"] = rng.random(n) > PHONE_KNOWN[file] * people["has_contact"]
    columns = {
        "first_name": first, "surname": surname, "birth_date": born.astype(str),
        "sex": np.where(female, "F", "M"), "postcode": _postcodes(home), "nhs_number": number,
        "email": email, "phone": phone,
    }  # fmt: skip
    arrays = {k: pa.array(v.astype(str), mask=missing[k]) for k, v in columns.items()}
    return pa.table({"person": pa.array(who), **arrays})


def _names(rng: Rng, n: int, syllables: int) -> Texts:
    """n distinct names; the order is random, so that rank says nothing of length."""
    found: dict[str, None] = {}
    while len(found) < n:
        parts = [
            _ONSETS[rng.integers(len(_ONSETS))] + _VOWELS[rng.integers(len(_VOWELS))]
            for _ in range(int(rng.integers(syllables, syllables + 3)))
        ]
        found["".join(parts) + _ENDS[rng.integers(len(_ENDS))]] = None
    return np.array(list(found))


def _zipf(rng: Rng, n: int, n_values: int, power: float) -> Ints:
    weights = (np.arange(n_values) + 3.0) ** -power
    edges = np.cumsum(weights / weights.sum())
    drawn: Ints = np.searchsorted(edges, rng.random(n)).clip(0, n_values - 1)
    return drawn


def _nhs_numbers(rng: Rng, n: int) -> Texts:
    """n distinct valid NHS numbers."""
    scattered = np.arange(1, n + n // 5 + 1000) * 48_271 % 499_999_993
    stems = rng.permutation(400_000_000 + scattered)
    digits = (stems[:, None] // 10 ** np.arange(8, -1, -1)) % 10
    check = (11 - (digits * np.arange(10, 1, -1)).sum(axis=1) % 11) % 11
    valid = check < 10
    numbers: Texts = (stems[valid] * 10 + check[valid])[:n].astype(str)
    return numbers


def _postcodes(home: Ints) -> Texts:
    """A postcode per home number: area, district, sector, unit."""
    letters = np.array(list("ABCDEFGHJKLNPRSTUW"))
    unit = np.char.add(letters[home % 160 % 18], letters[home % 160 // 18])
    sector = home // 160 * 7919 % 97_200  # scattered over the country
    area = np.char.add(letters[sector % 18], letters[sector // 18 % 18])
    district = (1 + sector // 324 % 30).astype(str)
    number = (sector // 9720).astype(str)
    return np.char.add(np.char.add(area, district), np.char.add(number, unit))


def _mistype(rng: Rng, names: Texts, hit: npt.NDArray[np.bool_]) -> Texts:
    """One slip of the keyboard in each name hit: another letter, one left out, two turned."""
    out = names.astype("<U32")
    letters = "abcdefghijklmnopqrstuvwxyz"
    for i in np.flatnonzero(hit):
        name = str(out[i])
        at, kind = int(rng.integers(len(name))), int(rng.integers(3))
        if kind == 0:
            out[i] = name[:at] + letters[rng.integers(26)] + name[at + 1 :]
        elif kind == 1:
            out[i] = name[:at] + name[at + 1 :]
        else:
            out[i] = name[:at] + name[at + 1 : at + 2] + name[at : at + 1] + name[at + 2 :]
    return out


def _wrong_dates(
    rng: Rng, born: npt.NDArray[np.datetime64], hit: npt.NDArray[np.bool_]
) -> npt.NDArray[np.datetime64]:
    """Half a wrong day, a quarter a wrong year, a quarter day and month turned round."""
    kind = rng.random(len(born))
    month = born.astype("datetime64[M]")
    day = (born - month.astype("datetime64[D]")).astype(int)
    other_day = month.astype("datetime64[D]") + rng.integers(0, 28, len(born))
    other_year = (
        (month + 12 * rng.choice([-10, -1, 1, 10], len(born))).astype("datetime64[D]")
    ) + day.clip(0, 27)
    months = month.astype(int) % 12
    turned = born.astype("datetime64[Y]").astype("datetime64[M]") + day.clip(0, 11)
    turned = np.where(day < 12, turned.astype("datetime64[D]") + months, other_day)
    wrong = np.where(kind < 0.5, other_day, np.where(kind < 0.75, other_year, turned))
    return np.where(hit, wrong, born)
