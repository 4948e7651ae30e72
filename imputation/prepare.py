"""From the warehouse's facts to what imputation works on: temporary tables of one plan.

  follow_up(group_no, person_id, part, start_date, end_date, first_minute, last_minute)
      one row per person and observation period, numbered from 0; part: train, tuning, held_out
  cell(concept_id, group_no, minute, value, is_censored)
      one row per variable (its number in the plan), follow-up and instant with a value
  target(concept_id, group_no, minute, value)
      instants of the grid at which a variable has no value
  covariate(group_no, age, is_female)

Minutes count from `origin`, the first day of any follow-up. Values outside a follow-up, outside
the plausible range or in another unit are not used, and counted. A plan by forests has one
follow-up per person, from the first to the last day observed, and one instant, its end.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from biobraid.core.errors import Fault, SettingsError
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.series import MINUTES_PER_DAY

_MAX_MINUTE = 1 << 26
_STEP = {"day": MINUTES_PER_DAY, "hour": 60, "minute": 1}

_FOLLOW_UP = """
CREATE OR REPLACE TEMP TABLE follow_up AS
WITH placed AS (
  SELECT o.person_id, min(o.observation_period_start_date) AS start_date,
    max(o.observation_period_end_date) AS end_date,
    md5_number_lower(concat($seed, ':', o.person_id)) % 1000000 / 1e6 AS place
  FROM cdm.observation_period AS o
  GROUP BY o.person_id, CASE WHEN $per_person THEN NULL ELSE o.observation_period_id END
), origin AS (
  SELECT min(start_date) AS first_day FROM placed
)
SELECT CAST(row_number() OVER (ORDER BY p.person_id, p.start_date) - 1 AS BIGINT) AS group_no,
  p.person_id,
  CASE WHEN p.place < $train THEN 'train' WHEN p.place < $train + $tuning THEN 'tuning'
    ELSE 'held_out' END AS part,
  p.start_date, p.end_date,
  CAST((p.start_date - o.first_day) AS BIGINT) * 1440 AS first_minute,
  CAST((p.end_date - o.first_day) AS BIGINT) * 1440 + 1439 AS last_minute
FROM placed AS p CROSS JOIN origin AS o
ORDER BY group_no
"""

# The facts of the plan's variables, with what keeps one from being used.
_FACT = """
CREATE OR REPLACE TEMP TABLE plan_fact AS
WITH fact AS (
  SELECT c.variable, 'measurement' AS origin, t.person_id, t.measurement_date AS day,
    t.measurement_datetime AS instant, t.value_as_number AS value, t.unit_concept_id,
    t.operator_concept_id IN (4171756, 4171754, 4172704, 4171755) AS is_censored
  FROM cdm.measurement AS t JOIN plan_concept AS c
    ON c.concept_id = t.measurement_concept_id AND c.table_name = 'measurement'
  WHERE t.value_as_number IS NOT NULL AND isfinite(t.value_as_number)
  UNION ALL
  SELECT c.variable, 'observation', t.person_id, t.observation_date, t.observation_datetime,
    t.value_as_number, t.unit_concept_id, FALSE
  FROM cdm.observation AS t JOIN plan_concept AS c
    ON c.concept_id = t.observation_concept_id AND c.table_name = 'observation'
  WHERE t.value_as_number IS NOT NULL AND isfinite(t.value_as_number)
)
SELECT f.variable, u.group_no,
  u.first_minute + CAST((f.day - u.start_date) AS BIGINT) * 1440
    + coalesce(hour(f.instant) * 60 + minute(f.instant), 0) AS minute,
  f.value, coalesce(f.is_censored, FALSE) AS is_censored,
  CASE WHEN u.group_no IS NULL THEN 'outside_follow_up'
    WHEN v.unit_concept_id IS NOT NULL AND f.unit_concept_id IS DISTINCT FROM v.unit_concept_id
      THEN 'other_unit'
    WHEN f.value < v.low OR f.value > v.high THEN 'implausible'
    ELSE 'used' END AS fate
FROM fact AS f
JOIN plan_variable AS v ON v.variable = f.variable
LEFT JOIN follow_up AS u
  ON u.person_id = f.person_id AND f.day BETWEEN u.start_date AND u.end_date
"""

_CELL = """
CREATE OR REPLACE TEMP TABLE cell AS
SELECT variable AS concept_id, group_no, minute // $step * $step AS minute,
  CASE WHEN count(*) FILTER (NOT is_censored) > 0 THEN avg(value) FILTER (NOT is_censored)
    ELSE avg(value) END AS value,
  bool_and(is_censored) AS is_censored
FROM plan_fact WHERE fate = 'used'
GROUP BY ALL ORDER BY concept_id, group_no, minute
"""

_GRID_MEASURED = """
CREATE OR REPLACE TEMP TABLE grid AS
SELECT DISTINCT group_no, minute, minute AS since FROM cell
"""
# A grid's instant ends a stretch of every_days: a value within the stretch is its value.
_GRID_REGULAR = """
CREATE OR REPLACE TEMP TABLE grid AS
SELECT group_no, CAST(floor(instant) AS BIGINT) // $step * $step AS minute,
  CAST(floor(instant - $every) AS BIGINT) // $step * $step + 1 AS since
