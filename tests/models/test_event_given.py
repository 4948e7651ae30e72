"""What OMOP-shaped and FHIR-shaped sources deliver beside the code: concepts, values, qualifiers."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_event import CONCEPTS

PERSON = """
  person | variable | value
  -------+----------+------
  1      | year     | 1950
  2      | year     | 1950

  vocab.mapping
  variable | target_concept_id | target_domain_id | rule   | rule_arg
  ---------+-------------------+------------------+--------+--------------
  year     | 0                 | Person           | direct | year_of_birth
"""


def test_a_delivered_concept_wins_over_look_up_and_its_domain_decides_the_table(
    build: Build,
) -> None:
    given = """
      raw.event
      person | kind        | code  | code_system | concept_id | source_concept_id | start_time | row_id
      -------+-------------+-------+-------------+------------+-------------------+------------+-------
      1      | condition   | E11.9 | ICD10       | 4000       | 45591             | 2010-05-06 | 1
      1      | condition   | E11.9 | ICD10       | 0          | 45591             | 2010-05-06 | 2
      1      | condition   | E11.9 | ICD10       |            |                   | 2010-05-06 | 3
      1      | observation | abc   | s:main      | 201826     | 0                 | 2010-05-06 | 4
      1      | drug        | abc   | s:main      | 7777       |                   | 2010-05-06 | 5
      1      | visit       | IP    | Visit       | 9201       | 0                 | 2010-05-06 | 6
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      row_id | fact_id | cdm_table            | concept_id | source_concept_id | has_given_concept
      -------+---------+----------------------+------------+-------------------+------------------
      1      | 4001    | observation          | 4000       | 45591             | true
      2      | 2       | condition_occurrence | 0          | 45591             | true
      3      | 78      | condition_occurrence | 201826     | 45591             | false
      4      | 73      | condition_occurrence | 201826     | 0                 | true
      5      | 7780    | drug_exposure        | 7777       | 0                 | true
      6      | 9207    | visit_occurrence     | 9201       | 0                 | true
    """
    )
    assert (
        build("stem.unmapped", given + CONCEPTS)
        == """
      variable | source_code | reason               | n_facts | n_persons
      ---------+-------------+----------------------+---------+----------
      ICD10    | E119        | no-standard-concept  | 1       | 1
    """
    )


def test_a_row_of_the_study_s_mapping_wins_over_a_delivered_concept(build: Build) -> None:
    given = """
      raw.event
      person | code  | code_system | concept_id | start_time
      -------+-------+-------------+------------+-----------
      1      | E11.9 | ICD10       | 201826     | 2010-05-06

      vocab.mapping
      variable | source_code | target_concept_id | target_domain_id | rule   | id_key
      ---------+-------------+-------------------+------------------+--------+-------
      ICD10    | E11.9       | 4000              | Observation      | direct | 8
    """
    assert build("stem.event", given + CONCEPTS).column("concept_id") == [4000]


def test_type_unit_operator_and_range_are_kept_as_delivered(build: Build) -> None:
    given = """
      raw.event
      person | kind        | code    | code_system | value | unit | range_low | range_high | type_concept_id | unit_concept_id | operator_concept_id | start_time
      -------+-------------+---------+-------------+-------+------+-----------+------------+-----------------+-----------------+---------------------+-----------
      1      | measurement | 29463-7 | LOINC       | 70    | kg   | 40        | 120.5      | 32856           | 8739            | 4171755             | 2010-05-06
      2      | measurement | 29463-7 | LOINC       | 70    | kg   |           | high       |                 |                 |                     | 2010-05-06
    """
    assert (
        build("cdm.measurement", given + PERSON + CONCEPTS)
        == """
      person | value_as_number | measurement_type_concept_id | operator_concept_id | unit_concept_id | unit_source_value | range_low | range_high
      -------+-----------------+-----------------------------+---------------------+-----------------+-------------------+-----------+-----------
      1      | 70              | 32856                       | 4171755             | 8739            | kg                | 40        | 120.5
      2      | 70              | 0                           |                     | 9529            | kg                |           |
    """
    )


def test_what_an_omop_source_leaves_empty_stays_empty(build: Build) -> None:
    given = """
      raw.event
      person | kind        | code | code_system | concept_id | value | value_source | unit | qualifier_code | qualifier_code_system | start_time | row_id
      -------+-------------+------+-------------+------------+-------+--------------+------+----------------+-----------------------+------------+-------
      1      | observation | a    | s:main      | 4000       | 5     |              | kg   | q              | s:main                | 2010-05-06 | 1
      1      | observation | a    | s:main      | 4000       | 5     | 5.0          |      |                |                       | 2010-05-06 | 2
      1      | visit       |      |             | 9201       |       |              |      |                |                       | 2010-05-06 | 3
    """
    assert (
        build("cdm.observation", given + PERSON + CONCEPTS)
        == """
      value_as_number | value_source_value | unit_concept_id | unit_source_value | qualifier_concept_id | qualifier_source_value
      ----------------+--------------------+-----------------+-------------------+----------------------+-----------------------
      5               |                    |                 | kg                |                      | q
      5               | 5.0                |                 |                   |                      |
    """
    )
    visits = build("cdm.visit_occurrence", given + PERSON + CONCEPTS)
    assert visits.column("visit_source_value") == [None]


VALUES = """
  raw.event
  person | kind        | code | code_system | value | value_source | value_code | value_code_system | value_concept_id | start_time | row_id
  -------+-------------+------+-------------+-------+--------------+------------+-------------------+------------------+------------+-------
  1      | observation | 4000 | SNOMED      |       |              | 373066001  | SNOMED            |                  | 2010-05-06 | 1
  1      | observation | 4000 | SNOMED      |       |              | 123        | SNOMED            |                  | 2010-05-06 | 2
  1      | observation | 4000 | SNOMED      | yes   | Yes!         |            |                   | 4188539          | 2010-05-06 | 3
  1      | observation | 4000 | SNOMED      | yes   |              |            |                   | 0                | 2010-05-06 | 4
  1      | observation | Z99  | ICD10       |       |              |            |                   |                  | 2010-05-06 | 5
  1      | observation | Z99  | ICD10       |       |              | E119       | ICD10             |                  | 2010-05-06 | 6
  1      | observation | 4000 | SNOMED      |       |              | J          | s:main            |                  | 2010-05-06 | 7

  vocab.mapping
  variable | source_code | target_concept_id | target_domain_id | value_as_concept_id | rule
  ---------+-------------+-------------------+------------------+---------------------+-------
  s:main   | J           | 4000              | Observation      | 4188539             | direct
