"""Profiles of deliveries: a few grouped scans of their Parquet, however many variables there are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

import duckdb

from biobraid.core.manifest import Part
from biobraid.core.warehouse import parquet_list
from biobraid.quality.contract.deliveries import Waiting
from biobraid.quality.contract.profile import QUANTILES, Numbers, Profile

SAMPLE_ROWS = 2_000_000  # quantiles of larger tables are those of a sample by row id
SOURCE = tuple[str, str]


def profile_all(
    con: duckdb.DuckDBPyConnection, landing: Path, deliveries: Sequence[Waiting]
) -> dict[SOURCE, Profile]:
    """The profile of each delivery, by (study, source); the limits must be prepared.

    Where codes mean that a value is absent, the cell counts as empty. Source by source: variables
    are then told apart by their name alone, which halves the time of large ones.
    """
    found = {}
    for delivery in deliveries:
        profile = found[(delivery.study.id, delivery.source_id)] = _from_books(delivery)
        parts: dict[str, list[Part]] = defaultdict(list)
        for part in delivery.parts:
            if part.rows:
                parts[part.table].append(part)
        for table, scan in _SCANS.items():
            if table in parts:
                rows = f"read_parquet({parquet_list(landing / p.path for p in parts[table])})"
                step = max(1, sum(p.rows for p in parts[table]) // SAMPLE_ROWS)
                con.execute(
                    "CREATE OR REPLACE TEMP TABLE limit_here AS "
                    "SELECT * FROM limit_variable WHERE study = ? AND source = ?",
                    [delivery.study.id, delivery.source_id],
                )
                con.execute(
                    "CREATE OR REPLACE TEMP TABLE code_here AS SELECT variable, code, "
                    "absent_reason FROM limit_code WHERE study = ? AND source = ?",
                    [delivery.study.id, delivery.source_id],
                )
                scan(con, rows, f"row_id % {step} = 0" if step > 1 else "TRUE", profile)
    return found


def _from_books(delivery: Waiting) -> Profile:
    """What the files' books say: records, columns, rejects."""
    profile = Profile()
    globs = delivery.source.files
    rejected: Counter[str] = Counter()
    for file in delivery.files:
        kind = int(file.detail.get("kind", 0))
        name = globs[kind] if kind < len(globs) else globs[-1]
        profile.records[name] = profile.records.get(name, 0) + file.row["records_read"]
        profile.n_read += file.row["records_read"]
        profile.n_records += file.row["records_landed"]
        known = profile.columns.setdefault(name, [])
        known += [c for c in dict.fromkeys(file.detail.get("columns", ())) if c not in set(known)]
        for reject in file.detail.get("rejects", ()):
            if reject["unit"] == "record":
                rejected[reject["reason"]] += reject["n"]
    profile.rejected = dict(rejected)
    return profile


# Numbers may carry a comparator (<0.1), as in the staging models.
_CASTS = "coalesce(TRY_CAST({0} AS DOUBLE), TRY_CAST(ltrim({0}, '<>= ') AS DOUBLE))"
_NUMBER = _CASTS.format("v.value")

_CELLS = """
WITH cell AS (
  SELECT v.variable, v.instance, v.array_index, v.unit, v.value IS NULL AS is_null,
    v.absent_reason IS NOT NULL AS is_absent, l.low, l.high,
    CASE WHEN l.is_closed OR list_contains(l.codes, v.value) THEN v.value END AS code,
    CASE WHEN l.is_number THEN {number} END AS x,
    l.is_number AND v.value IS NOT NULL AS should_be_number
  FROM {rows} AS v LEFT JOIN limit_here AS l ON v.variable = l.variable
), counted AS (
  SELECT variable, instance, array_index, unit, code,
    count(*) AS n,
    count(*) FILTER (is_null OR is_absent) AS n_absent,
    count(*) FILTER (should_be_number AND x IS NULL) AS n_fault,
    count(*) FILTER (x < low OR x > high) AS n_outside
  FROM cell GROUP BY ALL
)
SELECT n.variable, coalesce(n.instance, 0), coalesce(n.array_index, 0), n.unit, n.code,
  c.code IS NOT NULL, coalesce(l.is_closed, FALSE), coalesce(l.is_number, FALSE), n.n,
  CASE WHEN c.absent_reason IS NULL THEN n.n_absent ELSE n.n END, n.n_fault, n.n_outside
FROM counted AS n
LEFT JOIN limit_here AS l ON n.variable = l.variable
LEFT JOIN code_here AS c ON n.variable = c.variable AND n.code = c.code
ORDER BY ALL
"""

_VALUE_NUMBERS = """
WITH number AS (
  SELECT v.variable AS item, v.unit, {number} AS x
  FROM {rows} AS v JOIN limit_here AS l ON v.variable = l.variable AND l.is_number
  WHERE {sample} AND (l.codes IS NULL OR NOT list_contains(l.codes, v.value))
)
SELECT item, unit, count(*) AS n, quantile_cont(x, ?)
FROM number WHERE isfinite(x) GROUP BY ALL ORDER BY ALL
"""

