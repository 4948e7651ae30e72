"""Numbers in the one unit of their concept, with their ranges and limits; what cannot be converted."""

from __future__ import annotations

import pytest

from biobraid.core.schemas import VOCAB_UNIT_CONVERSION
from biobraid.ingest.unit_tables import _conversions
from biobraid.ingest.units import to_ucum
from tests.models.test_event_given import PERSON
from tests.models.warehouse import Warehouse

# One value of 1.000 each makes the factor readable.
LABS = """
  raw.event
  person | kind        | code    | code_system | value | unit         | range_low | range_high | start_time | row_id
  -------+-------------+---------+-------------+-------+--------------+-----------+------------+------------+-------
  1      | measurement | 14749-6 | LOINC       | 90    | mg/dl        | 70        | 100        | 2010-05-06 | 1
  1      | measurement | 14749-6 | LOINC       | 5.5   | mmol/L       | 4         | 6          | 2010-05-06 | 2
  1      | measurement | 14749-6 | LOINC       | <18   | MG/DL        |           |            | 2010-05-06 | 3
  1      | measurement | 14749-6 | LOINC       | 5.5   | furlong      |           |            | 2010-05-06 | 4
  1      | measurement | 14749-6 | LOINC       | 5.5   | kg           | 1         | 2          | 2010-05-06 | 5
  1      | measurement | 14749-6 | LOINC       | 5.5   |              |           |            | 2010-05-06 | 6
  1      | measurement | 4548-4  | LOINC       | 48    | mmol/mol     | 20        | 42         | 2010-05-06 | 7
  1      | measurement | 4548-4  | LOINC       | 6.5   | percent      |           |            | 2010-05-06 | 8
  1      | measurement | 8310-5  | LOINC       | 98.6  | degrees F    |           |            | 2010-05-06 | 9
  1      | measurement | 8310-5  | LOINC       | high  | degrees F    |           |            | 2010-05-06 | 10
  1      | measurement | 777-3   | LOINC       | 7     | kg           |           |            | 2010-05-06 | 11

  vocab.concept
  concept_id | concept_name | domain_id   | vocabulary_id | concept_code | standard_concept
  -----------+--------------+-------------+---------------+--------------+-----------------
  1          | glucose      | Measurement | LOINC         | 14749-6      | S
  2          | HbA1c        | Measurement | LOINC         | 4548-4       | S
  3          | temperature  | Measurement | LOINC         | 8310-5       | S
  4          | untargeted   | Measurement | LOINC         | 777-3        | S
  5          | weight       | Measurement | LOINC         | 29463-7      | S
  8753       | mmol/L       | Unit        | UCUM          | mmol/L       | S
  8840       | mg/dL        | Unit        | UCUM          | mg/dL        | S
  8554       | %            | Unit        | UCUM          | %            | S
  8653       | Cel          | Unit        | UCUM          | Cel          | S
  9529       | kg           | Unit        | UCUM          | kg           | S
  9289       | degF         | Unit        | UCUM          | [degF]       | S
  9579       | mmol/mol     | Unit        | UCUM          | mmol/mol     | S
  8739       | lb           | Unit        | UCUM          | [lb_us]      | S
  4171756    | <            | Meas Value Operator | SNOMED | lt | S

  vocab.unit_target
  vocabulary_id | concept_code | ucum_unit | analyte
  --------------+--------------+-----------+--------
  LOINC         | 14749-6      | mmol/L    | glucose
  LOINC         | 4548-4       | %         | HbA1c
  LOINC         | 8310-5       | Cel       |
  LOINC         | 29463-7      | kg        |
"""
SPELLINGS = (
    "mg/dl", "MG/DL", "mmol/L", "furlong", "kg", "mmol/mol", "percent", "degrees F", "lb", "F",
    "n/a", "none", "1", "g",
)  # fmt: skip


def warehouse_of(given: str, mapped: frozenset[str] = frozenset()) -> Warehouse:
    """The given tables, with units as ingest publishes them."""
    made = Warehouse(given)
    spelled = [(unit, to_ucum(unit)) for unit in SPELLINGS]
    made.con.executemany("INSERT INTO vocab.unit_spelling VALUES (?, ?)", spelled)
    names = [c.name for c in VOCAB_UNIT_CONVERSION.columns]
    rows = _conversions(sorted({u for _, u in spelled if u}), set(mapped))
    made.con.executemany(
        "INSERT INTO vocab.unit_conversion VALUES (?, ?, ?, ?, ?)",
        [[row[name] for name in names] for row in rows],
    )
    return made


