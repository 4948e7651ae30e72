"""Absent values, person by person."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_cdm import PEOPLE


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
