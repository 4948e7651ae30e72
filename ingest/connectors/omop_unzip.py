"""The files of a delivered zip archive, unpacked one at a time."""

from __future__ import annotations

import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.files import PARTIAL
from biobraid.ingest.connectors.contract import FileJob

_BLOCK = 1 << 20


def unpacked(job: FileJob) -> Iterator[tuple[PurePosixPath, Path]]:
    """(name in the archive, unpacked file) of each file, each gone before the next comes.

    Folders, hidden files and what macOS adds (__MACOSX/) are left out. The names are never
    used as paths. Raises SourceFileError: a truncated, damaged or protected archive.
    """
    try:
        archive = zipfile.ZipFile(job.path)
    except (zipfile.BadZipFile, OSError):
        raise _damaged(job.where) from None
    if job.tmp is not None:
        job.tmp.mkdir(parents=True, exist_ok=True)
    with archive, TemporaryDirectory(suffix=PARTIAL, dir=job.tmp) as folder:
        for number, info in enumerate(archive.infolist()):
            name = PurePosixPath(info.filename.replace("\\", "/"))
            if info.is_dir() or name.parts[0] == "__MACOSX" or name.name.startswith("."):
                continue
            if info.flag_bits & 1:
                raise SourceFileError(
                    Fault(job.where, "the archive is protected by a password", "an open archive",
                          "Unpack it, and deliver the files.")
                )  # fmt: skip
            path = Path(folder) / str(number)
            try:
                with archive.open(info) as source, path.open("wb") as target:
                    shutil.copyfileobj(source, target, _BLOCK)
            except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
                raise _damaged(job.where) from None
            yield name, path
            path.unlink(missing_ok=True)


def _damaged(where: str) -> SourceFileError:
    return SourceFileError(
        Fault(where, "the archive is damaged or ends in the middle", "a whole zip file",
              "Ask for the file again.")
    )  # fmt: skip
