"""Groups, coverage, gaps and attrition."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_cdm import PEOPLE


def test_the_level_of_an_attribute_is_the_label_at_the_first_instance(build: Build) -> None:
    given = """
      person | variable | instance | value | start_time
      -------+----------+----------+-------+-----------
      1      | year     | 0        | 1950  |
      1      | sex      | 0        | 0     |
      1      | weight   | 0        | 70    | 2010-01-01
      1      | school   | 1        | 2     |
      1      | school   | 0        | 1     |
    """
    assert (
        build("mart.person_attribute", given + PEOPLE)
        == """
      person | attribute | scheme             | level
      -------+-----------+--------------------+-----------
      1      | sex       | omop-gender        | female
      1      | age_band  | ten-years-at-entry | 60-69
      1      | education | demo               | University
    """
    )


HOSPITAL = """
  raw.event
  source | person | kind      | code | code_system | start_time
  -------+--------+-----------+------+-------------+-----------
  hes    | 1      | condition | I21  | ICD10       | 2001-02-03
  gp     | 2      | condition | C10  | Read        | 2002-02-03

  raw.record
  source | person | kind         | start_time | end_time   | reason
  -------+--------+--------------+------------+------------+-------
  gp     | 2      | registration | 1990-01-01 | 1999-12-31 | moved
  gp     | 2      | registration | 2001-01-01 | 2010-06-30 | left
  gp     | 3      | registration | 1990-01-01 |            |

  vocab.study_source
  source | modality      | origin       | covers_from | covers_to
  -------+---------------+--------------+-------------+-----------
  main   | questionnaire | research     |             |
  hes    | health_record | hospital     | 1997-01-01  | 2020-12-31
  gp     | health_record | primary-care | 1985-01-01  | 2016-12-31
"""


def test_coverage_says_from_when_to_when_and_why_it_ended(build: Build) -> None:
    given = """
      person | variable | value      | start_time
      -------+----------+------------+-----------
      1      | year     | 1950       |
      1      | weight   | 70         | 2010-01-01
      2      | year     | 2000       |
      2      | died     | 2015-05-05 |
      3      | year     | 1960       |
    """
    assert (
        build("mart.source_coverage", given + HOSPITAL + PEOPLE)
        == """
      person | source | covered_from | covered_to | end_reason               | end_detail | n_registrations | has_records
      -------+--------+--------------+------------+--------------------------+------------+-----------------+------------
      1      | main   | 2010-01-01   | 2010-01-01 | last-record              |            | 0               | true
      1      | hes    | 1997-01-01   | 2020-12-31 | administrative-censoring |            | 0               | true
      2      | hes    | 2000-01-01   | 2015-05-05 | death                    |            | 0               | false
      2      | gp     | 2001-01-01   | 2010-06-30 | registration-ended       | left       | 1               | true
      3      | hes    | 1997-01-01   | 2020-12-31 | administrative-censoring |            | 0               | false
      3      | gp     | 1990-01-01   | 2016-12-31 | administrative-censoring |            | 1               | true
    """
    )


def test_a_registration_holds_for_all_sources_of_its_kind_and_silence_counts(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | year     | 1950
      2      | year     | 1950

      raw.event
      source   | person | kind | code | code_system | start_time
      ---------+--------+------+------+-------------+-----------
      scripts  | 1      | drug | 1    | dm+d        | 2015-02-03

      raw.record
      source   | person | kind         | start_time
      ---------+--------+--------------+-----------
      register | 1      | registration | 1990-01-01
      register | 2      | registration | 1995-01-01

      vocab.study_source
      source   | modality      | origin
      ---------+---------------+-------------
      scripts  | health_record | primary-care
      register | health_record | primary-care
    """
    assert (
        build("mart.source_coverage", given + PEOPLE)
        == """
      person | source   | covered_from | covered_to | end_reason  | n_registrations | has_records
      -------+----------+--------------+------------+-------------+-----------------+------------
      1      | scripts  | 1990-01-01   | 2015-02-03 | last-record | 1               | true
      1      | register | 1990-01-01   | 2015-02-03 | last-record | 1               | true
      2      | scripts  | 1995-01-01   | 2015-02-03 | last-record | 1               | false
      2      | register | 1995-01-01   | 2015-02-03 | last-record | 1               | true
    """
    )


def test_coverage_of_mapping_names_the_most_frequent_leftover(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | sex      | 1
      2      | sex      | 7
      3      | sex      | 7
      4      | sex      | 8
      5      | alcohol  | -3
      5      | school   | 1
    """
    assert (
        build("mart.coverage", given + PEOPLE)
        == """
      variable | n | n_mapped | mapped_share | top_unmapped_code | n_top_unmapped
      ---------+---+----------+--------------+-------------------+---------------
      sex      | 4 | 1        | 0.25         | 7                 | 2
      school   | 1 | 1        | 1            |                   | 0
    """
    )


def test_every_gap_has_its_reason(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | alcohol  | -3
      2      | alcohol  | x
      3      | alcohol  | 2
      4      | weight   | 70
    """
    assert (
        build("mart.missingness", given + PEOPLE)
        == """
      variable | absent_reason  | basis      | n_values | n_persons | persons_share
      ---------+----------------+------------+----------+-----------+--------------
      alcohol  | asked-declined | coded      | 1        | 1         | 0.25
      alcohol  | error          | unreadable | 1        | 1         | 0.25
      alcohol  | unknown        | no-row     | 0        | 1         | 0.25
      weight   | unknown        | no-row     | 0        | 3         | 0.75
    """
    )


def test_attrition_counts_persons_step_by_step(build: Build) -> None:
    given = """
      person | variable | value | start_time | study
      -------+----------+-------+------------+------
      1      | year     | 1950  |            | s
      1      | weight   | 70    | 2010-01-01 | s
      2      | weight   | 60    | 2010-01-01 | s
      3      | weight   | 80    | 2010-01-01 | s

      link.person_bridge
      source_person_key | person | link_status
      ------------------+--------+------------
      1                 | 1      | linked
      2                 | 2      | linked
      3                 |        | waiting
    """
    wanted = [("delivered", 3), ("linked", 2), ("persons", 2)]
    wanted += [("with-birth-year", 1), ("with-sex", 0), ("observed", 1)]
    rows = build("mart.attrition", given + PEOPLE).rows
    for study in ("s", "*"):
        steps = sorted((order, step, n) for name, order, step, n in rows if name == study)
        assert [(step, n) for _, step, n in steps] == wanted


def test_participants_are_listed_in_cdm_or_not(build: Build) -> None:
    given = """
      person | variable | value | start_time
      -------+----------+-------+-----------
      1      | year     | 1950  |
      1      | weight   | 70    | 2010-01-01
      2      | weight   | 60    | 2010-01-01
    """
    assert (
        build("mart.participant", given + PEOPLE)
        == """
      person | n_studies | n_sources | n_rows | is_in_cdm | year_of_birth | observed_from
      -------+-----------+-----------+--------+-----------+---------------+--------------
      1      | 1         | 1         | 2      | true      | 1950          | 2010-01-01
      2      | 1         | 1         | 1      | false     |               |
    """
    )
    assert (
        build("mart.modality", given + PEOPLE)
        == """
      person | modality | n_sources | n_rows
      -------+----------+-----------+-------
      1      | unknown  | 1         | 2
      2      | unknown  | 1         | 1
    """
    )
