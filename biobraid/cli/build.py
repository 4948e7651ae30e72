"""Build the warehouse: every SQL model downstream of what changed, and no other.

SQLMesh notices changed models but not new rows, so the build remembers the mark of every
table that Python writes and restates the models downstream of those that differ.
"""

from __future__ import annotations

from collections.abc import Set
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from biobraid.cli.build_sqlmesh import (
    OnProgress,
    Progress,
    apply,
    describe,
    model_names,
    models_mark,
    open_context,
    plain_name,
    planned,
    rare_collection,
)
from biobraid.core.files import disk_errors
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import connect, open_duckdb
from biobraid.core.warehouse_views import external_fingerprints, refresh_views

if TYPE_CHECKING:
    from sqlmesh import Context

NOTE = "build"  # manifest note: marks of the tables and models of the last successful build
PENDING = "build_pending"  # manifest note: what a build that has not ended well was about
COMPLETE = "build_complete"  # manifest note: false from the start of a build to its good end
_MODELS = "models"  # key of the models' own mark among those of the tables
_SCHEMAS = ("staging", "stem", "cdm", "omics", "wearable", "mart")  # made by models only


@dataclass(frozen=True)
class BuildResult:
    """What a build did; models as schema.table, sorted."""

    built: tuple[str, ...]  # evaluated: new, changed or restated
    restated: tuple[str, ...]  # of these, because data changed upstream
    skipped: tuple[str, ...]
    changed_tables: tuple[str, ...]  # raw, vocab and link tables that differ from the last build
    rows: dict[str, int] = field(default_factory=dict)  # per model; empty for a dry run
    dry_run: bool = False


@dataclass(frozen=True)
class _Task:
    """What there is to do. Tables of a build that did not end well count as changed."""

    marks: dict[str, str]
    changed: frozenset[str]
    is_current: bool  # nothing to do
    is_fresh_start: bool  # everything is to be made, whatever SQLMesh remembers
    has_new_code: bool


def build(
    home: Home, *, on_progress: OnProgress | None = None, dry_run: bool = False
) -> BuildResult:
    """Bring every model up to date with what is landed and linked.

    The caller holds the home's writer lock. Killed at any point, the next call ends with the
    same tables: the marks are kept only after everything was built.
    Raises QualityError if an audit fails, BusyError if another process holds the warehouse.
    """
    with disk_errors("warehouse.duckdb"), Manifest(home) as manifest:
        task = _task(home, manifest)
        if dry_run:
            return _dry_run(home, task)
        _refresh(home, manifest, task.is_fresh_start)
        progress = Progress(on_progress)
        restated: set[str] = set()
        if not task.is_current:
            manifest.set_note(COMPLETE, False)
            manifest.set_note(
                PENDING, {"tables": sorted(task.changed), _MODELS: task.marks[_MODELS]}
            )
            with rare_collection(), closing(open_context(home, progress)) as context:
                restated = _apply(context, progress, task)
                with context.engine_adapter.connection.cursor() as con:
                    describe(context, con)
            with manifest.transaction():
                manifest.set_note(NOTE, task.marks)
                manifest.set_note(PENDING, None)
                manifest.set_note(COMPLETE, True)
        rows = _count(home)
    built = set(progress.evaluated)
    return BuildResult(
        built=tuple(sorted(built)),
        restated=tuple(sorted(restated)),
        skipped=tuple(sorted(set(rows) - built)),
        changed_tables=tuple(sorted(task.changed)),
        rows=rows,
    )


