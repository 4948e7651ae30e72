"""The values of a wide dataset: one scan per table and kind of pick, scattered into columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.export.wide_plan import TABLES, Variable

_ARROW = {
    "number": pa.float64(),
    "concept": pa.int64(),
    "text": pa.string(),
    "date": pa.date32(),
    "boolean": pa.bool_(),
}
_NUMPY: dict[str, tuple[Any, Any]] = {
    "number": (np.float64, 0.0),
    "concept": (np.int64, 0),
    "text": (object, None),
    "date": (np.int32, 0),
    "boolean": (np.bool_, False),
}
# How one value is picked from a person's rows; `rank_key` orders them, ties broken by id.
_PICKS = {
    "latest": "arg_max(value, rank_key)",
    "earliest": "arg_min(value, rank_key)",
    "mean": "list_avg(list(value ORDER BY rank_key))",
    "any": "TRUE",
}
_PICKED_DAY = {"latest": "max(day)", "earliest": "min(day)", "mean": "max(day)", "any": "max(day)"}


@dataclass
class ValueColumn:
    """One variable for every person of the cohort, in the cohort's order."""

    variable: Variable
    values: npt.NDArray[Any]
    is_present: npt.NDArray[np.bool_]
    age_days: npt.NDArray[np.int32]
    has_age: npt.NDArray[np.bool_]
    is_imputed: npt.NDArray[np.bool_]

    def arrow(self, start: int, stop: int) -> pa.Array:
        """Values of some persons; null where absent."""
        kind = self.variable.kind
        return pa.array(
            self.values[start:stop], type=_ARROW[kind], mask=~self.is_present[start:stop]
        )

    def ages(self, start: int, stop: int) -> pa.Array:
        """Days from the value to the cohort start; null where absent or undated."""
        return pa.array(self.age_days[start:stop], pa.int32(), mask=~self.has_age[start:stop])


def empty_column(variable: Variable, n_persons: int) -> ValueColumn:
    """A column without values."""
    kind, filler = _NUMPY[variable.kind]
    return ValueColumn(
        variable,
        np.full(n_persons, filler, dtype=kind),
        np.zeros(n_persons, dtype=np.bool_),
        np.zeros(n_persons, dtype=np.int32),
        np.zeros(n_persons, dtype=np.bool_),
        np.zeros(n_persons, dtype=np.bool_),
    )


def load_variables(con: duckdb.DuckDBPyConnection, variables: Sequence[Variable]) -> None:
    """Make temporary tables of what to look for:

    wide_code(var, concept_id, source_code) and wide_window(var, day_from, day_to, ...).
    """
    con.execute("CREATE TEMP TABLE wide_code (var INTEGER, concept_id BIGINT, source_code VARCHAR)")
    con.execute("""CREATE TEMP TABLE wide_window (var INTEGER, from_days INTEGER, to_days INTEGER,
        from_date DATE, to_date DATE, unit_concept_id BIGINT)""")
    for n, variable in enumerate(variables):
        if variable.table == "person":
            continue
        codes: list[tuple[int, int | None, str | None]] = [
            (n, c, None) for c in sorted(set(variable.concept_id))
        ]
        if variable.source_code is not None:
            codes.append((n, None, variable.source_code))
        if codes:
            con.executemany("INSERT INTO wide_code VALUES (?, ?, ?)", codes)
        if variable.codelist:
            con.execute(
                f"INSERT INTO wide_code SELECT ?, concept_id, NULL "  # noqa: S608
                f"FROM codelist_{variable.codelist} WHERE concept_id <> 0",
                [n],
            )
        window = variable.window
        con.execute(
            "INSERT INTO wide_window VALUES (?, ?, ?, ?, ?, ?)",
            [n, window.from_days, window.to_days, window.from_, window.to,
             variable.unit_concept_id],
        )  # fmt: skip


