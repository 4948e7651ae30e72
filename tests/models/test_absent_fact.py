"""Absent values, person by person."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_cdm import PEOPLE
from tests.models.test_event import CONCEPTS
from tests.models.test_event_given import PERSON
from tests.models.warehouse import Warehouse


def test_an_absent_value_keeps_person_variable_and_reason(build: Build) -> None:
    given = """
      person | variable | value | start_time
      -------+----------+-------+-----------
      1      | year     | 1950  |
      1      | weight   | 70    | 2010-01-01
      2      | year     | 1960  |
      2      | weight   | heavy | 2011-01-01
    """
    assert (
        build("mart.absent_fact", given + PEOPLE)
        == """
      person | variable | start_date | absent_reason
      -------+----------+------------+--------------
      2      | weight   | 2011-01-01 | error
    """
    )


ABSENT = """
  raw.event
  person | kind        | code    | code_system | absent_reason | value | start_time
  -------+-------------+---------+-------------+---------------+-------+-----------
  1      | measurement | 29463-7 | LOINC       | not-performed |       | 2010-05-06
  2      | measurement | 29463-7 | LOINC       |               | 70    | 2010-05-06
  2      | drug_era    | a       | s:main      |               |       | 2010-05-06
"""


def test_an_absent_event_is_no_fact_but_a_gap_with_its_reason() -> None:
    warehouse = Warehouse(ABSENT + PERSON + CONCEPTS)
    assert (
        warehouse.build("cdm.measurement")
        == """
      person | value_as_number
      -------+----------------
      2      | 70
    """
    )
    assert (
        warehouse.build("mart.absent_fact")
        == """
      person | variable | code_system | concept_id | start_date | absent_reason
      -------+----------+-------------+------------+------------+--------------
      1      | 29463-7  | LOINC       | 3025315    | 2010-05-06 | not-performed
    """
    )
    assert (
        warehouse.build("mart.missingness")
        == """
      variable | code_system | absent_reason | basis | n_values | n_persons | persons_share
      ---------+-------------+---------------+-------+----------+-----------+--------------
      29463-7  | LOINC       | not-performed | coded | 1        | 1         | 0.5
    """
    )
    books = warehouse.build("stem.books")
    assert (
        books
        == """
      table_name | n_rows | n_absent | n_records | n_rows_with_facts | n_facts | n_facts_person | n_facts_for_cdm
      -----------+--------+----------+-----------+-------------------+---------+----------------+----------------
      event      | 3      | 1        | 1         | 1                 | 1       | 0              | 1
      value      | 2      | 0        | 0         | 2                 | 2       | 2              | 0
    """
    )


def test_a_value_may_be_absent_by_its_structure(build: Build) -> None:
    given = """
      person | variable | value | absent_reason
      -------+----------+-------+---------------
      1      | weight   |       | not-asked
      2      | weight   | 70    |

      vocab.variable
      variable | value_type
      ---------+-----------
      weight   | number
    """
    assert (
        build("staging.source_value", given)
        == """
      person | number | source_value | absent_reason
      -------+--------+--------------+--------------
      1      |        |              | not-asked
      2      | 70     | 70           |
    """
    )
    assert build("stem.event", given).column("person_id") == [2]
