"""Releases: immutable copies of the warehouse that researchers open."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb

from biobraid import FORMAT_VERSION
from biobraid.core.errors import Fault, SettingsError, UserError, near_misses
from biobraid.core.files import PARTIAL, disk_errors, write_text
from biobraid.core.home import Home
from biobraid.core.keys import load_key
from biobraid.core.lock import writer
from biobraid.core.manifest import Manifest
from biobraid.core.runs import code_version
from biobraid.core.schemas import MODALITIES
from biobraid.export.project import (
    INTERNAL,
    DatePolicy,
    OpenProject,
    open_project,
    refuse_expired,
)
from biobraid.export.pseudonyms import project_keys
from biobraid.export.release_build import Progress, ReleaseBuilder
from biobraid.export.release_plan import Contents, Plan

DATABASE = "release.duckdb"
MANIFEST = "manifest.json"
REGISTER = "register.json"
CURRENT = "current"
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")


@dataclass(frozen=True)
class ReleaseResult:
    """A release as it was written, or as a dry run says it would be."""

    project: str
    name: str
    folder: Path
    n_persons: int
    tables: Mapping[str, int]
    left_out: Mapping[str, str]
    sha256: str | None  # of release.duckdb; None for a dry run
    is_dry_run: bool = False


def release(
    home: Home,
    project: str | None,
    name: str,
    *,
    internal: bool = False,
    on_progress: Progress | None = None,
    dry_run: bool = False,
    today: date | None = None,
) -> ReleaseResult:
    """Write releases/<project>/<name>/ with release.duckdb and manifest.json.

    internal: all persons with their own ids and dates, less refusals and withdrawals; then
    project is None. The folder is built under another name and renamed at the end, so a
    killed command leaves no release; the same command again makes it. today: for
    the project's expiry; default: the day in UTC.
    Raises SettingsError for an existing name, KeyFileError without the release key.
    """
    opened = _scope(home, project, name, internal)
    owner = opened.settings.id if opened else INTERNAL
    plan = _plan(home, opened, today)
    folder = home.releases / owner / name
    with writer(home):
        finished = _refuse_existing(folder)
        if dry_run:
            contents = _count(home, plan)
            return ReleaseResult(
                owner, name, folder, contents.n_persons, contents.tables, contents.left_out,
                None, True,
            )  # fmt: skip
        if finished:
            return finished
        partial = folder.with_name(f"{name}.{os.getpid()}{PARTIAL}")
        try:
            with disk_errors(f"releases/{owner}/{name}"):
                partial.mkdir(parents=True)
                manifest = _build(home, partial, opened, plan, name, on_progress)
                flush_folder(partial)
                partial.rename(folder)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
        return _finish(folder, manifest)


def _scope(home: Home, project: str | None, name: str, internal: bool) -> OpenProject | None:
    """The project to release for, None for an internal release; checks the arguments."""
    if not _NAME.match(name) or name in (CURRENT, REGISTER) or name.endswith(PARTIAL):
        raise SettingsError(
            Fault("release", f"'{name}' cannot name a release",
                  "letters, digits, '_', '.', '-', beginning with a letter or digit")
        )  # fmt: skip
    if internal:
        if project not in (None, INTERNAL):
            raise SettingsError(
                Fault("release", "an internal release belongs to no project",
                      "either a project or internal")
            )  # fmt: skip
        return None
    if project is None or project == INTERNAL:
        raise SettingsError(
            Fault("release", "no project is named",
                  "a project, or an explicit wish for an internal release",
                  "Name one, or ask for an internal release with --internal.")
        )  # fmt: skip
    return open_project(home, project)


def _plan(home: Home, project: OpenProject | None, today: date | None) -> Plan:
    if project is None:
        return Plan(tuple(MODALITIES), DatePolicy(kind="exact"), None)
    settings = project.settings
    refuse_expired(settings, today or datetime.now(UTC).date())
    keys = project_keys(load_key(home, "release"), settings.id, settings.key_version)
    return Plan(tuple(settings.modalities), settings.date_policy, keys, settings.key_version)


def _refuse_existing(folder: Path) -> ReleaseResult | None:
    """Raise if the release exists; finish one that a kill left unregistered and return it."""
    if not folder.exists():
        return None
    if folder.name not in {entry["name"] for entry in read_register(folder.parent)}:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        return _finish(folder, manifest)
    raise SettingsError(
        Fault(f"releases/{folder.parent.name}/{folder.name}", "the release exists",
              "a new name: releases never change", "Choose another name.")
    )  # fmt: skip


def _count(home: Home, plan: Plan) -> Contents:
    with _opened(home, None, plan) as builder:
        return builder.count(builder.prepare())


def _build(
    home: Home,
    folder: Path,
    project: OpenProject | None,
    plan: Plan,
    name: str,
    on_progress: Progress | None,
) -> dict[str, Any]:
    """Write release.duckdb, genotypes and manifest.json into `folder`; returns the manifest."""
    with _opened(home, folder / DATABASE, plan) as builder:
        contents = builder.write(builder.prepare(), on_progress)
        genotypes = builder.write_genotypes(folder)
        manifest = _manifest(home, project, plan, name, contents, builder)
        builder.write_manifest({k: json.dumps(v, sort_keys=True) for k, v in manifest.items()})
        builder.finish()
    manifest["sha256"] = {n: file_sha256(folder / n) for n in (DATABASE, *sorted(genotypes))}
    text = json.dumps(manifest, indent=2, sort_keys=True, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
    return manifest


@contextmanager
def _opened(home: Home, target: Path | None, plan: Plan) -> Iterator[ReleaseBuilder]:
    """A builder; a warehouse older than the landing files becomes a SettingsError."""
    builder = ReleaseBuilder(home, target, plan)
    try:
        yield builder
    except (duckdb.CatalogException, duckdb.BinderException, duckdb.IOException) as error:
        if isinstance(error, duckdb.IOException) and "No files found" not in str(error):
            raise
        raise SettingsError(
            Fault("warehouse.duckdb", "the warehouse is not complete, or older than what was "
                  "ingested or linked", "a finished build", "Run: biobraid build")
        ) from error  # fmt: skip
    finally:
        builder.close()


def _manifest(
    home: Home,
    project: OpenProject | None,
    plan: Plan,
    name: str,
    contents: Contents,
    builder: ReleaseBuilder,
) -> dict[str, Any]:
    """What the release was made of; never a shift, a path or a participant's value."""
    with Manifest(home) as manifest:
        fingerprints = manifest.fingerprints()
        built_from = manifest.note("build", {})
        files = manifest.files()
    vocabulary = builder.scalar(
        "SELECT max(vocabulary_version) FROM warehouse.vocab.vocabulary WHERE vocabulary_id = 'None'"
    )
    settings = project.settings if project else None
    return {
        "format_version": FORMAT_VERSION,
        "release": name,
        "project": settings.id if settings else INTERNAL,
        "is_internal": settings is None,
        "title": settings.title if settings else "Unscoped release: own ids and dates, internal",
        "purpose": settings.purpose if settings else "",
        **plan.entries(),
        "code_version": code_version(),
        "vocabulary_version": vocabulary,
        "fingerprints": fingerprints,
        "built_from": built_from,
        "files": [
            {k: f.row[k] for k in ("study", "source", "batch", "delivery", "status")}
            | {k: f.row[k] for k in f.row if k.startswith("records_")}
            for f in files
            if settings is None or not str(f.row["source"]).startswith("@")
        ],
        "n_persons": contents.n_persons,
        "joinable": builder.joinable() if settings else None,
        "tables": contents.tables,
        "left_out": contents.left_out,
    }


