"""Loading an Athena download: read, prepare, check, and put in force in one step.

Nothing is in force before the whole download was read and found sound. A load that was
killed goes on with the first table that it had not finished.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from biobraid.core.errors import DiskError, Fault, SourceFileError
from biobraid.core.files import disk_errors
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import VOCAB_ORIGIN
from biobraid.ingest.vocabulary.athena import CPT4, Download, open_download
from biobraid.ingest.vocabulary.check_loaded import count_oddities, refuse_torn
from biobraid.ingest.vocabulary.lookup import VOCABULARY_NOTE
from biobraid.ingest.vocabulary.prepare import KEPT, SORTED_BY, Preparing
from biobraid.ingest.vocabulary.publish import (
    Published,
    note_starter,
    put_in_force,
    starter_mark,
    write_starter,
)
from biobraid.ingest.vocabulary.read_download import read_member
from biobraid.ingest.vocabulary.stage import Stage, open_stage

ATHENA = "athena"
# Tables of the vocabulary before this one, kept for `vocabulary diff`; no model reads them.
PREVIOUS = "previous_vocab."
PREVIOUS_TABLES = ("concept", "concept_relationship")
# Disk that a load takes, over the size of the files: what was read and what is sorted, both
# packed, and what sorting spills. Parquet is packed already.
_ROOM = {"text": 1.0, "parquet": 6.0}
_READ_SHARE = 0.6  # of the time, for the progress bar

OnProgress = Callable[[str, float | None], None]


@dataclass(frozen=True)
class Loaded:
    """What a load did, or would do: rows are those of the tables put in force."""

    version: str
    replaced: str  # version in force before
    n_bytes: int  # unpacked
    rows: dict[str, int] = field(default_factory=dict)
    kept_from_starter: int = 0
    warnings: dict[str, int] = field(default_factory=dict)
    resumed: tuple[str, ...] = ()  # tables that an earlier run had read
    dry_run: bool = False
    files: dict[str, int] = field(default_factory=dict)  # bytes by table


def load(
    home: Home,
    path: Path,
    *,
    dry_run: bool = False,
    is_extract: bool = False,
    on_progress: OnProgress | None = None,
) -> Loaded:
    """Replace the vocabulary in force by the download at `path`, a folder or a zip.

    is_extract: it was cut out of a vocabulary, so that rows may name concepts it does not hold;
    otherwise many of these mean that CONCEPT is truncated. The caller holds the home's writer lock. Raises SourceFileError with all faults of all
    files, DiskError if there is no room; then the vocabulary in force stays.
    """
    download = open_download(path)
    tell = on_progress or (lambda _stage, _share: None)
    with Manifest(home) as manifest:
        replaced = manifest.note(VOCABULARY_NOTE, {}).get("version", "")
        if dry_run:
            files = {m.table: m.n_bytes for m in download.in_order()}
            version = _version_of_download(home, download)
            return Loaded(version, replaced, download.n_bytes, dry_run=True, files=files)
        _need_room(home, download)
        with disk_errors("vocabulary.loading"):
            stage = open_stage(home, f"{download.mark} {starter_mark()}", download.name)
            resumed = tuple(t for t in download.members if stage.note(f"read.{t}"))
            read_tables(stage, download, list(download.members), tell)
            version = version_of(stage)
            warnings = _prepare_all(home, stage, version, is_extract, tell)
            kept = int((stage.note(KEPT) or {})["rows"])
            note = {"name": ATHENA, "version": version, "warnings": warnings,
                    "kept_from_starter": kept}  # fmt: skip
            tell("putting in force", 0.99)
            rows = _put_in_force(home, manifest, stage, note)
        stage.remove()
    return Loaded(version, replaced, download.n_bytes, rows, kept, warnings, resumed)


def read_tables(stage: Stage, download: Download, tables: Iterable[str], tell: OnProgress) -> None:
    """Read the named files of a download that the stage has not read yet; all faults at once."""
    todo = [download.members[t] for t in tables if t in download.members]
    total = max(sum(m.n_bytes for m in todo), 1)
    done = 0
    faults: list[Fault] = []
    for member in todo:
        name = f"read.{member.table}"
        if stage.note(name) is None:

            def on_bytes(n_bytes: int, title: str = member.name) -> None:
                nonlocal done
                done += n_bytes
                tell(f"reading {title}", _READ_SHARE * min(done / total, 1.0))

            before = done
            try:
                columns = download.columns[member.table]
                read = read_member(member, columns, stage.path(name), on_bytes)
                stage.finish(name, rows=read.rows, sha256=read.sha256)
            except SourceFileError as error:
                faults += error.faults
            done = before
        done += member.n_bytes
    if faults:
        raise SourceFileError(faults)


def version_of(stage: Stage) -> str:
    """Version of the download: that of the vocabulary None, as OHDSI's tools read it."""
    known = stage.note("version")
    if known is not None:
        return str(known["version"])
    rows = pq.read_table(stage.path("read.vocabulary")).to_pylist()
    found = [r["vocabulary_version"] for r in rows if r["vocabulary_id"] == "None"]
    if not found or not found[0]:
        raise SourceFileError(
            Fault("VOCABULARY", "does not say the version of the vocabularies",
                  "a row None with vocabulary_version, such as v5.0 31-AUG-25")
        )  # fmt: skip
    stage.remember("version", version=str(found[0]))
    return str(found[0])


