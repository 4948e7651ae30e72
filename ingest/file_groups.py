"""A delivered folder as one delivery: thousands of small files that land together or not at all.

A glob of a source whose connector takes folders may match a folder; everything below it is then
one delivered "file" with one token and one page of the books. Landing one file at a time would
cost a set of Parquet parts for each of ten thousand images.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from biobraid.core.genotypes.reference import file_mark

_BLOCK = 1 << 20
# Of bulk files only the ends count: headers stand first, a zip's directory (with the check sums
# of its entries) last. Reading terabytes of pixels to see that nothing changed helps nobody.
_HEAD, _TAIL = 256 << 10, 64 << 10
_TABLES = (".csv", ".tsv", ".txt", ".json", ".hea", ".parquet")


@dataclass(frozen=True)
class GroupFile:
    """One file of a group; `name`: its path below the group, with slashes."""

    path: Path
    name: str
    size: int
    modified_ns: int


def files_below(folder: Path) -> list[GroupFile]:
    """All files below a folder, sorted by name; links to folders are not followed."""
    return sorted(_walk(folder, ""), key=lambda file: file.name)


def _walk(folder: Path, prefix: str) -> Iterator[GroupFile]:
    with os.scandir(folder) as entries:
        for entry in entries:
            name = prefix + entry.name
            if entry.is_dir(follow_symlinks=False):
                yield from _walk(Path(entry.path), f"{name}/")
            elif entry.is_file():
                status = entry.stat()
                yield GroupFile(Path(entry.path), name, status.st_size, status.st_mtime_ns)


def state_of(path: Path, beside: Sequence[Path] = ()) -> tuple[int, int]:
    """Size and time of the last change (ns) of what was delivered.

    Of a file with those beside it that are part of it, or of all files of a folder together.
    """
    if not path.is_dir():
        found = [p.stat() for p in (path, *beside)]
        return sum(s.st_size for s in found), max(s.st_mtime_ns for s in found)
    files = files_below(path)
    return sum(f.size for f in files), max((f.modified_ns for f in files), default=0)


def content_digest(
    path: Path,
    on_bytes: Callable[[int], None],
    beside: Sequence[Path] = (),
    *,
    by_mark: bool = False,
) -> tuple[bytes, int, int]:
    """SHA-256 of what was delivered, its size and the time of its last change.

    A file counts whole, and so do those beside it; by_mark: the file itself counts by marks of
    its content, because it stays where it lies and is not read whole. A folder counts by names,
    sizes and contents of its files; of bulk files of more than 320 KiB the first 256 and the
    last 64 KiB count. on_bytes: told of bytes read.
    """
    if not path.is_dir():
        return _file_digest(path, on_bytes, beside, by_mark), *state_of(path, beside)
    digest, n_bytes, newest = hashlib.sha256(b"folder"), 0, 0
    for member in files_below(path):
        digest.update(f"\n{member.name}\n{member.size}\n".encode())
        digest.update(_member_digest(member))
        on_bytes(member.size)
        n_bytes += member.size
        newest = max(newest, member.modified_ns)
    return digest.digest(), n_bytes, newest


def _file_digest(
    path: Path, on_bytes: Callable[[int], None], beside: Sequence[Path], by_mark: bool
) -> bytes:
    digest = hashlib.sha256()
    if by_mark:
        digest.update(file_mark(path).encode())
        on_bytes(path.stat().st_size)
    for part in beside if by_mark else (path, *beside):
        with part.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
                on_bytes(len(block))
        if beside:  # else bytes could move from one file to the next unseen
            digest.update(part.stat().st_size.to_bytes(8, "big"))
    return digest.digest()


def _member_digest(member: GroupFile) -> bytes:
    digest = hashlib.sha256()
    is_whole = member.size <= _HEAD + _TAIL or member.name.lower().endswith(_TABLES)
    # Without a buffer: most members are read in one piece.
    with member.path.open("rb", buffering=0) as file:
        if not is_whole:
            digest.update(file.read(_HEAD))
            file.seek(-_TAIL, os.SEEK_END)
            digest.update(file.read(_TAIL))
            return digest.digest()
        while block := file.read(_BLOCK):
            digest.update(block)
    return digest.digest()
