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
      3      | 2005-01-01                    | 2005-01-01                  | 32880
      4      | 2000-01-01                    | 2012-01-01                  | 32880
    """
    )
    # Follow-up ends with death, and person 3 is not covered: the source gives no period. The
    # period of person 3 is that of the facts: who has data has one.
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
    assert len(set(ids)) == 6


def test_an_earlier_period_moves_no_other_s_id(build: Build) -> None:
    later = """
      raw.record
      source | person | kind         | start_time | end_time
      -------+--------+--------------+------------+-----------
      gp     | 1      | registration | 2001-01-01 | 2002-12-31
      gp     | 2      | registration | 2001-01-03 | 2002-12-31
    """
    earlier = "      gp     | 1      | registration | 1990-01-01 | 1995-12-31\n"
    alone = without_hospital(SOURCES)

    def ids(given: str) -> dict[tuple[object, str], object]:
        found = build("cdm.observation_period", BORN + given + alone + PEOPLE)
        return {(row[1], str(row[2])): row[0] for row in found.rows}

    before, after = ids(later), ids(later + earlier)
    assert set(after) - set(before) == {(1, "1990-01-01")}
    assert {period: after[period] for period in before} == before
    assert len(set(after.values())) == 3
    assert all(isinstance(i, int) and i > 0 for i in after.values())


def without_hospital(sources: str) -> str:
    """The sources without those that cover everybody."""
    return "\n".join(line for line in sources.splitlines() if not line.startswith("  hes"))


def test_a_censoring_ends_the_registration_it_falls_in_and_not_a_later_one(build: Build) -> None:
    given = """
      raw.record
      source | person | kind         | record_id | start_time | end_time   | reason
      -------+--------+--------------+-----------+------------+------------+---------
      gp     | 1      | registration | 1         | 1990-01-01 |            |
      gp     | 1      | censoring    | 2         | 2000-06-30 |            | emigrated
      gp     | 1      | registration | 3         | 2005-01-01 |            |
      gp     | 1      | censoring    | 4         | 2010-06-30 |            | opted out
      gp     | 2      | registration | 5         | 1990-01-01 | 1992-12-31 |
      gp     | 2      | censoring    | 6         | 1991-06-30 |            | b
      gp     | 2      | censoring    | 7         | 1991-06-30 |            | a
    """
    assert (
        build("mart.source_coverage", BORN + given + without_hospital(SOURCES) + PEOPLE)
        == """
      person | period_number | covered_from | covered_to | end_reason | end_detail
      -------+---------------+--------------+------------+------------+-----------
      1      | 1             | 1990-01-01   | 2000-06-30 | censored   | emigrated
      1      | 2             | 2005-01-01   | 2010-06-30 | censored   | opted out
      2      | 1             | 1990-01-01   | 1991-06-30 | censored   | a
    """
    )


def test_registrations_that_cover_no_day_are_counted_by_reason(build: Build) -> None:
    given = """
      raw.record
      source | person | kind         | record_id | start_time | end_time
      -------+--------+--------------+-----------+------------+-----------
      gp     | 1      | registration | 1         | 1990-01-01 | 1989-01-01
      gp     | 2      | registration | 2         | 2018-01-01 |
      gp     | 3      | registration | 3         | 1999-01-01 |
      gp     | 3      | registration | 4         | 2001-01-01 |
      gp     | 4      | censoring    | 5         |            |
      gp     | 3      | censoring    | 6         | 1970-01-01 |
      open   | 4      | registration | 7         | 1999-01-01 |
      open   | 4      | registration | 8         |            |
      omop   | 1      | observation_period | 9   | 1999-01-01 | 1999-12-31
      omop   | 1      | registration | 10        | 1999-01-01 | 1999-12-31

      raw.event
      source | person | kind  | start_time | origin
      -------+--------+-------+------------+---------
      main   | 3      | death | 2000-01-01 | register
    """
    assert (
        build("stem.leftover", BORN + given + without_hospital(SOURCES) + PEOPLE)
        == """
      source | kind         | field | reason            | n_rows
      -------+--------------+-------+-------------------+-------
      gp     | registration |       | ends-before-start | 1
      gp     | registration |       | closed-before     | 1
      gp     | registration |       | died-before       | 1
      gp     | censoring    |       | no-date           | 1
      gp     | censoring    |       | ends-nothing      | 1
      open   | registration |       | no-end            | 1
      open   | registration |       | no-start          | 1
      omop   | registration |       | periods-delivered | 1
    """
    )


def test_sources_that_cover_the_same_days_make_one_period() -> None:
    warehouse = Warehouse(PEOPLE)
    rows = "".join(
        f"      {n} | s | {source} | 1 | records | 2005-01-01 | 2022-12-31\n"
        for n in range(1, 400)
        for source in ("a", "b", "c")
    )
    warehouse.put(
        "mart.source_coverage",
        "person_id | study | source | period_number | basis | covered_from | covered_to\n"
        "      ----+----+----+----+----+----+----\n" + rows,
    )
    persons = "".join(f"      {n} | 1950\n" for n in range(1, 400))
    warehouse.put("cdm.person", "person_id | year_of_birth\n      ----+----\n" + persons)
    found = warehouse.build("cdm.observation_period")
    assert len(found.rows) == len(set(found.column("observation_period_id"))) == 399