FROM (
  SELECT group_no, unnest(range(1, CAST(floor((last_minute + 1 - first_minute) / $every) AS BIGINT)
    + 1)) * $every + first_minute AS instant
  FROM follow_up
)
"""
_GRID_PERSON = """
CREATE OR REPLACE TEMP TABLE grid AS
SELECT group_no, last_minute // $step * $step AS minute, first_minute // $step * $step AS since
FROM follow_up
"""
_TARGET = """
CREATE OR REPLACE TEMP TABLE target AS
SELECT v.variable AS concept_id, g.group_no, g.minute, CAST(NULL AS DOUBLE) AS value
FROM grid AS g CROSS JOIN plan_variable AS v
WHERE NOT EXISTS (
  SELECT 1 FROM cell AS c WHERE c.concept_id = v.variable AND c.group_no = g.group_no
    AND c.minute BETWEEN g.since AND g.minute)
ORDER BY concept_id, group_no, minute
"""

_COVARIATE = """
CREATE OR REPLACE TEMP TABLE covariate AS
SELECT u.group_no, year(u.start_date) - p.year_of_birth AS age,
  CASE p.gender_concept_id WHEN 8532 THEN 1.0 WHEN 8507 THEN 0.0 END AS is_female
FROM follow_up AS u LEFT JOIN cdm.person AS p ON p.person_id = u.person_id
ORDER BY u.group_no
"""


@dataclass(frozen=True)
class Prepared:
    """What the temporary tables hold; counts of facts by fate and of cells by variable."""

    origin: date
    n_groups: int
    facts: dict[str, int]
    observed: dict[str, int]
    targets: dict[str, int]


def prepare_tables(con: duckdb.DuckDBPyConnection, plan: ImputationPlan) -> Prepared:
    """Make the temporary tables of the plan. SettingsError if no variable has a value."""
    _load_plan(con, plan)
    step = _STEP[plan.resolution]
    con.execute(_FOLLOW_UP, {"seed": plan.seed, "train": plan.split.train,
                             "tuning": plan.split.tuning,
                             "per_person": plan.method == "forests"})  # fmt: skip
    con.execute(_FACT)
    con.execute(
        "UPDATE plan_fact SET fate = 'outside_follow_up' WHERE minute < 0 OR minute >= ?",
        [_MAX_MINUTE],
    )
    con.execute(_CELL, {"step": step})
    if plan.method == "forests":
        con.execute(_GRID_PERSON, {"step": step})
    elif plan.grid.every_days is None:
        con.execute(_GRID_MEASURED)
    else:
        every = plan.grid.every_days * MINUTES_PER_DAY
        if every < step:
            raise SettingsError(Fault("grid", f"is finer than the resolution ({plan.resolution})",
                                      "every_days of at least one step"))  # fmt: skip
        con.execute(_GRID_REGULAR, {"every": every, "step": step})
    con.execute(_TARGET)
    con.execute(_COVARIATE)
    origin = con.execute("SELECT min(start_date), count(*) FROM follow_up").fetchone()
    observed = _by_variable(con, plan, "cell")
    if origin is None or not sum(observed.values()):
        raise SettingsError(
            Fault("plan", "no variable has a value within any follow-up",
                  "concepts and units that cdm.measurement or cdm.observation hold",
                  "See: biobraid query --help, or mart.coverage.")
        )  # fmt: skip
    facts = {
        str(fate): int(n)
        for fate, n in con.execute(
            "SELECT fate, count(*) FROM plan_fact GROUP BY fate ORDER BY fate"
        ).fetchall()
    }
    return Prepared(origin[0], int(origin[1]), facts, observed, _by_variable(con, plan, "target"))


def _load_plan(con: duckdb.DuckDBPyConnection, plan: ImputationPlan) -> None:
    con.execute("""CREATE OR REPLACE TEMP TABLE plan_variable (variable BIGINT, name VARCHAR,
        unit_concept_id BIGINT, low DOUBLE, high DOUBLE, max_age_days DOUBLE)""")
    con.execute("""CREATE OR REPLACE TEMP TABLE plan_concept (variable BIGINT, concept_id BIGINT,
        table_name VARCHAR)""")
    for n, v in enumerate(plan.variables):
        con.execute("INSERT INTO plan_variable VALUES (?, ?, ?, ?, ?, ?)",
                    [n, v.name, v.unit_concept_id, v.range.from_, v.range.to,
                     v.max_age_days])  # fmt: skip
        con.executemany("INSERT INTO plan_concept VALUES (?, ?, ?)",
                        [[n, c, v.table] for c in v.concept_id])  # fmt: skip


def _by_variable(
    con: duckdb.DuckDBPyConnection, plan: ImputationPlan, table: str
) -> dict[str, int]:
    counts = dict(
        con.execute(f"SELECT concept_id, count(*) FROM {table} GROUP BY 1").fetchall()  # noqa: S608
    )
    return {v.name: int(counts.get(n, 0)) for n, v in enumerate(plan.variables)}


def covariates(con: duckdb.DuckDBPyConnection) -> npt.NDArray[np.float64]:
    """A row per follow-up: intercept, age in tens of years from 55, sex; unknown is the average."""
    found = con.execute("SELECT age, is_female FROM covariate ORDER BY group_no").fetchnumpy()
    age, female = (_filled(found[n]) for n in ("age", "is_female"))
    return np.stack(
        [np.ones(len(age)), np.nan_to_num((age - 55) / 10), np.nan_to_num(female - 0.5)], axis=1
    )


def _filled(column: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    filled: npt.NDArray[np.float64] = np.ma.masked_array(column, dtype=np.float64).filled(np.nan)
    return filled


def parts(con: duckdb.DuckDBPyConnection) -> npt.NDArray[np.str_]:
    """train, tuning or held_out of each follow-up."""
    found = con.execute("SELECT part FROM follow_up ORDER BY group_no").fetchnumpy()
    return np.asarray(found["part"], dtype=np.str_)
