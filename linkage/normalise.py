"""Identifiers in one spelling, and whether they are fit for comparison.

One function per type, applied once to each distinct value. NORM_VERSION is stored with every
result; raising it makes the next linkage normalise all values again.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable, Iterable
from functools import partial
from typing import NamedTuple

from biobraid.linkage.country import Country, country_pack

NORM_VERSION = 3


class Norm(NamedTuple):
    """A value in one spelling; `is_valid` is false where it must not be compared."""

    value: str | None
    is_valid: bool


_NOTHING = Norm(None, False)

# Filled in where the number is not known; ten equal digits pass the check digit.
_JUNK_NHS = frozenset(["0123456789", "1234567890", "9876543210"] + [d * 10 for d in "0123456789"])
_PLACEHOLDER_NAMES = frozenset(
    {"unknown", "notknown", "na", "none", "nil", "null", "x", "xx", "xxx"}
    | {"test", "testpatient", "patient", "baby", "infant"}
)
_TITLES = frozenset(
    ["mr", "mrs", "ms", "miss", "mx", "dr", "prof", "professor", "sir", "dame", "rev"]
)
_JUNK_DATES = frozenset(["1900-01-01", "1900-01", "1900", "1901-01-01", "1970-01-01"])
_SEXES = {
    "m": "m", "male": "m", "man": "m", "1": "m",
    "f": "f", "female": "f", "woman": "f", "0": "f", "2": "f",
}  # fmt: skip
_FIRST_YEAR, _LAST_YEAR = 1880, 2100

_ISO = re.compile(r"(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2}))?)?(?:[T ]\d{2}:\d{2}.*)?")
_DMY = re.compile(r"(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s.]+")
_PERSON_KEY = re.compile(r"[0-9a-f]{32}")
_TOKEN = re.compile(r"[0-9a-f]{256}")


def normalise(
    kind: str, values: Iterable[str], date_order: str = "ymd", country: str = "gb"
) -> list[Norm]:
    """Each value of one identity type in one spelling; the type may carry a ":namespace".

    Raises KeyError for a type without a rule (has_rule).
    date_order: as the source declares it; `mdy` reads 03/12/1950 as March 12. country: the
    pack that says how postcodes, phones and national ids are written.
    """
    base = kind.partition(":")[0]
    if base == "birth_date" and date_order == "mdy":
        return [birth_date(value, is_month_first=True) for value in values]
    if base in _COUNTRY_RULES:
        return [*map(partial(_COUNTRY_RULES[base], country_pack(country)), values)]
    rule = _RULES[base]
    return [rule(value) for value in values]


def has_rule(kind: str) -> bool:
    """Whether values of the type are put in one spelling; others stay as delivered."""
    return kind.partition(":")[0] in _RULES | _COUNTRY_RULES


def nhs_number(value: str) -> Norm:
    """Ten digits that pass the modulus-11 check and are not a known filler.

    Source: NHS Data Dictionary, NHS NUMBER, check digit.
    """
    digits = re.sub(r"[\s\-./]", "", value)
    if not (len(digits) == 10 and digits.isascii() and digits.isdigit()):
        return Norm(digits or None, False)
    check = 11 - sum((10 - i) * int(d) for i, d in enumerate(digits[:9])) % 11
    check = 0 if check == 11 else check
    return Norm(digits, check == int(digits[9]) and digits not in _JUNK_NHS)


def national_id(country: Country, value: str) -> Norm:
    """Letters and digits in upper case, in the country's shape; fillers are not valid."""
    cleaned = re.sub(r"[^A-Z0-9]", "", unicodedata.normalize("NFKC", value).upper())
    shaped = bool(country.national_id.fullmatch(cleaned)) and len(set(cleaned)) > 1
    return Norm(cleaned or None, shaped and cleaned not in country.national_id_junk)


def name(value: str) -> Norm:
    """Letters without accents, case or punctuation; initials and placeholders are not valid."""
    joined = "".join(_letters(value).split())
    return Norm(joined or None, len(joined) >= 2 and joined not in _PLACEHOLDER_NAMES)


def full_name(value: str) -> Norm:
    """ "first surname", titles left out; "Surname, First" is turned round."""
    surname, comma, first = value.partition(",")
    ordered = f"{first} {surname}" if comma else value
    words = [w for w in _letters(ordered).split() if w not in _TITLES]
    if len(words) < 2:
        return Norm(" ".join(words) or None, False)
    ends = f"{words[0]} {words[-1]}"
    return Norm(ends, not (_PLACEHOLDER_NAMES & {words[0], words[-1], "".join(words)}))