def test_labs_are_stored_in_the_unit_of_their_concept() -> None:
    made = warehouse_of(PERSON + LABS)
    found = made.build("cdm.measurement")
    rows = {
        row[found.names.index("measurement_id")]
        ^ row[found.names.index("measurement_concept_id")]: row
        for row in found.rows
    }  # fact id = xor(row id, concept id) where the vocabulary has no keys

    def cells(row_id: int) -> tuple[object, ...]:
        names = ("value_as_number", "unit_concept_id", "range_low", "range_high")
        values = [rows[row_id][found.names.index(n)] for n in names]
        return tuple(round(v, 4) if isinstance(v, float) else v for v in values)

    # 90 mg/dL / 18.0156; the range goes with it.
    assert cells(1) == (4.9957, 8753, 3.8855, 5.5507)
    assert cells(2) == (5.5, 8753, 4.0, 6.0)
    # The limit is converted, the operator stays (4171756: <).
    assert cells(3) == (0.9991, 8753, None, None)
    # Not a unit, a unit of another dimension, no unit: the number stays what it was.
    assert cells(4) == (5.5, 0, None, None)
    assert cells(5) == (5.5, 9529, 1.0, 2.0)
    assert cells(6) == (5.5, None, None, None)
    # 0.09148 x 48 + 2.152
    assert cells(7) == (6.543, 8554, 3.9816, 5.9942)
    assert cells(8) == (6.5, 8554, None, None)
    assert cells(9) == (37.0, 8653, None, None)
    assert cells(10) == (None, 8653, None, None)
    assert cells(11) == (7.0, 9529, None, None)
    sources = dict(
        zip(found.column("value_source_value"), found.column("unit_source_value"), strict=True)
    )
    assert (sources["<18"], sources["98.6"], sources["90"]) == ("MG/DL", "degrees F", "mg/dl")
    operator = dict(
        zip(found.column("value_source_value"), found.column("operator_concept_id"), strict=True)
    )
    assert operator["<18"] == 4171756 and operator["90"] is None


def test_how_numbers_came_to_their_units_is_counted() -> None:
    assert (
        warehouse_of(PERSON + LABS).build("mart.unit_use")
        == """
      concept_id | source_unit | unit_concept_id | unit_state    | n_values
      -----------+-------------+-----------------+---------------+---------
      1          | mg/dl       | 8753            | converted     | 1
      1          | MG/DL       | 8753            | converted     | 1
      1          | mmol/L      | 8753            | as-delivered  | 1
      1          | furlong     | 0               | unconvertible | 1
      1          | kg          | 9529            | unconvertible | 1
      1          |             |                 | no-unit       | 1
      2          | mmol/mol    | 8554            | converted     | 1
      2          | percent     | 8554            | as-delivered  | 1
      3          | degrees F   | 8653            | converted     | 1
      4          | kg          | 9529            | as-delivered  | 1
    """
    )


def test_what_an_omop_source_delivers_is_not_converted() -> None:
    given = """
      raw.event
      person | kind        | code    | code_system | concept_id | value | unit  | unit_concept_id | start_time | row_id
      -------+-------------+---------+-------------+------------+-------+-------+-----------------+------------+-------
      1      | measurement | 14749-6 | LOINC       | 1          | 90    | mg/dl | 8840            | 2010-05-06 | 1
      1      | measurement | 14749-6 | LOINC       | 1          | 90    | mg/dl |                 | 2010-05-06 | 2
      1      | measurement | 14749-6 | LOINC       |            | 90    | mg/dl | 8840            | 2010-05-06 | 3
    """
    concepts = LABS[LABS.index("  vocab.concept") :]
    assert (
        warehouse_of(given + PERSON + concepts).build("cdm.measurement")
        == """
      value_as_number | unit_concept_id | unit_source_value
      ----------------+-----------------+------------------
      90              | 8840            | mg/dl
      90              |                 | mg/dl
      90              | 8840            | mg/dl
    """
    )


VALUES = """
  person | variable | value | unit
  -------+----------+-------+-----
  1      | weight   | 10    |
  2      | weight   | 10    | lb
  3      | weight   | 10    | furlong
  4      | sugar    | 90    |
  5      | sugar    | 5     | mmol/L
  6      | pounds   | 10    |

  vocab.variable
  variable | value_type | unit  | ucum_unit
  ---------+------------+-------+----------
  weight   | number     | kg    | kg
  sugar    | number     | mg/dl | mg/dL
  pounds   | number     | lb    | [lb_us]

  vocab.mapping
  variable | target_concept_id | target_domain_id | unit_concept_id | rule   | scale_factor
  ---------+-------------------+------------------+-----------------+--------+-------------
  weight   | 5                 | Measurement      | 9529            | direct | 1
  sugar    | 1                 | Measurement      | 8840            | direct | 1
  pounds   | 5                 | Measurement      |                 | direct | 1
"""


def test_the_unit_of_a_study_s_mapping_wins_over_that_of_the_concept() -> None:
    concepts = LABS[LABS.index("  vocab.concept") :]
    facts = warehouse_of(VALUES + concepts, frozenset({"kg", "mg/dL"})).build("stem.event")
    found = {
        person: (round(number, 4), unit, state)
        for person, number, unit, state in zip(
            facts.column("person_id"),
            map(float, map(str, facts.column("value_number"))),
            facts.column("unit_concept_id"),
            facts.column("unit_state"),
            strict=True,
        )
    }
    assert found == {
        1: (10.0, 9529, "as-delivered"),
        2: (pytest.approx(4.5359), 9529, "converted"),
        3: (10.0, 0, "unconvertible"),
        4: (90.0, 8840, "as-delivered"),
        5: (pytest.approx(90.078), 8840, "converted"),
        6: (pytest.approx(4.5359), 9529, "converted"),
    }


