"""Costs, relations and parts of episodes that name no person: whose they are, and the books."""

from __future__ import annotations

from tests.models.test_cdm import PEOPLE
from tests.models.test_records import BORN
from tests.models.warehouse import Warehouse

OWNED = """
  raw.event
  person | kind  | code | code_system | start_time | record_id | row_id | source_table
  -------+-------+------+-------------+------------+-----------+--------+-----------------
  1      | visit |      |             | 2020-01-01 | 31        | 501    | visit_occurrence
  9      | visit |      |             | 2020-01-01 | 34        | 504    | visit_occurrence

  raw.record
  person | kind              | record_id | row_id | parent_record_id
  -------+-------------------+-----------+--------+-----------------
         | cost              | 81        | 1      | 31
         | cost              | 82        | 2      | 34
         | cost              | 83        | 3      | 99
         | fact_relationship | 84        | 4      | 50
         | fact_relationship | 85        | 5      | 73
         | fact_relationship | 86        | 6      | 34
  1      | person            | 50        | 7      |
         | care_site         | 73        | 8      |

  raw.detail
  person | kind              | record_id | field      | value | row_id
  -------+-------------------+-----------+------------+-------+-------
         | cost              | 81        | total_paid | 5     | 1
         | cost              | 82        | total_paid | 6     | 2
         | cost              | 83        | total_paid | 7     | 3
         | fact_relationship | 84        | fact_id_2  | 31    | 4
         | fact_relationship | 85        | fact_id_2  | 73    | 5
         | fact_relationship | 86        | fact_id_2  | 31    | 6

  link.person_bridge
  person | source_person_key | link_status
  -------+-------------------+------------
  1      | 1                 | linked
  2      | 2                 | linked
         | 9                 | waiting
"""


def test_a_record_that_names_no_person_is_of_whom_the_record_it_leads_to_is() -> None:
    warehouse = Warehouse(BORN + OWNED + PEOPLE)
    assert (
        warehouse.build("staging.source_record")
        == """
      record_id | person
      ----------+-------
      81        | 1
      84        | 1
      85        |
      50        | 1
      73        |
    """
    )
    assert warehouse.build("cdm.cost").column("total_paid") == [5.0]
    (visit,) = warehouse.build("cdm.visit_occurrence").column("visit_occurrence_id")
    assert (
        warehouse.build("cdm.fact_relationship")
        == f"""
      fact_id_1 | fact_id_2
      ----------+----------
      1         | {visit}
      73        | 73
    """
    )
    assert (
        warehouse.build("staging.unlinked")
        == """
      table_name | link_status | n_rows | n_source_persons
      -----------+-------------+--------+-----------------
      event      | waiting     | 1      | 1
      record     | no-person   | 1      | 0
      record     | waiting     | 2      | 1
      detail     | no-person   | 1      | 0
      detail     | waiting     | 2      | 1
    """
    )
    assert (
        warehouse.build("stem.books")
        == """
      table_name | n_rows | n_unlinked | n_records
      -----------+--------+------------+----------
      value      | 2      | 0          | 0
      event      | 2      | 1          | 0
      record     | 8      | 3          | 5
      detail     | 6      | 3          | 3
    """
    )
