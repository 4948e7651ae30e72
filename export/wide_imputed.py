"""Filling a wide dataset's empty cells from imputed.imputed_value, each marked as imputed.

A value that rests on later ones (uses_future) would leak the outcome into a prediction, so it is
refused unless the plan asks for it by name.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np

from biobraid.core.errors import DisclosureError, Fault, SettingsError, near_misses
from biobraid.export.wide_plan import FromImputed
from biobraid.export.wide_values import ValueColumn

_PICKED = """
WITH hit AS (
  SELECT p.place, i.instant, i.value, i.delta_days, i.uses_future, p.cohort_start_date
  FROM release.imputed.imputed_value AS i
  JOIN release.imputed.imputation_run AS r ON r.run_id = i.run_id AND r.plan = $plan
  JOIN wide_person AS p ON p.person_id = i.person_id
  JOIN wide_window AS w ON w.var = $var
  WHERE i.variable = $variable AND i.imputation_no = $number
    AND (w.from_days IS NULL OR CAST(i.instant AS DATE) >= p.cohort_start_date + w.from_days)
    AND (w.to_days IS NULL OR CAST(i.instant AS DATE) <= p.cohort_start_date + w.to_days)
    AND (w.from_date IS NULL OR CAST(i.instant AS DATE) >= w.from_date)
    AND (w.to_date IS NULL OR CAST(i.instant AS DATE) <= w.to_date)
)
SELECT place, value, uses_future,
  CAST(cohort_start_date - CAST(instant AS DATE) + round(delta_days) AS INTEGER) AS age_days
FROM hit
QUALIFY row_number() OVER (PARTITION BY place ORDER BY
  CASE WHEN $latest THEN instant END DESC, instant) = 1
ORDER BY place
"""


def fill_imputed(con: duckdb.DuckDBPyConnection, columns: Sequence[ValueColumn]) -> None:
    """Fill the empty cells of every column whose variable says `impute`.

    The instant is picked within the variable's window as its values are; the age is that of the
    observation the imputed value rests on, null where it rests on none. SettingsError for a plan,
    variable or draw the release does not hold, DisclosureError for values that use the future.
    """
    wanted = [(n, c, c.variable.impute) for n, c in enumerate(columns) if c.variable.impute]
    faults = [f for _, c, given in wanted if given for f in _faults(con, c.variable.name, given)]
    if faults:
        raise SettingsError(faults)
    for n, column, given in wanted:
        if given:
            _fill(con, n, column, given)


def _faults(con: duckdb.DuckDBPyConnection, name: str, given: FromImputed) -> list[Fault]:
    known: dict[tuple[str, str], range] = {}
    if con.execute(
        "SELECT 1 FROM duckdb_tables() WHERE database_name = 'release' "
        "AND schema_name = 'imputed' AND table_name = 'imputation_run'"
    ).fetchone():
        known = {
            (plan, variable): range(1 if method == "forests" else 0, m + 1)
            for plan, variable, m, method in con.execute(
                """SELECT r.plan, d.variable, r.m, d.method FROM release.imputed.imputation_run AS r
                   JOIN release.imputed.decay_param AS d ON d.run_id = r.run_id"""
            ).fetchall()
        }
    asked = (given.plan, given.variable)
    if asked not in known:
        return [
            Fault(f"variable {name}", f"the release holds no imputed {'.'.join(asked)}",
                  "a plan that ran before the release was made", "Run: biobraid impute PLAN.yaml",
                  near_misses(".".join(asked), (".".join(k) for k in known)))
        ]  # fmt: skip
    numbers = known[asked]
    if given.imputation_no not in numbers:
        return [Fault(f"variable {name}", f"draw {given.imputation_no} is asked for",
                      f"imputation_no {numbers[0]} to {numbers[-1]}: these has the plan")]  # fmt: skip
    return []


def _fill(
    con: duckdb.DuckDBPyConnection, var: int, column: ValueColumn, given: FromImputed
) -> None:
    found = con.execute(
        _PICKED,
        {"plan": given.plan, "variable": given.variable, "number": given.imputation_no,
         "var": var, "latest": column.variable.pick == "latest"},
    ).to_arrow_table()  # fmt: skip
    places = found["place"].to_numpy()
    is_empty = ~column.is_present[places]
    ahead = found["uses_future"].to_numpy(zero_copy_only=False)[is_empty]
    if ahead.any() and not given.uses_future:
        raise DisclosureError(
            Fault(f"variable {column.variable.name}",
                  f"{int(ahead.sum())} imputed cells rest on later values",
                  "a plan with direction: past, as a prediction needs",
                  "Or ask for them by name, for description only: impute: {..., uses_future: true}")
        )  # fmt: skip
    at = places[is_empty]
    column.values[at] = found["value"].to_numpy()[is_empty]
    column.is_present[at] = True
    column.is_imputed[at] = True
    age = found["age_days"]
    has_age = age.is_valid().to_numpy(zero_copy_only=False)[is_empty]
    column.age_days[at] = age.fill_null(0).to_numpy()[is_empty].astype(np.int32)
    column.has_age[at] = has_age
