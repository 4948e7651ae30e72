"""Eras of drugs and doses by OHDSI's rules, against tables worked out by hand."""

from __future__ import annotations

from tests.models.test_eras import DELIVERED, NO_FACTS, PERSONS
from tests.models.warehouse import Rows, Warehouse

INGREDIENTS = """
  vocab.concept
  concept_id | vocabulary_id | concept_class_id | domain_id | concept_code
  -----------+---------------+------------------+-----------+-------------
  10         | RxNorm        | Ingredient       | Drug      | 10
  20         | RxNorm        | Ingredient       | Drug      | 20
  30         | RxNorm        | Ingredient       | Drug      | 30
  101        | RxNorm        | Clinical Drug    | Drug      | 101
  102        | RxNorm        | Clinical Drug    | Drug      | 102
  103        | CVX           | CVX              | Drug      | 103
  104        | dm+d          | AMP              | Drug      | 104
  900        | ATC           | ATC 1st          | Drug      | 900

  vocab.concept_ancestor
  ancestor_concept_id | descendant_concept_id
  --------------------+----------------------
  10                  | 10
  10                  | 101
  10                  | 102
  20                  | 102
  900                 | 101
  900                 | 103
"""


# In these tables verbatim_end_date is the end as delivered.
def drugs(given: str, model: str = "cdm.drug_era", vocabulary: str = INGREDIENTS) -> Rows:
    """Eras of the given exposures."""
    warehouse = Warehouse(vocabulary)
    warehouse.put("cdm.person", PERSONS)
    warehouse.put("stem.event", NO_FACTS)
    warehouse.put("cdm.drug_exposure", given)
    warehouse.con.execute(  # what was delivered as the end, if anything was
        "INSERT INTO stem.event (fact_id, study, source, cdm_table, end_date) "
        "SELECT drug_exposure_id, 's', 'main', 'drug_exposure', verbatim_end_date "
        "FROM cdm.drug_exposure"
    )
    return warehouse.build(model)


def test_drug_eras_are_of_ingredients_with_gaps_of_thirty_days() -> None:
    # Drug 101 is ingredient 10, drug 102 is 10 and 20.
    # Ingredient 10, person 1: 1-11 Jan, 10 Feb-12 Feb (30 days later: joined, 30 gap days),
    # 15 Mar begins anew (12 Feb + 30 = 14 Mar).
    assert (
        drugs("""
      drug_exposure_id | person_id | drug_concept_id | drug_exposure_start_date | drug_exposure_end_date | verbatim_end_date
      -----------------+-----------+-----------------+--------------------------+------------------------+------------------
      1                | 1         | 101             | 2019-01-01               | 2019-01-11             | 2019-01-11
      2                | 1         | 102             | 2019-02-10               | 2019-02-12             | 2019-02-12
      3                | 1         | 10              | 2019-03-15               | 2019-03-16             | 2019-03-16
    """)
        == """
      person | drug_concept_id | drug_era_start_date | drug_era_end_date | drug_exposure_count | gap_days
      -------+-----------------+---------------------+-------------------+---------------------+---------
      1      | 10              | 2019-01-01          | 2019-02-12        | 2                   | 30
      1      | 20              | 2019-02-10          | 2019-02-12        | 1                   | 0
      1      | 10              | 2019-03-15          | 2019-03-16        | 1                   | 0
    """
    )


def test_overlapping_exposures_are_not_exposed_twice() -> None:
    # 1-21 Jan and 11-31 Jan overlap: 30 days exposed. 10-20 Feb: 10 days after a gap of 10.
    assert (
        drugs("""
      drug_exposure_id | person_id | drug_concept_id | drug_exposure_start_date | drug_exposure_end_date | verbatim_end_date
      -----------------+-----------+-----------------+--------------------------+------------------------+------------------
      1                | 1         | 10              | 2019-01-01               | 2019-01-21             | 2019-01-21
      2                | 1         | 10              | 2019-01-11               | 2019-01-31             | 2019-01-31
      3                | 1         | 10              | 2019-01-12               | 2019-01-13             | 2019-01-13
      4                | 1         | 10              | 2019-02-10               | 2019-02-20             | 2019-02-20
    """)
        == """
      person | drug_concept_id | drug_era_start_date | drug_era_end_date | drug_exposure_count | gap_days
      -------+-----------------+---------------------+-------------------+---------------------+---------
      1      | 10              | 2019-01-01          | 2019-02-20        | 4                   | 10
    """
    )


