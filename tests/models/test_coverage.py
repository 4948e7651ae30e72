"""When a source could have recorded something: periods, gaps, censoring by region, delivered periods."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_cdm import PEOPLE
from tests.models.warehouse import Warehouse

SOURCES = """
  vocab.study_source
  source | modality      | origin       | covers_from | covers_to
  -------+---------------+--------------+-------------+-----------
  main   | questionnaire | research     |             |
  hes    | health_record | hospital     | 1997-01-01  | 2020-12-31
  gp     | health_record | primary-care | 1985-01-01  | 2016-12-31
  omop   | health_record | claims       |             |
"""
BORN = """
  person | variable | value
  -------+----------+------
  1      | year     | 1950
  2      | year     | 1950
  3      | year     | 1950
  4      | year     | 1950
"""


def test_gaps_between_registrations_are_gaps_and_overlaps_are_not_counted_twice(
    build: Build,
) -> None:
    given = """
      raw.record
      source | person | kind         | start_time | end_time   | reason
      -------+--------+--------------+------------+------------+-------
      gp     | 1      | registration | 1970-01-01 | 1990-06-30 | moved
      gp     | 1      | registration | 1990-07-01 | 1995-01-31 | abroad
      gp     | 1      | registration | 1996-02-01 | 2001-01-31 | moved
      gp     | 1      | registration | 2000-06-01 | 2000-12-31 | inside
      gp     | 2      | registration | 2015-01-01 |            |
    """
    assert (
        build("mart.source_coverage", BORN + given + SOURCES + PEOPLE)
        == """
      person | source | period_number | basis         | covered_from | covered_to | end_reason               | end_detail | n_registrations | has_records
      -------+--------+---------------+---------------+--------------+------------+--------------------------+------------+-----------------+------------
      1      | hes    | 1             | declared-span | 1997-01-01   | 2020-12-31 | administrative-censoring |            | 0               | false
      2      | hes    | 1             | declared-span | 1997-01-01   | 2020-12-31 | administrative-censoring |            | 0               | false
      3      | hes    | 1             | declared-span | 1997-01-01   | 2020-12-31 | administrative-censoring |            | 0               | false
      4      | hes    | 1             | declared-span | 1997-01-01   | 2020-12-31 | administrative-censoring |            | 0               | false
      1      | gp     | 1             | registration  | 1985-01-01   | 1995-01-31 | registration-ended       | abroad     | 2               | true
      1      | gp     | 2             | registration  | 1996-02-01   | 2001-01-31 | registration-ended       | moved      | 2               | true
      2      | gp     | 1             | registration  | 2015-01-01   | 2016-12-31 | administrative-censoring |            | 1               | true
    """
    )


REGIONS = """
  vocab.study_censoring
  source | region | covers_to
  -------+--------+-----------
  gp     | 2      | 2010-03-31
  gp     | 4      | 2012-09-30
  hes    | 2      | 2018-08-31

  raw.record
  source | person | kind         | code | start_time | end_time
  -------+--------+--------------+------+------------+-----------
  gp     | 1      | registration | 1    | 1990-01-01 |
  gp     | 2      | registration | 2    | 1990-01-01 |
  gp     | 3      | registration | 4    | 1990-01-01 | 2005-12-31
  gp     | 3      | registration | 2    | 2006-01-01 |
  gp     | 4      | registration | 2    | 1990-01-01 | 2013-12-31
  gp     | 4      | registration | 1    | 2014-02-01 |