def birth_date(value: str, is_month_first: bool = False) -> Norm:
    """YYYY-MM-DD, YYYY-MM or YYYY; dates that do not start with the year are day first.

    Default dates, impossible dates and years no living memory reaches are not valid.
    """
    cleaned = value.strip()
    if match := _ISO.fullmatch(cleaned) or _COMPACT.fullmatch(cleaned):
        year, month, day = match.groups()
    elif match := _DMY.fullmatch(cleaned):
        day, month, year = match.groups()
        if is_month_first:
            day, month = month, day
    else:
        return _NOTHING
    if not _FIRST_YEAR <= int(year) <= _LAST_YEAR or (month and not 1 <= int(month) <= 12):
        return _NOTHING
    if day and not 1 <= int(day) <= calendar.monthrange(int(year), int(month))[1]:
        return _NOTHING
    parts = [year] + [f"{int(p):02d}" for p in (month, day) if p]
    date = "-".join(parts)
    return Norm(date, date not in _JUNK_DATES)


def sex(value: str) -> Norm:
    """m or f; 1 is male, 0 (UK Biobank) and 2 (ISO 5218) are female."""
    found = _SEXES.get(value.strip().casefold())
    return Norm(found, True) if found else _NOTHING


def postcode(country: Country, value: str) -> Norm:
    """Upper case without blanks; valid if it has the country's shape and is no filler."""
    cleaned = re.sub(r"[^A-Z0-9]", "", value.upper())[: country.postcode_length]
    shaped = bool(country.postcode.fullmatch(cleaned))
    return Norm(cleaned or None, shaped and not cleaned.startswith(country.postcode_junk))


def address(value: str) -> Norm:
    """Letters and digits without accents, case or blanks; a number alone is not valid."""
    cleaned = re.sub(r"[\W_]", "", _folded(value))
    return Norm(cleaned or None, len(cleaned) >= 6 and not cleaned.isdigit())


def email(value: str) -> Norm:
    """Lower case, trimmed."""
    cleaned = value.strip().casefold()
    return Norm(cleaned or None, bool(_EMAIL.fullmatch(cleaned)))


def phone(country: Country, value: str) -> Norm:
    """Digits; the country's code becomes its trunk prefix (+44 and 0044 become 0)."""
    digits = re.sub(r"\D", "", value)
    few, many = country.phone_digits
    if country.phone_code:
        code, trunk = country.phone_code, country.phone_trunk
        own = rf"^(00{code}|{code}){trunk and f'(?:{trunk})?'}(?=\d{{{few},{many}}}$)"
        digits = re.sub(own, trunk, digits)
    return Norm(digits or None, 7 <= len(digits) <= 15 and len(set(digits)) > 1)


def clk(value: str) -> Norm:
    """A keyed token of linkage/tokens.py: 1,024 bits as hex digits, with some of them set."""
    cleaned = value.strip().lower()
    return Norm(cleaned or None, bool(_TOKEN.fullmatch(cleaned)) and len(set(cleaned)) > 2)


def map_id(value: str) -> Norm:
    """A source_person_key of another namespace."""
    cleaned = value.strip().lower()
    return Norm(cleaned or None, bool(_PERSON_KEY.fullmatch(cleaned)))


def _folded(value: str) -> str:
    """Without case, accents and compatibility forms (Unicode's compatibility caseless match, D146).

    Folded again after decomposing: a letter such as the double-struck S has a case only then.
    """
    if value.isascii():
        return value.casefold()
    for form in ("NFD", "NFKD", "NFKD"):
        value = unicodedata.normalize(form, value).casefold()
    decomposed = unicodedata.normalize("NFKD", value)
    return "".join(c for c in decomposed if not unicodedata.combining(c))


def _letters(value: str) -> str:
    # Apostrophes join (O'Neill), every other mark parts.
    joined = re.sub(r"['’`]", "", _folded(value))
    return re.sub(r"[\W\d_]+", " ", joined).strip()


_RULES: dict[str, Callable[[str], Norm]] = {
    "nhs_number": nhs_number,
    "first_name": name,
    "surname": name,
    "full_name": full_name,
    "birth_date": birth_date,
    "sex": sex,
    "address": address,
    "email": email,
    "map_id": map_id,
    "clk": clk,
}
_COUNTRY_RULES: dict[str, Callable[[Country, str], Norm]] = {
    "national_id": national_id,
    "postcode": postcode,
    "phone": phone,
}
