"""Zips of exports: told from other files by how they begin, so that a torn one is no other file."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob

_ENCRYPTED = 1


def is_zip(job: FileJob) -> bool:
    """Whether the file is a zip; SourceFileError if it is the beginning of one."""
    if zipfile.is_zipfile(job.path):
        return True
    with job.path.open("rb") as handle:
        if handle.read(2) == b"PK":
            raise _fault(job, "the zip is damaged or cut off")
    return False


@contextmanager
def whole_zip(job: FileJob) -> Iterator[zipfile.ZipFile]:
    """The open zip; SourceFileError: damaged, protected, or packed as Python cannot unpack."""
    try:
        with zipfile.ZipFile(job.path) as archive:
            if any(member.flag_bits & _ENCRYPTED for member in archive.infolist()):
                raise _fault(job, "the zip is protected by a password")
            yield archive
    except NotImplementedError:
        raise _fault(job, "the zip is packed by a method that cannot be read") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, UnicodeDecodeError):
        raise _fault(job, "the zip is damaged or cut off") from None


def _fault(job: FileJob, found: str) -> SourceFileError:
    todo = "Ask for the file again; nothing of it was landed."
    return SourceFileError(Fault(job.where, found, "a whole zip, as the export made it", todo))