"""


def test_the_region_of_the_registration_decides_when_a_person_is_censored(build: Build) -> None:
    died = """
      raw.event
      source | person | kind  | start_time | origin
      -------+--------+-------+------------+---------
      hes    | 2      | death | 2009-09-09 | register
    """
    assert (
        build("mart.source_coverage", BORN + died + REGIONS + SOURCES + PEOPLE)
        == """
      person | source | period_number | covered_from | covered_to | end_reason
      -------+--------+---------------+--------------+------------+-------------------------
      1      | gp     | 1             | 1990-01-01   | 2016-12-31 | administrative-censoring
      1      | hes    | 1             | 1997-01-01   | 2020-12-31 | administrative-censoring
      2      | gp     | 1             | 1990-01-01   | 2009-09-09 | death
      2      | hes    | 1             | 1997-01-01   | 2009-09-09 | death
      3      | gp     | 1             | 1990-01-01   | 2010-03-31 | administrative-censoring
      3      | hes    | 1             | 1997-01-01   | 2018-08-31 | administrative-censoring
      4      | gp     | 1             | 1990-01-01   | 2010-03-31 | administrative-censoring
      4      | gp     | 2             | 2014-02-01   | 2016-12-31 | administrative-censoring
      4      | hes    | 1             | 1997-01-01   | 2020-12-31 | administrative-censoring
    """
    )


def test_an_enrolment_names_the_region_of_who_has_no_registration(build: Build) -> None:
    given = """
      raw.record
      source | person | kind      | code | start_time | end_time
      -------+--------+-----------+------+------------+-----------
      main   | 1      | enrolment | 2    | 2006-01-01 | 2006-01-01
      main   | 2      | enrolment | 1    | 2006-01-01 | 2006-01-01

      vocab.study_censoring
      source | region | covers_to
      -------+--------+-----------
      hes    | 2      | 2018-08-31
    """
    found = build("mart.source_coverage", BORN + given + SOURCES + PEOPLE)
    until = {row[0]: str(row[7]) for row in found.rows if row[2] == "hes"}
    assert until == {1: "2018-08-31", 2: "2020-12-31", 3: "2020-12-31", 4: "2020-12-31"}


PERIODS = """
  raw.record
  source | person | kind               | record_id | start_time | end_time
  -------+--------+--------------------+-----------+------------+-----------
  omop   | 1      | observation_period | 51        | 1943-12-22 | 2001-07-27
  omop   | 1      | observation_period | 52        | 2001-07-28 | 2018-07-27
  omop   | 2      | observation_period | 53        | 2000-01-01 | 2010-01-01
  omop   | 4      | observation_period | 54        | 2000-01-01 | 2010-01-01
  omop   | 4      | observation_period | 55        | 2009-01-01 | 2012-01-01

  raw.detail
  source | person | kind               | record_id | field                  | value
  -------+--------+--------------------+-----------+------------------------+---------
  omop   | 1      | observation_period | 51        | period_type_concept_id | 44814724
  omop   | 1      | observation_period | 52        | period_type_concept_id | 44814724

  raw.event
  source | person | kind      | code | code_system | start_time
  -------+--------+-----------+------+-------------+-----------
  omop   | 1      | condition | I21  | ICD10       | 2020-01-01
  omop   | 1      | death     |      |             | 2001-09-01
  omop   | 3      | condition | I21  | ICD10       | 2005-01-01

  vocab.study_source
  source | modality      | origin
  -------+---------------+---------
  omop   | health_record | claims
  main   | questionnaire | research
"""


def test_delivered_observation_periods_come_out_as_they_went_in(build: Build) -> None:
    visit = "      2      | weight   | 70    | 2015-05-05\n"
    born = "\n".join(
        ["person | variable | value | start_time", *(f"{n} | year | 1940 |" for n in range(1, 5))]
    )
    warehouse = Warehouse(born + "\n" + visit + PERIODS + PEOPLE)
    assert (
        warehouse.build("cdm.observation_period")
        == """
      person | observation_period_start_date | observation_period_end_date | period_type_concept_id
      -------+-------------------------------+-----------------------------+-----------------------
      1      | 1943-12-22                    | 2001-07-27                  | 44814724
      1      | 2001-07-28                    | 2018-07-27                  | 44814724
      2      | 2000-01-01                    | 2010-01-01                  | 32880
      2      | 2015-05-05                    | 2015-05-05                  | 32880
      4      | 2000-01-01                    | 2012-01-01                  | 32880
    """
    )
    # Follow-up ends with death, and person 3 is not covered: the source gives no period.
    assert (
        warehouse.build("mart.source_coverage")
        == """
      person | source | period_number | basis              | covered_from | covered_to | end_reason
      -------+--------+---------------+--------------------+--------------+------------+-------------
      1      | omop   | 1             | observation-period | 1943-12-22   | 2001-07-27 | period-ended
      1      | omop   | 2             | observation-period | 2001-07-28   | 2001-09-01 | death
      2      | omop   | 1             | observation-period | 2000-01-01   | 2010-01-01 | period-ended
      2      | main   | 1             | records            | 2015-05-05   | 2015-05-05 | last-record
      4      | omop   | 1             | observation-period | 2000-01-01   | 2012-01-01 | period-ended
    """
    )
    ids = warehouse.build("cdm.observation_period").column("observation_period_id")
    assert len(set(ids)) == 5