def read_values(
    con: duckdb.DuckDBPyConnection, variables: Sequence[Variable], n_persons: int
) -> list[ValueColumn]:
    """Columns of all variables; wide_person(place, person_id, cohort_start_date) must exist."""
    columns = [empty_column(v, n_persons) for v in variables]
    for name in sorted({v.column for v in variables if v.column}):
        own = [c for c in columns if c.variable.column == name]
        _read_person(con, name, own)
    groups = sorted({(v.table, v.pick, v.kind) for v in variables if v.table != "person"})
    for table, pick, kind in groups:
        chosen = [
            n for n, v in enumerate(variables) if (v.table, v.pick, v.kind) == (table, pick, kind)
        ]
        result = con.execute(_pick_sql(table, pick, kind), {"vars": chosen})
        for batch in result.to_arrow_reader(100_000):
            _scatter(batch, columns)
    return columns


def _pick_sql(table: str, pick: str, kind: str) -> str:
    """SQL of (place, var, value, age_days): one row per person and variable with a value."""
    t = TABLES[table]
    value = {
        "number": t.number,
        "concept": t.answer,
        "text": t.text,
        "date": t.day,
        "boolean": t.day,
    }[kind]
    usable = f"t.{value} IS NOT NULL" + (f" AND t.{value} <> 0" if kind == "concept" else "")
    if pick == "any":
        usable = "TRUE"
    unit = f"(w.unit_concept_id IS NULL OR t.{t.unit} = w.unit_concept_id)" if t.unit else "TRUE"
    return f"""
        WITH coded AS (
          SELECT c.var, t.* FROM release.cdm.{table} AS t
          JOIN wide_code AS c ON c.concept_id = t.{t.concept} WHERE list_contains($vars, c.var)
          UNION ALL
          SELECT c.var, t.* FROM release.cdm.{table} AS t
          JOIN wide_code AS c ON c.source_code = t.{t.source} WHERE list_contains($vars, c.var)
        ),
        hit AS (
          SELECT p.place, t.var, t.{value} AS value, t.{t.day} AS day, p.cohort_start_date,
            {{'day': t.{t.day}, 'id': t.{t.key}}} AS rank_key
          FROM coded AS t
          JOIN wide_person AS p ON p.person_id = t.person_id
          JOIN wide_window AS w ON w.var = t.var
          WHERE {usable} AND {unit}
            AND (w.from_days IS NULL OR t.{t.day} >= p.cohort_start_date + w.from_days)
            AND (w.to_days IS NULL OR t.{t.day} <= p.cohort_start_date + w.to_days)
            AND (w.from_date IS NULL OR t.{t.day} >= w.from_date)
            AND (w.to_date IS NULL OR t.{t.day} <= w.to_date)
        )
        SELECT place, var, {_PICKS[pick]} AS value,
          CAST(any_value(cohort_start_date) - {_PICKED_DAY[pick]} AS INTEGER) AS age_days
        FROM hit GROUP BY place, var"""  # noqa: S608


def _scatter(batch: pa.RecordBatch, columns: Sequence[ValueColumn]) -> None:
    """Put a batch of (place, var, value, age_days) into the columns."""
    places = batch.column(0).to_numpy()
    variables = batch.column(1).to_numpy()
    values = _numpy(batch.column(2))
    ages = batch.column(3)
    has_age = ages.is_valid().to_numpy(zero_copy_only=False)
    days = ages.fill_null(0).to_numpy()
    for n in np.unique(variables):
        own = variables == n
        column, at = columns[int(n)], places[own]
        column.values[at] = values[own]
        column.is_present[at] = True
        column.age_days[at] = days[own]
        column.has_age[at] = has_age[own]


def _read_person(con: duckdb.DuckDBPyConnection, name: str, own: Sequence[ValueColumn]) -> None:
    """Fill columns taken from cdm.person; 0 (no matching concept) counts as absent."""
    found = con.execute(
        f"SELECT p.place, t.{name} AS value FROM release.cdm.person AS t "  # noqa: S608
        f"JOIN wide_person AS p ON p.person_id = t.person_id WHERE t.{name} <> 0"
    ).to_arrow_table()
    places = found["place"].to_numpy()
    for column in own:
        column.values[places] = found["value"].to_numpy()
        column.is_present[places] = True


def _numpy(values: pa.Array) -> npt.NDArray[Any]:
    if pa.types.is_date32(values.type):
        values = values.cast(pa.int32())
    found: npt.NDArray[Any] = values.to_numpy(zero_copy_only=False)
    return found