def test_an_open_exposure_lasts_its_supply_or_one_day() -> None:
    # 28 days from 1 Jan: 29 Jan, + 30 = 28 Feb. One day from 1 Jan: 2 Jan, + 30 = 1 Feb.
    assert (
        drugs("""
      drug_exposure_id | person_id | drug_concept_id | drug_exposure_start_date | drug_exposure_end_date | verbatim_end_date | days_supply
      -----------------+-----------+-----------------+--------------------------+------------------------+-------------------+------------
      1                | 1         | 10              | 2019-01-01               | 2019-01-01             |                   | 28
      2                | 1         | 10              | 2019-02-28               | 2019-02-28             |                   | -5
      3                | 2         | 10              | 2019-01-01               | 2019-01-01             |                   |
      4                | 2         | 10              | 2019-02-02               | 2019-02-02             | 2019-02-02        | 28
    """)
        == """
      person | drug_concept_id | drug_era_start_date | drug_era_end_date | drug_exposure_count | gap_days
      -------+-----------------+---------------------+-------------------+---------------------+---------
      1      | 10              | 2019-01-01          | 2019-03-01        | 2                   | 30
      2      | 10              | 2019-01-01          | 2019-01-02        | 1                   | 0
      2      | 10              | 2019-02-02          | 2019-02-02        | 1                   | 0
    """
    )


def test_which_ingredient_a_drug_stands_for_is_said_and_counted() -> None:
    exposures = """
      drug_exposure_id | person_id | drug_concept_id | drug_exposure_start_date | drug_exposure_end_date
      -----------------+-----------+-----------------+--------------------------+-----------------------
      1                | 1         | 102             | 2019-01-01               | 2019-01-11
      2                | 1         | 30              | 2019-01-01               | 2019-01-11
      3                | 1         | 104             | 2019-01-01               | 2019-01-11
      4                | 2         | 104             | 2019-01-01               | 2019-01-11
      5                | 1         | 103             | 2019-01-01               | 2019-01-11
      6                | 1         | 0               | 2019-01-01               | 2019-01-11
    """
    assert (
        drugs(exposures, "stem.drug_ingredient")
        == """
      drug_concept_id | ingredient_concept_id | basis              | n_exposures
      ----------------+-----------------------+--------------------+------------
      102             | 10                    | ancestor           | 1
      102             | 20                    | ancestor           | 1
      30              | 30                    | itself             | 1
      104             | 104                   | no-ancestor-loaded | 2
      103             |                       | no-ingredient      | 1
      0               |                       | unmapped           | 1
    """
    )
    assert sorted(drugs(exposures).column("drug_concept_id")) == [10, 20, 30, 104, 104]


STRENGTHS = """
  vocab.drug_strength
  drug_concept_id | ingredient_concept_id | amount_value | amount_unit_concept_id | numerator_value | numerator_unit_concept_id | denominator_value | denominator_unit_concept_id | invalid_reason
  ----------------+-----------------------+--------------+------------------------+-----------------+---------------------------+-------------------+-----------------------------+---------------
  101             | 10                    | 500          | 8576                   |                 |                           |                   |                             |
  102             | 10                    |              |                        | 20              | 8576                      |                   | 8587                        |
  105             | 20                    |              |                        | 0.5             | 8576                      | 1                 | 8505                        |
  106             | 20                    | 7            | 8576                   |                 |                           |                   |                             | D
"""


