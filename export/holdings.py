"""Which releases, exports and project files hold a person, and under which project id."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.files import PARTIAL, atomic_path
from biobraid.core.home import Home
from biobraid.core.keys import load_key
from biobraid.core.warehouse import literal
from biobraid.export.project import DATABASE_FILE, INTERNAL, DatePolicy, project_names
from biobraid.export.pseudonyms import person_table, project_keys
from biobraid.export.register import Entry, entries, folder_of

_ID_COLUMNS = ("person_id", "subject_id")


def holdings(home: Home, persons: Sequence[int]) -> list[tuple[Entry, dict[int, int]]]:
    """Releases and exports that hold any of the persons: project id -> person id.

    Needs the release key. Closed ones are not looked at.
    """
    secret = load_key(home, "release")
    found = []
    for entry in entries(home):
        folder = folder_of(home, entry)
        if entry.closed_on or not folder.is_dir():
            continue
        ids = project_ids(secret, entry.project, persons, key_version_of(home, entry))
        held = sorted(set(ids) & set(_ids_in(folder, ids)))
        if held:
            found.append((entry, {i: ids[i] for i in held}))
    return found


def project_ids(
    secret: bytes, project: str, persons: Sequence[int], version: int
) -> dict[int, int]:
    """Project id -> person id, under one version of the project's key."""
    if project == INTERNAL:
        return {p: p for p in persons}
    keys = project_keys(secret, project, version)
    made = person_table(keys, pa.array(persons, pa.int64()), DatePolicy(kind="exact"))
    pairs = zip(made["project_person_id"].to_pylist(), made["person_id"].to_pylist(), strict=True)
    return dict(pairs)


def every_id(home: Home, persons: Sequence[int]) -> dict[str, list[int]]:
    """Project -> ids of the persons under every key the project has had. Needs the release key."""
    secret = load_key(home, "release")
    found = {}
    for project in project_names(home):
        last = max([_declared_version(home, project), *_versions(home, project)])
        ids = [i for v in range(1, last + 1) for i in project_ids(secret, project, persons, v)]
        found[project] = sorted(ids)
    return found


def drop_from_projects(home: Home, ids: dict[str, list[int]]) -> int:
    """Take persons out of the projects' own files (cohorts), to the byte; returns rows.

    The file is written anew and replaced; one that holds none of them stays as it is.
    """
    n = 0
    for project, gone in ids.items():
        path = home.projects / project / DATABASE_FILE
        if path.is_file() and gone:
            n += drop_persons(path, gone)
    return n


def drop_persons(path: Path, gone: Sequence[int]) -> int:
    """Rewrite a DuckDB file without the rows of these persons, and without their bytes."""
    with duckdb.connect(str(path)) as con:
        con.register("gone", pa.table({"person_id": pa.array(sorted(gone), pa.int64())}))
        n = 0
        for schema, table, column in con.execute(
            "SELECT c.schema_name, c.table_name, c.column_name FROM duckdb_columns() AS c "
            "JOIN duckdb_tables() AS t USING (database_name, schema_name, table_name) "
            "WHERE c.column_name IN ('person_id', 'subject_id') AND NOT c.internal ORDER BY ALL"
        ).fetchall():
            row = con.execute(
                f'DELETE FROM "{schema}"."{table}" '  # noqa: S608  names of the catalogue
                f'WHERE "{column}" IN (SELECT person_id FROM gone)'
            ).fetchone()
            n += int(row[0]) if row else 0
        con.execute("CHECKPOINT")
    if n:
        compact(path)
    return n


def compact(path: Path) -> None:
    """Write a DuckDB file anew: deleted rows stay in a file's bytes until it is copied."""
    with atomic_path(path) as partial:
        with duckdb.connect(":memory:") as con:
            con.execute(f"ATTACH {literal(path)} AS old (READ_ONLY)")
            con.execute(f"ATTACH {literal(partial)} AS new")
            con.execute("COPY FROM DATABASE old TO new")
            con.execute("CHECKPOINT new")
        partial.with_name(f"{partial.name}.wal").unlink(missing_ok=True)
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def drop_from_weights(home: Home, persons: Sequence[int], ids: dict[str, list[int]]) -> int:
    """Take persons out of the weights that audits left beside their reports."""
    every = pa.array(sorted({*persons, *(i for found in ids.values() for i in found)}), pa.int64())
    n = 0
    for path in sorted(home.reports.rglob("*.parquet")):
        column = _id_column(path)
        if PARTIAL in path.name or column is None:
            continue
        rows = pq.read_table(path)
        kept = rows.filter(pa.array(~np.isin(rows[column].to_numpy(), every.to_numpy())))
        if kept.num_rows < rows.num_rows:
            with atomic_path(path) as partial:
                pq.write_table(kept, partial)
            n += rows.num_rows - kept.num_rows
    return n


def key_version_of(home: Home, entry: Entry) -> int:
    """Version of the key a release was made with; an export's is that of its release."""
    made = json.loads((folder_of(home, entry) / "manifest.json").read_text(encoding="utf-8"))
    if entry.kind == "export":
        path = home.releases / entry.project / str(made.get("release")) / "manifest.json"
        if "key_version" not in made and path.is_file():
            made = json.loads(path.read_text(encoding="utf-8"))
    return int(made.get("key_version") or 1)


def _versions(home: Home, project: str) -> list[int]:
    return [key_version_of(home, e) for e in entries(home)
            if e.project == project and folder_of(home, e).is_dir()]  # fmt: skip


def _declared_version(home: Home, project: str) -> int:
    from biobraid.export.project import open_project

    return open_project(home, project).settings.key_version


def _ids_in(folder: Path, ids: dict[int, int]) -> Iterator[int]:
    """Which of the project ids stand in a release or a dataset."""
    wanted = pa.table({"person_id": pa.array(sorted(ids), pa.int64())})
    with duckdb.connect(":memory:") as con:
        con.register("wanted", wanted)
        for path in sorted(folder.rglob("*.duckdb")):
            con.execute(f"ATTACH {literal(path)} AS held (READ_ONLY)")
            query = "FROM wanted SEMI JOIN held.cdm.person USING (person_id)"
            yield from (i for (i,) in con.execute(query).fetchall())
            con.execute("DETACH held")
        for path in sorted(folder.rglob("*.parquet")):
            column = _id_column(path)
            if column is not None:
                yield from (i for (i,) in con.execute(
                    f"FROM wanted WHERE person_id IN (SELECT {column} FROM read_parquet(?))",  # noqa: S608
                    [str(path)],
                ).fetchall())  # fmt: skip


def _id_column(path: Path) -> str | None:
    names = pq.read_schema(path).names
    return next((c for c in _ID_COLUMNS if c in names), None)
