"""Checks of a biobank's own: rules in a CSV, or an SQL file that lists violating rows."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from biobraid.core.errors import Fault, SettingsError
from biobraid.quality.checks.rules import CATEGORIES, SEVERITIES, Rule, read_rules
from biobraid.quality.checks.scan import Count, Counts, error_text

_HEADER = re.compile(r"\A\s*/\*(.*?)\*/", re.S)
_KEYS = ("table", "description", "severity", "category", "threshold", "denominator")


@dataclass(frozen=True)
class SqlCheck:
    """A SELECT whose rows are the violating ones, its first column their key."""

    rule: Rule
    query: str
    denominator: str  # SQL that gives one number


def read_checks(folder: Path) -> tuple[list[Rule], list[SqlCheck]]:
    """All *.csv and *.sql of a folder; none if it is not there. All faults at once."""
    rules: list[Rule] = []
    checks: list[SqlCheck] = []
    faults: list[Fault] = []
    for path in sorted(folder.glob("*.csv")) + sorted(folder.glob("*.sql")):
        try:
            if path.suffix == ".csv":
                rules += read_rules(path)
            else:
                checks.append(read_sql_check(path))
        except SettingsError as error:
            faults += error.faults
    if faults:
        raise SettingsError(faults)
    return rules, checks


def read_sql_check(path: Path) -> SqlCheck:
    """One SQL file: a comment with `key: value` lines, then one SELECT.

    Keys: table (whose rows are the denominator), or denominator (SQL of one number);
    description, severity, category, threshold (share 0-1), of which only the first pair is needed.
    """
    text = path.read_text(encoding="utf-8")
    found = _HEADER.match(text)
    given: dict[str, str] = {}
    for line in found[1].splitlines() if found else ():
        key, mark, value = line.partition(":")
        if mark and key.strip() in _KEYS:
            given[key.strip()] = value.strip()
    faults = _faults(path.name, given)
    query = text[found.end() :].strip().rstrip(";") if found else text
    statements = _statements(query)
    if statements != ["SELECT"]:
        faults.append(
            Fault(path.name, "is not one SELECT", "one SELECT whose rows are the violating ones")
        )
    if faults:
        raise SettingsError(faults)
    denominator = given.get("denominator") or f"SELECT count(*) FROM cdm.{given['table']}"  # noqa: S608
    rule = Rule(
        "custom", given.get("table", "") or path.stem, path.stem if given.get("table") else "",
        threshold=float(given.get("threshold") or 0), severity=given.get("severity", ""),
        category=given.get("category", ""), description=given.get("description", ""),
    )  # fmt: skip
    return SqlCheck(rule, query, denominator)


def _statements(query: str) -> list[str]:
    try:
        return [s.type.name for s in duckdb.extract_statements(query)]
    except duckdb.Error:
        return []


def _faults(name: str, given: Mapping[str, str]) -> list[Fault]:
    faults = []
    if not re.fullmatch(r"\w+", given.get("table", "")) and not given.get("denominator"):
        faults.append(
            Fault(name, "says neither table nor denominator",
                  "a first comment with lines like `table: measurement`")
        )  # fmt: skip
    for key, known in (("severity", SEVERITIES), ("category", CATEGORIES)):
        if given.get(key) and given[key] not in known:
            faults.append(Fault(name, f"{key} '{given[key]}'", ", ".join(known)))
    if given.get("threshold") and not re.fullmatch(r"0(\.\d+)?|1(\.0+)?", given["threshold"]):
        faults.append(Fault(name, "threshold is no share", "a number from 0 to 1"))
    return faults


def count_custom(
    con: duckdb.DuckDBPyConnection, checks: Sequence[SqlCheck], counts: Counts
) -> None:
    """Run each SQL check; one that fails is an error of its own."""
    for check in checks:
        try:
            row = con.execute(
                f"SELECT (SELECT count(*) FROM ({check.query})), ({check.denominator})"  # noqa: S608
            ).fetchone()
        except duckdb.Error as error:
            counts.found[check.rule.check_id] = Count(error=error_text(error))
            continue
        violated, total = row or (0, 0)
        counts.put(check.rule, violated, total)


def custom_keys(con: duckdb.DuckDBPyConnection, check: SqlCheck, limit: int) -> list[int | str]:
    """The first column of up to `limit` violating rows; SettingsError if it is no id (a number)."""
    rows = con.execute(f"SELECT * FROM ({check.query}) ORDER BY ALL LIMIT ?", [limit]).fetchall()  # noqa: S608
    if any(not isinstance(row[0], int) for row in rows):
        raise SettingsError(
            Fault(check.rule.check_id, "its first column is no number",
                  "the id of the violating row first: rows are listed by key only")
        )  # fmt: skip
    return [row[0] for row in rows]
