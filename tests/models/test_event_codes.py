"""How the codes of events find their concepts."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_event import CONCEPTS


def test_icd10_without_dots_finds_its_concept_and_maps_to_the_standard_one(build: Build) -> None:
    given = """
      raw.event
      person | code  | code_system | start_time | row_id
      -------+-------+-------------+------------+-------
      1      | E119  | ICD10       | 2010-05-06 | 1024
      2      | e11.9 | ICD10       | 2010-05-06 | 1025
      3      | Z99   | ICD10       | 2010-05-06 | 1026
      4      | X00   | ICD10       | 2010-05-06 | 1027
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      person | fact_id | cdm_table            | concept_id | source_concept_id | value_concept_id | source_code
      -------+---------+----------------------+------------+-------------------+------------------+------------
      1      | 1101    | condition_occurrence | 201826     | 45591             |                  | E119
      2      | 1100    | condition_occurrence | 201826     | 45591             |                  | e11.9
      3      | 2978    | observation          | 4000       | 46000             | 4188539          | Z99
      4      | 1027    | condition_occurrence | 0          | 0                 |                  | X00
    """
    )


def test_read_codes_keep_their_case(build: Build) -> None:
    given = """
      raw.event
      person | code  | code_system | start_time
      -------+-------+-------------+-----------
      1      | C10E. | Read        | 2010-05-06
      2      | c10e. | Read        | 2010-05-06
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      person | cdm_table            | concept_id | source_concept_id
      -------+----------------------+------------+------------------
      1      | condition_occurrence | 201826     | 46001
      2      | drug_exposure        | 46002      | 46002
    """
    )


def test_a_mapping_row_wins_over_the_vocabulary(build: Build) -> None:
    given = """
      raw.event
      person | code | code_system | start_time
      -------+------+-------------+-----------
      1      | E119 | ICD10       | 2010-05-06
      2      | E118 | ICD10       | 2010-05-06

      vocab.mapping
      variable | source_code | target_concept_id | target_domain_id | rule   | id_key
      ---------+-------------+-------------------+------------------+--------+-------
      ICD10    | E11.9       | 4000              | Observation      | direct | 8
      ICD10    | E11.8       |                   |                  | ignore | 0
    """
    assert (
        build("stem.event", given + CONCEPTS)
        == """
      person | cdm_table   | concept_id | source_concept_id
      -------+-------------+------------+------------------
      1      | observation | 4000       | 45591
    """
    )
    assert (
        build("stem.unmapped", given + CONCEPTS)
        == """
      variable | source_code | reason  | n_facts | n_persons | facts_share
      ---------+-------------+---------+---------+-----------+------------
      ICD10    | E118        | ignored | 1       | 1         | 0.5
    """
    )


def test_a_code_the_vocabulary_knows_and_does_not_map_keeps_its_source_concept(
    build: Build,
) -> None:
    given = """
      raw.event
      person | code | code_system | start_time
      -------+------+-------------+-----------
      1      | W00  | ICD10       | 2010-05-06

      vocab.concept
      concept_id | concept_name | domain_id | vocabulary_id | concept_code | standard_concept
      -----------+--------------+-----------+---------------+--------------+-----------------
      47000      | Fall on ice  | Condition | ICD10         | W00          | N
    """
    assert (
        build("stem.event", given)
        == """
      cdm_table            | concept_id | source_concept_id
      ---------------------+------------+------------------
      condition_occurrence | 0          | 47000
    """
    )


def test_a_leftover_code_is_named_by_its_list_of_codes(build: Build) -> None:
    """A variable's own label comes first; a list of codes has none and names each code."""
    given = """
      raw.event
      person | code   | code_system | start_time
      -------+--------+-------------+-----------
      1      | 225664 | toy:items   | 2010-05-06
      2      | 9      | toy:items   | 2010-05-06

      raw.value
      person | variable | value
      -------+----------+------
      1      | smoking  | 1

      vocab.variable
      variable  | label  | value_type
      ----------+--------+-----------
      toy:items |        | code
      smoking   | Smokes | code

      vocab.variable_code
      variable  | code   | meaning
      ----------+--------+-------------
      toy:items | 225664 | Finger stick
      smoking   | 1      | yes
    """
    assert (
        build("stem.unmapped", given)
        == """
      variable  | source_code | label        | n_facts
      ----------+-------------+--------------+--------
      smoking   | 1           | Smokes       | 1
      toy:items | 225664      | Finger stick | 1
      toy:items | 9           |              | 1
    """
    )
