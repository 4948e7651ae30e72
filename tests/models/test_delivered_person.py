"""cdm.person of an OMOP database: concepts as delivered, and where the person belongs."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.warehouse import Warehouse

MAPPING = """
  vocab.mapping
  variable                 | source_code | target_concept_id | target_domain_id | rule_arg
  -------------------------+-------------+-------------------+------------------+------------------------
  year_of_birth            |             | 0                 | Person           | year_of_birth
  gender_concept_id        |             | 0                 | Person           | gender_concept_id
  gender_source_value      |             | 0                 | Person           | gender_source_value
  gender_source_concept_id |             | 0                 | Person           | gender_source_concept_id
  race_concept_id          |             | 0                 | Person           | race_concept_id

  vocab.variable
  variable                 | value_type
  -------------------------+-----------
  year_of_birth            | integer
  gender_concept_id        | integer
  gender_source_value      | code
  gender_source_concept_id | integer
  race_concept_id          | integer
"""


def test_a_persons_concepts_are_those_delivered(build: Build) -> None:
    given = (
        MAPPING
        + """
      raw.value
      person | variable                 | value
      -------+--------------------------+------
      1      | year_of_birth            | 1950
      1      | gender_concept_id        | 8532
      1      | gender_source_value      | F
      1      | gender_source_concept_id | 44814665
      1      | race_concept_id          | 2000000001
      2      | year_of_birth            | 1951
      2      | gender_concept_id        | 0
    """
    )
    assert (
        build("cdm.person", given)
        == """
      person_id | gender_concept_id | gender_source_value | gender_source_concept_id | race_concept_id | ethnicity_concept_id
      ----------+-------------------+---------------------+--------------------------+-----------------+---------------------
      1         | 8532              | F                   | 44814665                 | 2000000001      | 0
      2         | 0                 |                     | 0                        | 0               | 0
    """
    )


def test_a_person_belongs_to_records_that_were_delivered(build: Build) -> None:
    given = (
        MAPPING
        + """
      raw.value
      person | variable      | value
      -------+---------------+------
      1      | year_of_birth | 1950

      raw.record
      record_id | person | kind
      ----------+--------+----------
      11        | 1      | person
      70        |        | location
      80        |        | provider

      raw.detail
      row_id | record_id | person | kind   | field        | value
      -------+-----------+--------+--------+--------------+------
      1      | 11        | 1      | person | location_id  | 70
      2      | 11        | 1      | person | provider_id  | 80
      3      | 11        | 1      | person | care_site_id | 99
    """
    )
    assert (
        build("cdm.person", given)
        == """
      person_id | location_id | provider_id | care_site_id
      ----------+-------------+-------------+-------------
      1         | 70          | 80          |
    """
    )
    assert (
        build("stem.dangling_reference", given)
        == """
      study | source | kind   | reference | n_references | n_dangling
      ------+--------+--------+-----------+--------------+-----------
      s     | main   | person | care_site | 1            | 1
    """
    )


def test_references_to_nothing_are_counted(build: Build) -> None:
    given = """
      raw.event
      record_id | person | kind      | code | visit_record_id | provider_record_id | start_time
      ----------+--------+-----------+------+-----------------+--------------------+-----------
      1         | 1      | visit     |      |                 |                    | 2020-01-01
      2         | 1      | condition | E11  | 1               | 80                 | 2020-01-01
      3         | 1      | condition | E11  | 5               | 81                 | 2020-01-01
      4         | 2      | condition | E11  | 1               |                    | 2020-01-01

      raw.record
      record_id | person | kind
      ----------+--------+---------
      80        |        | provider
    """
    assert (
        build("stem.dangling_reference", given)
        == """
      kind      | reference | n_references | n_dangling
      ----------+-----------+--------------+-----------
      condition | visit     | 3            | 2
      condition | provider  | 2            | 1
    """
    ), "a visit of somebody else is none of theirs"


def test_a_number_that_no_column_can_hold_is_counted_and_stops_nothing() -> None:
    warehouse = Warehouse(
        MAPPING
        + """
      raw.value
      person | variable          | value
      -------+-------------------+---------------------
      1      | year_of_birth     | 99999999999
      1      | gender_concept_id | 8532
      2      | year_of_birth     | 1951
      2      | gender_concept_id | 9999999999999999999999
      3      | year_of_birth     | 1849
    """
    )
    assert (
        warehouse.build("cdm.person")
        == """
      person_id | year_of_birth | gender_concept_id
      ----------+---------------+------------------
      2         | 1951          | 0
    """
    )
    assert (
        warehouse.build("stem.person_leftover")
        == """
      person_field      | n_facts | n_unusable
      ------------------+---------+-----------
      year_of_birth     | 3       | 2
      gender_concept_id | 2       | 1
    """
    )
    assert sorted(map(str, warehouse.build("stem.excluded_person").column("person_id"))) == [
        "1",
        "3",
    ]
