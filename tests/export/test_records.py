"""What a release holds of records, eras, relations and days at risk, and of whom."""

from __future__ import annotations

from pathlib import Path

import duckdb

from biobraid.core.home import Home
from biobraid.export.project import create_project
from biobraid.export.release import DATABASE, release
from tests.export.conftest import person, put_links, rows
from tests.export.records import TOKEN, TWO_STRETCHES


def internal(bank: Home) -> Path:
    """A release with the warehouse's own ids, so that rows can be told."""
    return release(bank, None, "r1", internal=True).folder / DATABASE


def ids(database: Path, table: str, column: str) -> set[object]:
    return {row[0] for row in rows(database, f"SELECT {column} FROM r.{table}")}


def test_a_refused_source_takes_its_records_eras_and_days_at_risk(bank: Home) -> None:
    put_links(bank, consents=[(10, "health_record", "refused", None, None)])
    made = internal(bank)
    for table, column, own in (
        ("cdm.payer_plan_period", "payer_plan_period_id", 800010),
        ("cdm.cost", "cost_id", 810010),
        ("cdm.cost", "cost_id", 820010),  # known to another source, but its event is not to go
        ("cdm.condition_era", "condition_era_id", 830010),
        ("cdm.condition_era", "condition_era_id", 840010),
        ("cdm.fact_relationship", "fact_id_1", 200010),
        ("cdm.episode_event", "event_id", 300010),
        ("mart.death_record", "person_id", person(10)),
        ("mart.follow_up", "person_id", person(10)),
        ("mart.outcome", "person_id", person(10)),
    ):
        found = ids(made, table, column)
        assert own not in found, f"{table} {own}"
        assert own + (10 if own < 900000 and own not in (person(10),) else 10_000) in found, table
    related = rows(
        made, f"SELECT fact_id_2 FROM r.cdm.fact_relationship WHERE fact_id_1 = {person(10)}"
    )
    assert related == [(person(12),)], "who somebody is related to is not of the hospital"


def test_after_a_no_access_withdrawal_later_records_and_eras_are_gone(bank: Home) -> None:
    put_links(bank, consents=[(12, "*", "withdrawn", "no_access", "2020-06-30")])
    made = internal(bank)
    assert 800012 in ids(made, "cdm.payer_plan_period", "payer_plan_period_id")
    assert not {830012, 840012} & ids(made, "cdm.condition_era", "condition_era_id")
    assert person(12) not in ids(made, "mart.follow_up", "person_id")


def test_of_the_withdrawn_nothing_is_left_not_even_their_place_or_a_relation(bank: Home) -> None:
    put_links(bank, {12: "withdrawn"})
    made = internal(bank)
    for table, column, own in (
        ("cdm.payer_plan_period", "payer_plan_period_id", 800012),
        ("cdm.cost", "cost_id", 810012),
        ("cdm.cost", "cost_id", 820012),
        ("cdm.condition_era", "condition_era_id", 830012),
        ("cdm.condition_era", "condition_era_id", 840012),
        ("cdm.location", "location_id", 900012),
        ("cdm.episode_event", "episode_id", 200012),
        ("mart.follow_up", "person_id", person(12)),
    ):
        assert own not in ids(made, table, column), f"{table} {own}"
    relations = rows(made, "SELECT fact_id_1, fact_id_2 FROM r.cdm.fact_relationship")
    assert not {person(12), 200012, 300012} & {side for row in relations for side in row}
    assert (person(14), person(16)) in relations


def test_a_project_gets_its_own_ids_dates_and_tokens(bank: Home) -> None:
    create_project(bank, "alpha")
    made = release(bank, "alpha", "r1").folder / DATABASE
    n_costs, n_conditions = rows(
        made,
        "SELECT count(*), count(DISTINCT c.condition_occurrence_id) FROM r.cdm.cost AS t "
        "JOIN r.cdm.condition_occurrence AS c ON c.condition_occurrence_id = t.cost_event_id",
    )[0]
    assert (n_costs, n_conditions) == (60, 30)
    assert rows(
        made,
        "SELECT count(*) FROM r.cdm.fact_relationship AS t "
        "JOIN r.cdm.person AS a ON a.person_id = t.fact_id_1 "
        "JOIN r.cdm.person AS b ON b.person_id = t.fact_id_2",
    ) == [(29,)]
    assert rows(
        made,
        "SELECT count(*) FROM r.cdm.fact_relationship AS t "
        "JOIN r.cdm.visit_occurrence AS a ON a.visit_occurrence_id = t.fact_id_1 "
        "JOIN r.cdm.condition_occurrence AS b ON b.condition_occurrence_id = t.fact_id_2",
    ) == [(30,)]
    own = {800000 + n for n in range(61)} | {900000 + n for n in range(61)} | {950001, 960001}
    for table, column in (
        ("payer_plan_period", "payer_plan_period_id"),
        ("location", "location_id"),
        ("care_site", "care_site_id"),
        ("provider", "provider_id"),
        ("provider", "care_site_id"),
        ("cost", "payer_plan_period_id"),
    ):
        assert not own & ids(made, f"cdm.{table}", column), f"{table}.{column}"
    for table in ("location", "care_site", "provider"):
        assert TOKEN not in ids(made, f"cdm.{table}", f"{table}_source_value")
    assert TOKEN not in ids(made, "cdm.payer_plan_period", "family_source_value")
    # Plan and baseline measurement are on the same day: both move alike.
    assert rows(
        made,
        "SELECT count(*) FROM r.cdm.payer_plan_period AS t JOIN r.cdm.measurement AS m "
        "ON m.person_id = t.person_id AND m.measurement_date = t.payer_plan_period_start_date",
    ) == [(59,)]
    assert len(ids(made, "mart.follow_up", "at_risk_from")) > 20


def test_a_project_is_not_shown_where_people_live_or_who_cares_for_them(bank: Home) -> None:
    create_project(bank, "alpha")
    made = release(bank, "alpha", "r1").folder / DATABASE
    for column in ("zip", "city", "latitude", "longitude", "address_1"):
        assert ids(made, "cdm.location", column) == {None}, column
    assert ids(made, "cdm.location", "country_concept_id") == {42035286}
    assert rows(made, "SELECT count(*) FROM r.cdm.location") == [(61,)]  # homes and the ward's
    assert ids(made, "cdm.care_site", "care_site_name") == {None}
    assert rows(made, "SELECT year_of_birth, specialty_source_value FROM r.cdm.provider") == [
        (None, "gp")
    ]
    assert ids(made, "cdm.metadata", "metadata_date") == {None}
    assert ids(made, "vocab.study_censoring", "covers_to") == {None}


def test_observation_periods_of_a_person_with_a_refusal_are_made_of_what_is_left(
    bank: Home,
) -> None:
    with duckdb.connect(str(bank.warehouse)) as con:
        con.execute(TWO_STRETCHES)
    put_links(bank, consents=[(37, "imaging", "refused", None, None)])
    made = internal(bank)
    assert rows(
        made,
        "SELECT CAST(observation_period_start_date AS VARCHAR), "
        "CAST(observation_period_end_date AS VARCHAR) FROM r.cdm.observation_period "
        f"WHERE person_id = {person(37)} ORDER BY 1",
    ) == [("2000-01-01", "2001-01-01"), ("2010-01-01", "2012-01-01")]
    assert rows(
        made,
        "SELECT count(*), count(DISTINCT observation_period_id) FROM r.cdm.observation_period",
    ) == [(61, 61)]
