"""What the dictionary promises of each variable, as tables of a connection; editable as CSV.

studies/<study>/contract/variables.csv, where it was written, wins over the dictionary for the
variables it names.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import write_text
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import VOCAB_CODE, VOCAB_MAPPING, VOCAB_RANGE, VOCAB_VARIABLE, Table
from biobraid.core.warehouse import parquet_list

FILE = "variables.csv"
COLUMNS = ("source", "variable", "type", "unit", "low", "high", "codes", "generated")
DICTIONARY = "=dictionary"  # in `codes`: those of the dictionary, too many to list
MAX_CODES = 100
NUMBER_TYPES = ("number", "integer")
CLOSED_TYPES = ("code", "multicode")
_CONTENT = COLUMNS[2:-1]
_OWN = pa.schema([("study", pa.string()), *((name, pa.string()) for name in COLUMNS)])


def contract_folder(home: Home, study: str) -> Path:
    """Where a study's suite and limits lie, once they were written."""
    return home.studies / study / "contract"


def prepare_limits(
    con: duckdb.DuckDBPyConnection, home: Home, manifest: Manifest, studies: Sequence[str]
) -> None:
    """Make the tables limit_variable and limit_code for the studies.

    limit_variable: study, source, variable, value_type, unit, is_number, is_closed (only the
    codes of limit_code may occur), codes, low, high. limit_code: study, source, variable, code,
    absent_reason.
    """
    con.register("asked_study", pa.table({"study": pa.array(list(studies), pa.string())}))
    for table in (VOCAB_VARIABLE, VOCAB_CODE, VOCAB_RANGE, VOCAB_MAPPING):
        con.execute(f"CREATE OR REPLACE TEMP VIEW given_{table.name} AS "
                    f"{_in_force(home, manifest, table)}")  # fmt: skip
    rows = [row for study in studies for row in own_rows(home, study)]
    con.register("own_limit", pa.Table.from_pylist(rows, _OWN))
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE limit_code AS
        WITH known AS (
          SELECT study, source, variable, code, absent_reason FROM given_variable_code
          UNION ALL
          SELECT study, source, variable, source_code, NULL FROM given_mapping
          WHERE source_code IS NOT NULL
        ), own AS (
          SELECT study, source, variable, unnest(string_split(codes, '|')) AS code
          FROM own_limit WHERE codes <> '' AND codes <> ?
        )
        SELECT study, source, variable, code, max(absent_reason) AS absent_reason
        FROM known
        WHERE absent_reason IS NOT NULL OR (study, source, variable) NOT IN (
          SELECT (study, source, variable) FROM own
        )
        GROUP BY ALL
        UNION
        SELECT o.study, o.source, o.variable, trim(o.code), k.absent_reason
        FROM own AS o LEFT JOIN known AS k
          ON o.study = k.study AND o.source = k.source AND o.variable = k.variable
          AND trim(o.code) = k.code AND k.absent_reason IS NOT NULL
        """,
        [DICTIONARY],
    )
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE limit_variable AS
        SELECT
          v.study, v.source, v.variable,
          coalesce(nullif(o.type, ''), v.value_type) AS value_type,
          coalesce(nullif(o.unit, ''), v.unit) AS unit,
          list_contains(?, coalesce(nullif(o.type, ''), v.value_type)) AS is_number,
          list_contains(?, coalesce(nullif(o.type, ''), v.value_type))
            AND c.n_values > 0 AND (o.codes IS NULL OR o.codes <> '') AS is_closed,
          c.codes,
          CASE WHEN o.variable IS NULL THEN r.low ELSE TRY_CAST(o.low AS DOUBLE) END AS low,
          CASE WHEN o.variable IS NULL THEN r.high ELSE TRY_CAST(o.high AS DOUBLE) END AS high
        FROM given_variable AS v
        LEFT JOIN own_limit AS o USING (study, source, variable)
        LEFT JOIN given_variable_range AS r USING (study, source, variable)
        LEFT JOIN (
          SELECT study, source, variable, list(code) AS codes,
            count(*) FILTER (absent_reason IS NULL) AS n_values
          FROM limit_code GROUP BY ALL
        ) AS c USING (study, source, variable)
        """,
        [list(NUMBER_TYPES), list(CLOSED_TYPES)],
    )


def _in_force(home: Home, manifest: Manifest, table: Table) -> str:
    """SQL of a vocab table's rows of the asked studies; none before it was published."""
    found = manifest.objects().get(table.full_name)
    columns = ", ".join(c.name for c in table.columns)
    if found is None:
        nothing = ", ".join(f"CAST(NULL AS {c.type}) AS {c.name}" for c in table.columns)
        return f"SELECT {nothing} WHERE FALSE"
    path = parquet_list([home.landing / found[0]])
    return (
        f"SELECT {columns} FROM read_parquet({path}) "  # noqa: S608
        "SEMI JOIN asked_study USING (study)"
    )


def own_rows(home: Home, study: str) -> list[dict[str, str]]:
    """Rows of the study's variables.csv with the study's name; none if it was never written."""
    path = contract_folder(home, study) / FILE
    if not path.is_file():
        return []
    where = f"studies/{study}/contract/{FILE}"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise SettingsError(Fault(where, "has another header", ",".join(COLUMNS)))
        rows = [{"study": study, **{c: (row[c] or "").strip() for c in COLUMNS}} for row in reader]
    faults = [
        Fault(f"{where}, line {n}", f"'{end}' is no number", "a number, or nothing")
        for n, row in enumerate(rows, 2)
        for end in ("low", "high")
        if row[end] and not _is_number(row[end])
    ]
    if faults:
        raise SettingsError(faults)
    return rows


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_limits(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    study: str,
    variables: Iterable[tuple[str, str]],
) -> Path:
    """Write variables.csv for the (source, variable) pairs; rows that people edited stay.

    A row is edited if its limits are no longer those it was generated with (the hash in its
    last column), or if it has no hash.
    """
    con.register("wanted_variable", pa.Table.from_pylist(
        [{"source": s, "variable": v} for s, v in sorted(set(variables))],
        pa.schema([("source", pa.string()), ("variable", pa.string())]),
    ))  # fmt: skip
    fresh = con.execute(
        """
        SELECT l.source, l.variable, l.value_type, coalesce(l.unit, ''),
          coalesce(CAST(l.low AS VARCHAR), ''), coalesce(CAST(l.high AS VARCHAR), ''),
          CASE WHEN NOT l.is_closed THEN '' WHEN len(l.codes) > ? THEN ?
            ELSE array_to_string(list_sort(l.codes), '|') END
        FROM limit_variable AS l SEMI JOIN wanted_variable USING (source, variable)
        WHERE l.study = ? ORDER BY ALL
        """,
        [MAX_CODES, DICTIONARY, study],
    ).fetchall()
    rows = {(r[0], r[1]): _marked(dict(zip(COLUMNS, r, strict=False))) for r in fresh}
    for row in own_rows(home, study):
        if _mark(row) != row["generated"]:
            rows[(row["source"], row["variable"])] = {c: row[c] for c in COLUMNS}
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(row for _, row in sorted(rows.items()))
    path = contract_folder(home, study) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, out.getvalue())
    return path


def _marked(row: Mapping[str, str]) -> dict[str, str]:
    return {**row, "generated": _mark(row)}


def _mark(row: Mapping[str, str]) -> str:
    """Hash of the limits of a row."""
    content = "\x1f".join(row[c] for c in _CONTENT)
    return hashlib.sha256(content.encode()).hexdigest()[:12]
