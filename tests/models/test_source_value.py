"""What staging.source_value makes of delivered values."""

from __future__ import annotations

from tests.models.conftest import Build

ALCOHOL = """
  vocab.variable
  variable | value_type | unit | ucum_unit
  ---------+------------+------+----------
  alcohol  | integer    |      |
  weight   | number     | kg   | kg
  smoker   | code       |      |
  visit    | date       |      |

  vocab.variable_code
  variable | code | meaning              | absent_reason
  ---------+------+----------------------+---------------
  alcohol  | -3   | Prefer not to answer | asked-declined
  alcohol  | -10  | Less than one        |
  smoker   | 1    | Yes                  |
"""


def test_refused_answer_is_absent_not_zero(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | alcohol  | -3
      2      | alcohol  | 4
    """
    assert (
        build("staging.source_value", given + ALCOHOL)
        == """
      person | number | absent_reason
      -------+--------+---------------
      1      |        | asked-declined
      2      | 4      |
    """
    )


def test_less_than_one_is_a_value_and_not_the_number_minus_ten(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | alcohol  | -10
      2      | weight   | -10
    """
    assert (
        build("staging.source_value", given + ALCOHOL)
        == """
      person | number | code | absent_reason
      -------+--------+------+--------------
      1      |        | -10  |
      2      | -10    |      |
    """
    )


def test_what_cannot_be_read_is_an_error_and_never_lost(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+-----------
      1      | weight   | heavy
      2      | weight   | NaN
      3      | weight   | 1e999
      4      | visit    | 2001-02-31
      5      | weight   | -Inf
      6      | weight   | 7d
    """
    assert (
        build("staging.source_value", given + ALCOHOL)
        == """
      person | number | value_date | absent_reason     | source_value
      -------+--------+------------+-------------------+-------------
      1      |        |            | error             | heavy
      2      |        |            | not-a-number      | NaN
      3      |        |            | error             | 1e999
      4      |        |            | error             | 2001-02-31
      5      |        |            | negative-infinity | -Inf
      6      |        |            | error             | 7d
    """
    )


def test_below_the_limit_keeps_operator_and_limit(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | weight   | <5
      2      | weight   | >= 90.5
    """
    assert (
        build("staging.source_value", given + ALCOHOL)
        == """
      person | number | value_operator | absent_reason
      -------+--------+----------------+--------------
      1      | 5      | <              |
      2      | 90.5   | >=             |
    """
    )


def test_dates_are_read_in_the_order_of_the_source(build: Build) -> None:
    def day(value: str, order: str) -> list[object]:
        given = f"""
          person | variable | value
          -------+----------+------
          1      | visit    | {value}

          vocab.study_source
          date_order
          ----------
          {order}
        """
        return [str(d) for d in build("staging.source_value", given + ALCOHOL).column("value_date")]

    assert day("3/4/2001", "dmy") == ["2001-04-03"]
    assert day("3/4/2001", "mdy") == ["2001-03-04"]
    assert day("2001-04-03", "dmy") == ["2001-04-03"]
    assert day("2001-04-03T10:00:00", "ymd") == ["2001-04-03"]
    assert day("20010403", "ymd") == ["2001-04-03"]
    assert day("3/4/2001", "ymd") == ["None"]


def test_a_birth_date_cut_to_the_month_is_a_text_not_an_error(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+--------
      1      | visit    | 1950-03
    """
    assert (
        build("staging.source_value", given + ALCOHOL)
        == """
      person | value_date | value_text | absent_reason
      -------+------------+------------+--------------
      1      |            | 1950-03    |
    """
    )


def test_unit_of_the_row_wins_over_the_dictionary(build: Build) -> None:
    given = """
      person | variable | value | unit
      -------+----------+-------+------
      1      | weight   | 70    |
      2      | weight   | 154   | [lb_av]
      3      | weight   | 11    | stone

      vocab.concept
      concept_id | concept_code | vocabulary_id
      -----------+--------------+--------------
      8739       | [lb_av]      | UCUM
    """
    assert (
        build("staging.source_value", given + ALCOHOL)
        == """
      person | source_unit | ucum_unit
      -------+-------------+----------
      1      |             | kg
      2      | [lb_av]     | [lb_av]
      3      | stone       |
    """
    )


def test_instant_offset_and_local_date_are_kept(build: Build) -> None:
    given = """
      person | variable | value | start_time          | start_offset_minutes
      -------+----------+-------+---------------------+---------------------
      1      | weight   | 70    | 2020-01-01T00:30:00 | 60
      2      | weight   | 70    | 2020-01-01T00:30:00 |
      3      | weight   | 70    | 2020-01-01          |
    """
    assert (
        build("staging.source_value", given + ALCOHOL)
        == """
      person | start_date | start_datetime      | start_instant
      -------+------------+---------------------+--------------------
      1      | 2020-01-01 | 2020-01-01 00:30:00 | 2019-12-31 23:30:00
      2      | 2020-01-01 | 2020-01-01 00:30:00 |
      3      | 2020-01-01 |                     |
    """
    )


def test_unlinked_rows_stay_behind_and_are_counted(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | weight   | 70
      2      | weight   | 71
      3      | weight   | 72
      3      | weight   | 73
      4      | weight   | 74
             | weight   | 75

      link.person_bridge
      source_person_key | person | link_status
      ------------------+--------+------------
      1                 | 11     | linked
      2                 |        | waiting
      3                 | 13     | withdrawn
    """
    assert (
        build("staging.source_value", given + ALCOHOL)
        == """
      person | number
      -------+-------
      11     | 70
    """
    )
    assert (
        build("staging.unlinked", given + ALCOHOL)
        == """
      table_name | link_status | n_rows | n_source_persons
      -----------+-------------+--------+-----------------
      value      | waiting     | 1      | 1
      value      | withdrawn   | 2      | 1
      value      | not-linked  | 1      | 1
      value      | no-person   | 1      | 0
    """
    )
