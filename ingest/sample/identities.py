"""Invented identities: names, NHS numbers of the range kept for tests, addresses, native ids."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pyarrow as pa

from biobraid.ingest.sample.cells import Dates, joined, number, pick, where
from biobraid.ingest.sample.draws import Draws, Flags, Ints
from biobraid.ingest.sample.planted import CANARIES


def _words(text: str) -> list[str]:
    return text.split()


_MEN = _words(
    "Adam Alan Albert Alfred Andrew Anthony Arthur Barry Brian Charles Christopher Colin "
    "Daniel David Dennis Derek Donald Douglas Edward Eric Ernest Frank Frederick Geoffrey "
    "George Gerald Gordon Graham Harold Harry Henry Hugh Ian James John Joseph Keith Kenneth "
    "Kevin Leonard Malcolm Martin Michael Neil Nigel Patrick Paul Peter Philip Ravi Raymond "
    "Richard Robert Roger Ronald Roy Simon Stanley Stephen Terence Thomas Trevor Walter William"
)
_WOMEN = _words(
    "Alice Amina Angela Ann Anne Audrey Barbara Beryl Brenda Carol Caroline Catherine "
    "Christine Deborah Diane Doreen Dorothy Edna Eileen Elaine Elizabeth Ethel Florence "
    "Gillian Helen Hilary Irene Jacqueline Jane Janet Jean Jennifer Joan Joyce Judith Julie "
    "Karen Kathleen Linda Lorraine Margaret Maria Marjorie Mary Maureen Moira Nora Olive "
    "Pamela Patricia Phyllis Priya Rita Rosemary Ruth Sandra Sheila Susan Sylvia Teresa Valerie "
    "Vera Winifred Zoë"
)
_STEMS = _words(
    "Ash Bar Beck Birch Black Brad Brook Car Cold Dal East Fair Far Glen Hal Hart Hazel Hol "
    "Kirk Lang Lin Long Marsh Mill Mor New Nor Oak Pen Red Ros San Shel Stan Thorn Wal West "
    "Whit Wind Wood"
)
_ENDINGS = _words(
    "bourne bury by combe croft dale den field ford gate ham hurst ley low man more ridge son "
    "stead stone thorpe ton well wick worth"
)
_AWKWARD = (
    "Müller", "O'Brien", "Núñez", "Lefèvre", "D'Souza", "Smith-Jones", "van der Berg", "Åberg",
)  # fmt: skip
_SURNAMES = [*_AWKWARD * 5, *(stem + ending for stem in _STEMS for ending in _ENDINGS)]
_AREAS = _words("BD BN BS CF DH EH HG LE LS NE NG NR OX PL RG SA SY TR WR YO")
_LETTERS = list("ABDEFGHJLNPQRSTUWXYZ")

# Recognisable by eye and by scan; no other person shares a value with them.
_CANARY_NAMES = {
    CANARIES[0]: ("Xanthippelle", "Zzyzxcanary", "ZZ97 7QX", "1937-11-13", "07700 900991"),
    CANARIES[1]: ("Quillonzo", "Qwyxcanary", "ZZ96 6QX", "1938-12-27", "07700 900992"),
    CANARIES[2]: ("Vvumbelina", "Vvumbcanary", "ZZ95 5QX", "1941-01-31", "07700 900993"),
}
CANARY_SURNAMES = tuple(names[1] for names in _CANARY_NAMES.values())
CANARY_KIN = "Nextofkinzyx"  # stands in free text and in no identity column


@dataclass(frozen=True)
class Identities:
    """One element per person, as the person would give them."""

    first_name: pa.Array
    surname: pa.Array
    birth: Dates
    postcode: pa.Array
    email: pa.Array
    phone: pa.Array
    nhs: Ints
    eid: Ints
    riverside_id: pa.Array


def identities(draws: Draws, male: Flags, birth: Dates) -> Identities:
    """Identities of a block of persons; canary persons get the planted ones."""
    n = draws.numbers
    first = where(
        male,
        pick(_MEN, draws.below("first", len(_MEN))),
        pick(_WOMEN, draws.below("first", len(_WOMEN))),
    )
    surname = pick(_SURNAMES, draws.below("surname", len(_SURNAMES)))
    postcode = joined(
        [
            pick(_AREAS, draws.below("area", len(_AREAS))),
            number(1 + draws.below("district", 28)),
            " ",
            number(1 + draws.below("sector", 9)),
            pick(_LETTERS, draws.below("unit1", len(_LETTERS))),
            pick(_LETTERS, draws.below("unit2", len(_LETTERS))),
        ]
    )
    # 07700 900000 to 900999 is kept for fiction; the last ten are kept for canaries.
    phone = joined(["07700 900", pick([f"{i:03d}" for i in range(990)], draws.below("tel", 990))])
    email = joined([pick(_ALPHABET, draws.below("mail", 26)), "p", number(n), "@example.org"])
    birth = birth.copy()
    for who, (canary_first, canary_surname, code, born, tel) in _CANARY_NAMES.items():
        is_canary = n == who
        first, surname = (
            where(is_canary, canary_first, first),
            where(is_canary, canary_surname, surname),
        )
        postcode, phone = where(is_canary, code, postcode), where(is_canary, tel, phone)
        email = where(is_canary, f"{canary_first}.{canary_surname}@example.org".lower(), email)
        birth[is_canary] = np.datetime64(born, "D")
    return Identities(
        first_name=first,
        surname=surname,
        birth=birth,
        postcode=postcode,
        email=email,
        phone=phone,
        nhs=nhs_numbers(draws.seed, n),
        eid=eids(draws.seed, n),
        riverside_id=riverside_ids(draws.seed, n),
    )


_ALPHABET = [chr(c) for c in range(97, 123)]


def eids(seed: int, numbers: Ints) -> Ints:
    """Seven-digit participant ids, unique, in no order."""
    prime = 8_999_993
    return 1_000_000 + (numbers * 3_454_321 + 1_234_577 + 7919 * seed) % prime


def riverside_ids(seed: int, numbers: Ints) -> pa.Array:
    """Eight-character participant ids with leading zeros, unique, in no order."""
    prime = 999_983
    ids = (numbers * 271_829 + 314_159 + 104_729 * seed) % prime
    return joined(["00", pick([f"{i:03d}" for i in range(1000)], ids // 1000),
                   pick([f"{i:03d}" for i in range(1000)], ids % 1000)])  # fmt: skip


def nhs_numbers(seed: int, numbers: Ints) -> Ints:
    """Valid ten-digit NHS numbers starting 999, the range kept for tests; unique."""
    table = _test_range()
    return table[(numbers * 599_999 + 17 + 7919 * seed) % len(table)]


@cache
def _test_range() -> Ints:
    body = 999_000_000 + np.arange(1_000_000, dtype=np.int64)
    check = check_digits(body)
    return (body * 10 + check)[check < 10]


def check_digits(body: Ints) -> Ints:
    """NHS check digit of nine digits (modulus 11); 10 where no valid number exists."""
    total = np.zeros(len(body), dtype=np.int64)
    for place in range(9):
        total += (body // 10 ** (8 - place) % 10) * (10 - place)
    return (11 - total % 11) % 11


def nhs_text(nhs: Ints, spaced: bool = False, absent: Flags | None = None) -> pa.Array:
    """NHS numbers as ten digits, or in the 3-3-4 form of letters."""
    plain = number(nhs, absent=absent)
    if not spaced:
        return plain
    three = [f"{i:03d}" for i in range(1000)]
    return joined_if(
        plain,
        [number(nhs // 10_000_000, absent=absent), pick(three, nhs // 10_000 % 1000),
         pick([f"{i:04d}" for i in range(10_000)], nhs % 10_000)],
        " ",
    )  # fmt: skip


def joined_if(present: pa.Array, parts: list[pa.Array], sign: str) -> pa.Array:
    """Parts joined where `present` has a value; empty elsewhere."""
    flags = np.asarray(present.is_valid())
    return where(flags, joined(parts, sign), None)


def misspelt(names: pa.Array, draws: Draws, which: Flags) -> pa.Array:
    """Names with two neighbouring letters swapped, where `which`."""
    words = names.to_pylist()
    places = draws.uniform("typo-place")
    for row in np.flatnonzero(which):
        word = words[row]
        if word is not None and len(word) > 3:
            i = 1 + int(places[row] * (len(word) - 2))
            swapped = word[:i] + word[i : i + 2][::-1] + word[i + 2 :]
            words[row] = swapped if swapped != word else word[:-1]
    return pa.array(words, pa.string())
