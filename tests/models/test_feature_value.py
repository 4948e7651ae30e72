"""Measured features: whose they are, of which specimen, and that none is lost in silence."""

from __future__ import annotations

from tests.models.test_cdm import PEOPLE
from tests.models.test_records import BORN
from tests.models.warehouse import Warehouse

MEASURED = """
  raw.event
  person | kind     | code | code_system | start_time | record_id | row_id | source_table
  -------+----------+------+-------------+------------+-----------+--------+-------------
  1      | specimen |      |             | 2020-01-01 | 31        | 501    | olink
  1      | specimen |      |             |            | 32        | 502    | olink
  9      | specimen |      |             | 2020-01-01 | 34        | 504    | olink

  raw.feature
  person | record_id | row_id | feature_id | value | limit_value | censored | qc_flag     | plate_id | start_time
  -------+-----------+--------+------------+-------+-------------+----------+-------------+----------+-----------
  1      | 31        | 1      | 71         | 2     | 3           | left     | sample=WARN | P1       | 2020-01-01
  1      | 31        | 2      | 72         | 5     |             |          |             | P1       | 2020-01-01
  1      | 32        | 3      | 71         | 7     |             |          |             |          |
  9      | 34        | 4      | 71         | 9     |             |          |             |          | 2020-01-01

  raw.feature_definition
  batch | feature_id | feature | kind    | role    | unit
  ------+------------+---------+---------+---------+-----
  b1    | 71         | OID1    | protein | analyte | NPX
  b2    | 71         | OID1    | protein | analyte | NPX
  b1    | 72         | OID2    | protein | control | NPX

  link.person_bridge
  person | source_person_key | link_status
  -------+-------------------+------------
  1      | 1                 | linked
  2      | 2                 | linked
         | 9                 | waiting
"""


def test_values_keep_their_specimen_limit_and_flags() -> None:
    warehouse = Warehouse(BORN + MEASURED + PEOPLE)
    assert (
        warehouse.build("omics.feature_value")
        == """
      person | specimen_date | feature_id | value | limit_value | censored | qc_flag     | plate_id
      -------+---------------+------------+-------+-------------+----------+-------------+---------
      1      | 2020-01-01    | 71         | 2     | 3           | left     | sample=WARN | P1
      1      | 2020-01-01    | 72         | 5     |             |          |             | P1
      1      |               | 71         | 7     |             |          |             |
    """
    )
    warehouse.build("cdm.specimen")
    found = warehouse.con.execute(
        "SELECT count(*), count(DISTINCT v.specimen_id) FROM omics.feature_value v "
        "JOIN cdm.specimen s ON s.specimen_id = v.specimen_id AND s.specimen_date = v.specimen_date"
    ).fetchone()
    assert found == (2, 1), "the undated specimen is in stem.event, not in cdm"


def test_a_feature_of_two_files_stands_once() -> None:
    assert (
        Warehouse(MEASURED).build("omics.feature")
        == """
      feature_id | feature | kind    | role    | unit
      -----------+---------+---------+---------+-----
      71         | OID1    | protein | analyte | NPX
      72         | OID2    | protein | control | NPX
    """
    )


def test_every_measurement_arrives_or_is_counted() -> None:
    warehouse = Warehouse(BORN + MEASURED + PEOPLE)
    warehouse.build("stem.books")
    found = warehouse.con.execute(
        "SELECT n_rows, n_unlinked, n_records FROM stem.books WHERE table_name = 'feature'"
    ).fetchall()
    assert found == [(4, 1, 3)]
    warehouse.build("mart.modality")
    warehouse.build("staging.unlinked")
    left = warehouse.con.execute(
        "SELECT link_status, n_rows FROM staging.unlinked WHERE table_name = 'feature'"
    ).fetchall()
    assert left == [("waiting", 1)]
