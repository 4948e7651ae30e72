"""Several deaths and causes of a person: one counts, all are kept, disagreement is counted."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_cdm import PEOPLE, TWO_DEATHS

DISAGREEING = """
  person | variable | value
  -------+----------+------
  1      | year     | 1950
  2      | year     | 1950
  3      | year     | 1950

  raw.event
  source   | person | kind  | code | code_system | origin   | position | start_time | time_flag    | row_id
  ---------+--------+-------+------+-------------+----------+----------+------------+--------------+-------
  register | 1      | death |      |             | register |          | 2020-01-01 | partial-date | 1
  register | 1      | death |      |             | register |          | 2020-01-17 |              | 2
  hospital | 1      | death |      |             | hospital |          | 2020-01-16 |              | 3
  survey   | 2      | death | I21  | ICD10       | survey   | primary  | 2018-01-01 |              | 4
  hospital | 2      | death |      |             | hospital |          | 2019-06-01 |              | 5
  hospital | 2      | death | C34  | ICD10       | hospital |          | 2019-06-01 |              | 6
  survey   | 3      | death |      |             | survey   |          | 2019-06-01 |              | 7
  survey   | 4      | death |      |             | survey   |          | 2019-06-01 |              | 8
  survey   | 1      | death |      |             | survey   |          |            |              | 9
"""


def test_every_death_is_kept_with_why_it_does_not_count(build: Build) -> None:
    assert (
        build("mart.death_record", DISAGREEING + PEOPLE)
        == """
      person | source   | start_date | is_certain_date | cause_source_value | place | reason                         | days_from_chosen
      -------+----------+------------+-----------------+--------------------+-------+--------------------------------+-----------------
      1      | register | 2020-01-17 | true            |                    | 1     | chosen                         | 0
      1      | register | 2020-01-01 | false           |                    | 2     | uncertain-date                 | -16
      1      | hospital | 2020-01-16 | true            |                    | 3     | other-date-less-trusted-origin | -1
      2      | hospital | 2019-06-01 | true            | C34                | 1     | chosen                         | 0
      2      | hospital | 2019-06-01 | true            |                    | 2     | further-cause                  | 0
      2      | survey   | 2018-01-01 | true            | I21                | 3     | other-date-less-trusted-origin | -516
      3      | survey   | 2019-06-01 | true            |                    | 1     | chosen                         | 0
    """
    )
    assert (
        build("cdm.death", DISAGREEING + PEOPLE)
        == """
      person | death_date | cause_source_value
      -------+------------+-------------------
      1      | 2020-01-17 |
      2      | 2019-06-01 | C34
      3      | 2019-06-01 |
    """
    )


def test_disagreement_on_the_date_is_counted_by_origin(build: Build) -> None:
    assert (
        build("mart.death_agreement", DISAGREEING + PEOPLE)
        == """
      chosen_origin | other_origin | n_persons | n_same_date | n_within_30_days | n_further | max_days
      --------------+--------------+-----------+-------------+------------------+-----------+---------
      register      | register     | 1         | 0           | 1                | 0         | 16
      register      | hospital     | 1         | 0           | 1                | 0         | 1
      hospital      | hospital     | 1         | 1           | 0                | 0         | 0
      hospital      | survey       | 1         | 0           | 0                | 1         | 516
    """
    )


def test_causes_of_one_death_come_primary_first(build: Build) -> None:
    found = build("mart.death_record", TWO_DEATHS + PEOPLE)
    assert (
        found
        == """
      origin   | start_date | cause_source_value | place | reason
      ---------+------------+--------------------+-------+-------------------------------
      register | 2020-02-02 | C34                | 1     | chosen
      register | 2020-02-02 | I21                | 2     | further-cause
      register | 2020-02-02 |                    | 3     | further-cause
      hospital | 2019-01-01 |                    | 4     | other-date-less-trusted-origin
               | 2019-12-01 |                    | 5     | other-date-less-trusted-origin
    """
    )
