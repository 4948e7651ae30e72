"""Answers find their survey, by its record or, where a record holds several, by its row."""

from __future__ import annotations

from tests.models.conftest import Build


def test_an_answer_points_to_its_own_survey_of_a_record_with_two(build: Build) -> None:
    given = """
      raw.value
      person | record_id | row_id | variable | value | survey_record_id
      -------+-----------+--------+----------+-------+-----------------
      1      | 7         | 1001   | sex      | 1     | 2001
      1      | 7         | 1002   | weight   | 70    | 2002
      1      | 8         | 1003   | mood     | 3     | 8

      raw.event
      person | record_id | row_id | kind   | code_system | code  | start_time
      -------+-----------+--------+--------+-------------+-------+-----------
      1      | 7         | 2001   | survey | s:main      | base  | 2020-01-02
      1      | 7         | 2002   | survey | s:main      | visit | 2020-03-04
      1      | 8         | 2003   | survey | s:main      | mood  | 2020-05-06
    """
    assert (
        build("stem.value_fact", given)
        == """
      source_code | parent_id | parent_table   | start_date | date_origin
      ------------+-----------+----------------+------------+------------
      sex         | 2001      | survey_conduct | 2020-01-02 | survey
      weight      | 2002      | survey_conduct | 2020-03-04 | survey
      mood        | 2003      | survey_conduct | 2020-05-06 | survey
    """
    )
