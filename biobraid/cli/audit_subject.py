"""What an audit is of: the warehouse, a release, a cohort or an export, and how it is opened."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click
import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import connect
from biobraid.export.project import open_project, project_names
from biobraid.export.release import find_release
from biobraid.export.session import release_session


@dataclass(frozen=True)
class Subject:
    """kind: warehouse, release, cohort or export; name: PROJECT/NAME, '' for the warehouse."""

    kind: str
    name: str = ""

    @property
    def title(self) -> str:
        """'release heart_study/r1'."""
        return f"{self.kind} {self.name}".strip()

    def folder(self, home: Home) -> Path:
        """Where its report lies."""
        return home.reports / "audits" / "-".join([self.kind, *self.name.split("/")]).strip("-")


def chosen(release: str | None, cohort: str | None, export: str | None) -> Subject:
    """The one that was named; the warehouse if none was."""
    given = [(k, v) for k, v in (("release", release), ("cohort", cohort), ("export", export)) if v]
    if len(given) > 1:
        raise click.UsageError("name one of --release, --cohort and --export")
    if not given:
        return Subject("warehouse")
    kind, name = given[0]
    if kind != "release" and name.count("/") != 1:
        raise click.UsageError(f"--{kind} takes PROJECT/NAME")
    return Subject(kind, name)


@dataclass(frozen=True)
class Opened:
    """A connection whose mart and cdm are the subject's; its people (None: all) and numbers."""

    con: duckdb.DuckDBPyConnection
    person_id: pa.Array | None = None
    features: pa.Table | None = None


@contextmanager
def opened(home: Home, subject: Subject, write: bool = False) -> Iterator[Opened]:
    """Open the subject; only the warehouse can be written to."""
    if subject.kind == "warehouse":
        _built(home)
        con = connect(home, read_only=not write)
        try:
            yield Opened(con)
        finally:
            con.close()
        return
    project, _, name = subject.name.partition("/")
    features = persons = None
    release = subject.name
    if subject.kind == "cohort":
        release = project
    elif subject.kind == "export":
        folder = home.exports / project / name
        if not (folder / "data.parquet").is_file():
            raise SettingsError(
                Fault(f"exports/{subject.name}", "there is no such export", "PROJECT/NAME",
                      "Run: biobraid export")
            )  # fmt: skip
        made = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        release = f"{project}/{made['release']}"
        features = numbers_of(folder / "data.parquet")
        persons = features["person_id"].combine_chunks()
    with release_session(home, find_release(home, release)) as con:
        con.execute("USE release")
        if subject.kind == "cohort":
            try:
                found = con.execute(f'SELECT person_id FROM project.cohort."{name}"')  # noqa: S608
            except duckdb.CatalogException:
                raise SettingsError(
                    Fault(f"cohort '{subject.name}'", "there is no such cohort", "PROJECT/COHORT",
                          "Run: biobraid cohort")
                ) from None  # fmt: skip
            persons = found.to_arrow_table()["person_id"].combine_chunks()
        yield Opened(con, persons, features)


def numbers_of(path: Path) -> pa.Table:
    """person_id and the numeric and true/false columns; no reasons, flags or ages."""
    table = pq.read_table(path)
    names = [
        f.name for f in table.schema
        if f.name == "person_id"
        or ("__" not in f.name and (pa.types.is_floating(f.type) or pa.types.is_integer(f.type)
                                    or pa.types.is_boolean(f.type)))
    ]  # fmt: skip
    return table.select(names)


def min_cell_of(home: Home, subject: Subject) -> int:
    """The project's own limit where the subject is one of its, else the biobank's."""
    project = subject.name.partition("/")[0]
    if subject.kind == "warehouse" or project not in project_names(home):
        return home.settings.min_cell
    return open_project(home, project).min_cell


def _built(home: Home) -> None:
    if not home.warehouse.is_file():
        raise SettingsError(
            Fault(home.warehouse.name, "there is no warehouse yet", todo="Run: biobraid build")
        )
    with Manifest(home) as manifest:
        if not manifest.note("build_complete", True):
            raise SettingsError(
                Fault(home.warehouse.name, "the last build did not end well: it is partly new",
                      "a warehouse that was built to its end", "Run: biobraid build")
            )  # fmt: skip
