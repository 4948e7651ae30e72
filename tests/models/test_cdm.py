"""What reaches the tables of the CDM, what does not, and how it is counted."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.warehouse import Warehouse

PEOPLE = """
  vocab.variable
  variable | value_type
  ---------+-----------
  year     | integer
  month    | integer
  birth    | date
  sex      | code
  weight   | number
  age      | number
  alcohol  | integer
  school   | code
  died     | date

  vocab.variable_code
  variable | code | meaning       | absent_reason
  ---------+------+---------------+---------------
  alcohol  | -3   | Not answered  | asked-declined
  school   | 1    | University    |
  school   | 2    | Other         |

  vocab.mapping
  variable | source_code | target_ordinal | target_concept_id | target_domain_id | rule   | rule_arg             | id_key
  ---------+-------------+----------------+-------------------+------------------+--------+----------------------+-------
  year     |             | 1              | 0                 | Person           | direct | year_of_birth        | 0
  month    |             | 1              | 0                 | Person           | direct | month_of_birth       | 0
  birth    |             | 1              | 0                 | Person           | direct | birth                | 0
  age      |             | 1              | 0                 | Person           | direct | age                  | 0
  died     |             | 1              | 0                 | Person           | direct | death_date           | 0
  sex      | 0           | 1              | 8532              | Gender           | direct |                      | 1
  sex      | 1           | 1              | 8507              | Gender           | direct |                      | 2
  weight   |             | 1              | 3025315           | Measurement      | direct |                      | 3
  weight   |             | 2              | 4000              | Observation      | direct |                      | 4
  school   |             | 1              | 0                 | Person           | direct | attribute:education:demo | 0
"""


def test_an_age_on_a_date_gives_the_year_of_birth(build: Build) -> None:
    given = """
      person | variable | value | start_time
      -------+----------+-------+-----------
      1      | age      | 54.6  | 2010-03-01
      2      | age      | 54    |
    """
    assert (
        build("cdm.person", given + PEOPLE)
        == """
      person | year_of_birth | month_of_birth
      -------+---------------+---------------
      1      | 1956          |
    """
    )


def test_a_person_needs_a_year_of_birth(build: Build) -> None:
    given = """
      person | variable | value   | start_time
      -------+----------+---------+-----------
      1      | year     | 1950    |
      1      | month    | 4       |
      1      | sex      | 1       |
      2      | birth    | 1961-07-08 |
      3      | sex      | 0       |
      3      | weight   | 60      | 2010-01-01
    """
    assert (
        build("cdm.person", given + PEOPLE)
        == """
      person | gender_concept_id | year_of_birth | month_of_birth | day_of_birth | birth_datetime      | person_source_value | gender_source_value
      -------+-------------------+---------------+----------------+--------------+---------------------+---------------------+--------------------
      1      | 8507              | 1950          | 4              |              |                     |                     | 1
      2      | 0                 | 1961          | 7              | 8            | 1961-07-08 00:00:00 |                     |
    """
    )
    assert (
        build("stem.excluded_person", given + PEOPLE)
        == """
      person | reason        | n_facts
      -------+---------------+--------
      3      | no-birth-year | 2
    """
    )


def test_where_sources_disagree_the_more_frequent_year_counts(build: Build) -> None:
    given = """
      person | variable | instance | value
      -------+----------+----------+------
      1      | year     | 0        | 1951
      1      | year     | 1        | 1950
      1      | birth    | 0        | 1950-12
    """
    assert (
        build("cdm.person", given + PEOPLE)
        == """
      person | year_of_birth | month_of_birth | day_of_birth
      -------+---------------+----------------+-------------
      1      | 1950          | 12             |
    """
    )


TWO_DEATHS = """
  person | variable | value
  -------+----------+-----------
  1      | year     | 1950
  1      | died     | 2019-12-01

  raw.event
  person | kind  | code | code_system | origin   | position  | start_time | row_id
  -------+-------+------+-------------+----------+-----------+------------+-------
  1      | death |      |             | hospital |           | 2019-01-01 | 1
  1      | death |      |             | register |           | 2020-02-02 | 2
  1      | death | I21  | ICD10       | register | secondary | 2020-02-02 | 3
  1      | death | C34  | ICD10       | register | primary   | 2020-02-02 | 4
