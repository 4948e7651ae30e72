"""What stem.event makes of values and events: concepts, units, dates, ids."""

from __future__ import annotations

from tests.models.conftest import Build

CONCEPTS = """
  vocab.concept
  concept_id | concept_name   | domain_id   | vocabulary_id | concept_code | standard_concept | invalid_reason
  -----------+----------------+-------------+---------------+--------------+------------------+---------------
  3025315    | Body weight    | Measurement | LOINC         | 29463-7      | S                |
  9529       | kilogram       | Unit        | UCUM          | kg           | S                |
  8739       | pound          | Unit        | UCUM          | [lb_av]      | S                |
  45591      | E11.9          | Condition   | ICD10         | E11.9        |                  |
  201826     | Type 2         | Condition   | SNOMED        | 44054006     | S                |
  4000       | Finding        | Observation | SNOMED        | 4000         | S                |
  4188539    | Yes            | Meas Value  | SNOMED        | 373066001    | S                |
  46000      | Z99 history    | Observation | ICD10         | Z99          |                  |
  46001      | C10E           | Condition   | Read          | C10E.        |                  |
  46002      | c10e           | Drug        | Read          | c10e.        | S                |
  9201       | Inpatient      | Visit       | Visit         | IP           | S                |

  vocab.concept_relationship
  concept_id_1 | concept_id_2 | relationship_id | invalid_reason
  -------------+--------------+-----------------+---------------
  45591        | 201826       | Maps to         |
  45591        | 9999         | Maps to         | D
  46000        | 4000         | Maps to         |
  46000        | 4188539      | Maps to value   |
  46001        | 201826       | Maps to         |

  vocab.concept_origin
  concept_id | is_stub | id_key
  -----------+---------+-------
  201826     | false   | 77
"""


def test_a_scaled_value_is_in_the_unit_of_its_concept(build: Build) -> None:
    given = """
      person | variable | value | unit
      -------+----------+-------+---------
      1      | weight   | 10    |
      2      | weight   | 10    | [stone_av]
      3      | weight   | 10    | [lb_av]

      vocab.variable
      variable | value_type | unit       | ucum_unit
      ---------+------------+------------+-----------
      weight   | number     | [stone_av] | [stone_av]

      vocab.mapping
      variable | target_concept_id | target_domain_id | unit_concept_id | rule  | scale_factor | scale_offset | id_key
      ---------+-------------------+------------------+-----------------+-------+--------------+--------------+-------
      weight   | 3025315           | Measurement      | 9529            | scale | 6.35         | 0.5          | 5
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      person | cdm_table   | concept_id | number | unit_concept_id | source_unit | source_value
      -------+-------------+------------+--------+-----------------+-------------+-------------
      1      | measurement | 3025315    | 64     | 9529            | [stone_av]  | 10
      2      | measurement | 3025315    | 64     | 9529            | [stone_av]  | 10
      3      | measurement | 3025315    | 10     | 8739            | [lb_av]     | 10
    """
    )


def test_one_value_may_make_several_facts_with_ids_of_their_own(build: Build) -> None:
    given = """
      person | variable | value | row_id
      -------+----------+-------+-------
      1      | illness  | 7     | 1000

      vocab.variable
      variable | value_type
      ---------+-----------
      illness  | code

      vocab.mapping
      variable | source_code | target_ordinal | target_concept_id | target_domain_id | value_as_concept_id | id_key
      ---------+-------------+----------------+-------------------+------------------+---------------------+-------
      illness  | 7           | 1              | 201826            | Condition        |                     | 3
      illness  | 7           | 2              | 4000              | Observation      | 4188539             | 6
      illness  |             | 1              | 9999              | Observation      |                     | 9
    """
    rows = build("stem.event", given + CONCEPTS)
    assert (
        rows
        == """
      fact_id | cdm_table            | concept_id | value_concept_id
      --------+----------------------+------------+-----------------
      1003    | condition_occurrence | 201826     |
      1006    | observation          | 4000       | 4188539
    """
    )


