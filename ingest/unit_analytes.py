"""Units of one substance: mass, moles, equivalents and international units into each other.

unit_analytes.csv says what a mole, an equivalent and a unit of each analyte are; unit_linear.csv
holds scales that no factor joins (HbA1c); unit_targets.csv says which analyte a concept measures
and the one unit its values are stored in. The property in the concept's name decides between
mass and moles, so that the unit never contradicts the concept. Each row names its source. Codes
that the starter vocabulary lacks are LOINC's own and join when a full vocabulary is loaded.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from biobraid.ingest.units import base_units, linear, rounded

_FOLDER = Path(__file__).parent
_ANNOTATION = re.compile(r"\{[^}]*\}")


@dataclass(frozen=True)
class Analyte:
    """How amounts of one substance are counted; None where it is not agreed."""

    name: str
    molar_mass: float | None  # grams per mole
    valence: int | None  # equivalents per mole
    iu_amount: float | None  # what one international unit is, in iu_unit
    iu_unit: str  # UCUM
    scales: tuple[tuple[str, str, float, float], ...]  # from, to, factor, offset


@dataclass(frozen=True)
class UnitTarget:
    """The one unit in which values of a concept are stored."""

    vocabulary_id: str
    concept_code: str
    ucum: str
    analyte: str  # empty: units convert by dimension alone


def conversion(
    from_ucum: str, to_ucum: str, analyte: Analyte | None = None
) -> tuple[float, float] | None:
    """(factor, offset) that takes a number from one unit to the other; None if nothing does.

    An analyte's own scales come first, then the dimensions, then what a mole, an equivalent
    or a unit of the analyte is.
    """
    if analyte is None:
        return linear(from_ucum, to_ucum)
    given, wanted = (_ANNOTATION.sub("", u) or "1" for u in (from_ucum, to_ucum))
    for start, end, factor, offset in analyte.scales:
        if (given, wanted) == (start, end):
            return factor, offset
        if (given, wanted) == (end, start):
            return rounded(1 / factor), rounded(-offset / factor)
    found = linear(from_ucum, to_ucum)
    if found is not None or analyte.scales:
        return found
    factor_only = _factor_within(analyte, from_ucum, to_ucum)
    return None if factor_only is None else (factor_only, 0.0)


def _factor_within(analyte: Analyte, from_ucum: str, to_ucum: str) -> float | None:
    """The factor where the units differ only in how an amount of the analyte is counted."""
    one, other = base_units(from_ucum), base_units(to_ucum)
    if one is None or other is None:
        return None
    powers = {k: one[1].get(k, 0) - other[1].get(k, 0) for k in {**one[1], **other[1]}}
    factor = one[0] / other[0]
    ways = _ways(analyte)
    # International units first: they are stated in moles or units, which may go on to grams.
    for amount in ("ucum_iu", "ucum_equivalent", "ucum_unit", "mole"):
        power = powers.get(amount, 0)
        if not power or _is_settled(powers):
            continue
        if amount not in ways:
            return None
        number, becomes = ways[amount]
        factor *= number**power
        powers[amount] = 0
        for base, exponent in becomes.items():
            powers[base] = powers.get(base, 0) + exponent * power
    return rounded(factor) if _is_settled(powers) else None


def _is_settled(powers: dict[str, float]) -> bool:
    return not any(powers.values())


@cache
def _ways(analyte: Analyte) -> dict[str, tuple[float, dict[str, float]]]:
    """What one of each kind of amount is, in other base units."""
    ways: dict[str, tuple[float, dict[str, float]]] = {}
    if analyte.molar_mass is not None:
        ways["mole"] = analyte.molar_mass / 1000, {"kilogram": 1}
    if analyte.valence is not None:
        ways["ucum_equivalent"] = 1 / analyte.valence, {"mole": 1}
    unit = base_units(analyte.iu_unit) if analyte.iu_amount is not None else None
    if unit is not None and analyte.iu_amount is not None:
        ways["ucum_iu"] = analyte.iu_amount * unit[0], unit[1]
    if analyte.name == "enzyme":  # a unit turns over one micromole a minute
        ways["ucum_unit"] = 1e-6 / 60, {"mole": 1, "second": -1}
    return ways


@cache
def analytes() -> dict[str, Analyte]:
    """The analytes, by name."""
    scales: dict[str, list[tuple[str, str, float, float]]] = {}
    for row in _rows("unit_linear.csv"):
        scale = row["from_ucum"], row["to_ucum"], float(row["factor"]), float(row["offset"])
        scales.setdefault(row["analyte"], []).append(scale)
    return {
        row["analyte"]: Analyte(
            row["analyte"],
            float(row["molar_mass"]) if row["molar_mass"] else None,
            int(row["valence"]) if row["valence"] else None,
            float(row["iu_amount"]) if row["iu_amount"] else None,
            row["iu_unit"],
            tuple(scales.get(row["analyte"], ())),
        )
        for row in _rows("unit_analytes.csv")
    }


@cache
def unit_targets() -> tuple[UnitTarget, ...]:
    """Concepts with the unit their values are stored in."""
    return tuple(
        UnitTarget(row["vocabulary_id"], row["concept_code"], row["ucum"], row["analyte"])
        for row in _rows("unit_targets.csv")
    )


def _rows(name: str) -> list[dict[str, str]]:
    with (_FOLDER / name).open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))
