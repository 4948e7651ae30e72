"""Records that are no facts: places, providers, costs, plans, relations; what arrives and what not."""

from __future__ import annotations

import pytest

from biobraid.core.omop import VOCABULARY_TABLES, cdm_fields, table_fields
from tests.models.conftest import Build
from tests.models.test_cdm import PEOPLE
from tests.models.warehouse import MODELS, Warehouse

TOKEN = "0123456789abcdef0123456789abcdef"
BORN = """
  person | variable | value
  -------+----------+------
  1      | year     | 1950
  2      | year     | 1960
"""
NOBODY = f"""
  raw.record
  person | kind      | record_id | row_id | code | label | start_time
  -------+-----------+-----------+--------+------+-------+-----------
         | location  | 11        | 1      |      |       |
         | care_site | 12        | 2      | 394  | Ward  |
         | provider  | 13        | 3      |      |       |
         | provider  | 14        | 4      |      |       |
         | metadata  | 15        | 5      |      | links | 2020-01-02
         | metadata  | 16        | 6      |      |       |
         | cost      | 17        | 7      |      |       |

  raw.detail
  person | kind      | record_id | field                 | value
  -------+-----------+-----------+-----------------------+------
         | location  | 11        | address_1             | 1 High Street
         | location  | 11        | state                 | ENG
         | location  | 11        | country_concept_id    | 42035286
         | location  | 11        | country_source_value  | GBR
         | location  | 11        | latitude              | 55.9
         | location  | 11        | location_source_value | Herr Maier
         | care_site | 12        | location_id           | 11
         | care_site | 12        | care_site_name        | St Mary
         | provider  | 13        | provider_name         | Dr Who
         | provider  | 13        | npi                   | 1234567890
         | provider  | 13        | care_site_id          | 12
         | provider  | 13        | provider_source_value | {TOKEN}
         | provider  | 13        | specialty_concept_id  | 38004446
         | provider  | 14        | care_site_id          | 99
         | provider  | 14        | specialty_source_value | gp
         | cost      | 17        | total_paid            | 5
"""


def test_records_of_nobody_arrive_and_names_do_not(build: Build) -> None:
    assert (
        build("cdm.location", NOBODY)
        == """
      location_id | address_1 | state | country_concept_id | country_source_value | latitude | location_source_value
      ------------+-----------+-------+--------------------+----------------------+----------+----------------------
      11          |           | ENG   | 42035286           | GBR                  | 55.9     |
    """
    )
    assert (
        build("cdm.care_site", NOBODY)
        == """
      care_site_id | care_site_name | location_id | place_of_service_concept_id | place_of_service_source_value
      -------------+----------------+-------------+-----------------------------+------------------------------
      12           |                | 11          | 0                           | 394
    """
    )
    assert (
        build("cdm.provider", NOBODY)
        == f"""
      provider_id | provider_name | npi | care_site_id | provider_source_value | specialty_concept_id | specialty_source_value
      ------------+---------------+-----+--------------+-----------------------+----------------------+-----------------------
      13          |               |     | 12           | {TOKEN}               | 38004446             |
      14          |               |     |              |                       | 0                    | gp
    """
    )
    assert (
        build("cdm.metadata", NOBODY)
        == """
      metadata_id | metadata_concept_id | name  | metadata_date
      ------------+---------------------+-------+--------------
      15          | 0                   | links | 2020-01-02
    """
    )


def test_records_of_nobody_are_records_in_the_books_and_others_without_a_person_are_not(
    build: Build,
) -> None:
    assert (
        build("stem.books", NOBODY)
        == """
      table_name | n_rows | n_unlinked | n_records | n_unused
      -----------+--------+------------+-----------+---------
      record     | 7      | 1          | 6         | 0
      detail     | 16     | 1          | 11        | 4
    """
    )
    assert (
        build("staging.unlinked", NOBODY)
        == """
      table_name | link_status | n_rows | n_source_persons
      -----------+-------------+--------+-----------------
      record     | no-person   | 1      | 0
      detail     | no-person   | 1      | 0
    """
    )
    arrival = build("stem.record_arrival", NOBODY)
    named = {row[0]: row[1:] for row in arrival.rows}
    assert named["metadata"] == (2, 0, 1, 1)
    assert named["provider"] == (2, 0, 0, 2)
    assert named["cost"] == (0, 0, 0, 0)


