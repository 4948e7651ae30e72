"""Cohorts: a SQL file of steps, run on a release, kept in the project's own file.

    -- step: Adults with a body mass index
    SELECT person_id, min(measurement_date) AS cohort_start_date
    FROM cdm.measurement WHERE measurement_concept_id = 3038553 GROUP BY person_id

    -- step: Without diabetes before
    SELECT p.* FROM previous AS p WHERE NOT EXISTS (
      SELECT 1 FROM cdm.condition_occurrence AS c JOIN codelist_diabetes AS d
        ON d.concept_id = c.condition_concept_id
      WHERE c.person_id = p.person_id AND c.condition_start_date <= p.cohort_start_date)

Each step is one SELECT that gives person_id; from the second on it narrows `previous`. The
last step gives one row per person. cohort_start_date and cohort_end_date are carried from
step to step where a step does not give them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import disk_errors
from biobraid.core.home import Home
from biobraid.core.lock import writer
from biobraid.export.codelist import load_code_lists, referenced
from biobraid.export.project import INTERNAL, NAME, open_project
from biobraid.export.register import withdrawn_ids
from biobraid.export.release import find_release
from biobraid.export.session import checked_selects, lock_down, query_error, release_session

_STEP = re.compile(r"^\s*--\s*step\s*:\s*(.*?)\s*$", re.IGNORECASE)
_RESERVED = ("attrition", "definition")
_CARRIED = ("cohort_start_date", "cohort_end_date")


@dataclass(frozen=True)
class Step:
    """One step of a cohort file; `line` is where its title stands."""

    title: str
    sql: str
    line: int


@dataclass(frozen=True)
class Attrition:
    """Persons left after a step; a None is a count too small to show."""

    step: int
    title: str
    n_persons: int | None
    n_dropped: int | None


@dataclass(frozen=True)
class CohortResult:
    """A cohort as it was kept: project.duckdb, table cohort.<name>."""

    project: str
    name: str
    release: str
    n_persons: int
    attrition: tuple[Attrition, ...]
    shown: tuple[Attrition, ...]  # the same, fit to print: small counts and differences hidden


def read_steps(path: Path) -> list[Step]:
    """The steps of a cohort file; SettingsError if there is none."""
    steps: list[Step] = []
    title, line, body = "", 0, list[str]()
    for n, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        found = _STEP.match(text)
        if not found:
            body.append(text)
            continue
        if title:
            steps.append(Step(title, "\n".join(body), line))
        title, line, body = found.group(1) or f"step {len(steps) + 1}", n, []
    if title:
        steps.append(Step(title, "\n".join(body), line))
    if not steps:
        raise SettingsError(
            Fault(path.name, "holds no step", "lines '-- step: title', each before a SELECT")
        )
    return steps


def run_cohort(
    home: Home, project: str, cohort: str, sql_file: Path, *, release: str | None = None
) -> CohortResult:
    """Run a cohort file on a release and keep the cohort, replacing an older one of its name.

    release: a name; default, the project's current one.
    """
    opened = open_project(home, project)
    if not NAME.match(cohort) or cohort in (*_RESERVED, INTERNAL):
        raise SettingsError(
            Fault("cohort", f"'{cohort}' cannot name a cohort",
                  "small letters, digits and '_', beginning with a letter")
        )  # fmt: skip
    if not sql_file.is_file():
        raise SettingsError(Fault(str(sql_file), "the file is missing", "a cohort's SQL file"))
    steps = read_steps(sql_file)
    text = sql_file.read_text(encoding="utf-8")
    folder = find_release(home, f"{project}/{release}" if release else project)
    with (
        writer(home),
        disk_errors(f"projects/{project}"),
        release_session(home, folder, write_project=True) as con,
    ):
        load_code_lists(con, opened, referenced(text))
        withdrawn = pa.array(withdrawn_ids(home, project, folder.name), pa.int64())
        con.register("withdrawn_since", pa.table({"person_id": withdrawn}))
        lock_down(con)
        counts = [_run_step(con, sql_file.name, n, step) for n, step in enumerate(steps)]
        _check_one_row_each(con, sql_file.name, steps[-1])
        attrition = tuple(
            Attrition(n + 1, s.title, counts[n], counts[n - 1] - counts[n] if n else 0)
            for n, s in enumerate(steps)
        )
        _keep(con, cohort, folder.name, text, attrition)
    return CohortResult(
        project, cohort, folder.name, counts[-1], attrition,
        tuple(suppressed(attrition, opened.min_cell)),
    )  # fmt: skip


def suppressed(attrition: Sequence[Attrition], min_cell: int) -> list[Attrition]:
    """Attrition fit to print: no count below min_cell, and no two counts so near that their
    difference would be one. A step too near the last shown is hidden as a whole."""
    shown: list[Attrition] = []
    last: int | None = None
    for row in attrition:
        n = row.n_persons or 0
        is_near = last is not None and 0 < last - n < min_cell
        if 0 < n < min_cell or is_near:
            shown.append(Attrition(row.step, row.title, None, None))
            continue
        has_neighbour = not shown or shown[-1].n_persons is not None
        shown.append(Attrition(row.step, row.title, n, row.n_dropped if has_neighbour else None))
        last = n
    return shown


def _run_step(con: duckdb.DuckDBPyConnection, file: str, n: int, step: Step) -> int:
    """Make `previous` the result of a step; returns its number of persons."""
    where = f"{file}, line {step.line} ({step.title})"
    statements = checked_selects(con, step.sql, where)
    if len(statements) != 1:
        raise SettingsError(Fault(where, f"{len(statements)} statements", "one SELECT per step"))
    select = statements[0].strip().rstrip(";")
    try:
        con.execute(f"CREATE OR REPLACE TEMP TABLE chosen AS {select}")
    except duckdb.Error as error:
        raise query_error(where, error) from None
    columns = _columns(con, "chosen")
    if "person_id" not in columns:
        raise SettingsError(Fault(where, "gives no person_id", "a column person_id"))
    con.execute(
        "DELETE FROM temp.chosen WHERE person_id IN (SELECT person_id FROM withdrawn_since)"
    )
    if n:
        _narrow(con, where, columns)
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE previous AS FROM chosen")
    con.execute("DROP TABLE temp.chosen")
    row = con.execute("SELECT count(DISTINCT person_id) FROM temp.previous").fetchone()
    return int(row[0]) if row else 0


def _narrow(con: duckdb.DuckDBPyConnection, where: str, columns: list[str]) -> None:
    row = con.execute(
        "SELECT count(*) FROM temp.chosen WHERE person_id IS NULL "
        "OR person_id NOT IN (SELECT person_id FROM temp.previous)"
    ).fetchone()
    if row and row[0]:
        raise SettingsError(
            Fault(where, "brings persons whom the step before does not have",
                  "a step that narrows the table previous")
        )  # fmt: skip
    carried = [c for c in _CARRIED if c not in columns and c in _columns(con, "previous")]
    if carried:
        firsts = ", ".join(f"min({c}) AS {c}" for c in carried)
        picked = ", ".join(f"b.{c}" for c in carried)
        con.execute(
            f"CREATE OR REPLACE TEMP TABLE next_step AS SELECT c.*, {picked} "  # noqa: S608
            f"FROM temp.chosen AS c LEFT JOIN (SELECT person_id, {firsts} FROM temp.previous "
            "GROUP BY person_id) AS b ON b.person_id = c.person_id"
        )
    else:
        con.execute("CREATE OR REPLACE TEMP TABLE next_step AS FROM temp.chosen")
    con.execute("CREATE OR REPLACE TEMP TABLE previous AS FROM temp.next_step")
    con.execute("DROP TABLE temp.next_step")


def _check_one_row_each(con: duckdb.DuckDBPyConnection, file: str, last: Step) -> None:
    row = con.execute(
        "SELECT count(*), count(DISTINCT person_id), count(person_id) FROM temp.previous"
    ).fetchone()
    if row and not row[0] == row[1] == row[2]:
        raise SettingsError(
            Fault(f"{file}, line {last.line} ({last.title})", "several rows of one person",
                  "one row per person in the last step", "GROUP BY person_id.")
        )  # fmt: skip


def _keep(
    con: duckdb.DuckDBPyConnection,
    cohort: str,
    release: str,
    sql: str,
    attrition: Sequence[Attrition],
) -> None:
    """Write the cohort, its attrition and its definition in one transaction."""
    names = _columns(con, "previous")
    missing = "".join(f", CAST(NULL AS DATE) AS {c}" for c in _CARRIED if c not in names)
    con.execute("BEGIN")
    con.execute(
        f'CREATE OR REPLACE TABLE project.cohort."{cohort}" AS '  # noqa: S608
        f"SELECT *{missing} FROM temp.previous ORDER BY person_id"
    )
    con.execute("DELETE FROM project.cohort.attrition WHERE cohort = ?", [cohort])
    con.execute("DELETE FROM project.cohort.definition WHERE cohort = ?", [cohort])
    con.executemany(
        "INSERT INTO project.cohort.attrition VALUES (?, ?, ?, ?, ?)",
        [(cohort, a.step, a.title, a.n_persons, a.n_dropped) for a in attrition],
    )
    digest = hashlib.sha256(sql.encode()).hexdigest()
    con.execute(
        "INSERT INTO project.cohort.definition VALUES (?, ?, ?, ?)", [cohort, release, sql, digest]
    )
    con.execute("COMMIT")


def _columns(con: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    return [str(row[0]) for row in con.execute(f"DESCRIBE temp.{table}").fetchall()]
