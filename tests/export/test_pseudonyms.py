"""Ids and dates of a project: keyed, consistent inside it, of no use beside another."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biobraid.core.home import Home
from biobraid.export import pseudonyms
from biobraid.export.project import DatePolicy, OpenProject, create_project
from biobraid.export.pseudonyms import FactIds, fact_ids, person_table, project_keys, shift_days
from biobraid.export.release import DATABASE, release
from tests.export.conftest import rows

KEYS = project_keys(b"k" * 32, "alpha")
ID = st.integers(1, 2**63 - 1)


@given(st.lists(ID, min_size=1, max_size=50, unique=True))
@settings(deadline=None)
def test_ids_are_positive_distinct_and_stable(ids: list[int]) -> None:
    array = np.array(ids, dtype=np.int64)
    made = fact_ids(KEYS, array)
    assert (made > 0).all()
    assert len(set(made.tolist())) == len(ids)
    assert (fact_ids(KEYS, array) == made).all()
    assert not set(made.tolist()) & set(fact_ids(project_keys(b"k" * 32, "beta"), array).tolist())


@given(ID, st.integers(7, 3000), st.sampled_from([1, 7]))
@settings(deadline=None)
def test_shift_is_in_the_window(person: int, window: int, multiple: int) -> None:
    policy = DatePolicy.model_validate({"window_days": window, "multiple_of": multiple})
    shift = shift_days(KEYS.shift, person, policy)
    assert -window <= shift <= -1
    assert shift % multiple == 0
    assert shift == shift_days(KEYS.shift, person, policy)


def test_hex_form_and_integer_are_one_id() -> None:
    table = person_table(KEYS, pa.array([5, 9, 5]), DatePolicy()).to_pylist()
    assert [row["person_id"] for row in table] == [5, 9]
    for row in table:
        assert len(row["person_token"]) == 32
        assert int(row["person_token"][:16], 16) & (2**63 - 1) == row["project_person_id"]


def test_of_two_clashing_ids_the_larger_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    real = fact_ids
    monkeypatch.setattr(
        pseudonyms, "fact_ids", lambda keys, ids, counter=0: real(keys, ids, counter) % 97 + 1
    )
    ids = np.arange(1, 41, dtype=np.int64)
    facts = FactIds(KEYS)
    plain = np.asarray(facts(pa.array(ids)))
    n_again = facts.settle(ids)
    made = np.asarray(facts(pa.array(ids)))
    assert n_again == len(ids) - len(set(plain.tolist())) > 0
    assert len(set(made.tolist())) == len(ids)
    first = {int(p): int(i) for i, p in reversed(list(zip(ids, plain, strict=True)))}
    assert all(made[first[int(p)] - 1] == p for p in plain)
    assert facts(pa.array([None, 1])).to_pylist()[0] is None


def id_values(database: Any) -> set[object]:
    """Every value of every id-like column that is about persons."""
    found: set[object] = set()
    with duckdb.connect() as con:
        con.execute(f"ATTACH '{database}' AS r (READ_ONLY)")
        columns = con.execute("""
            SELECT schema_name, table_name, column_name FROM duckdb_columns()
            WHERE database_name = 'r' AND schema_name <> 'vocab'
              AND (column_name LIKE '%\\_id' ESCAPE '\\' OR column_name LIKE '%token%'
                OR column_name = 'person_source_value')
              AND column_name NOT LIKE '%concept_id' AND column_name <> 'cost_domain_id'""").fetchall()
        for schema, table, column in columns:
            found |= {
                value
                for (value,) in con.execute(f"SELECT {column} FROM r.{schema}.{table}").fetchall()
                if value is not None
            }
    return found


def test_two_projects_share_no_id_and_none_is_the_warehouse_s(
    bank: Home, alpha: OpenProject
) -> None:
    create_project(bank, "beta")
    first = id_values(release(bank, "alpha", "r1").folder / DATABASE)
    second = id_values(release(bank, "beta", "r1").folder / DATABASE)
    internal = id_values(release(bank, None, "r1", internal=True).folder / DATABASE)
    assert len(first) > 400
    assert not first & second
    assert not first & internal
    numbers = [value for value in first if isinstance(value, int)]
    assert all(0 < value < 2**63 for value in numbers)


def test_references_still_point_at_their_rows(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1")
    assert rows(
        made.folder / DATABASE,
        """SELECT count(*), count(v.visit_occurrence_id), count(p.person_id)
           FROM r.cdm.condition_occurrence AS c
           LEFT JOIN r.cdm.visit_occurrence AS v USING (visit_occurrence_id, person_id)
           LEFT JOIN r.cdm.person AS p USING (person_id)""",
    ) == [(30, 30, 30)]


def test_ids_stay_the_same_in_the_next_release(bank: Home, alpha: OpenProject) -> None:
    first = release(bank, "alpha", "r1").folder / DATABASE
    second = release(bank, "alpha", "r2").folder / DATABASE
    sql = "SELECT * FROM r.cdm.measurement"
    assert rows(first, sql) == rows(second, sql)


def test_row_order_carries_nothing(bank: Home, alpha: OpenProject) -> None:
    create_project(bank, "beta")
    # value_as_number is the person's number in both releases: what an attacker would align on
    sql = "SELECT value_as_number FROM r.cdm.measurement WHERE unit_concept_id = 9531"
    orders = [
        np.array([row[0] for row in rows(release(bank, p, "r1").folder / DATABASE, sql)])
        for p in ("alpha", "beta")
    ]
    assert sorted(orders[0]) == sorted(orders[1])
    assert abs(np.corrcoef(orders[0], orders[1])[0, 1]) < 0.6
    assert abs(np.corrcoef(orders[0], np.arange(len(orders[0])))[0, 1]) < 0.6
    assert rows(
        release(bank, "alpha", "r2").folder / DATABASE,
        "SELECT bool_and(person_id >= before) FROM "
        "(SELECT person_id, lag(person_id) OVER () AS before FROM r.cdm.measurement)",
    ) == [(True,)]


def test_all_dates_of_a_person_move_by_one_shift(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1").folder / DATABASE
    plain = release(bank, None, "r1", internal=True).folder / DATABASE
    sql = """
      SELECT m.value_as_number AS n, m.measurement_date, m.measurement_datetime,
        o.observation_date, o.value_as_string, p.observation_period_start_date,
        p.observation_period_end_date, d.death_date, c.covered_to
      FROM r.cdm.measurement AS m
      LEFT JOIN r.cdm.observation AS o USING (person_id)
      LEFT JOIN r.cdm.observation_period AS p USING (person_id)
      LEFT JOIN r.cdm.death AS d USING (person_id)
      LEFT JOIN (SELECT person_id, covered_to FROM r.mart.source_coverage
        WHERE source = 'scanner') AS c USING (person_id)
      WHERE m.unit_concept_id = 9531 ORDER BY n"""
    shifts = set()
    for own, moved in zip(rows(plain, sql), rows(made, sql), strict=True):
        assert own[0] == moved[0]
        days = {
            a - b
            for a, b in zip(as_days(moved), as_days(own), strict=True)
            if a is not None and b is not None
        }
        assert len(days) == 1
        (shift,) = days
        assert timedelta(days=-364) <= shift <= timedelta(days=-1)
        shifts.add(shift)
    assert len(shifts) > 20


def as_days(row: tuple[Any, ...]) -> list[Any]:
    from datetime import date

    return [date.fromisoformat(value) if isinstance(value, str) else value for value in row[1:]]


def test_dates_in_text_never_escape_the_shift(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1").folder / DATABASE
    assert rows(made, "SELECT DISTINCT value_source_value FROM r.cdm.observation ORDER BY 1") == [
        ("often",),
        (None,),
    ]
    assert rows(made, "SELECT DISTINCT covers_to FROM r.vocab.study_source") == [(None,)]


def test_birth_moves_with_the_person_and_the_oldest_are_ninety(
    bank: Home, alpha: OpenProject
) -> None:
    made = release(bank, "alpha", "r1").folder / DATABASE
    assert rows(
        made,
        """SELECT max(year(o.observation_period_end_date) - p.year_of_birth),
             count(*) FILTER (p.month_of_birth IS NULL), count(p.day_of_birth)
           FROM r.cdm.person AS p JOIN r.cdm.observation_period AS o USING (person_id)""",
    ) == [(90, 1, 0)]
    drift = rows(
        made,
        """SELECT min(d), max(d) FROM (
             SELECT m.value_as_number - 20 AS n, p.year_of_birth - (1940 + CAST(n AS INTEGER) % 40)
               AS d
             FROM r.cdm.person AS p JOIN r.cdm.measurement AS m USING (person_id)
             WHERE m.unit_concept_id = 9531 AND n > 1)""",
    )
    assert drift == [(-1, 0)]


def test_year_policy_shows_years_only(bank: Home) -> None:
    create_project(bank, "years", date_policy=DatePolicy(kind="year"))
    made = release(bank, "years", "r1").folder / DATABASE
    assert rows(
        made,
        """SELECT DISTINCT strftime(measurement_date, '%m-%d'),
             strftime(measurement_datetime, '%m-%d %H') FROM r.cdm.measurement
           WHERE measurement_datetime IS NOT NULL""",
    ) == [("01-01", "01-01 00")]
    assert rows(made, "SELECT DISTINCT value_as_string FROM r.cdm.observation") == [("2020",)]
    assert rows(made, "SELECT count(month_of_birth), count(year_of_birth) FROM r.cdm.person") == [
        (0, 60)
    ]


def test_exact_policy_changes_no_date(bank: Home) -> None:
    create_project(bank, "exact", date_policy=DatePolicy(kind="exact"))
    made = release(bank, "exact", "r1").folder / DATABASE
    plain = release(bank, None, "r1", internal=True).folder / DATABASE
    sql = "SELECT death_date FROM r.cdm.death ORDER BY 1"
    assert rows(made, sql) == rows(plain, sql)


def test_no_key_reaches_the_release(bank: Home, alpha: OpenProject) -> None:
    made = release(bank, "alpha", "r1").folder / DATABASE
    secret = (bank.key_dir / "release.key").read_bytes()
    keys = project_keys(secret, "alpha")
    for key in (secret, keys.person, keys.fact, keys.shift, keys.token):
        assert key not in made.read_bytes()
        assert key.hex().encode() not in made.read_bytes()
    assert rows(
        made, "SELECT count(*) FROM duckdb_functions() WHERE function_name LIKE 'project_%'"
    ) == [(0,)]