COSTS = """
  raw.event
  person | kind      | code | code_system | start_time | record_id | row_id | source_table
  -------+-----------+------+-------------+------------+-----------+--------+---------------------
  1      | visit     |      |             | 2020-01-01 | 31        | 501    | visit_occurrence
  1      | drug      | 1    | s:drugs     | 2020-01-02 | 32        | 502    | drug_exposure
  1      | condition | 2    | s:dx        | 2020-01-02 | 33        | 503    | condition_occurrence
  3      | drug      | 1    | s:drugs     | 2020-01-02 | 34        | 504    | drug_exposure

  raw.record
  person | kind              | record_id | row_id | start_time | end_time   | parent_record_id | number | reason
  -------+-------------------+-----------+--------+------------+------------+------------------+--------+-------
  1      | payer_plan_period | 41        | 1      | 2019-01-01 | 2020-12-31 |                  |        | moved
  2      | payer_plan_period | 42        | 2      |            |            |                  |        |
  3      | payer_plan_period | 43        | 3      | 2019-01-01 |            |                  |        |
  1      | cost              | 44        | 4      |            |            |                  |        |
  1      | cost              | 45        | 5      |            |            | 31               | 12.5   |
  1      | cost              | 46        | 6      |            |            | 99               |        |
  3      | cost              | 47        | 7      |            |            | 34               |        |
  1      | fact_relationship | 48        | 8      |            |            |                  |        |
  1      | fact_relationship | 49        | 9      |            |            |                  |        |
  1      | person            | 50        | 10     |            |            |                  |        |
  2      | person            | 51        | 11     |            |            |                  |        |

  raw.detail
  person | kind              | record_id | field                | value
  -------+-------------------+-----------+----------------------+------
  1      | payer_plan_period | 41        | plan_source_value    | gold
  1      | payer_plan_period | 41        | payer_concept_id     | 280
  1      | cost              | 44        | cost_event_id        | 32
  1      | cost              | 44        | cost_domain_id       | Procedure
  1      | cost              | 44        | total_paid           | 9.75
  1      | cost              | 44        | payer_plan_period_id | 41
  1      | cost              | 44        | cost_type_concept_id | 32814
  1      | fact_relationship | 48        | domain_concept_id_1  | 56
  1      | fact_relationship | 48        | fact_id_1            | 50
  1      | fact_relationship | 48        | domain_concept_id_2  | 56
  1      | fact_relationship | 48        | fact_id_2            | 51
  1      | fact_relationship | 48        | relationship_concept_id | 44818790
  1      | fact_relationship | 49        | fact_id_1            | 33
  1      | fact_relationship | 49        | fact_id_2            | 77
"""


def test_costs_plans_and_relations_point_at_what_is_in_cdm(build: Build) -> None:
    warehouse = Warehouse(BORN + COSTS + PEOPLE)
    warehouse.build("cdm.drug_exposure")
    warehouse.build("cdm.visit_occurrence")
    (drug,) = warehouse.con.execute("SELECT drug_exposure_id FROM cdm.drug_exposure").fetchall()
    (visit,) = warehouse.con.execute(
        "SELECT visit_occurrence_id FROM cdm.visit_occurrence"
    ).fetchall()
    assert (
        warehouse.build("cdm.cost")
        == f"""
      cost_id | cost_event_id | cost_domain_id | cost_type_concept_id | total_cost | total_paid | payer_plan_period_id
      --------+---------------+----------------+----------------------+------------+------------+---------------------
      44      | {drug[0]}     | Drug           | 32814                |            | 9.75       | 41
      45      | {visit[0]}    | Visit          | 0                    | 12.5       |            |
    """
    )
    assert (
        warehouse.build("cdm.payer_plan_period")
        == """
      payer_plan_period_id | person | payer_plan_period_start_date | payer_plan_period_end_date | payer_concept_id | plan_source_value | stop_reason_source_value
      ---------------------+--------+------------------------------+----------------------------+------------------+-------------------+-------------------------
      41                   | 1      | 2019-01-01                   | 2020-12-31                 | 280              | gold              | moved
    """
    )
    assert (
        warehouse.build("cdm.fact_relationship")
        == """
      domain_concept_id_1 | fact_id_1 | domain_concept_id_2 | fact_id_2 | relationship_concept_id
      --------------------+-----------+---------------------+-----------+------------------------
      56                  | 1         | 56                  | 2         | 44818790
    """
    )
    assert (
        warehouse.build("stem.record_arrival")
        == """
      cdm_table         | n_records | n_excluded | n_unresolved | n_rows
      ------------------+-----------+------------+--------------+-------
      image_occurrence  | 0         | 0          | 0            | 0
      image_feature     | 0         | 0          | 0            | 0
      location          | 0         | 0          | 0            | 0
      care_site         | 0         | 0          | 0            | 0
      provider          | 0         | 0          | 0            | 0
      metadata          | 0         | 0          | 0            | 0
      payer_plan_period | 3         | 1          | 1            | 1
      cost              | 4         | 1          | 1            | 2
      fact_relationship | 2         | 0          | 1            | 1
      episode_event     | 0         | 0          | 0            | 0
      condition_era     | 0         | 0          | 0            | 0
      drug_era          | 0         | 0          | 0            | 0
      dose_era          | 0         | 0          | 0            | 0
    """
    )