def test_dose_eras_are_of_one_daily_dose() -> None:
    # 56 tablets of 500 mg in 28 days: 1000 mg a day; 140 mL of 20 mg in 7 days: 400 mg a day;
    # a patch of 0.5 mg an hour: 12 mg a day.
    assert (
        drugs(
            """
      drug_exposure_id | person_id | drug_concept_id | drug_exposure_start_date | drug_exposure_end_date | verbatim_end_date | days_supply | quantity
      -----------------+-----------+-----------------+--------------------------+------------------------+-------------------+-------------+---------
      1                | 1         | 101             | 2019-01-01               | 2019-01-01             |                   | 28          | 56
      2                | 1         | 101             | 2019-02-28               | 2019-02-28             |                   | 28          | 56
      3                | 1         | 101             | 2019-03-05               | 2019-03-05             |                   | 28          | 28
      4                | 2         | 102             | 2019-01-01               | 2019-01-08             | 2019-01-08        |             | 140
      5                | 2         | 105             | 2019-01-01               | 2019-01-04             | 2019-01-04        |             |
      6                | 2         | 106             | 2019-01-01               | 2019-01-04             | 2019-01-04        | 3           | 3
      7                | 2         | 101             | 2019-01-01               | 2019-01-04             | 2019-01-04        | 3           |
    """,
            "cdm.dose_era",
            STRENGTHS,
        )
        == """
      person | drug_concept_id | unit_concept_id | dose_value | dose_era_start_date | dose_era_end_date
      -------+-----------------+-----------------+------------+---------------------+------------------
      1      | 10              | 8576            | 1000       | 2019-01-01          | 2019-03-28
      1      | 10              | 8576            | 500        | 2019-03-05          | 2019-04-02
      2      | 10              | 8576            | 400        | 2019-01-01          | 2019-01-08
      2      | 20              | 8576            | 12         | 2019-01-01          | 2019-01-04
    """
    )


def test_an_end_set_in_cdm_for_want_of_one_is_not_a_delivered_end() -> None:
    # cdm ends 28 days of supply on day 28; OHDSI's rule counts to the day after.
    assert (
        drugs("""
      drug_exposure_id | person_id | drug_concept_id | drug_exposure_start_date | drug_exposure_end_date | days_supply
      -----------------+-----------+-----------------+--------------------------+------------------------+------------
      1                | 1         | 10              | 2019-01-01               | 2019-01-28             | 28
    """)
        == """
      person | drug_concept_id | drug_era_start_date | drug_era_end_date | drug_exposure_count | gap_days
      -------+-----------------+---------------------+-------------------+---------------------+---------
      1      | 10              | 2019-01-01          | 2019-01-29        | 1                   | 0
    """
    )


def test_delivered_drug_and_dose_eras_come_out_as_they_went_in() -> None:
    warehouse = Warehouse(DELIVERED)
    warehouse.put("cdm.person", PERSONS)
    assert (
        warehouse.build("cdm.drug_era")
        == """
      drug_era_id | person | drug_concept_id | drug_era_start_date | drug_era_end_date | drug_exposure_count | gap_days
      ------------+--------+-----------------+---------------------+-------------------+---------------------+---------
      75          | 1      | 10              | 2001-01-01          | 2001-03-01        | 2                   | 15903
    """
    )
    assert (
        warehouse.build("cdm.dose_era")
        == """
      dose_era_id | person | drug_concept_id | unit_concept_id | dose_value | dose_era_start_date | dose_era_end_date
      ------------+--------+-----------------+-----------------+------------+---------------------+------------------
      76          | 1      | 10              | 8576            | 250        | 2001-01-01          | 2001-03-01
    """
    )
    eras = {row[0]: row[1:] for row in warehouse.build("stem.record_arrival").rows}
    assert eras["condition_era"] == (4, 1, 1, 2)
    assert eras["drug_era"] == (1, 0, 0, 1)
    assert eras["dose_era"] == (1, 0, 0, 1)
