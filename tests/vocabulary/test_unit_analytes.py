"""Conversions within one substance, against numbers worked by hand or printed in tables."""

from __future__ import annotations

import pytest

from biobraid.ingest.unit_analytes import analytes, conversion, unit_targets
from biobraid.ingest.units import known_codes
from biobraid.ingest.vocabulary import starter_concepts

# analyte | value | unit | the same value | in unit
WORKED = """
  glucose             | 90     | mg/dL           | 4.9957   | mmol/L
  glucose             | 5.5    | mmol/L          | 99.086   | mg/dL
  cholesterol         | 200    | mg/dL           | 5.1726   | mmol/L
  triglyceride        | 150    | mg/dL           | 1.6941   | mmol/L
  creatinine          | 1      | mg/dL           | 88.40    | umol/L
  urea nitrogen       | 14     | mg/dL           | 4.9975   | mmol/L
  urea                | 30     | mg/dL           | 4.9953   | mmol/L
  bilirubin           | 1      | mg/dL           | 17.104   | umol/L
  calcium             | 10     | mg/dL           | 2.4951   | mmol/L
  calcium             | 5      | 10*-3.eq/L      | 2.5      | mmol/L
  potassium           | 4      | 10*-3.eq/L      | 4        | mmol/L
  urate               | 6      | mg/dL           | 356.91   | umol/L
  iron                | 100    | ug/dL           | 17.907   | umol/L
  hemoglobin          | 15     | g/dL            | 9.3084   | mmol/L
  hemoglobin          | 150    | g/L             | 15       | g/dL
  albumin             | 4      | g/dL            | 602.08   | umol/L
  25-hydroxyvitamin D | 20     | ng/mL           | 49.920   | nmol/L
  testosterone        | 500    | ng/dL           | 17.336   | nmol/L
  thyroxine           | 1      | ng/dL           | 12.872   | pmol/L
  cobalamin           | 300    | pg/mL           | 221.34   | pmol/L
  insulin             | 10     | 10*-6.[iU]/mL   | 60       | pmol/L
  thyrotropin         | 2.5    | 10*-6.[U]/mL    | 2.5      | 10*-3.[iU]/L
  enzyme              | 40     | [iU]/L          | 40       | [U]/L
  enzyme              | 1      | ukat/L          | 60       | [U]/L
  protein             | 0.5    | mg/dL           | 5        | mg/L
  HbA1c               | 48     | mmol/mol        | 6.543    | %
  HbA1c               | 6.5    | %               | 47.529   | mmol/mol
  HbA1c               | 7      | %{HbA1c}        | 7        | %
                      | 98.6   | [degF]          | 37       | Cel
                      | 37     | Cel             | 98.6     | [degF]
                      | 310.15 | K               | 37       | Cel
                      | 154    | [lb_us]         | 69.8532  | kg
                      | 0.42   | L/L             | 42       | %
                      | 7000   | {cells}/uL      | 7        | 10*9/L
"""


@pytest.mark.parametrize("row", [line.strip() for line in WORKED.strip().splitlines()])
def test_worked_conversions(row: str) -> None:
    name, value, given, expected, wanted = (cell.strip() for cell in f" {row}".split("|"))
    found = conversion(given, wanted, analytes()[name] if name else None)
    assert found is not None
    factor, offset = found
    assert float(value) * factor + offset == pytest.approx(float(expected), rel=2e-4)


@pytest.mark.parametrize(
    ("name", "given", "wanted"),
    [
        ("", "mg/dL", "mmol/L"),  # of which substance?
        ("", "[degF]", "kg"),
        ("", "mmol/mol", "%"),
        ("glucose", "mg", "mmol/L"),
        ("glucose", "kg", "mg/dL"),
        ("protein", "nmol/L", "mg/L"),
        ("glucose", "10*-3.[iU]/L", "mmol/L"),
        ("HbA1c", "g/dL", "%"),
        ("glucose", "nonsense", "mmol/L"),
    ],
)
def test_what_cannot_be_converted(name: str, given: str, wanted: str) -> None:
    assert conversion(given, wanted, analytes()[name] if name else None) is None


def test_there_and_back_is_the_same_number() -> None:
    for target in unit_targets():
        analyte = analytes().get(target.analyte)
        for code in ("mmol/L", "mg/dL", "mmol/mol", "[degF]", "10*-3.eq/L", "[iU]/L"):
            there, back = (
                conversion(code, target.ucum, analyte),
                conversion(target.ucum, code, analyte),
            )
            assert (there is None) == (back is None)
            if there and back:
                number = (37.5 * there[0] + there[1]) * back[0] + back[1]
                assert number == pytest.approx(37.5, rel=1e-9), (target, code)


def test_targets_are_units_and_concepts_of_the_vocabulary() -> None:
    names = {
        (row["vocabulary_id"], row["concept_code"]): row["domain_id"]
        for row in starter_concepts().to_pylist()
    }
    keys = [(t.vocabulary_id, t.concept_code) for t in unit_targets()]
    assert len(set(keys)) == len(keys)
    assert {t.ucum for t in unit_targets()} <= known_codes()
    assert {t.analyte for t in unit_targets()} - {""} <= set(analytes())
    assert {names[key] for key in keys if key in names} == {"Measurement"}
    assert sum(key in names for key in keys) > 100
