"""Eras of conditions by OHDSI's rules, against tables worked out by hand."""

from __future__ import annotations

from tests.models.warehouse import Rows, Warehouse

PERSONS = """
  person_id | year_of_birth
  ----------+--------------
  1         | 1950
  2         | 1960
"""
NO_FACTS = """
  fact_id | study | source | cdm_table
  --------+-------+--------+----------
"""


def conditions(given: str, facts: str = NO_FACTS, raw: str = "") -> Rows:
    """Condition eras of the given occurrences."""
    warehouse = Warehouse(raw)
    warehouse.put("cdm.person", PERSONS)
    warehouse.put("stem.event", facts)
    warehouse.put("cdm.condition_occurrence", given)
    return warehouse.build("cdm.condition_era")


def test_conditions_thirty_days_apart_are_one_era_and_thirty_one_days_two() -> None:
    # 10 Jan + 30 days = 9 Feb joins; 20 Feb + 30 days = 22 Mar (2019), so 23 Mar begins anew.
    found = conditions("""
      condition_occurrence_id | person_id | condition_concept_id | condition_start_date | condition_end_date
      ------------------------+-----------+----------------------+----------------------+-------------------
      1                       | 1         | 201826               | 2019-01-01           | 2019-01-10
      2                       | 1         | 201826               | 2019-02-09           | 2019-02-20
      3                       | 1         | 201826               | 2019-03-23           | 2019-03-25
      4                       | 2         | 201826               | 2019-02-09           | 2019-02-20
      5                       | 1         | 312327               | 2019-01-05           | 2019-01-06
    """)
    assert (
        found
        == """
      person | condition_concept_id | condition_era_start_date | condition_era_end_date | condition_occurrence_count
      -------+----------------------+--------------------------+------------------------+---------------------------
      1      | 201826               | 2019-01-01               | 2019-02-20             | 2
      1      | 201826               | 2019-03-23               | 2019-03-25             | 1
      2      | 201826               | 2019-02-09               | 2019-02-20             | 1
      1      | 312327               | 2019-01-05               | 2019-01-06             | 1
    """
    )
    ids = found.column("condition_era_id")
    assert len(set(ids)) == 4
    assert all(isinstance(i, int) and i > 0 for i in ids)


def test_an_open_condition_ends_the_day_after_and_one_inside_another_does_not_shorten_it() -> None:
    # 1 Jan without an end ends on 2 Jan, + 30 days = 1 Feb: joins; 2 Feb would not.
    assert (
        conditions("""
      condition_occurrence_id | person_id | condition_concept_id | condition_start_date | condition_end_date
      ------------------------+-----------+----------------------+----------------------+-------------------
      1                       | 1         | 201826               | 2019-01-01           |
      2                       | 1         | 201826               | 2019-02-01           |
      3                       | 2         | 201826               | 2019-01-01           |
      4                       | 2         | 201826               | 2019-02-02           |
      5                       | 1         | 312327               | 2019-01-01           | 2019-12-31
      6                       | 1         | 312327               | 2019-03-01           | 2019-03-02
      7                       | 1         | 312327               | 2020-01-30           | 2020-02-01
      8                       | 1         | 0                    | 2019-03-01           |
    """)
        == """
      person | condition_concept_id | condition_era_start_date | condition_era_end_date | condition_occurrence_count
      -------+----------------------+--------------------------+------------------------+---------------------------
      1      | 201826               | 2019-01-01               | 2019-02-02             | 2
      2      | 201826               | 2019-01-01               | 2019-01-02             | 1
      2      | 201826               | 2019-02-02               | 2019-02-03             | 1
      1      | 312327               | 2019-01-01               | 2020-02-01             | 3
    """
    )


DELIVERED = """
  raw.event
  source | person | kind          | concept_id | start_time | end_time   | quantity | value | unit_concept_id | row_id
  -------+--------+---------------+------------+------------+------------+----------+-------+-----------------+-------
  omop   | 1      | condition_era | 201826     | 2001-01-01 | 2009-12-31 | 7        |       |                 | 71
  omop   | 2      | condition_era | 0          | 2001-01-01 |            | 1        |       |                 | 72
  omop   | 3      | condition_era | 201826     | 2001-01-01 | 2002-01-01 | 1        |       |                 | 73
  omop   | 1      | condition_era | 201826     |            | 2002-01-01 | 1        |       |                 | 74
  omop   | 1      | drug_era      | 10         | 2001-01-01 | 2001-03-01 | 2        | 15903 |                 | 75
  omop   | 1      | dose_era      | 10         | 2001-01-01 | 2001-03-01 |          | 250   | 8576            | 76
"""


def test_delivered_eras_are_kept_and_only_other_sources_are_derived() -> None:
    facts = """
      fact_id | study | source | cdm_table
      --------+-------+--------+---------------------
      1       | s     | omop   | condition_occurrence
      2       | s     | hes    | condition_occurrence
    """
    occurrences = """
      condition_occurrence_id | person_id | condition_concept_id | condition_start_date | condition_end_date
      ------------------------+-----------+----------------------+----------------------+-------------------
      1                       | 1         | 201826               | 2005-01-01           | 2005-02-01
      2                       | 1         | 201826               | 2015-01-01           | 2015-02-01
    """
    assert (
        conditions(occurrences, facts, DELIVERED)
        == """
      condition_era_id | person | condition_concept_id | condition_era_start_date | condition_era_end_date | condition_occurrence_count
      -----------------+--------+----------------------+--------------------------+------------------------+---------------------------
      71               | 1      | 201826               | 2001-01-01               | 2009-12-31             | 7
      72               | 2      | 0                    | 2001-01-01               | 2001-01-01             | 1
      201824           | 1      | 201826               | 2015-01-01               | 2015-02-01             | 1
    """
    )