def _task(home: Home, manifest: Manifest) -> _Task:
    """Compare what is in force with what the last good build saw.

    New code together with new data, or after a build that did not end well, starts afresh:
    SQLMesh would make the changed models of new rows and join them to tables of the old, and
    restating first would run the old code.
    """
    marks = {**external_fingerprints(manifest), _MODELS: models_mark()}
    is_there = home.warehouse.exists() and home.state.exists()
    seen: dict[str, str] = (manifest.note(NOTE) or {}) if is_there else {}
    pending = manifest.note(PENDING) or {}
    changed = {t for t in marks if t != _MODELS and seen.get(t, "") != marks[t]}
    changed |= set(pending.get("tables", ()))
    is_complete = manifest.note(COMPLETE) is True
    mark = marks[_MODELS]
    has_new_code = seen.get(_MODELS) != mark or pending.get(_MODELS, mark) != mark
    return _Task(
        marks=marks,
        changed=frozenset(changed),
        is_current=is_complete and seen == marks,
        is_fresh_start=not seen or (has_new_code and (bool(changed) or not is_complete)),
        has_new_code=has_new_code,
    )


def _apply(context: Context, progress: Progress, task: _Task) -> set[str]:
    """Make what is new or changed, or restate what is downstream of changed tables."""
    if task.has_new_code:
        apply(context, progress)
        context.run_janitor(ignore_ttl=True)  # tables of superseded models leave the file
        return set()
    children = _children(context, task.changed)
    if children:
        apply(context, progress, restate=children)
    return set(progress.evaluated)


def _children(context: Context, changed: Set[str]) -> list[str]:
    """Our models that read one of the changed tables themselves, as SQLMesh names them."""
    return sorted(
        model.name
        for model in context.models.values()
        if not model.kind.is_external
        and any(plain_name(parent) in changed for parent in model.depends_on)
    )


def _downstream(context: Context, changed: Set[str]) -> set[str]:
    """Our models that depend on a changed table, directly or not."""
    found: set[str] = set()
    for fqn in context.dag.sorted:
        model = context.models.get(fqn)
        if model is None or model.kind.is_external:
            continue
        if {plain_name(parent) for parent in model.depends_on} & (changed | found):
            found.add(plain_name(fqn))
    return found


def _dry_run(home: Home, task: _Task) -> BuildResult:
    names = set(model_names())
    if task.is_fresh_start:
        would = names
    elif task.is_current:
        would = set()
    else:
        connect(home, read_only=True).close()  # a warehouse that is busy is said to be
        _refuse_held_state(home)
        context = open_context(home, Progress())
        try:
            would = planned(context) if task.has_new_code else _downstream(context, task.changed)
        finally:
            context.close()
    return BuildResult(
        built=tuple(sorted(would)),
        restated=(),
        skipped=tuple(sorted(names - would)),
        changed_tables=tuple(sorted(task.changed)),
        dry_run=True,
    )


def _refresh(home: Home, manifest: Manifest, is_fresh_start: bool) -> None:
    """Point the views at what is in force; a fresh start forgets what models made before."""
    con = connect(home)
    try:
        _refuse_held_state(home)
        if is_fresh_start:
            for path in (home.state, home.state.with_name(f"{home.state.name}.wal")):
                path.unlink(missing_ok=True)
            _drop_models(con)
        refresh_views(con, home, manifest)
    finally:
        con.close()


def _refuse_held_state(home: Home) -> None:
    """BusyError if another process has SQLMesh's state open; SQLMesh would fail half-way."""
    if home.state.exists():
        open_duckdb(home.state, {}).close()


def _drop_models(con: duckdb.DuckDBPyConnection) -> None:
    made = {*_SCHEMAS, *(f"sqlmesh__{schema}" for schema in _SCHEMAS)}
    for schema in sorted(made):
        con.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def _count(home: Home) -> dict[str, int]:
    """Rows per model; also writes what is in DuckDB's log into the file itself."""
    con = connect(home)
    try:
        con.execute("CHECKPOINT")
        return {name: _rows(con, name) for name in model_names()}
    finally:
        con.close()


def _rows(con: duckdb.DuckDBPyConnection, name: str) -> int:
    # The names are those of our own model files.
    found = con.execute(f"SELECT COUNT(*) FROM {name}").fetchone()  # noqa: S608
    return int(found[0]) if found else 0
