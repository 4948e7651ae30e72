"""Roles of providers: part of the provider, never one of their own."""

from __future__ import annotations

from tests.models.conftest import Build
from tests.models.test_event_links import PERSON

# 13 has two roles, the second named by an alias of it; 14 none; the provider of 23 never came.
STAFF = """
  raw.record
  person | kind      | record_id | row_id | code       | parent_record_id
  -------+-----------+-----------+--------+------------+-----------------
         | care_site | 12        | 1      | prov       |
         | provider  | 13        | 2      | MD         |
         | provider  | 14        | 3      | MD         |
         | provider  | 21        | 4      |            | 13
         | provider  | 22        | 5      | 208D00000X | 113
         | provider  | 23        | 6      | 163W00000X | 99

  raw.detail
  person | kind      | record_id | field               | value
  -------+-----------+-----------+---------------------+------
         | care_site | 12        | alias_record_id     | 112
         | provider  | 13        | alias_record_id     | 113
         | provider  | 13        | gender_source_value | male
         | provider  | 13        | gender_concept_id   | 8507
         | provider  | 21        | care_site_id        | 12
         | provider  | 22        | care_site_id        | 112
"""


def test_a_provider_has_the_specialty_and_care_site_of_its_role(build: Build) -> None:
    assert (
        build("cdm.provider", STAFF)
        == """
      provider_id | care_site_id | specialty_source_value | gender_concept_id | gender_source_value
      ------------+--------------+------------------------+-------------------+--------------------
      13          | 12           | 208D00000X             | 8507              | male
      14          |              | MD                     |                   |
      23          |              | 163W00000X             |                   |
    """
    )


def test_roles_are_no_providers_in_the_books(build: Build) -> None:
    assert (
        build("stem.record_arrival", STAFF)
        == """
      cdm_table         | n_records | n_excluded | n_unresolved | n_rows
      ------------------+-----------+------------+--------------+-------
      location          | 0         | 0          | 0            | 0
      care_site         | 1         | 0          | 0            | 1
      provider          | 3         | 0          | 0            | 3
      metadata          | 0         | 0          | 0            | 0
      payer_plan_period | 0         | 0          | 0            | 0
      cost              | 0         | 0          | 0            | 0
      fact_relationship | 0         | 0          | 0            | 0
      episode_event     | 0         | 0          | 0            | 0
      condition_era     | 0         | 0          | 0            | 0
      drug_era          | 0         | 0          | 0            | 0
      dose_era          | 0         | 0          | 0            | 0
      image_occurrence  | 0         | 0          | 0            | 0
      image_feature     | 0         | 0          | 0            | 0
    """
    )


def test_what_refers_to_a_role_refers_to_its_provider(build: Build) -> None:
    visits = """
      raw.event
      person | kind  | code | code_system | provider_record_id | start_time
      -------+-------+------+-------------+--------------------+-----------
      1      | visit | a    | s:main      | 21                 | 2015-01-02
      1      | visit | b    | s:main      | 23                 | 2015-01-02
    """
    assert (
        build("cdm.visit_occurrence", visits + STAFF + PERSON)
        == """
      visit_source_value | provider_id
      -------------------+------------
      a                  | 13
      b                  | 23
    """
    )


def test_a_plan_has_its_code_and_the_payer_that_was_delivered(build: Build) -> None:
    cover = """
      raw.record
      person | kind              | record_id | row_id | code   | start_time
      -------+-------------------+-----------+--------+--------+-----------
             | care_site         | 12        | 1      | pay    |
      1      | payer_plan_period | 31        | 2      | EHCPOL | 2019-01-01
      1      | payer_plan_period | 32        | 3      |        | 2020-01-01

      raw.detail
      person | kind              | record_id | field              | value
      -------+-------------------+-----------+--------------------+------
             | care_site         | 12        | alias_record_id    | 112
      1      | payer_plan_period | 31        | payer_record_id    | 112
      1      | payer_plan_period | 32        | payer_record_id    | 12
      1      | payer_plan_period | 32        | payer_source_value | Medicare
      1      | payer_plan_period | 32        | plan_source_value  | B
    """
    assert (
        build("cdm.payer_plan_period", cover + PERSON)
        == """
      payer_plan_period_id | payer_source_value | plan_source_value
      ---------------------+--------------------+------------------
      31                   | 12                 | EHCPOL
      32                   | Medicare           | B
    """
    )
