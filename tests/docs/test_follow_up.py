"""The follow-up guide on planted data: its SQL recovers what was planted, naive counting does not."""

from __future__ import annotations

import math
import random
import re
from datetime import date, timedelta
from pathlib import Path

import pytest

from tests.models.warehouse import Warehouse

GUIDE = Path(__file__).parents[2] / "docs" / "how-to" / "follow-up.md"
DIABETES = 201826
N_PERSONS, GP_SHARE = 4000, 0.45
# Planted hazards, per year: of the outcome while alive, and of death.
OUTCOME_RATE, DEATH_RATE = 0.02, 0.05
GP_ENDS = date(2016, 12, 31)
GAP = (date(2005, 6, 1), date(2008, 6, 1))

GIVEN = f"""
  vocab.concept
  concept_id | vocabulary_id | concept_code | domain_id
  -----------+---------------+--------------+----------
  {DIABETES} | SNOMED        | 44054006     | Condition

  vocab.study_source
  source   | modality      | origin       | covers_from | covers_to
  ---------+---------------+--------------+-------------+-----------
  main     | questionnaire | research     |             |
  gp       | health_record | primary-care | 1990-01-01  | {GP_ENDS}
  hospital | health_record | hospital     | 1997-01-01  | 2020-12-31
  deaths   | health_record | register     | 1990-01-01  | 2020-12-31

  vocab.mapping
  variable | target_ordinal | target_concept_id | target_domain_id | rule   | rule_arg      | id_key
  ---------+----------------+-------------------+------------------+--------+---------------+-------
  year     | 1              | 0                 | Person           | direct | year_of_birth | 0

  vocab.variable
  variable | value_type
  ---------+-----------
  year     | integer
"""


def guide(block: str) -> str:
    """The SQL of one marked block of the guide."""
    found = re.findall(rf"<!-- runs: {block} -->\n```sql\n(.*?)```", GUIDE.read_text(), re.S)
    assert len(found) == 1, f"the guide has no block marked {block}"
    return str(found[0])


def in_years(day: date, years: float) -> date:
    return day + timedelta(days=int(years * 365.25))


@pytest.fixture(scope="module")
def planted() -> Warehouse:
    """People of whom under half have a GP record; some left their GP for three years.

    The outcome strikes at a constant rate while the GP watches; everybody dies at a constant
    rate. Two people had the outcome before they were registered.
    """
    draw = random.Random(20260105)
    values, events, records = [], [], []
    for n in range(1, N_PERSONS + 1):
        values.append((n, str(n), "year", "1950", None))
        values.append((n + 100_000, str(n), "visit", "1", "2000-06-01"))
        died = in_years(date(2000, 6, 1), draw.expovariate(DEATH_RATE))
        if died <= date(2020, 12, 31):
            events.append(("deaths", str(n), "death", None, None, died.isoformat()))
        if draw.random() > GP_SHARE:
            continue
        start = date(2000, 6, 1) + timedelta(days=draw.randrange(700))
        has_gap = draw.random() < 0.2
        stays = [(start, GAP[0]), (GAP[1], None)] if has_gap else [(start, None)]
        for begins, ends in stays:
            records.append((str(n), begins.isoformat(), ends.isoformat() if ends else None))
        struck = in_years(start, draw.expovariate(OUTCOME_RATE))
        if has_gap and GAP[0] < struck < GAP[1]:
            struck = in_years(GAP[1], draw.expovariate(OUTCOME_RATE))
        if n % 1000 == 0:
            struck = date(1999, 1, 1)
        if struck <= min(died, GP_ENDS):
            events.append(("gp", str(n), "condition", "44054006", "SNOMED", struck.isoformat()))
    warehouse = Warehouse(GIVEN)
    _insert(warehouse, values, events, records)
    for table in ("mart.follow_up", "mart.outcome", "cdm.observation_period", "cdm.death"):
        warehouse.build(table)
    return warehouse