def prepare_tables(preparing: Preparing, tables: Iterable[str], tell: OnProgress) -> None:
    """Prepare the named tables, concept first, and free what was read of them."""
    stage = preparing.stage
    todo = ["concept", *(t for t in tables if t != "concept")]
    for nth, table in enumerate(todo):
        tell(f"sorting {table}", _READ_SHARE + (0.9 - _READ_SHARE) * nth / len(todo))
        preparing.prepare(table)
        stage.drop(f"read.{table}")
    stage.drop(f"read.{CPT4}")


def _prepare_all(
    home: Home, stage: Stage, version: str, is_extract: bool, tell: OnProgress
) -> dict[str, int]:
    preparing = Preparing(home, stage, version)
    try:
        prepare_tables(preparing, SORTED_BY, tell)
        tell("sorting concept_origin", 0.9)
        preparing.prepare_origins()
        tell("comparing the tables", 0.92)
        if stage.note("oddities") is None:
            found = count_oddities(preparing.con, stage)
            if not is_extract:
                refuse_torn(stage, found)
            stage.remember("oddities", counts=found)
        counts: dict[str, int] = (stage.note("oddities") or {})["counts"]
        return counts
    finally:
        preparing.close()


def _put_in_force(
    home: Home, manifest: Manifest, stage: Stage, note: dict[str, Any]
) -> dict[str, int]:
    """Move the files into landing and put all of them in force in one transaction."""
    tables = [_moved(home, stage, name) for name in (*SORTED_BY, VOCAB_ORIGIN.name)]
    starter = [] if "vocab.concept" in manifest.objects() else write_starter(home, manifest)
    with manifest.transaction():
        if starter:
            put_in_force(manifest, starter)
            note_starter(manifest)
        before = manifest.objects()
        old_note = manifest.note(VOCABULARY_NOTE)
        is_new = any(before.get(t.name) != (t.path, t.rows, t.fingerprint) for t in tables)
        if is_new:
            for name in PREVIOUS_TABLES:
                manifest.put_object(f"{PREVIOUS}{name}", *before[f"vocab.{name}"])
            note["previous"] = {k: old_note[k] for k in ("name", "version")}
        elif "previous" in old_note:
            note["previous"] = old_note["previous"]
        put_in_force(manifest, tables)
        manifest.set_note(VOCABULARY_NOTE, note)
    manifest.sweep()
    return {table.name.removeprefix("vocab."): table.rows for table in tables}


def _moved(home: Home, stage: Stage, name: str) -> Published:
    """A prepared table under its final name in landing, not yet in force."""
    note = stage.note(name) or {}
    final = home.landing / "vocab" / f"{name}-{note['fingerprint'][:8]}.parquet"
    if "moved_to" not in note:
        stage.finish(name, **note, moved_to=str(final))
    if stage.path(name).is_file():
        final.parent.mkdir(parents=True, exist_ok=True)
        stage.path(name).replace(final)
    path = final.relative_to(home.landing).as_posix()
    return Published(f"vocab.{name}", path, note["rows"], note["fingerprint"])


def _version_of_download(home: Home, download: Download) -> str:
    """The version, from VOCABULARY alone, which is small; nothing of it stays."""
    stage = Stage(home.tmp / "vocabulary.look")
    stage.folder.mkdir(parents=True, exist_ok=True)
    try:
        read_tables(stage, download, ["vocabulary"], lambda _stage, _share: None)
        return version_of(stage)
    finally:
        stage.remove()


def _need_room(home: Home, download: Download) -> None:
    """DiskError if the disk has less room than a load of this size takes."""
    needed = sum(
        m.n_bytes * _ROOM["parquet" if m.is_parquet else "text"] for m in download.in_order()
    )
    free = shutil.disk_usage(home.root).free
    if free < needed:
        raise DiskError(
            Fault(
                home.root.name,
                f"{free / 1e9:,.1f} GB of disk are free",
                f"about {needed / 1e9:,.1f} GB to load this vocabulary",
                "Free space, then run the same command again.",
            )
        )