"""


def test_a_coded_value_becomes_a_concept_and_keeps_its_source(build: Build) -> None:
    assert (
        build("stem.event", VALUES + CONCEPTS)
        == """
      row_id | value_concept_id | value_source_concept_id | value_text | source_value
      -------+------------------+-------------------------+------------+-------------
      1      | 4188539          | 4188539                 |            | 373066001
      2      | 0                | 0                       |            | 123
      3      | 4188539          |                         | yes        | Yes!
      4      | 0                |                         | yes        | yes
      5      | 4188539          |                         |            |
      6      | 201826           | 45591                   |            | E119
      7      | 4188539          | 0                       |            | J
    """
    )


QUALIFIED = """
  raw.event
  person | kind        | code     | code_system | qualifier_code | qualifier_code_system | qualifier_text | qualifier_concept_id | position | start_time
  -------+-------------+----------+-------------+----------------+-----------------------+----------------+----------------------+----------+-----------
  1      | drug        | d        | s:main      | PO             | s:main                | oral           |                      |          | 2010-05-06
  1      | drug        | d        | s:main      | xx             | s:main                |                |                      |          | 2010-05-06
  1      | drug        | d        | s:main      |                |                       |                | 4132161              |          | 2010-05-06
  1      | condition   | E119     | ICD10       | 373066001      | SNOMED                |                |                      | primary  | 2010-05-06
  1      | condition   | E119     | ICD10       |                |                       |                |                      | primary  | 2010-05-06
  1      | procedure   | p        | s:main      |                |                       | left           |                      |          | 2010-05-06
  1      | observation | 4000     | SNOMED      | 373066001      | SNOMED                | Yes            | 0                    |          | 2010-05-06
  1      | specimen    | sp       | s:main      | 373066001      | SNOMED                | arm            |                      |          | 2010-05-06

  vocab.mapping
  variable | source_code | target_concept_id | target_domain_id | rule   | rule_arg
  ---------+-------------+-------------------+------------------+--------+--------------
  s:main   | PO          | 4132161           | Observation      | direct |
  year     |             | 0                 | Person           | direct | year_of_birth
