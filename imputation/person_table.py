"""A table with a row per person from the temporary tables of a plan by forests.

Columns: a number per variable of the plan (the latest, first or mean value within the person's
follow-up, null where there is none or only a censored one), the age at entry, and the plan's
attributes. Rows stand in the order of group_no.
"""

from __future__ import annotations

import duckdb
import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.imputation.plan import ImputationPlan

AGE = "age_at_entry"
_PICKED = """
SELECT group_no,
  CASE $pick WHEN 'latest' THEN arg_max(value, minute) WHEN 'first' THEN arg_min(value, minute)
    ELSE avg(value) END AS value
FROM cell WHERE concept_id = $variable AND NOT is_censored GROUP BY group_no ORDER BY group_no
"""
_ATTRIBUTE = """
SELECT u.group_no, min(a.level) AS level FROM follow_up AS u
JOIN mart.person_attribute AS a ON a.person_id = u.person_id AND a.attribute = ?
GROUP BY u.group_no ORDER BY u.group_no
"""


def person_table(con: duckdb.DuckDBPyConnection, plan: ImputationPlan) -> pa.Table:
    """The plan's person-level table; prepare_tables has run.

    SettingsError for attributes that nobody has, and for names that stand for two columns.
    """
    names = [v.name for v in plan.variables]
    twice = sorted({*names, AGE} & {*plan.attributes} | ({AGE} & {*names}))
    if twice:
        raise SettingsError([Fault(f"column {n}", "is named twice in the plan") for n in twice])
    counted = con.execute("SELECT count(*) FROM follow_up").fetchone()
    n_rows = int(counted[0]) if counted else 0
    columns: dict[str, pa.Array] = {}
    for number, variable in enumerate(plan.variables):
        found = con.execute(_PICKED, {"pick": variable.pick, "variable": number}).fetchnumpy()
        value = np.full(n_rows, np.nan)
        value[found["group_no"]] = found["value"]
        columns[variable.name] = pa.array(value, mask=np.isnan(value))
    columns[AGE] = _age(con)
    faults = []
    for attribute in plan.attributes:
        given = con.execute(_ATTRIBUTE, [attribute]).to_arrow_table()
        if not given.num_rows:
            faults.append(_no_attribute(con, attribute))
            continue
        level = np.full(n_rows, None, dtype=object)
        level[given["group_no"].to_numpy()] = given["level"].to_pylist()
        columns[attribute] = pa.array(level, pa.string())
    if faults:
        raise SettingsError(faults)
    return pa.table(columns)


def _age(con: duckdb.DuckDBPyConnection) -> pa.Array:
    found = con.execute("SELECT CAST(age AS DOUBLE) FROM covariate ORDER BY group_no")
    return found.to_arrow_table().column(0).combine_chunks()


def _no_attribute(con: duckdb.DuckDBPyConnection, attribute: str) -> Fault:
    known = [
        str(row[0])
        for row in con.execute(
            "SELECT DISTINCT attribute FROM mart.person_attribute ORDER BY 1"
        ).fetchall()
    ]
    return Fault(f"attribute {attribute}", "no person has it",
                 f"one of {', '.join(known)}", suggestions=near_misses(attribute, known))  # fmt: skip