"""


def test_of_several_deaths_the_register_s_primary_cause_counts_and_all_stay_in_stem(
    build: Build,
) -> None:
    assert (
        build("cdm.death", TWO_DEATHS + PEOPLE)
        == """
      person | death_date | cause_source_value | cause_concept_id
      -------+------------+--------------------+-----------------
      1      | 2020-02-02 | C34                | 0
    """
    )
    stem = build("stem.event", TWO_DEATHS + PEOPLE)
    assert stem.column("cdm_table").count("death") == 5
    assert build("stem.arrival", TWO_DEATHS + PEOPLE).column("n_surplus").count(4) == 1


def test_the_books_balance_and_count_every_way_out(build: Build) -> None:
    given = """
      person | variable | value | start_time
      -------+----------+-------+-----------
      1      | year     | 1950  |
      1      | weight   | 70    | 2010-01-01
      1      | weight   | 71    |
      1      | alcohol  | -3    | 2010-01-01
      1      | alcohol  | 2     | 2010-01-01
      2      | weight   | 60    | 2010-01-01
      3      | weight   | 80    | 2010-01-01
      4      | weight   | 90    | 2010-01-01

      link.person_bridge
      source_person_key | person | link_status
      ------------------+--------+------------
      1                 | 1      | linked
      2                 | 2      | linked
      3                 |        | waiting
      4                 | 4      | withdrawn
    """
    assert (
        build("stem.books", given + PEOPLE)
        == """
      table_name | n_rows | n_unlinked | n_withdrawn | n_absent | n_ignored | n_rows_with_facts | n_fan_out | n_facts | n_unmapped | n_facts_person | n_undated | n_excluded | n_facts_for_cdm
      -----------+--------+------------+-------------+----------+-----------+-------------------+-----------+---------+------------+----------------+-----------+------------+----------------
      value      | 8      | 1          | 1           | 1        | 0         | 5                 | 3         | 8       | 1          | 1              | 2         | 2          | 3
    """
    )
    warehouse = Warehouse(given + PEOPLE)
    assert (
        warehouse.build("stem.arrival")
        == """
      cdm_table            | n_facts | n_undated | n_excluded | n_surplus | n_homeless | n_rows
      ---------------------+---------+-----------+------------+-----------+------------+-------
      visit_occurrence     | 0       | 0         | 0          | 0         | 0          | 0
      visit_detail         | 0       | 0         | 0          | 0         | 0          | 0
      condition_occurrence | 0       | 0         | 0          | 0         | 0          | 0
      drug_exposure        | 0       | 0         | 0          | 0         | 0          | 0
      procedure_occurrence | 0       | 0         | 0          | 0         | 0          | 0
      device_exposure      | 0       | 0         | 0          | 0         | 0          | 0
      measurement          | 3       | 1         | 1          | 0         | 0          | 1
      observation          | 4       | 1         | 1          | 0         | 0          | 2
      specimen             | 0       | 0         | 0          | 0         | 0          | 0
      survey_conduct       | 0       | 0         | 0          | 0         | 0          | 0
      note                 | 0       | 0         | 0          | 0         | 0          | 0
      episode              | 0       | 0         | 0          | 0         | 0          | 0
      death                | 0       | 0         | 0          | 0         | 0          | 0
    """
    )


def test_ids_do_not_depend_on_the_order_of_rows(build: Build) -> None:
    lines = [f"{n} | weight | {60 + n} | 2010-01-01 | {5000 + n}" for n in range(1, 6)]
    years = [f"{n} | year | 1950 | | {6000 + n}" for n in range(1, 6)]
    header = "person | variable | value | start_time | row_id\n"
    one = build("cdm.measurement", header + "\n".join(lines + years) + "\n" + PEOPLE)
    two = build("cdm.measurement", header + "\n".join([*years, *lines][::-1]) + "\n" + PEOPLE)
    assert sorted(one.rows) == sorted(two.rows)
    ids = one.column("measurement_id")
    assert len(set(ids)) == 5
    assert all(isinstance(i, int) and i > 0 for i in ids)


def test_a_drug_without_an_end_ends_where_it_starts(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | year     | 1950

      raw.event
      person | kind | code | code_system | start_time | end_time   | quantity
      -------+------+------+-------------+------------+------------+---------
      1      | drug | 1    | s:drugs     | 2015-01-02 |            | 28
      1      | drug | 2    | s:drugs     | 2015-01-02 | 2015-02-01 | many
    """
    assert (
        build("cdm.drug_exposure", given + PEOPLE)
        == """
      drug_source_value | drug_concept_id | drug_exposure_start_date | drug_exposure_end_date | verbatim_end_date | quantity
      ------------------+-----------------+--------------------------+------------------------+-------------------+---------
      1                 | 0               | 2015-01-02               | 2015-01-02             |                   | 28
      2                 | 0               | 2015-01-02               | 2015-02-01             | 2015-02-01        |
    """
    )


def test_every_person_with_data_has_one_observation_period(build: Build) -> None:
    given = """
      person | variable | instance | value | start_time
      -------+----------+----------+-------+-----------
      1      | year     | 0        | 1950  |
      1      | weight   | 0        | 70    | 2010-01-01
      1      | weight   | 1        | 71    | 2014-01-01
      2      | year     | 0        | 1960  |
    """
    assert (
        build("cdm.observation_period", given + PEOPLE)
        == """
      person | observation_period_start_date | observation_period_end_date
      -------+-------------------------------+----------------------------
      1      | 2010-01-01                    | 2014-01-01
    """
    )


def test_the_cdm_source_row_is_always_there(build: Build) -> None:
    assert (
        build("cdm.cdm_source", "")
        == """
      cdm_source_name | cdm_version | cdm_version_concept_id | vocabulary_version
      ----------------+-------------+------------------------+-------------------
      test biobank    | v5.4        | 756265                 | unknown
    """
    )
