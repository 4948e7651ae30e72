"""Build the warehouse: every SQL model downstream of what changed, and no other.

SQLMesh notices changed models but not new rows, so the build remembers the mark of every
table that Python writes and restates the models downstream of those that differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import duckdb

from biobraid.cli.build_sqlmesh import (
    OnProgress,
    Progress,
    apply,
    model_names,
    models_mark,
    open_context,
    plain_name,
    planned,
)
from biobraid.core.files import disk_errors
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import connect
from biobraid.core.warehouse_views import external_fingerprints, refresh_views

if TYPE_CHECKING:
    from sqlmesh import Context

NOTE = "build"  # manifest note: marks of the tables and models of the last successful build
COMPLETE = "build_complete"  # manifest note: false from the start of a build to its good end
_MODELS = "models"  # key of the models' own mark among those of the tables


@dataclass(frozen=True)
class BuildResult:
    """What a build did; models as schema.table, sorted."""

    built: tuple[str, ...]  # evaluated: new, changed or restated
    restated: tuple[str, ...]  # of these, because data changed upstream
    skipped: tuple[str, ...]
    changed_tables: tuple[str, ...]  # raw, vocab and link tables that differ from the last build
    rows: dict[str, int] = field(default_factory=dict)  # per model; empty for a dry run
    dry_run: bool = False


def build(
    home: Home, *, on_progress: OnProgress | None = None, dry_run: bool = False
) -> BuildResult:
    """Bring every model up to date with what is landed and linked.

    The caller holds the home's writer lock. Killed at any point, the next call ends with the
    same tables: the marks are kept only after everything was built.
    Raises QualityError if an audit fails, BusyError if another process holds the warehouse.
    """
    with disk_errors("warehouse.duckdb"), Manifest(home) as manifest:
        marks = {**external_fingerprints(manifest), _MODELS: models_mark()}
        is_there = home.warehouse.exists() and home.state.exists()
        seen: dict[str, str] = manifest.note(NOTE, {}) if is_there else {}
        is_current = is_there and manifest.note(COMPLETE) is True and seen == marks
        changed = {t for t in marks if t != _MODELS and seen.get(t, "") != marks[t]}
        if dry_run:
            return _dry_run(home, changed, is_there, is_current)
        if not is_there:  # SQLMesh must not believe in tables that are gone, or the reverse
            _remove(home)
        _refresh(home, manifest)
        progress = Progress(on_progress)
        restated: set[str] = set()
        if not is_current:
            manifest.set_note(COMPLETE, False)
            context = open_context(home, progress)
            try:
                has_new_code = seen.get(_MODELS) != marks[_MODELS] or not is_there
                restated = _apply(context, progress, changed, has_new_code)
            finally:
                context.close()
            manifest.set_note(NOTE, marks)
            manifest.set_note(COMPLETE, True)
        rows = _count(home)
    built = set(progress.evaluated)
    return BuildResult(
        built=tuple(sorted(built)),
        restated=tuple(sorted(restated)),
        skipped=tuple(sorted(set(rows) - built)),
        changed_tables=tuple(sorted(changed)),
        rows=rows,
    )


def _apply(context: Context, progress: Progress, changed: set[str], has_new_code: bool) -> set[str]:
    """Apply changed code first (a restatement ignores it), then restate; names restated.

    A build that was killed may have left models without data: applying finds them too.
    """
    apply(context, progress)
    affected = _downstream(context, changed)
    restated: set[str] = set()
    if affected - set(progress.evaluated):
        before = len(progress.evaluated)
        apply(context, progress, restate=_children(context, changed))
        restated = set(progress.evaluated[before:])
    if has_new_code:
        context.run_janitor(ignore_ttl=True)  # tables of superseded models leave the file
    return restated


def _children(context: Context, changed: set[str]) -> list[str]:
    """Our models that read one of the changed tables themselves, as SQLMesh names them."""
    return sorted(
        model.name
        for model in context.models.values()
        if not model.kind.is_external
        and any(plain_name(parent) in changed for parent in model.depends_on)
    )


def _downstream(context: Context, changed: set[str]) -> set[str]:
    """Our models that depend on a changed table, directly or not."""
    found: set[str] = set()
    for fqn in context.dag.sorted:
        model = context.models.get(fqn)
        if model is None or model.kind.is_external:
            continue
        if {plain_name(parent) for parent in model.depends_on} & (changed | found):
            found.add(plain_name(fqn))
    return found


def _dry_run(home: Home, changed: set[str], is_there: bool, is_current: bool) -> BuildResult:
    names = set(model_names())
    if not is_there:
        would = names
    elif is_current:
        would = set()
    else:
        connect(home, read_only=True).close()  # a warehouse that is busy is said to be
        context = open_context(home, Progress())
        try:
            would = _downstream(context, changed) | planned(context)
        finally:
            context.close()
    return BuildResult(
        built=tuple(sorted(would)),
        restated=(),
        skipped=tuple(sorted(names - would)),
        changed_tables=tuple(sorted(changed)),
        dry_run=True,
    )


def _remove(home: Home) -> None:
    for path in (home.warehouse, home.state):
        path.unlink(missing_ok=True)
        path.with_name(f"{path.name}.wal").unlink(missing_ok=True)


def _refresh(home: Home, manifest: Manifest) -> None:
    con = connect(home)
    try:
        refresh_views(con, home, manifest)
    finally:
        con.close()


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