def _insert(
    warehouse: Warehouse,
    values: list[tuple[object, ...]],
    events: list[tuple[object, ...]],
    records: list[tuple[object, ...]],
) -> None:
    con = warehouse.con
    con.executemany(
        "INSERT INTO raw.value (study, source, row_id, record_id, source_person_key, variable, "
        "instance, array_index, value, start_time) VALUES ('s', 'main', $1, $1, $2, $3, 0, 0, $4, $5)",
        values,
    )
    con.executemany(
        "INSERT INTO raw.event (study, source, row_id, record_id, source_person_key, kind, code, "
        "code_system, start_time) VALUES ('s', $2, $1, $1, $3, $4, $5, $6, $7)",
        [(200_000 + n, *event) for n, event in enumerate(events)],
    )
    con.executemany(
        "INSERT INTO raw.record (study, source, row_id, record_id, source_person_key, kind, "
        "start_time, end_time) VALUES ('s', 'gp', $1, $1, $2, 'registration', $3, $4)",
        [(300_000 + n, *record) for n, record in enumerate(records)],
    )
    warehouse.link_everybody()


def test_naive_counting_is_wrong_and_the_guide_recovers_the_planted_rate(
    planted: Warehouse,
) -> None:
    n_persons, n_cases, years, rate = planted.con.execute(guide("rate")).fetchall()[0]
    assert 0.4 * N_PERSONS < n_persons < 0.5 * N_PERSONS
    assert n_cases > 250
    # Two standard errors of a count of about 300 are 12 %.
    assert rate == pytest.approx(1000 * OUTCOME_RATE, rel=0.12)

    naive_years = planted.con.execute(
        "SELECT sum(observation_period_end_date - observation_period_start_date + 1) / 365.25 "
        "FROM cdm.observation_period"
    ).fetchall()[0][0]
    naive = 1000 * n_cases / naive_years
    assert naive < 0.5 * 1000 * OUTCOME_RATE, "people without a GP record look event-free"
    assert years < 0.5 * naive_years


def test_death_competes_in_the_cumulative_incidence(planted: Warehouse) -> None:
    found = dict(planted.con.execute(guide("cumulative-incidence")).fetchall())
    both = OUTCOME_RATE + DEATH_RATE
    for years in (1, 5, 10):
        truth = OUTCOME_RATE / both * (1 - math.exp(-both * years))
        assert found[years] == pytest.approx(truth, abs=0.015), f"at {years} years"
    without_death = 1 - math.exp(-OUTCOME_RATE * 10)  # what one minus Kaplan-Meier tends to
    assert found[10] < without_death - 0.02


def test_nobody_without_a_gp_record_and_no_gap_is_in_the_denominator(planted: Warehouse) -> None:
    con = planted.con
    (registered,) = con.execute(
        "SELECT count(DISTINCT source_person_key) FROM raw.record"
    ).fetchall()
    followed = con.execute(
        "SELECT count(DISTINCT f.person_id), count(DISTINCT r.source_person_key) "
        "FROM mart.follow_up AS f LEFT JOIN raw.record AS r "
        "ON r.source_person_key = CAST(f.person_id AS VARCHAR) WHERE f.origin = 'primary-care'"
    ).fetchall()[0]
    assert followed[0] == followed[1] <= registered[0]
    inside = con.execute(
        "SELECT count(*) FROM mart.follow_up AS f JOIN raw.record AS r "
        "ON r.source_person_key = CAST(f.person_id AS VARCHAR) AND r.end_time = ? "
        "WHERE f.at_risk_from <= ? AND f.at_risk_to > ?",
        [GAP[0].isoformat(), GAP[0] + timedelta(days=9), GAP[0] + timedelta(days=9)],
    ).fetchall()
    assert inside == [(0,)]
    # The hospital reaches everybody but recorded no condition: no follow-up for it is claimed.
    assert con.execute("SELECT DISTINCT origin FROM mart.follow_up").fetchall() == [
        ("primary-care",)
    ]
