"""Units: a source's spelling to UCUM, and factors between UCUM units.

Codes are written as OMOP's UCUM vocabulary writes them ("[U]/L", "10*-3.[iU]/L"), so that
they join vocab.concept. Known codes are the standard ones of the starter vocabulary.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from biobraid.core.errors import near_misses
from biobraid.ingest.vocabulary import starter_concepts

# UCUM atoms in pint's words; those of `_METRIC` take a prefix. Arbitrary units keep a dimension
# of their own: an international unit of one substance is no mass, and an equivalent no mole.
_METRIC = {
    "m": "meter", "g": "gram", "s": "second", "L": "liter", "l": "liter", "mol": "mole",
    "Pa": "pascal", "V": "volt", "Hz": "hertz", "J": "joule", "W": "watt", "kat": "katal",
    "eq": "ucum_equivalent", "osm": "ucum_osmole", "m[Hg]": "1000 * mmHg", "T": "tesla",
    "cal": "calorie", "bar": "bar", "N": "newton", "A": "ampere", "Bq": "becquerel",
}  # fmt: skip
_PLAIN = {
    "%": "0.01", "min": "minute", "h": "hour", "d": "day", "wk": "week", "w": "week",
    "mo": "month", "a": "year", "y": "year", "[in_i]": "inch", "[ft_i]": "foot", "[mi_i]": "mile",
    "[lb_us]": "pound", "[lb_av]": "pound", "[oz_av]": "ounce", "[stone_av]": "14 * pound",
    "[Cal]": "1000 * calorie", "[U]": "ucum_unit", "U": "ucum_unit", "[iU]": "ucum_iu",
    "Ang": "angstrom", "t": "metric_ton", "10*": "10", "10^": "10", "[degF]": "", "Cel": "",
}  # fmt: skip
_TEMPERATURES = {"Cel": "degC", "[degF]": "degF", "K": "kelvin"}  # with a zero of their own
_PREFIXES = {
    "k": "1e3", "h": "1e2", "d": "1e-1", "c": "1e-2", "m": "1e-3", "u": "1e-6", "n": "1e-9",
    "p": "1e-12", "f": "1e-15", "M": "1e6", "G": "1e9",
}  # fmt: skip
NO_UNIT = ""  # UCUM code of "n/a": other than 1, which is the unit of a ratio
_TOKEN = re.compile(r"\{[^}]*\}|[()/.]|10[*^](?:[+-]?\d+)?|\d+|(?:\[[^\]]*\]|[A-Za-z%])+[+-]?\d*")
_ATOM = re.compile(r"(.*?)([+-]?\d+)?$")


def to_ucum(text: str | None) -> str | None:
    """The UCUM code for a unit as a source writes it; None if it is empty or not known.

    A UCUM code stands for itself; else the table of spellings decides, without regard to case
    and blanks; else a UCUM code that differs in case only, if there is one such. For one letter
    the spellings come first: F is Fahrenheit and no farad. NO_UNIT where it says there is none.
    """
    written = _tidy(text or "")
    if not written:
        return None
    spelled = _spellings().get(_key(written))
    if written in known_codes() and (spelled is None or len(written) > 1):
        return written
    return spelled if spelled is not None else _codes_by_key().get(_key(written))


def stated_unit(text: str | None) -> str | None:
    """A unit as a dictionary writes it; None if it is empty or says that there is none."""
    return None if not text or to_ucum(text) == NO_UNIT else text


def unit_suggestions(text: str) -> tuple[str, ...]:
    """UCUM codes whose code or spelling looks like the text, best first."""
    meant = {**_codes_by_key(), **_spellings()}
    found = near_misses(_key(text), meant, n=6)
    return tuple(dict.fromkeys(meant[word] for word in found if meant[word]))[:3]


def factor(from_ucum: str, to_ucum: str) -> float | None:
    """What a value in one unit is multiplied by to stand in the other; None if it cannot be.

    None also where the scales have different zero points (Celsius and Fahrenheit), where a
    unit is not known, between a plain ratio and a ratio of moles (mmol/mol of HbA1c is not a
    tenth of a per cent of HbA1c, whatever the dimensions say), and between 1 and anything but
    1: many write it for want of a unit, and 6.5 is then no 650 %.
    """
    if from_ucum == to_ucum:
        return 1.0
    if ("mol" in from_ucum) != ("mol" in to_ucum):
        return None
    given, wanted = base_units(from_ucum), base_units(to_ucum)
    if given is None or wanted is None or given[1] != wanted[1]:
        return None
    if "1" in (from_ucum, to_ucum) and given[0] != wanted[0]:
        return None
    return rounded(given[0] / wanted[0])


def linear(from_ucum: str, to_ucum: str) -> tuple[float, float] | None:
    """(factor, offset) from one unit to another of its dimension, temperatures included."""
    scales = _TEMPERATURES.get(from_ucum), _TEMPERATURES.get(to_ucum)
    if None in scales and from_ucum != to_ucum:
        only = factor(from_ucum, to_ucum)
        return None if only is None else (only, 0.0)
    if from_ucum == to_ucum:
        return 1.0, 0.0
    degrees = _registry().Quantity
    zero, one = (degrees(n, scales[0]).to(scales[1]).magnitude for n in (0.0, 1.0))
    return rounded(one - zero), rounded(zero)


def rounded(number: float) -> float:
    """12 digits: enough for any measurement, and 1/0.01 is 100 and not 99.99999999999999."""
    return float(f"{number:.12g}")


@cache
def base_units(code: str) -> tuple[float, dict[str, float]] | None:
    """The UCUM unit as a number of base units and their exponents; None if it is not known.

    Base units are pint's (kilogram, meter, second, mole, ...) and one each for what only
    counts within a substance: ucum_unit, ucum_iu, ucum_equivalent, ucum_osmole.
    """
    quantity = _quantity(code)
    if quantity is None:
        return None
    base = quantity.to_base_units()
    return float(base.magnitude), {str(name): power for name, power in base.unit_items()}


@cache
def known_codes() -> frozenset[str]:
    """Standard UCUM codes of the starter vocabulary."""
    concepts = starter_concepts()
    is_unit = pc.and_(
        pc.equal(concepts["vocabulary_id"], "UCUM"), pc.equal(concepts["standard_concept"], "S")
    )
    return frozenset(concepts.filter(is_unit)["concept_code"].to_pylist())


@cache
def _codes_by_key() -> dict[str, str]:
    found: dict[str, set[str]] = {}
    for code in known_codes():
        found.setdefault(_key(code), set()).add(code)
    return {key: codes.pop() for key, codes in found.items() if len(codes) == 1}


@cache
def _spellings() -> dict[str, str]:
    path = Path(__file__).parent / "unit_spellings.csv"
    table: dict[str, str] = {}
    with path.open(encoding="utf-8", newline="") as handle:
        for row in csv.DictReader(handle):
            for spelling in row["spellings"].split("|"):
                table[_key(spelling)] = row["ucum"]
    return table


def _tidy(text: str) -> str:
    for one, other in (("µ", "u"), ("μ", "u"), ("²", "2"), ("³", "3"), ("⁹", "^9"), ("×", "x")):
        text = text.replace(one, other)
    return text.strip()


def _key(text: str) -> str:
    return "".join(_tidy(text).lower().split())


@cache
def _registry() -> Any:
    import pint  # 0.3 s, and only conversions need it

    registry = pint.UnitRegistry()
    for name in ("ucum_unit", "ucum_iu", "ucum_equivalent", "ucum_osmole"):
        registry.define(f"{name} = [{name}]")
    return registry


@cache
def _quantity(code: str) -> Any | None:
    """The UCUM unit as a pint quantity; None where an atom is not known or has an offset."""
    tokens = _TOKEN.findall(code)
    if "".join(tokens) != code:
        return None
    words = [_words(token) for token in tokens]
    if None in words or not words:
        return None
    expression = " ".join(word for word in words if word)
    if expression.startswith("/"):
        expression = f"1 {expression}"
    try:
        return _registry().Quantity(1.0) * _registry().parse_expression(expression or "1")
    except Exception:  # OMOP's list has malformed codes ("."); pint fails on each in its own way
        return None


def _words(token: str) -> str | None:
    """A token of a UCUM code in pint's words; None if not known."""
    if token.startswith("{"):  # an annotation says what is counted and has no dimension
        return "1"
    if token in "()/" or token.isdigit():
        return token
    if token == ".":
        return "*"
    if token[:3] in ("10*", "10^"):
        return f"(10.0 ** {token[3:] or 1})"
    name, exponent = _ATOM.fullmatch(token).groups()  # type: ignore[union-attr]
    unit = _PLAIN.get(name) or _METRIC.get(name)
    if unit is None and name not in _PLAIN and name[:1] in _PREFIXES and name[1:] in _METRIC:
        unit = f"{_PREFIXES[name[0]]} * {_METRIC[name[1:]]}"
    return f"({unit}) ** {exponent or 1}" if unit else None
