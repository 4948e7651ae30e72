"""What lies in the delivery folders, and what of it is new."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from biobraid.core.errors import Fault, SettingsError, SourceFileError, near_misses
from biobraid.core.home import Home
from biobraid.core.keys import IngestKeys
from biobraid.core.manifest import FileBooks, Manifest
from biobraid.core.study import Source, Study, delivery_folder
from biobraid.ingest.connectors.contract import companions_of

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Delivered:
    """One file in the delivery folder, with the files beside it that are part of it.

    kind: which of the source's globs it matched. size: bytes of all of them together.
    """

    path: Path
    kind: int
    batch: str
    size: int
    modified_ns: int


@dataclass(frozen=True)
class Delivery:
    """The state of one source: what lies there, and what is in force from earlier."""

    study: Study
    source_id: str
    new: tuple[Delivered, ...]  # to be read, in the order of their names
    unchanged: tuple[Delivered, ...]  # in force already, or copies of new ones
    active: tuple[FileBooks, ...]  # books in force
    leaving: tuple[FileBooks, ...]  # full deliveries: in force, no longer there, to be replaced
    last_number: int  # greatest delivery number so far

    @property
    def source(self) -> Source:
        """The source as declared."""
        return self.study.sources[self.source_id]

    def previous_columns(self, kind: int) -> tuple[str, ...]:
        """Columns of the files of one kind in force, in their order."""
        seen: dict[str, None] = {}
        for books in self.active:
            if books.detail.get("kind") == kind:
                seen.update(dict.fromkeys(books.detail.get("columns", ())))
        return tuple(seen)


def match_files(home: Home, study: Study, source_id: str) -> list[tuple[Path, int]]:
    """Files of a source with the number of the glob they match, sorted by path."""
    folder = delivery_folder(home, study.id)
    found: dict[Path, int] = {}
    for kind, pattern in enumerate(study.sources[source_id].files):
        if PurePosixPath(pattern).is_absolute() or ".." in PurePosixPath(pattern).parts:
            raise SettingsError(
                Fault(
                    f"studies/{study.id}/study.yaml, sources.{source_id}.files",
                    f"'{pattern}' leads out of the delivery folder",
                    "a pattern below the study's delivery folder",
                )
            )
        if folder.is_dir():
            for path in folder.glob(pattern):
                if path.is_file():
                    found.setdefault(path, kind)
    return sorted(found.items())


def look(
    home: Home,
    keys: IngestKeys,
    manifest: Manifest,
    study: Study,
    source_id: str,
    on_bytes: Callable[[int], None],
) -> Delivery:
    """Hash what lies in the delivery folder and compare it with what is in force."""
    books = manifest.files(study.id, source_id)
    active = [b for b in books if b.row["status"] == "active"]
    known = {b.row["batch"] for b in active}
    new: dict[str, Delivered] = {}
    unchanged: list[Delivered] = []
    for path, kind in match_files(home, study, source_id):
        beside = companions_of(study.sources[source_id], path)
        file = _hashed(path, beside, kind, keys, f"{study.id}/{source_id}", on_bytes)
        if file.batch in known or file.batch in new:  # a copy under another name is no news
            unchanged.append(file)
        else:
            new[file.batch] = file
    leaving: list[FileBooks] = []
    if study.sources[source_id].delivery == "full" and new:
        there = {f.batch for f in unchanged}
        leaving = [b for b in active if b.row["batch"] not in there]
    numbers = [b.row["delivery"] for b in books if b.row["status"] != "failed"]
    return Delivery(
        study,
        source_id,
        tuple(new.values()),
        tuple(unchanged),
        tuple(active),
        tuple(leaving),
        max(numbers, default=0),
    )


def check_columns(
    delivery: Delivery, new_columns: Sequence[tuple[int, Sequence[str]]], present: set[str]
) -> None:
    """SourceFileError if the new delivery lacks columns that the one it replaces had.

    new_columns: (kind, columns) of each new file. present: batches that stay in force. Where
    as many files of a kind come as go, each is compared with the one most like it; otherwise
    all columns of the kind are taken together.
    """
    dropped = set(delivery.source.options.get("dropped_columns", ()))
    faults = []
    for kind in sorted({b.detail.get("kind", 0) for b in delivery.leaving}):
        old = [b.detail["columns"] for b in delivery.leaving if b.detail.get("kind", 0) == kind]
        new = [list(columns) for k, columns in new_columns if k == kind]
        kept = [
            b.detail["columns"]
            for b in delivery.active
            if b.row["batch"] in present and b.detail.get("kind", 0) == kind
        ]
        there = {c for columns in [*new, *kept] for c in columns}
        missing: set[str] = set()
        for columns in old:
            like = max(new, key=lambda c: len(set(c) & set(columns)), default=[])
            missing |= set(columns) - (set(like) if len(new) == len(old) else there)
        if gone := sorted(missing - dropped):
            faults.append(_vanished(delivery, gone, there))
    if faults:
        raise SourceFileError(faults)


def _vanished(delivery: Delivery, gone: list[str], there: set[str]) -> Fault:
    shown = ", ".join(gone[:20]) + (f" and {len(gone) - 20} more" if len(gone) > 20 else "")
    return Fault(
        f"{delivery.study.id}/{delivery.source_id}",
        f"{len(gone)} column(s) of the last delivery are missing: {shown}",
        "a full delivery with at least the columns of the last one",
        "Nothing was changed. If the files only add columns, declare `delivery: columns`; if "
        "these are gone for good, list them in the source's options.dropped_columns.",
        near_misses(gone[0], sorted(there)),
    )


def stamp(path: Path, beside: Sequence[Path]) -> tuple[int, int]:
    """Bytes of a delivered file and those beside it, and when the last of them changed (ns)."""
    found = [p.stat() for p in (path, *beside)]
    return sum(s.st_size for s in found), max(s.st_mtime_ns for s in found)


def _hashed(
    path: Path,
    beside: Sequence[Path],
    kind: int,
    keys: IngestKeys,
    where: str,
    on_bytes: Callable[[int], None],
) -> Delivered:
    digest = hashlib.sha256()
    try:
        size, modified_ns = stamp(path, beside)
        for part in (path, *beside):
            with part.open("rb") as file:
                while block := file.read(_BLOCK):
                    digest.update(block)
                    on_bytes(len(block))
            if beside:  # else bytes could move from one file to the next unseen
                digest.update(part.stat().st_size.to_bytes(8, "big"))
    except OSError as error:
        raise SourceFileError(
            Fault(
                where,
                f"a delivered file cannot be read ({type(error).__name__})",
                "files this account may read",
                "Check the permissions of the delivery folder.",
            )
        ) from None
    batch = keys.file_token(digest.digest())
    return Delivered(path, kind, batch, size, modified_ns)


def file_row(delivery: Delivery, file: Delivered, number: int, status: str) -> dict[str, Any]:
    """The columns of raw.file that do not count anything."""
    return {
        "study": delivery.study.id,
        "source": delivery.source_id,
        "batch": file.batch,
        "delivery": number,
        "status": status,
        "connector": delivery.source.connector,
        "bytes": file.size,
    }
