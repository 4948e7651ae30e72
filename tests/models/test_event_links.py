"""What events point to: visits and their parts, surveys, other events, providers, care sites."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_event import CONCEPTS
from tests.models.test_event_given import PERSON
from tests.models.warehouse import Warehouse

WARD = """
  raw.event
  person | kind         | code | code_system | record_id | visit_record_id | visit_detail_record_id | parent_record_id | start_time | end_time   | row_id
  -------+--------------+------+-------------+-----------+-----------------+------------------------+------------------+------------+------------+-------
  1      | visit        | v    | s:main      | 500       |                 |                        |                  | 2011-01-01 | 2011-01-09 | 1
  1      | visit        | v    | s:main      | 501       |                 |                        | 500              | 2012-01-01 |            | 2
  1      | visit_detail | w    | s:main      | 510       | 500             |                        |                  |            | 2011-01-03 | 10
  1      | visit_detail | w    | s:main      | 511       | 500             |                        | 510              | 2011-01-03 | 2011-01-09 | 11
  1      | visit_detail | w    | s:main      | 512       | 999             |                        |                  | 2011-01-03 |            | 12
  1      | condition    | E119 | ICD10       | 520       |                 | 511                    |                  |            |            | 20
  1      | condition    | E119 | ICD10       | 521       | 501             | 512                    |                  | 2012-01-02 |            | 21
  2      | condition    | E119 | ICD10       | 522       | 500             | 511                    |                  | 2012-01-02 |            | 22

  raw.detail
  person | record_id | kind         | field                     | value
  -------+-----------+--------------+---------------------------+------
  1      | 511       | visit_detail | preceding_visit_detail_id | 510
"""


def test_parts_of_a_visit_their_parents_and_what_happened_in_them() -> None:
    warehouse = Warehouse(WARD + PERSON + CONCEPTS)
    assert (
        warehouse.build("cdm.visit_detail")
        == """
      visit_detail_id | visit_detail_start_date | visit_detail_end_date | visit_occurrence_id | preceding_visit_detail_id | parent_visit_detail_id
      ----------------+-------------------------+-----------------------+---------------------+---------------------------+-----------------------
      10              | 2011-01-01              | 2011-01-03            | 1                   |                           |
      11              | 2011-01-03              | 2011-01-09            | 1                   | 10                        | 10
    """
    )
    assert (
        warehouse.build("cdm.visit_occurrence")
        == """
      visit_occurrence_id | preceding_visit_occurrence_id
      --------------------+------------------------------
      1                   |
      2                   | 1
    """
    )
    # A condition on a ward has the ward's visit and day; another person's visit is nobody's.
    assert (
        warehouse.build("cdm.condition_occurrence")
        == """
      person | condition_start_date | visit_occurrence_id | visit_detail_id
      -------+----------------------+---------------------+----------------
      1      | 2011-01-03           | 1                   | 11
      1      | 2012-01-02           | 2                   |
      2      | 2012-01-02           |                     |
    """
    )
    # A part of a visit that was not delivered cannot be in cdm, and is counted.
    arrival = warehouse.build("stem.arrival")
    row = dict(
        zip(arrival.names, next(r for r in arrival.rows if r[0] == "visit_detail"), strict=True)
    )
    assert (row["n_facts"], row["n_homeless"], row["n_rows"]) == (3, 1, 2)


SURVEY = """
  person | variable | value | survey_record_id | start_time
  -------+----------+-------+------------------+-----------
  1      | year     | 1950  |                  |
  1      | mood     | 3     | 700              |
  1      | weight   | 70    | 700              | 2015-02-01
  1      | mood     | 4     | 999              |

  raw.event
  person | kind        | code | code_system | record_id | parent_record_id | value | start_time          | end_time            | row_id
  -------+-------------+------+-------------+-----------+------------------+-------+---------------------+---------------------+-------
  1      | survey      | phq9 | s:main      | 700       |                  |       | 2015-01-02T10:00:00 | 2015-01-02T10:20:00 | 7
  1      | survey      | phq9 | s:main      | 701       |                  |       | 2016-01-02          |                     | 8
  1      | observation | 4000 | SNOMED      | 702       | 701              | 5     | 2016-01-02          |                     | 9
  1      | observation | 4000 | SNOMED      | 703       | 1                | 5     | 2016-01-02          |                     | 10

  raw.detail
  person | record_id | kind   | field                          | value
  -------+-----------+--------+--------------------------------+------
  1      | 700       | survey | survey_version_number          | 2.1
  1      | 700       | survey | collection_method_concept_id   | 42530756
  1      | 700       | survey | collection_method_source_value | web

  vocab.variable
  variable | value_type
  ---------+-----------
  mood     | integer
  weight   | number

  vocab.mapping
  variable | target_concept_id | target_domain_id | rule   | rule_arg
  ---------+-------------------+------------------+--------+--------------
  year     | 0                 | Person           | direct | year_of_birth
  weight   | 3025315           | Measurement      | direct |
