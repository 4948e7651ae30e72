"""Days at risk by kind of source, outcomes by who recorded them, facts outside the periods."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_cdm import PEOPLE
from tests.models.test_coverage import BORN, SOURCES

EVENTS = """
  raw.event
  source  | person | kind      | code | code_system | start_time
  --------+--------+-----------+------+-------------+-----------
  gp      | 1      | condition | C10  | s:gp        | 1989-02-02
  gp      | 1      | condition | C10  | s:gp        | 1998-02-02
  gp      | 2      | condition | C10  | s:gp        | 2002-02-02
  scripts | 1      | drug      | 1    | s:drugs     | 1991-01-01
  pharma  | 4      | drug      | 1    | s:drugs     | 2001-01-01
  hes     | 3      | death     |      |             | 2009-09-09

  raw.record
  source  | person | kind         | start_time | end_time
  --------+--------+--------------+------------+-----------
  gp      | 1      | registration | 1990-01-01 | 1995-01-31
  gp      | 1      | registration | 1997-01-01 | 2003-01-31
  gp      | 3      | registration | 1999-01-01 |
"""
MORE_SOURCES = """
  scripts | health_record | primary-care | 1992-01-01  | 2016-12-31
  pharma  | health_record | pharmacy     | 1990-01-01  | 2016-12-31
"""
MAPPED = """
  gp      | s:gp    | C10 | 1 | 201826 | Condition | direct | | 11
  scripts | s:drugs | 1   | 1 | 1503297 | Drug     | direct | | 12
  pharma  | s:drugs | 1   | 1 | 1503297 | Drug     | direct | | 12
"""
_HEAD, _LINE, *_REST = PEOPLE[PEOPLE.index("variable | source_code") :].splitlines()
MAPPING = "\n".join(
    ["  vocab.mapping", "  source | " + _HEAD, "  -+-"]
    + [f"  main | {row.strip()}" for row in _REST if row.strip()]
    + [row for row in MAPPED.splitlines() if row.strip()]
)
GIVEN = (
    BORN
    + EVENTS
    + SOURCES.rstrip()
    + MORE_SOURCES
    + PEOPLE[: PEOPLE.index("vocab.mapping")]
    + MAPPING
    + "\n"
)


def test_follow_up_is_where_silence_means_that_nothing_happened(build: Build) -> None:
    # Person 2 has GP facts and no registration, person 4 dispensings only: silence says nothing.
    assert (
        build("mart.follow_up", GIVEN)
        == """
      person | origin       | outcome_table        | period_number | at_risk_from | at_risk_to | end_reason               | days_at_risk
      -------+--------------+----------------------+---------------+--------------+------------+--------------------------+-------------
      1      | primary-care | condition_occurrence | 1             | 1990-01-01   | 1995-01-31 | registration-ended       | 1857
      1      | primary-care | condition_occurrence | 2             | 1997-01-01   | 2003-01-31 | registration-ended       | 2222
      1      | primary-care | drug_exposure        | 1             | 1992-01-01   | 1995-01-31 | registration-ended       | 1127
      1      | primary-care | drug_exposure        | 2             | 1997-01-01   | 2003-01-31 | registration-ended       | 2222
      3      | primary-care | condition_occurrence | 1             | 1999-01-01   | 2009-09-09 | death                    | 3905
      3      | primary-care | drug_exposure        | 1             | 1999-01-01   | 2009-09-09 | death                    | 3905
    """
    )


def test_outcomes_say_who_recorded_them(build: Build) -> None:
    assert (
        build("mart.outcome", GIVEN)
        == """
      person | source  | origin       | outcome_table        | concept_id | first_date | last_date  | n_facts
      -------+---------+--------------+----------------------+------------+------------+------------+--------
      1      | gp      | primary-care | condition_occurrence | 201826     | 1989-02-02 | 1998-02-02 | 2
      2      | gp      | primary-care | condition_occurrence | 201826     | 2002-02-02 | 2002-02-02 | 1
      1      | scripts | primary-care | drug_exposure        | 1503297    | 1991-01-01 | 1991-01-01 | 1
      4      | pharma  | pharmacy     | drug_exposure        | 1503297    | 2001-01-01 | 2001-01-01 | 1
    """
    )


def test_facts_outside_the_periods_are_counted(build: Build) -> None:
    assert (
        build("mart.outside_observation", GIVEN)
        == """
      source  | cdm_table            | n_facts | n_outside | n_before | n_persons
      --------+----------------------+---------+-----------+----------+----------
      gp      | condition_occurrence | 3       | 1         | 1        | 1
      scripts | drug_exposure        | 1       | 0         | 0        | 0
      pharma  | drug_exposure        | 1       | 0         | 0        | 0
      hes     | death                | 1       | 0         | 0        | 0
    """
    )
