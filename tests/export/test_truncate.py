"""T11: where observation ends on a public day, the shifted end is the same for every shift."""

from __future__ import annotations

from datetime import date, timedelta

import duckdb

from biobraid.core.home import Home
from biobraid.export.project import DatePolicy, OpenProject, create_project
from biobraid.export.release import DATABASE, release
from tests.export.conftest import N_PERSONS, person, rows

CLOSES = date(2022, 12, 31)
CUT = CLOSES - timedelta(days=364)


def test_both_ends_of_a_hospital_s_records_are_the_same_for_everybody(
    bank: Home, alpha: OpenProject
) -> None:
    made = release(bank, "alpha", "r1").folder / DATABASE
    hospital = "FROM r.mart.source_coverage WHERE source = 'hospital'"
    assert rows(made, f"SELECT DISTINCT covered_to, end_reason {hospital}") == [
        (CUT, "administrative-censoring")
    ]
    ((n, opens),) = rows(made, f"SELECT count(*), min(covered_from) {hospital}")
    assert n == N_PERSONS
    assert opens >= date(1997, 4, 1) - timedelta(days=120)  # type: ignore[operator]
    assert rows(made, "SELECT DISTINCT at_risk_to FROM r.mart.follow_up") == [(CUT,)]
    # Followed since before the hospital opened to us: all begin on its opening day.
    assert rows(made, "SELECT min(at_risk_from) FROM r.mart.follow_up")[0][0] >= date(1997, 1, 1)  # type: ignore[operator]


def test_nothing_of_the_hospital_is_dated_after_the_cut(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1").folder / DATABASE
    plain = release(bank, None, "r1", internal=True).folder / DATABASE
    count = "SELECT count(*) FROM r.cdm.death"
    ((before,), (after,)) = (rows(plain, count)[0], rows(made, count)[0])
    assert before == 6
    assert after < before  # type: ignore[operator]  # died within a year of the close: unknown
    for table, column in (
        ("cdm.death", "death_date"),
        ("mart.death_record", "start_date"),
        ("mart.participant", "death_date"),
        ("cdm.condition_occurrence", "condition_start_date"),
        ("cdm.visit_occurrence", "visit_end_date"),
        ("cdm.condition_era", "condition_era_end_date"),
        ("mart.outcome", "first_date"),
    ):
        ((last,),) = rows(made, f"SELECT max({column}) FROM r.{table}")
        assert last is None or last <= CUT, table  # type: ignore[operator]


def test_what_does_not_depend_on_dates_stays(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1").folder / DATABASE
    assert rows(made, "SELECT count(*), min(n_rows) FROM r.mart.participant") == [(N_PERSONS, 9)]
    assert rows(made, "SELECT count(*) FROM r.cdm.measurement") == [(2 * (N_PERSONS - 1),)]
    assert rows(made, "SELECT count(*) FROM r.mart.person_attribute WHERE attribute = 'sex'") == [
        (N_PERSONS,)
    ]


def test_a_project_may_do_without(bank: Home) -> None:
    create_project(bank, "gamma", date_policy=DatePolicy(truncate="none"))
    made = release(bank, "gamma", "r1").folder / DATABASE
    ((n_ends,),) = rows(
        made,
        "SELECT count(DISTINCT covered_to) FROM r.mart.source_coverage WHERE source = 'hospital'",
    )
    assert n_ends > 20  # type: ignore[operator]  # each tells its shift


def test_what_stays_refers_to_nothing_that_was_cut(bank: Home, alpha: OpenProject) -> None:
    admitted = "admitted long before the hospital opened to us, found ill within the window"
    with duckdb.connect(str(bank.warehouse)) as con:
        for table, column in (("cdm.visit_occurrence", "visit_start_date"),
                              ("stem.event", "start_date")):  # fmt: skip
            is_visit = "" if column != "start_date" else " AND cdm_table = 'visit_occurrence'"
            con.execute(
                f"UPDATE {table} SET {column} = DATE '1990-01-01' WHERE person_id = ?{is_visit}",
                [person(2)],
            )
    for made in (
        release(bank, "alpha", "r1").folder / DATABASE,
        release(bank, None, "r1", internal=True).folder / DATABASE,
    ):
        dangling = rows(
            made,
            "SELECT count(*) FROM r.cdm.condition_occurrence AS c ANTI JOIN "
            "r.cdm.visit_occurrence AS v USING (visit_occurrence_id) "
            "WHERE c.visit_occurrence_id IS NOT NULL",
        )
        assert dangling == [(0,)], admitted
        kept = "SELECT count(*), count(visit_occurrence_id) FROM r.cdm.condition_occurrence"
        n_cut = 1 if "alpha" in str(made) else 0
        assert rows(made, kept) == [(N_PERSONS // 2, N_PERSONS // 2 - n_cut)]