_EVENT_NUMBERS = """
WITH number AS (
  SELECT concat_ws(' ', kind, code_system, code) AS item, unit, {number} AS x
  FROM {rows} AS v
  WHERE code IS NOT NULL AND kind IN ('measurement', 'observation') AND value IS NOT NULL
    AND {sample}
)
SELECT item, unit, count(*) AS n, quantile_cont(x, ?)
FROM number WHERE isfinite(x) GROUP BY ALL ORDER BY ALL
"""

_WEARABLE_NUMBERS = """
SELECT variable AS item, unit, count(*) AS n, quantile_cont(value, ?)
FROM {rows} AS v WHERE isfinite(value) AND {sample} GROUP BY ALL ORDER BY ALL
"""

_EVENTS = """
SELECT coalesce(source_table, kind) AS place, count(*) AS n,
  count(code), count(start_time), count(value), count(unit)
FROM {rows} AS v WHERE source_person_key IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def _values(con: duckdb.DuckDBPyConnection, rows: str, sample: str, profile: Profile) -> None:
    _cells(con, rows, profile)
    _numbers(con, _VALUE_NUMBERS.format(number=_NUMBER, rows=rows, sample=sample), profile)


def _events(con: duckdb.DuckDBPyConnection, rows: str, sample: str, profile: Profile) -> None:
    _event_tables(con, rows, profile)
    _numbers(con, _EVENT_NUMBERS.format(number=_NUMBER, rows=rows, sample=sample), profile)


def _wearables(con: duckdb.DuckDBPyConnection, rows: str, sample: str, profile: Profile) -> None:
    _numbers(con, _WEARABLE_NUMBERS.format(rows=rows, sample=sample), profile)


_SCANS = {"raw.value": _values, "raw.event": _events, "raw.wearable_sample": _wearables}


def _cells(con: duckdb.DuckDBPyConnection, rows: str, profile: Profile) -> None:
    """Filled cells by column, codes, units, and what is no number or outside its range."""
    places: dict[str, set[tuple[int, int]]] = defaultdict(set)
    cells: Counter[tuple[str, int, int]] = Counter()
    for (variable, instance, position, unit, code, is_known, is_closed, is_number,
         n, n_absent, n_fault, n_outside) in con.execute(
             _CELLS.format(number=_NUMBER, rows=rows)).fetchall():  # fmt: skip
        places[variable].add((instance, position))
        cells[(variable, instance, position)] += n - n_absent
        if unit is not None:
            _add(profile.units.setdefault(variable, {}), unit, n)
        if is_closed and code is not None and (n > n_absent or not is_known):
            _add(profile.codes.setdefault(variable, {}), code, n - n_absent)
            if not is_known and code not in profile.unpromised.setdefault(variable, []):
                profile.unpromised[variable].append(code)
        if is_number and code is None:
            _add(profile.numeric, variable, n - n_absent)
            _add(profile.faults, variable, n_fault)
            _add(profile.outside, variable, n_outside)
    for (variable, instance, position), n in cells.items():
        is_alone = places[variable] == {(0, 0)}
        column = variable if is_alone else f"{variable}-{instance}.{position}"
        profile.present[column] = n
    _only_wide(profile)
    for counts in (profile.faults, profile.outside):
        for name in [name for name, n in counts.items() if not n]:
            del counts[name]


def _only_wide(profile: Profile) -> None:
    """Forget filled cells where a record holds one value only: what is missing has no row there."""
    filled = sum(profile.present.values())
    most = max(profile.present.values(), default=0)
    if len(profile.present) > 1 and (
        filled <= profile.n_records * 1.05 or most > profile.n_records
    ):
        profile.present = {}


def _event_tables(con: duckdb.DuckDBPyConnection, rows: str, profile: Profile) -> None:
    """Events by table, and the filled cells of their columns."""
    columns = ("code", "start_time", "value", "unit")
    for place, n, *filled in con.execute(_EVENTS.format(rows=rows)).fetchall():
        _add(profile.tables, place, n)
        for column, n_filled in zip(columns, filled, strict=True):
            if n_filled:
                profile.present[f"{place}: {column}"] = n_filled
                profile.of[f"{place}: {column}"] = n


def _numbers(con: duckdb.DuckDBPyConnection, sql: str, profile: Profile) -> None:
    """Quantiles by variable and unit; n is that of the sample where there is one."""
    for item, unit, n, quantiles in con.execute(sql, [list(QUANTILES)]).fetchall():
        name = f"{item} [{unit}]" if unit else item
        profile.numbers[name] = Numbers(n, n, tuple(quantiles))


def _add(counts: dict[str, int], key: str, n: int) -> None:
    counts[key] = counts.get(key, 0) + n


def variables_delivered(
    con: duckdb.DuckDBPyConnection, landing: Path, parts: Iterable[Part]
) -> list[tuple[str, str]]:
    """(source, variable) pairs of raw.value in these parts."""
    paths = [landing / p.path for p in parts if p.table == "raw.value" and p.rows]
    if not paths:
        return []
    return con.execute(
        f"SELECT DISTINCT source, variable FROM read_parquet({parquet_list(paths)}) ORDER BY ALL"  # noqa: S608
    ).fetchall()
