"""Build the warehouse: every SQL model downstream of what changed, and no other.

SQLMesh notices changed models but not new rows, so the build remembers the mark of every
table that Python writes and restates the models downstream of those that differ.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from biobraid.cli.build_sqlmesh import OnProgress, Progress, apply, open_context, plain_name
from biobraid.core.files import disk_errors
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import connect
from biobraid.core.warehouse_views import external_fingerprints, refresh_views

if TYPE_CHECKING:
    from sqlmesh import Context

NOTE = "build"  # manifest note: marks of the tables that the last successful build read


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
    if dry_run and not home.warehouse.exists():
        return _dry_first(home)
    progress = Progress(on_progress)
    with disk_errors("warehouse.duckdb"), Manifest(home) as manifest:
        marks = external_fingerprints(manifest)
        seen: dict[str, str] | None = manifest.note(NOTE)
        changed = _changed(seen, marks)
        con = connect(home, read_only=dry_run)
        try:
            if not dry_run:
                refresh_views(con, home, manifest)
        finally:
            con.close()
        context = open_context(home, progress)
        try:
            if dry_run:
                return _dry_run(context, changed)
            restated = _apply(context, progress, changed, first=seen is None)
            manifest.set_note(NOTE, marks)
            return _result(context, progress, restated, changed)
        finally:
            context.close()


def _changed(seen: dict[str, str] | None, marks: dict[str, str]) -> set[str]:
    return {table for table, mark in marks.items() if (seen or {}).get(table, "") != mark}


def _apply(context: Context, progress: Progress, changed: set[str], *, first: bool) -> set[str]:
    """Apply changed code first (a restatement ignores it), then restate; names restated."""
    names = _names(context)
    if _has_changes(context):
        apply(context, progress)
    affected = _downstream(context, changed)
    restated: set[str] = set()
    if affected - set(progress.evaluated):
        before = len(progress.evaluated)
        apply(context, progress, restate=[names[t] for t in _children(context, changed)])
        restated = set(progress.evaluated[before:])
    context.run_janitor(ignore_ttl=True)
    return restated


def _names(context: Context) -> dict[str, str]:
    """schema.table -> SQLMesh's name, of our own models."""
    return {
        plain_name(fqn): model.name
        for fqn, model in context.models.items()
        if not model.kind.is_external
    }


def _has_changes(context: Context) -> bool:
    """True where prod lacks a model, has another version of it, or has one too many."""
    environment = context.state_reader.get_environment("prod")
    if environment is None:
        return True
    there = {(info.name, info.fingerprint) for info in environment.snapshots}
    here = {(s.name, s.fingerprint) for s in context.snapshots.values() if s.is_model}
    if there != here:
        return True
    # A build killed half-way has snapshots without data.
    return any(
        not s.intervals for s in context.snapshots.values() if s.is_model and not s.is_external
    )


def _children(context: Context, changed: set[str]) -> list[str]:
    """Our models that read one of the changed tables themselves."""
    found = []
    for fqn, model in context.models.items():
        if model.kind.is_external:
            continue
        if any(plain_name(parent) in changed for parent in model.depends_on):
            found.append(plain_name(fqn))
    return sorted(found)


def _downstream(context: Context, changed: set[str]) -> set[str]:
    """Our models that depend on a changed table, directly or not."""
    names = _names(context)
    found: set[str] = set()
    for fqn in context.dag.sorted:
        if plain_name(fqn) not in names:
            continue
        parents = {plain_name(parent) for parent in context.models[fqn].depends_on}
        if parents & (changed | found):
            found.add(plain_name(fqn))
    return found


def _result(
    context: Context, progress: Progress, restated: set[str], changed: set[str]
) -> BuildResult:
    built = set(progress.evaluated)
    names = _names(context)
    adapter: Any = context.engine_adapter
    rows = {
        name: int(adapter.fetchone(f"SELECT COUNT(*) FROM {name}")[0])  # noqa: S608
        for name in sorted(names)
    }
    adapter.execute("CHECKPOINT")
    return BuildResult(
        built=tuple(sorted(built)),
        restated=tuple(sorted(restated)),
        skipped=tuple(sorted(set(names) - built)),
        changed_tables=tuple(sorted(changed)),
        rows=rows,
    )


def _dry_run(context: Context, changed: set[str]) -> BuildResult:
    names = set(_names(context))
    would = names if _has_changes(context) else _downstream(context, changed)
    return BuildResult(
        built=tuple(sorted(would)),
        restated=(),
        skipped=tuple(sorted(names - would)),
        changed_tables=tuple(sorted(changed)),
        dry_run=True,
    )


def _dry_first(home: Home) -> BuildResult:
    """Nothing was ever built: everything would be."""
    from biobraid.cli.build_sqlmesh import PROJECT

    models = sorted(
        f"{path.parent.name}.{path.stem}" for path in (PROJECT / "models").glob("*/*.sql")
    )
    return BuildResult(tuple(models), (), (), (), dry_run=True)
