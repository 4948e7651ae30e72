"""DuckDB connections of researchers: a release read-only, the project's file beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from biobraid.core.errors import BusyError, Fault, UserError
from biobraid.core.home import Home
from biobraid.core.warehouse import duckdb_settings, literal
from biobraid.export.genotype_files import GENOTYPES
from biobraid.export.genotype_macros import define_session_macros
from biobraid.export.project import DATABASE_FILE, PROJECT_FILE
from biobraid.export.release import DATABASE

# Unqualified names are looked up in cdm; cohort.x is the project's table x.
_SEARCH_PATH = "release.cdm,release.main,project.cohort"


class QueryError(UserError):
    """A researcher's SQL cannot be run; the message is DuckDB's own."""


@contextmanager
def release_session(
    home: Home, folder: Path, *, write_project: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the release as `release` and its project's file as `project`.

    `folder`: of the release. The release cannot be written; the project's file only if asked.
    An internal release has no project file: then `project` is an empty database in memory.
    """
    home.tmp.mkdir(exist_ok=True)
    con = duckdb.connect(config=dict(duckdb_settings(home.settings, home.tmp)))
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute(f"ATTACH {literal(folder / DATABASE)} AS release (READ_ONLY)")
        _open_genotypes(con, folder)
        project = home.projects / folder.parent.name
        if (project / PROJECT_FILE).is_file():
            mode = "" if write_project else " (READ_ONLY)"
            _attach(con, project / DATABASE_FILE, mode)
        else:
            con.execute("ATTACH ':memory:' AS project")
            con.execute("CREATE SCHEMA project.cohort")
        con.execute(f"SET search_path = '{_SEARCH_PATH}'")
        yield con
    finally:
        con.close()


def _open_genotypes(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Macros for the release's genotypes, and leave to read their files when locked down."""
    genotypes = folder / GENOTYPES
    if genotypes.is_dir():
        con.execute(f"SET allowed_directories = [{literal(genotypes)}]")
        define_session_macros(con, str(folder))


# Errors met while rows are read: their messages quote cells.
_QUOTING_VALUES = (
    duckdb.ConversionException,
    duckdb.OutOfRangeException,
    duckdb.InvalidInputException,
    duckdb.ConstraintException,
)


def lock_down(con: duckdb.DuckDBPyConnection) -> None:
    """From here on SQL reaches no files but the release's genotypes, and changes no settings."""
    con.execute("SET enable_external_access = false")
    con.execute("SET lock_configuration = true")


def checked_selects(con: duckdb.DuckDBPyConnection, sql: str, where: str) -> list[str]:
    """The statements of `sql`, all of which must be SELECT; raises QueryError.

    Files that are attached stay open to COPY even without external access, so a statement
    that is no SELECT is refused by its kind, before it runs.
    """
    try:
        statements = con.extract_statements(sql)
    except duckdb.Error as error:
        raise query_error(where, error) from None
    kinds = {s.type.name for s in statements}
    if not statements or kinds != {"SELECT"}:
        found = ", ".join(sorted(kinds - {"SELECT"})) or "nothing"
        raise QueryError(
            Fault(where, f"found {found}", "SELECT statements only", "Releases are read-only.")
        )
    return [s.query for s in statements]


def query_error(where: str, error: duckdb.Error) -> QueryError:
    """DuckDB's message as a user's fault; of what fails on a row, without the row's value."""
    said = str(error).strip()
    if not isinstance(error, _QUOTING_VALUES):
        return QueryError(Fault(where, said))
    kind = said.partition(":")[0]
    column = re.search(r"source column (\w+)$", said.splitlines()[0])
    of = f" of column {column[1]}" if column else ""
    return QueryError(
        Fault(where, f"{kind}: a value{of} does not fit (values are not shown)", "values that fit",
              "Use TRY_CAST or TRY(), and count what becomes NULL.")
    )  # fmt: skip


def _attach(con: duckdb.DuckDBPyConnection, path: Path, mode: str) -> None:
    try:
        con.execute(f"ATTACH {literal(path)} AS project{mode}")
    except duckdb.IOException as error:
        if "lock" not in str(error).lower():
            raise
        raise BusyError(
            Fault(
                f"projects/{path.parent.name}/{path.name}",
                "another process holds it",
                "no other writer",
                "Wait for the other command to end, then run this one again.",
            )
        ) from None
