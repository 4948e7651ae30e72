"""Releases of wearables: consent goes by source, minutes by their series, times by the policy."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from biobraid.core.home import Home
from biobraid.export.project import DatePolicy, OpenProject, create_project
from biobraid.export.release import DATABASE, release
from tests.export.conftest import N_PERSONS, person, put_links, rows

_TABLES = f"""
INSERT INTO vocab.study_source (study, source, modality, covers_from, covers_to)
  VALUES ('one', 'watch', 'wearable', NULL, NULL),
  ('two', 'band', 'wearable', NULL, NULL);
CREATE SCHEMA wearable;
CREATE TABLE wearable.series AS SELECT 1000 * n + 7 AS person_id,
  CAST(s.number AS SMALLINT) AS series_number, s.study, s.source, 'heart_rate' AS stream,
  DATE '2021-01-01' AS start_date, DATE '2021-01-02' AS end_date, 4 AS n_samples
  FROM range(1, {N_PERSONS + 1}) AS r(n), (VALUES (1, 'one', 'watch'), (2, 'two', 'band'))
    AS s(number, study, source);
CREATE TABLE wearable.minute AS SELECT s.person_id, s.series_number, d.day AS start_date,
  CAST(date_diff('day', DATE '1970-01-01', d.day) * 1440 + 61 AS INTEGER) AS minute_number,
  CAST(60 AS SMALLINT) AS utc_offset_minutes, 70.0 AS value
  FROM wearable.series AS s, (VALUES (DATE '2021-01-01'), (DATE '2021-01-02')) AS d(day);
"""


@pytest.fixture
def worn(bank: Home) -> Home:
    """The small warehouse with two wearable sources for everybody."""
    for study, source in (("one", "watch"), ("two", "band")):
        path = bank.studies / study / "study.yaml"
        path.write_text(
            path.read_text()
            + f"  {source}: {{connector: fitbit, files: ['*.json'], modality: wearable}}\n"
        )
    with duckdb.connect(str(bank.warehouse)) as con:
        con.execute(_TABLES)
    return bank


def minutes(database: Path, n: int) -> list[tuple[object, ...]]:
    return rows(
        database,
        "SELECT series_number, CAST(start_date AS VARCHAR) FROM r.wearable.minute "
        f"WHERE person_id = {person(n)} ORDER BY ALL",
    )


BOTH = [(1, "2021-01-01"), (1, "2021-01-02"), (2, "2021-01-01"), (2, "2021-01-02")]


def test_who_refuses_wearables_has_no_minute_and_others_all(worn: Home) -> None:
    put_links(worn, {4: "withdrawn"}, [(5, "wearable", "refused", None, "2021-01-01")])
    database = release(worn, None, "r", internal=True).folder / DATABASE
    assert minutes(database, 5) == minutes(database, 4) == []
    assert minutes(database, 6) == BOTH
    assert rows(database, f"SELECT count(*) FROM r.wearable.series WHERE person_id = {person(5)}") == [(0,)]  # fmt: skip


def test_a_refusal_of_something_else_takes_no_minute(worn: Home) -> None:
    put_links(worn, consents=[(5, "imaging", "refused", None, "2021-01-01")])
    database = release(worn, None, "r", internal=True).folder / DATABASE
    assert minutes(database, 5) == BOTH


def test_no_access_from_a_day_on_keeps_the_minutes_before(worn: Home) -> None:
    put_links(worn, consents=[(5, "wearable", "withdrawn", "no_access", "2021-01-01")])
    database = release(worn, None, "r", internal=True).folder / DATABASE
    assert minutes(database, 5) == [(1, "2021-01-01"), (2, "2021-01-01")]
    assert rows(
        database,
        "SELECT DISTINCT CAST(end_date AS VARCHAR), n_samples FROM r.wearable.series "
        f"WHERE person_id = {person(5)}",
    ) == [("2021-01-01", None)]


def test_a_project_without_wearables_gets_none(worn: Home) -> None:
    create_project(worn, "labs", modalities=["questionnaire"])
    database = release(worn, "labs", "r").folder / DATABASE
    assert rows(database, "SELECT count(*) FROM r.wearable.minute") == [(0,)]


def test_minutes_move_with_the_person_s_shift_and_offsets_are_hidden(
    worn: Home, alpha: OpenProject
) -> None:
    database = release(worn, "alpha", "r").folder / DATABASE
    found = rows(
        database,
        "SELECT bool_and(minute_number = date_diff('day', DATE '1970-01-01', start_date) * 1440 + 61), "
        "count(DISTINCT start_date) > 30, count(utc_offset_minutes) FROM r.wearable.minute",
    )
    assert found == [(True, True, 0)]


def test_where_only_years_stay_minutes_have_no_number(worn: Home) -> None:
    create_project(worn, "years", date_policy=DatePolicy(kind="year"))
    database = release(worn, "years", "r").folder / DATABASE
    assert rows(database, "SELECT count(minute_number), count(*) > 0 FROM r.wearable.minute") == [(0, True)]  # fmt: skip