"""


def test_a_qualifier_is_route_status_modifier_qualifier_or_site(build: Build) -> None:
    given = PERSON + QUALIFIED + CONCEPTS
    assert (
        build("cdm.drug_exposure", given)
        == """
      route_concept_id | route_source_value
      -----------------+-------------------
      4132161          | oral
      0                | xx
      4132161          |
    """
    )
    assert (
        build("cdm.condition_occurrence", given)
        == """
      condition_status_concept_id | condition_status_source_value
      ----------------------------+------------------------------
      4188539                     | 373066001
      0                           | primary
    """
    )
    assert (
        build("cdm.procedure_occurrence", given)
        == """
      modifier_concept_id | modifier_source_value
      --------------------+----------------------
      0                   | left
    """
    )
    assert (
        build("cdm.observation", given)
        == """
      qualifier_concept_id | qualifier_source_value
      ---------------------+-----------------------
      0                    | Yes
    """
    )
    assert (
        build("cdm.specimen", given)
        == """
      specimen_concept_id | anatomic_site_concept_id | anatomic_site_source_value
      --------------------+--------------------------+---------------------------
      0                   | 4188539                  | arm
    """
    )


def test_the_rank_of_a_diagnosis_is_its_status_where_nothing_else_says_so(build: Build) -> None:
    given = """
      raw.event
      person | code | code_system | position       | qualifier_text | start_time
      -------+------+-------------+----------------+----------------+-----------
      1      | a    | s:main      | primary        |                | 2010-05-06
      1      | a    | s:main      | external-cause |                | 2010-05-06
      1      | a    | s:main      | primary        | admitting      | 2010-05-06

      vocab.concept
      concept_id | concept_name      | domain_id        | vocabulary_id
      -----------+-------------------+------------------+-----------------
      32902      | Primary diagnosis | Condition Status | Condition Status
    """
    assert (
        build("cdm.condition_occurrence", given + PERSON)
        == """
      condition_status_concept_id | condition_status_source_value
      ----------------------------+------------------------------
      32902                       | primary
      0                           | external-cause
      0                           | admitting
    """
    )


def test_supply_refills_lot_and_ends_of_a_drug(build: Build) -> None:
    given = """
      raw.event
      person | kind | code | code_system | concept_id | days_supply | refills | stop_reason | dose_unit | lot_number | start_time | end_time   | record_id
      -------+------+------+-------------+------------+-------------+---------+-------------+-----------+------------+------------+------------+----------
      1      | drug | a    | s:main      |            | 28          | 2       | rash        | mg        | L1         | 2015-01-02 |            | 1
      1      | drug | b    | s:main      |            | 28          | two     |             |           |            | 2015-01-02 | 2015-01-05 | 2
      1      | drug | c    | s:main      | 0          |             |         |             |           |            | 2015-01-02 | 2015-01-05 | 3
      1      | drug | d    | s:main      | 0          |             |         |             |           |            | 2015-01-02 | 2015-01-05 | 4

      raw.detail
      person | record_id | kind | field             | value
      -------+-----------+------+-------------------+-----------
      1      | 4         | drug | verbatim_end_date | 2015-01-04
    """
    assert (
        build("cdm.drug_exposure", given + PERSON)
        == """
      drug_source_value | days_supply | refills | stop_reason | dose_unit_source_value | lot_number | drug_exposure_end_date | verbatim_end_date
      ------------------+-------------+---------+-------------+------------------------+------------+------------------------+------------------
      a                 | 28          | 2       | rash        | mg                     | L1         | 2015-01-29             |
      b                 | 28          |         |             |                        |            | 2015-01-05             | 2015-01-05
      c                 |             |         |             |                        |            | 2015-01-05             |
      d                 |             |         |             |                        |            | 2015-01-05             | 2015-01-04
    """
    )