def test_a_code_row_wins_over_the_variable_and_nothing_found_is_concept_0(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | smoker   | 1
      2      | smoker   | 2
      3      | other    | 5

      vocab.variable
      variable | value_type
      ---------+-----------
      smoker   | code
      other    | number

      vocab.variable_code
      variable | code | meaning
      ---------+------+--------
      smoker   | 2    | Never

      vocab.mapping
      variable | source_code | target_concept_id | target_domain_id | value_as_concept_id | id_key
      ---------+-------------+-------------------+------------------+---------------------+-------
      smoker   | 1           | 4000              | Observation      | 4188539             | 1
      smoker   |             | 4000              | Observation      |                     | 1
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      person | cdm_table   | concept_id | value_concept_id | value_text | number | source_value
      -------+-------------+------------+------------------+------------+--------+-------------
      1      | observation | 4000       | 4188539          |            |        | 1
      2      | observation | 4000       |                  | Never      |        | 2
      3      | observation | 0          |                  |            | 5      | 5
    """
    )


def test_an_event_without_a_date_takes_that_of_its_visit(build: Build) -> None:
    given = """
      raw.event
      person | kind      | code | code_system | origin   | record_id | visit_record_id | start_time | end_time   | row_id
      -------+-----------+------+-------------+----------+-----------+-----------------+------------+------------+-------
      1      | visit     |      |             | hospital | 500       |                 | 2011-01-01 | 2011-01-09 | 4
      1      | condition | E119 | ICD10       | hospital | 501       | 500             |            |            | 5
      1      | condition | E119 | ICD10       | hospital | 502       | 500             | 2011-01-03 |            | 6
      1      | condition | E119 | ICD10       | hospital | 503       | 999             |            |            | 7
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      row_id | concept_id | start_date | date_origin | visit_occurrence_id
      -------+------------+------------+-------------+--------------------
      4      | 9201       | 2011-01-01 | own         |
      5      | 201826     | 2011-01-01 | visit       | 9205
      6      | 201826     | 2011-01-03 | own         | 9205
      7      | 201826     |            | none        |
    """
    )
    assert (
        build("stem.undated", given + CONCEPTS)
        == """
      cdm_table            | source_code | n_facts | n_persons
      ---------------------+-------------+---------+----------
      condition_occurrence | E119        | 1       | 1
    """
    )


def test_a_value_without_a_date_takes_that_of_its_instance(build: Build) -> None:
    given = """
      person | variable | instance | value      | start_time
      -------+----------+----------+------------+-----------
      1      | 53       | 0        | 2006-07-08 |
      1      | 53       | 1        | 2012-01-02 |
      1      | weight   | 0        | 70         |
      1      | weight   | 1        | 72         |
      1      | weight   | 2        | 73         |
      1      | weight   | 3        | 74         | 2020-01-01

      vocab.variable
      variable | value_type | time_variable
      ---------+------------+--------------
      53       | date       |
      weight   | number     | 53

      vocab.mapping
      variable | target_concept_id | target_domain_id | rule
      ---------+-------------------+------------------+-------
      53       |                   |                  | ignore
    """
    assert (
        build("stem.event", given)
        == """
      instance | number | start_date | date_origin
      ---------+--------+------------+------------
      0        | 70     | 2006-07-08 | instance
      1        | 72     | 2012-01-02 | instance
      2        | 73     |            | none
      3        | 74     | 2020-01-01 | own
    """
    )


def test_a_date_of_diagnosis_dates_the_fact(build: Build) -> None:
    given = """
      person | variable  | value      | start_time
      -------+-----------+------------+-----------
      1      | diagnosed | 1999-05-06 | 2006-01-01

      vocab.variable
      variable  | value_type
      ----------+-----------
      diagnosed | date

      vocab.mapping
      variable  | target_concept_id | target_domain_id | rule | id_key
      ----------+-------------------+------------------+------+-------
      diagnosed | 201826            | Condition        | date | 3
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      cdm_table            | concept_id | start_date | date_origin
      ---------------------+------------+------------+------------
      condition_occurrence | 201826     | 1999-05-06 | value
    """
    )


def test_a_recoded_answer_becomes_its_number(build: Build) -> None:
    given = """
      person | variable | value
      -------+----------+------
      1      | bread    | -10
      2      | bread    | 3

      vocab.variable
      variable | value_type
      ---------+-----------
      bread    | integer

      vocab.mapping
      variable | source_code | target_concept_id | target_domain_id | rule   | rule_arg | id_key
      ---------+-------------+-------------------+------------------+--------+----------+-------
      bread    | -10         | 4000              | Observation      | recode | 0.5      | 1
      bread    |             | 4000              | Observation      | direct |          | 1
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      person | concept_id | number | source_value
      -------+------------+--------+-------------
      1      | 4000       | 0.5    | -10
      2      | 4000       | 3      | 3
    """
    )