"""


def test_answers_point_to_the_survey_they_were_given_in() -> None:
    warehouse = Warehouse(SURVEY + CONCEPTS)
    assert (
        warehouse.build("cdm.survey_conduct")
        == """
      survey_conduct_id | survey_concept_id | survey_source_value | survey_end_datetime | survey_version_number | collection_method_concept_id | collection_method_source_value | survey_source_identifier
      ------------------+-------------------+---------------------+---------------------+-----------------------+------------------------------+--------------------------------+-------------------------
      7                 | 0                 | phq9                | 2015-01-02 10:20:00 | 2.1                   | 42530756                     | web                            | 700
      8                 | 0                 | phq9                | 2016-01-02 00:00:00 |                       | 0                            |                                | 701
    """
    )
    assert (
        warehouse.build("cdm.observation")
        == """
      observation_source_value | observation_date | value_as_number | observation_event_id | obs_event_field_concept_id
      -------------------------+------------------+-----------------+----------------------+---------------------------
      mood                     | 2015-01-02       | 3               | 7                    | 1147833
      4000                     | 2016-01-02       | 5               | 8                    | 1147833
      4000                     | 2016-01-02       | 5               |                      |
    """
    )
    assert (
        warehouse.build("cdm.measurement")
        == """
      measurement_date | measurement_event_id | meas_event_field_concept_id
      -----------------+----------------------+----------------------------
      2015-02-01       | 7                    | 1147833
    """
    )


def test_a_measurement_points_to_the_fact_it_is_about(build: Build) -> None:
    given = """
      raw.event
      person | kind        | code    | code_system | record_id | parent_record_id | value | start_time | row_id
      -------+-------------+---------+-------------+-----------+------------------+-------+------------+-------
      1      | condition   | E119    | ICD10       | 800       |                  |       | 2015-01-02 | 8
      1      | measurement | 29463-7 | LOINC       | 801       | 800              | 3     | 2015-01-02 | 9

      vocab.concept
      concept_id | concept_name                                 | domain_id   | vocabulary_id | concept_code
      -----------+----------------------------------------------+-------------+---------------+-------------
      1147127    | condition_occurrence.condition_occurrence_id | Metadata    | CDM           | CDM1
      3025315    | Body weight                                  | Measurement | LOINC         | 29463-7
    """
    assert (
        build("cdm.measurement", given + PERSON)
        == """
      measurement_event_id | meas_event_field_concept_id
      ---------------------+----------------------------
      8                    | 1147127
    """
    )


def test_providers_and_care_sites_that_were_not_delivered_are_null(build: Build) -> None:
    given = """
      raw.event
      person | kind  | code | code_system | provider_record_id | care_site_record_id | start_time
      -------+-------+------+-------------+--------------------+---------------------+-----------
      1      | visit | a    | s:main      | 900                | 910                 | 2015-01-02
      1      | visit | b    | s:main      | 910                | 999                 | 2015-01-02

      raw.record
      person | kind      | record_id
      -------+-----------+----------
             | provider  | 900
             | care_site | 910
    """
    assert (
        build("cdm.visit_occurrence", given + PERSON)
        == """
      visit_source_value | provider_id | care_site_id
      -------------------+-------------+-------------
      a                  | 900         | 910
      b                  |             |
    """
    )


def test_notes_are_metadata_and_episodes_know_their_parent() -> None:
    given = """
      raw.event
      person | kind    | code | code_system | record_id | parent_record_id | start_time | end_time   | row_id
      -------+---------+------+-------------+-----------+------------------+------------+------------+-------
      1      | note    | n    | s:main      | 1         |                  | 2015-01-02 |            | 1
      1      | episode | e    | s:main      | 2         |                  | 2015-01-02 | 2016-01-02 | 2
      1      | episode | f    | s:main      | 3         | 2                | 2015-02-02 |            | 3

      raw.detail
      person | record_id | kind    | field                     | value
      -------+-----------+---------+---------------------------+---------
      1      | 1         | note    | note_class_concept_id     | 44814637
      1      | 1         | note    | note_title                | Letter
      1      | 3         | episode | episode_number            | 2
      1      | 3         | episode | episode_object_concept_id | 201826
    """
    warehouse = Warehouse(given + PERSON)
    assert (
        warehouse.build("cdm.note")
        == """
      note_id | note_class_concept_id | note_title | note_text | encoding_concept_id
      --------+-----------------------+------------+-----------+--------------------
      1       | 44814637              | Letter     |           | 0
    """
    )
    assert warehouse.build("cdm.note").column("note_text") == [""]
    assert (
        warehouse.build("cdm.episode")
        == """
      episode_id | episode_end_date | episode_parent_id | episode_number | episode_object_concept_id
      -----------+------------------+-------------------+----------------+--------------------------
      2          | 2016-01-02       |                   |                | 0
      3          |                  | 2                 | 2              | 201826
    """
    )


def test_a_specimen_keeps_no_id_of_the_source(build: Build) -> None:
    given = """
      raw.event
      person | kind     | code | code_system | record_id | quantity | unit | start_time | row_id
      -------+----------+------+-------------+-----------+----------+------+------------+-------
      1      | specimen | bld  | s:main      | 12        | 3.5      | kg   | 2015-01-02 | 4

      raw.detail
      person | record_id | kind     | field                       | value
      -------+-----------+----------+-----------------------------+------
      1      | 12        | specimen | specimen_source_id          | S-1
      1      | 12        | specimen | disease_status_source_value | tumour
    """
    assert (
        build("cdm.specimen", given + PERSON + CONCEPTS)
        == """
      specimen_id | quantity | unit_concept_id | specimen_source_id | specimen_source_value | disease_status_concept_id | disease_status_source_value
      ------------+----------+-----------------+--------------------+-----------------------+---------------------------+----------------------------
      4           | 3.5      | 9529            | 12                 | bld                   | 0                         | tumour
    """
    )
