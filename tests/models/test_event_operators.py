"""Concepts of operators, positions and medications that stand beside an event."""

from __future__ import annotations

from biobraid.ingest.vocabulary import read_stubs
from tests.models.conftest import Build
from tests.models.test_event_given import PERSON
from tests.models.warehouse import Warehouse


def test_operators_and_positions_have_their_concepts_in_the_starter_vocabulary() -> None:
    given = """
      raw.event
      person | kind        | code | code_system | value | position  | start_time
      -------+-------------+------+-------------+-------+-----------+-----------
      1      | measurement | a    | s:labs      | <1    |           | 2010-05-06
      1      | measurement | a    | s:labs      | <=2   |           | 2010-05-06
      1      | measurement | a    | s:labs      | >3    |           | 2010-05-06
      1      | measurement | a    | s:labs      | >=4   |           | 2010-05-06
      1      | measurement | a    | s:labs      | 5     |           | 2010-05-06
      1      | condition   | b    | s:dx        |       | primary   | 2010-05-06
      1      | condition   | b    | s:dx        |       | secondary | 2010-05-06
    """
    warehouse = Warehouse(given + PERSON)
    warehouse.con.executemany(
        "INSERT INTO vocab.concept (concept_id, domain_id, vocabulary_id) VALUES (?, ?, ?)",
        [[r["concept_id"], r["domain_id"], r["vocabulary_id"]] for r in read_stubs()],
    )
    assert (
        warehouse.build("cdm.measurement")
        == """
      value_as_number | operator_concept_id
      ----------------+--------------------
      1               | 4171756
      2               | 4171754
      3               | 4172704
      4               | 4171755
      5               |
    """
    )
    assert (
        warehouse.build("cdm.condition_occurrence")
        == """
      condition_status_source_value | condition_status_concept_id
      ------------------------------+----------------------------
      primary                       | 32902
      secondary                     | 32908
    """
    )


def test_a_drug_takes_the_whole_of_one_coding_of_the_medication_it_names(build: Build) -> None:
    given = """
      raw.event
      person | kind | code | code_system | record_id | start_time
      -------+------+------+-------------+-----------+-----------
      1      | drug |      |             | 21        | 2010-05-06

      raw.detail
      person | kind | record_id | field                | value
      -------+------+-----------+----------------------+------
      1      | drug | 21        | medication_record_id | 31

      raw.record
      person | kind       | record_id | row_id | code | code_system | label
      -------+------------+-----------+--------+------+-------------+--------
             | medication | 31        | 1      | 9    | ATC         | aspirin
             | medication | 31        | 2      | 1    | RxNorm      | tablet
             | medication | 31        | 3      |      |             | a label
    """
    assert (
        build("staging.source_event", given)
        == """
      code | code_system | code_key | code_text
      -----+-------------+----------+----------
      1    | RxNorm      | 1        | tablet
    """
    )
