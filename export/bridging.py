"""Bridging files: which id of one project, or of one key of it, is which of another.

Made on request and one at a time: whoever holds one can join what pseudonyms keep apart.
Only people who are in releases of both sides, and only those still linked, are in it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.csv as pa_csv
import yaml

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import atomic_path, write_text
from biobraid.core.home import Home
from biobraid.core.keys import load_key
from biobraid.core.manifest import Manifest
from biobraid.core.orders import masked_keys
from biobraid.core.warehouse import literal
from biobraid.export.holdings import key_version_of, project_ids
from biobraid.export.project import PROJECT_FILE, OpenProject, open_project
from biobraid.export.register import entries, folder_of
from biobraid.export.release import DATABASE


def rotate_key(project: OpenProject) -> OpenProject:
    """Raise the project's key version: ids, tokens and shifts of later releases are others.

    Releases that exist keep theirs; cohorts made on them go on only with them.
    """
    settings = project.settings.model_copy(update={"key_version": project.settings.key_version + 1})
    text = yaml.safe_dump(settings.model_dump(mode="json"), sort_keys=False, allow_unicode=True)
    write_text(project.folder / PROJECT_FILE, text)
    return replace(project, settings=settings)


def write_bridge(home: Home, side: tuple[str, int], other: tuple[str, int], path: Path) -> int:
    """Write a CSV of id pairs, readable by this account only; returns how many.

    side, other: project and version of its key. Raises SettingsError where a side has no
    release.
    """
    secret = load_key(home, "release")
    persons = _linked(home)
    tables = []
    for project, version in (side, other):
        open_project(home, project)
        ids = project_ids(secret, project, persons, version)
        released = _released(home, project, version)
        held = {i: p for i, p in ids.items() if i in released}
        tables.append({p: i for i, p in held.items()})
    left, right = tables
    pairs = sorted((left[p], right[p]) for p in left.keys() & right.keys())
    names = [f"{project}_v{version}" for project, version in (side, other)]
    table = pa.table(
        {n: pa.array([pair[i] for pair in pairs], pa.int64()) for i, n in enumerate(names)}
    )
    with atomic_path(path) as partial:
        pa_csv.write_csv(table, partial)
        partial.chmod(0o600)
    return len(pairs)


def _linked(home: Home) -> list[int]:
    with Manifest(home) as manifest:
        bridge = manifest.objects()["link.person_bridge"][0]
    with duckdb.connect() as con:
        rows = con.execute(
            f"SELECT DISTINCT person_id FROM read_parquet({literal(home.landing / bridge)}) "  # noqa: S608
            "WHERE link_status = 'linked' AND source_person_key NOT IN (SELECT unnest(?)) "
            "ORDER BY 1",
            [masked_keys(home)],
        ).fetchall()
    return [p for (p,) in rows]


def _released(home: Home, project: str, version: int) -> set[int]:
    """Ids in the project's releases made with this version of its key."""
    found: set[int] = set()
    n_releases = 0
    for entry in entries(home):
        path = folder_of(home, entry) / DATABASE
        if (entry.project, entry.kind) != (project, "release") or not path.is_file():
            continue
        if key_version_of(home, entry) == version:
            n_releases += 1
            with duckdb.connect(str(path), read_only=True) as con:
                found |= {i for (i,) in con.execute("SELECT person_id FROM cdm.person").fetchall()}
    if not n_releases:
        raise SettingsError(
            Fault(f"projects/{project}", f"no release was made with version {version} of its key",
                  "a release on each side of the bridge", f"Run: biobraid release {project} NAME")
        )  # fmt: skip
    return found
