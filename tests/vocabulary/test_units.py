"""Units as people write them, in UCUM, and between each other."""

from __future__ import annotations

import pytest

from biobraid.ingest.units import (
    NO_UNIT,
    _spellings,
    factor,
    known_codes,
    to_ucum,
    unit_suggestions,
)


@pytest.mark.parametrize(
    ("written", "ucum"),
    [
        ("mmol/L", "mmol/L"),
        ("mmol/litre", "mmol/L"),
        ("MG/DL", "mg/dL"),
        ("mm Hg", "mm[Hg]"),
        ("mmHg", "mm[Hg]"),
        ("beats/min", "/min"),
        ("bpm", "/min"),
        ("inches", "[in_i]"),
        ("lb", "[lb_us]"),
        ("Kg", "kg"),
        ("kg/m²", "kg/m2"),
        ("µmol/L", "umol/L"),
        ("10^9 cells/Litre", "10*9/L"),
        ("U/L", "[U]/L"),
        ("degrees C", "Cel"),
        ("percent", "%"),
        (" years ", "a"),
        ("F", "[degF]"),
        ("C", "Cel"),
        ("G", "g"),
        ("H", "h"),
        ("S", "s"),
        ("K", "K"),
        ("U", "[U]"),
        ("uU/mL", "10*-6.[iU]/mL"),
        ("x10E3/uL", "10*3/uL"),
        ("x10*9/L", "10*9/L"),
        ("thou/uL", "10*3/uL"),
        ("cells/mm3", "/uL"),
        ("/hpf", "/[HPF]"),
        ("/HPF", "/[HPF]"),
        ("n/a", NO_UNIT),
        ("None", NO_UNIT),
        ("no unit", NO_UNIT),
        ("unitless", "1"),
        ("furlongs", None),
        ("", None),
        (None, None),
    ],
)
def test_spellings(written: str | None, ucum: str | None) -> None:
    assert to_ucum(written) == ucum


def test_every_spelling_leads_to_a_unit_of_the_vocabulary() -> None:
    assert set(_spellings().values()) <= known_codes() | {NO_UNIT}


@pytest.mark.parametrize(
    ("given", "wanted", "expected"),
    [
        ("[in_i]", "cm", 2.54),
        ("[lb_us]", "kg", 0.45359237),
        ("[stone_av]", "kg", 6.35029318),
        ("g/dL", "g/L", 10),
        ("umol/L", "mmol/L", 0.001),
        ("10*3/uL", "10*9/L", 1),
        ("/min", "/h", 60),
        ("mg/(24.h)", "g/(24.h)", 0.001),
        ("mm[Hg]", "kPa", 0.133322387415),
        ("%", "{ratio}", 0.01),
        ("10*-3.[iU]/mL", "[iU]/L", 1),
        ("kg", "kg", 1),
    ],
)
def test_factors(given: str, wanted: str, expected: float) -> None:
    assert factor(given, wanted) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("given", "wanted", "why"),
    [
        ("mg/dL", "mmol/L", "needs the molar mass of the analyte"),
        ("Cel", "[degF]", "has another zero point"),
        ("%", "mmol/mol", "HbA1c in per cent is not a tenth of mmol/mol"),
        ("[iU]/L", "[U]/L", "an international unit is no enzyme unit"),
        ("[smoot]", "cm", "is not known"),
        ("1", "%", "is written for want of a unit: 6.5 is no 650 %"),
        ("%", "1", "would be guessed as a ratio"),
    ],
)
def test_no_factor_is_better_than_a_wrong_one(given: str, wanted: str, why: str) -> None:
    assert factor(given, wanted) is None, why


def test_factors_there_and_back_cancel() -> None:
    for one, other in (("[in_i]", "cm"), ("g/dL", "mg/L"), ("wk", "d"), ("kPa", "mm[Hg]")):
        there, back = factor(one, other), factor(other, one)
        assert there is not None and back is not None
        assert there * back == pytest.approx(1, rel=1e-9)


def test_near_misses_are_ucum() -> None:
    assert "mmol/L" in unit_suggestions("mmol/lt")
    assert unit_suggestions("kilogrms")[0] == "kg"
