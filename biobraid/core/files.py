"""Writing files so that a half-written one never carries its final name."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biobraid.core.errors import DiskError, Fault

PARTIAL = ".partial"


@contextmanager
def atomic_path(final: Path) -> Iterator[Path]:
    """Yield a path beside `final` to write to; it takes the final name only on success.

    The data is flushed to the disk before the rename. A full disk becomes a DiskError and
    the partial file is removed, whatever went wrong. After a SIGKILL the partial file stays
    and `remove_partials` finds it by its suffix.
    """
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = final.with_name(f"{final.name}.{os.getpid()}{PARTIAL}")
    try:
        with disk_errors(final.name):
            yield partial
            with partial.open("rb+") as handle:
                os.fsync(handle.fileno())
            partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)


def write_text(final: Path, text: str, mode: int = 0o644) -> None:
    """Write a small text file atomically."""
    with atomic_path(final) as partial:
        partial.write_text(text, encoding="utf-8")
        partial.chmod(mode)


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn a full disk, a quota or a file-size limit into a DiskError that names `what`."""
    try:
        yield
    except Exception as error:
        if not is_disk_error(error):
            raise
        raise DiskError(
            Fault(
                what,
                "the disk is full, or a quota or file-size limit was hit",
                "room for the file",
                "Free space or raise the limit, then run the same command again.",
            )
        ) from None


def is_disk_error(error: BaseException) -> bool:
    """True for ENOSPC, EFBIG and EDQUOT, also where a library only says so in words."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT):
        return True
    words = str(error).lower()
    signs = ("no space left", "file too large", "disk quota", "disk full", "disk is full")
    return any(w in words for w in (*signs, "disk i/o error"))


def remove_partials(folder: Path) -> int:
    """Remove what a killed process left under `folder`; returns how many files."""
    n = 0
    for path in folder.rglob(f"*{PARTIAL}"):
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
        n += 1
    return n
