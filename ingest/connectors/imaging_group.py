"""The files of one delivery of images: those of a folder, of zips in it, or one file by itself."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.file_groups import GroupFile, files_below

_LARGEST_MEMBER = 2 << 30


@dataclass(frozen=True)
class Member:
    """One file; `name`: its path below the delivered folder or inside a zip (zip!name).

    content is set for members of a zip, whose header cannot be read by itself.
    """

    name: str
    size: int
    path: Path | None
    content: bytes | None = None

    @property
    def folder(self) -> str:
        """The folder it lies in; empty for the delivered folder itself."""
        return self.name.rpartition("/")[0] or self.name.rpartition("!")[0]

    def read(self, n_bytes: int | None = None) -> bytes:
        """The file's first bytes, or all."""
        if self.content is not None:
            return self.content if n_bytes is None else self.content[:n_bytes]
        if self.path is None:
            return b""
        with self.path.open("rb", buffering=0) as file:
            return file.read(-1 if n_bytes is None else n_bytes)

    def open(self) -> BinaryIO:
        """The file, to be read as far as is needed."""
        return BytesIO(self.read()) if self.path is None else self.path.open("rb")


def members(path: Path, where: str) -> Iterator[Member]:
    """Every file below `path`, folder by folder, in the order of names.

    Zips are opened, not unpacked. Hidden files and what macOS and Windows add are left out.
    Raises SourceFileError: a zip that is damaged or protected.
    """
    if path.is_dir():
        found = files_below(path)
    else:
        status = path.stat()
        found = [GroupFile(path, path.name, status.st_size, status.st_mtime_ns)]
    for file in sorted(found, key=lambda f: (f.name.rpartition("/")[0], f.name)):
        if _is_litter(file.name):
            continue
        if file.name.lower().endswith(".zip"):
            yield from _zipped(file, where)
        else:
            yield Member(file.name, file.size, file.path)


def _is_litter(name: str) -> bool:
    base = name.rpartition("/")[2]
    return base.startswith(".") or "__MACOSX" in name or base in ("Thumbs.db", "desktop.ini")


def _zipped(file: GroupFile, where: str) -> Iterator[Member]:
    try:
        with zipfile.ZipFile(file.path) as archive:
            entries = [i for i in archive.infolist() if not i.is_dir()]
            for info in sorted(entries, key=lambda i: (i.filename.rpartition("/")[0], i.filename)):
                if _is_litter(info.filename):
                    continue
                if info.file_size > _LARGEST_MEMBER:
                    raise SourceFileError(
                        Fault(where, "a zip holds a file of more than 2 GiB", "smaller files",
                              "Deliver the folder instead of the zip.")
                    )  # fmt: skip
                data = archive.read(info)
                yield Member(f"{file.name}!{info.filename}", len(data), None, data)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError):
        raise SourceFileError(
            Fault(where, "a zip is damaged, protected or ends in the middle", "whole, open zips",
                  "Ask for the file again.")
        ) from None  # fmt: skip


def prefix_of(job: FileJob) -> str:
    """What to put before a member's name to say where it lies below the study's deliveries."""
    if job.path.is_dir():
        return f"{job.delivered_as}/" if job.delivered_as else ""
    return job.delivered_as[: job.delivered_as.rfind("/") + 1]