def _finish(folder: Path, manifest: Mapping[str, Any]) -> ReleaseResult:
    """Point `current` at the release and enter it in the register; may be repeated."""
    link = folder.with_name(f"{CURRENT}.{os.getpid()}{PARTIAL}")
    link.unlink(missing_ok=True)
    link.symlink_to(folder.name)
    link.replace(folder.with_name(CURRENT))
    digest = manifest["sha256"][DATABASE]
    entry = {
        "name": folder.name,
        "n_persons": manifest["n_persons"],
        "code_version": manifest["code_version"],
        "purpose": manifest["purpose"],
        "sha256": digest,
    }
    others = [e for e in read_register(folder.parent) if e["name"] != folder.name]
    write_text(folder.parent / REGISTER, json.dumps([*others, entry], indent=2) + "\n")
    return ReleaseResult(
        str(manifest["project"]), folder.name, folder, int(manifest["n_persons"]),
        manifest["tables"], manifest["left_out"], digest,
    )  # fmt: skip


def read_register(folder: Path) -> list[dict[str, Any]]:
    """Finished releases of a project's folder, oldest first."""
    path = folder / REGISTER
    if not path.is_file():
        return []
    loaded: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def find_release(home: Home, wanted: str | None = None) -> Path:
    """Folder of a release: "project/name", "project" (its current one), or the only project's."""
    owners = sorted(p.name for p in home.releases.glob("*") if (p / REGISTER).is_file())
    if not owners:
        raise UserError(Fault("releases", "there is no release yet", todo="Run: biobraid release"))
    if wanted is None:
        scoped = [o for o in owners if o != INTERNAL] or owners
        if len(scoped) > 1:
            raise UserError(Fault("releases", "several projects have releases", "one of them named",
                                  suggestions=tuple(scoped)))  # fmt: skip
        wanted = scoped[0]
    owner, _, name = wanted.partition("/")
    names = [e["name"] for e in read_register(home.releases / owner)] if owner in owners else []
    chosen = name or CURRENT
    if owner not in owners or (chosen not in names and chosen != CURRENT):
        known = [f"{o}/{e['name']}" for o in owners for e in read_register(home.releases / o)]
        raise UserError(Fault(f"releases/{wanted}", "there is no such release",
                              suggestions=near_misses(wanted, [*known, *owners])
                              or tuple(known[-3:])))  # fmt: skip
    return (home.releases / owner / chosen).resolve()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file in hex."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def flush_folder(folder: Path) -> None:
    """Put the files and the folder's entries on the disk before the folder gets its name."""
    for path in (*folder.rglob("*"), folder):
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