def test_every_table_of_the_standard_is_there() -> None:
    tables = {field.table for field in cdm_fields()} - set(VOCABULARY_TABLES)
    made = {path.stem for path in (MODELS / "cdm").glob("*.sql")}
    others = {"visit_detail", "specimen", "note", "episode"}
    assert tables - made <= others


@pytest.mark.parametrize(
    "table", ["note_nlp", "cohort", "cohort_definition", "cost", "dose_era", "episode_event"]
)
def test_a_table_without_a_source_is_there_and_empty(table: str, build: Build) -> None:
    found = build(f"cdm.{table}", "")
    assert found.rows == []
    assert found.names == [field.name for field in table_fields(table)]


def test_events_of_episodes_and_relations_of_places_are_found_again(build: Build) -> None:
    given = """
      raw.event
      person | kind      | concept_id | start_time | record_id | row_id | source_table
      -------+-----------+------------+------------+-----------+--------+---------------------
      1      | episode   | 32531      | 2020-01-01 | 61        | 601    | episode
      1      | condition | 201826     | 2020-01-02 | 62        | 602    | condition_occurrence

      raw.record
      person | kind              | record_id | row_id
      -------+-------------------+-----------+-------
      1      | episode_event     | 71        | 1
      1      | episode_event     | 72        | 2
             | care_site         | 73        | 3
             | location          | 74        | 4
             | fact_relationship | 75        | 5

      raw.detail
      person | kind              | record_id | field                          | value
      -------+-------------------+-----------+--------------------------------+--------
      1      | episode_event     | 71        | episode_id                     | 61
      1      | episode_event     | 71        | event_id                       | 62
      1      | episode_event     | 71        | episode_event_field_concept_id | 1147127
      1      | episode_event     | 72        | episode_id                     | 62
      1      | episode_event     | 72        | event_id                       | 61
             | fact_relationship | 75        | fact_id_1                      | 73
             | fact_relationship | 75        | fact_id_2                      | 74
    """
    warehouse = Warehouse(BORN + given + PEOPLE)
    (episode,) = warehouse.build("cdm.episode").column("episode_id")
    (condition,) = warehouse.build("cdm.condition_occurrence").column("condition_occurrence_id")
    assert (
        warehouse.build("cdm.episode_event")
        == f"""
      episode_id | event_id    | episode_event_field_concept_id
      -----------+-------------+-------------------------------
      {episode}  | {condition} | 1147127
    """
    )
    assert (
        warehouse.build("cdm.fact_relationship")
        == """
      domain_concept_id_1 | fact_id_1 | fact_id_2
      --------------------+-----------+----------
      0                   | 73        | 74
    """
    )
    arrival = {row[0]: row[1:] for row in warehouse.build("stem.record_arrival").rows}
    assert arrival["episode_event"] == (2, 0, 1, 1)
    assert arrival["fact_relationship"] == (1, 0, 0, 1)
