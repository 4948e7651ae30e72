"""Code lists: CSV files of source codes or of concepts, as tables for cohorts and exports.

A file <code lists>/<name>.csv has the columns `code,code_system[,label]` or
`concept_id[,descendants][,label]` (descendants: true to take in all that lie below). It
becomes the table codelist_<name>(code, code_system, concept_id, label): for source codes
concept_id is the concept of the code (null if the vocabulary does not know it), compared
without dots; for concepts, code and code_system are the concept's own.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import duckdb

from biobraid.core.errors import Fault, SettingsError, near_misses
from biobraid.export.project import OpenProject

_REFERENCE = re.compile(r"\bcodelist_([a-z][a-z0-9_]*)\b", re.IGNORECASE)
_BY_CODE = {"code", "code_system"}
_TRUE, _FALSE = ("true", "yes", "1"), ("false", "no", "0", "")


def referenced(sql: str) -> list[str]:
    """Names of the code lists that SQL speaks of."""
    return sorted({name.lower() for name in _REFERENCE.findall(sql)})


def load_code_lists(
    con: duckdb.DuckDBPyConnection, project: OpenProject, names: list[str]
) -> dict[str, Path]:
    """Make codelist_<name> for every name; returns their files. All faults at once."""
    known = {p.stem: p for p in project.code_lists.glob("*.csv")}
    faults = [
        Fault(
            f"{project.settings.code_lists}/{name}.csv",
            "there is no such code list",
            suggestions=near_misses(name, known),
        )
        for name in names
        if name not in known
    ]
    for name in names:
        if name in known:
            faults += _load(con, name, known[name])
    if faults:
        raise SettingsError(faults)
    return {name: known[name] for name in names}


def _load(con: duckdb.DuckDBPyConnection, name: str, path: Path) -> list[Fault]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            header = {(h or "").strip() for h in reader.fieldnames or []}
            rows = [{k.strip(): (v or "").strip() for k, v in r.items() if isinstance(k, str)
                     and (v is None or isinstance(v, str))} for r in reader]  # fmt: skip
    except (UnicodeDecodeError, csv.Error):
        return [Fault(path.name, "is not a UTF-8 CSV file")]
    if header >= _BY_CODE:
        return _load_codes(con, name, path, rows)
    if "concept_id" in header:
        return _load_concepts(con, name, path, rows)
    return [
        Fault(
            f"{path.name}, row 1",
            f"columns {', '.join(sorted(header)) or 'none'}",
            "code,code_system or concept_id",
        )
    ]


def _load_codes(
    con: duckdb.DuckDBPyConnection, name: str, path: Path, rows: list[dict[str, str]]
) -> list[Fault]:
    faults = [
        Fault(f"{path.name}, row {n}", "no code or no code_system", "both")
        for n, row in enumerate(rows, start=2)
        if not row["code"] or not row["code_system"]
    ]
    con.execute(
        "CREATE OR REPLACE TEMP TABLE listed (code VARCHAR, code_system VARCHAR, label VARCHAR)"
    )
    if rows:
        con.executemany(
            "INSERT INTO listed VALUES (?, ?, ?)",
            [(r["code"], r["code_system"], r.get("label") or None) for r in rows],
        )
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE codelist_{name} AS
        SELECT l.code, l.code_system, min(c.concept_id) AS concept_id, any_value(l.label) AS label
        FROM listed AS l
        LEFT JOIN release.vocab.concept AS c ON c.vocabulary_id = l.code_system
          AND replace(c.concept_code, '.', '') = replace(l.code, '.', '')
        GROUP BY l.code, l.code_system ORDER BY ALL""")  # noqa: S608
    return faults


def _load_concepts(
    con: duckdb.DuckDBPyConnection, name: str, path: Path, rows: list[dict[str, str]]
) -> list[Fault]:
    faults = []
    good: list[tuple[int, bool, str | None]] = []
    for n, row in enumerate(rows, start=2):
        wants = row.get("descendants", "").lower()
        if not row["concept_id"].isdecimal():
            faults.append(Fault(f"{path.name}, row {n}", "concept_id is not a whole number"))
        elif wants not in _TRUE + _FALSE:
            faults.append(Fault(f"{path.name}, row {n}", "descendants is not true or false"))
        else:
            good.append((int(row["concept_id"]), wants in _TRUE, row.get("label") or None))
    con.execute(
        "CREATE OR REPLACE TEMP TABLE listed (concept_id BIGINT, below BOOLEAN, label VARCHAR)"
    )
    if good:
        con.executemany("INSERT INTO listed VALUES (?, ?, ?)", good)
    con.execute(f"""
        CREATE OR REPLACE TEMP TABLE codelist_{name} AS
        WITH wanted AS (
          SELECT concept_id, label FROM listed
          UNION ALL
          SELECT a.descendant_concept_id, NULL
          FROM listed AS l JOIN release.vocab.concept_ancestor AS a
            ON a.ancestor_concept_id = l.concept_id
          WHERE l.below
        )
        SELECT any_value(c.concept_code) AS code, any_value(c.vocabulary_id) AS code_system,
          w.concept_id, coalesce(any_value(w.label), any_value(c.concept_name)) AS label
        FROM wanted AS w LEFT JOIN release.vocab.concept AS c ON c.concept_id = w.concept_id
        GROUP BY w.concept_id ORDER BY w.concept_id""")  # noqa: S608
    return faults