def test_a_number_already_in_the_unit_of_a_scaling_mapping_is_not_scaled() -> None:
    given = """
      raw.event
      person | kind        | code | code_system | value | unit     | range_high | start_time | row_id
      -------+-------------+------+-------------+-------+----------+------------+------------+-------
      1      | measurement | a1c  | s:main      | 48    |          | 42         | 2010-05-06 | 1
      1      | measurement | a1c  | s:main      | 48    | mmol/mol | 42         | 2010-05-06 | 2
      1      | measurement | a1c  | s:main      | 6.5   | percent  | 6          | 2010-05-06 | 3

      vocab.mapping
      variable | source_code | target_concept_id | target_domain_id | unit_concept_id | rule   | rule_arg      | scale_factor | scale_offset
      ---------+-------------+-------------------+------------------+-----------------+--------+---------------+--------------+-------------
      s:main   | a1c         | 2                 | Measurement      | 8554            | scale  |               | 0.1          | 2
      year     |             | 0                 | Person           |                 | direct | year_of_birth | 1            | 0
    """
    concepts = LABS[LABS.index("  vocab.concept") :]
    assert (
        warehouse_of(PERSON + given + concepts, frozenset({"%"})).build("cdm.measurement")
        == """
      value_source_value | value_as_number | range_high | unit_concept_id
      -------------------+-----------------+------------+----------------
      48                 | 6.800000000000001 | 6.2      | 8554
      48                 | 6.54304         | 5.994160000000001 | 8554
      6.5                | 6.5             | 6          | 8554
    """
    )


def test_no_unit_is_none_and_a_plain_1_is_never_taken_for_a_ratio() -> None:
    given = """
      raw.event
      person | kind        | code   | code_system | value | unit | start_time | row_id
      -------+-------------+--------+-------------+-------+------+------------+-------
      1      | measurement | 4548-4 | LOINC       | 6.5   | n/a  | 2010-05-06 | 1
      1      | measurement | 4548-4 | LOINC       | 6.6   | None | 2010-05-06 | 2
      1      | measurement | 4548-4 | LOINC       | 6.7   | 1    | 2010-05-06 | 3
      1      | measurement | 8310-5 | LOINC       | 98.6  | F    | 2010-05-06 | 4
    """
    made = warehouse_of(given.replace("None", "none") + PERSON + LABS[LABS.index("  vocab.c") :])
    assert (
        made.build("stem.event_fact")
        == """
      value_number | unit_concept_id | unit_state    | source_unit
      -------------+-----------------+---------------+------------
      6.5          |                 | no-unit       | n/a
      6.6          |                 | no-unit       | none
      6.7          | 0               | unconvertible | 1
      37.0000000000216 | 8653        | converted     | F
    """
    )


def test_a_scale_rule_is_for_events_without_a_unit() -> None:
    given = """
      raw.event
      person | kind        | code | code_system | value | unit    | unit_concept_id | range_low | start_time | row_id
      -------+-------------+------+-------------+-------+---------+-----------------+-----------+------------+-------
      1      | measurement | w    | toy:w       | 100   |         |                 | 50        | 2010-05-06 | 1
      1      | measurement | w    | toy:w       | 100   | lb      |                 | 50        | 2010-05-06 | 2
      1      | measurement | w    | toy:w       | 80000 | g       |                 | 50000     | 2010-05-06 | 3
      1      | measurement | w    | toy:w       | 80    | kg      |                 | 50        | 2010-05-06 | 4
      1      | measurement | w    | toy:w       | 81    | furlong |                 | 50        | 2010-05-06 | 5
      1      | measurement | w    | toy:w       | 82    | mmol/L  |                 | 50        | 2010-05-06 | 6
      1      | measurement | w    | toy:w       | 83    | kg      | 9529            | 50        | 2010-05-06 | 7
      1      | measurement | w    | toy:w       | 84    | lb      | 8739            | 50        | 2010-05-06 | 8

      vocab.mapping
      variable | source_code | target_concept_id | target_domain_id | unit_concept_id | rule   | rule_arg      | scale_factor | scale_offset
      ---------+-------------+-------------------+------------------+-----------------+--------+---------------+--------------+-------------
      toy:w    | w           | 5                 | Measurement      | 9529            | scale  |               | 0.4536       | 0
      year     |             | 0                 | Person           |                 | direct | year_of_birth | 1            | 0
    """
    made = warehouse_of(PERSON + given + LABS[LABS.index("  vocab.c") :], frozenset({"kg"}))
    assert (
        made.build("stem.event_fact")
        == """
      value_number | unit_concept_id | unit_state    | range_low
      -------------+-----------------+---------------+----------
      45.36        | 9529            | converted     | 22.68
      45.359237    | 9529            | converted     | 22.6796185
      80           | 9529            | converted     | 50
      80           | 9529            | as-delivered  | 50
      81           | 0               | unconvertible | 50
      82           | 8753            | unconvertible | 50
      83           | 9529            | as-delivered  | 50
      84           | 8739            | unconvertible | 50
    """
    )
