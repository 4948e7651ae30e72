"""One writer per home at a time; the operating system frees the lock when a process dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biobraid.core.errors import BusyError, Fault
from biobraid.core.files import remove_partials
from biobraid.core.home import Home


@contextmanager
def exclusive(path: Path, what: str) -> Iterator[None]:
    """Hold an exclusive lock on `path`; BusyError at once if another process holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError(
                Fault(
                    what,
                    "another biobraid command is writing",
                    "one writer at a time",
                    "Wait for it to end, then run the same command again.",
                )
            ) from None
        yield


@contextmanager
def writer(home: Home) -> Iterator[None]:
    """Be the home's only writer; first clears what a killed writer left behind."""
    with exclusive(home.root / ".lock", home.root.name):
        for folder in (home.tmp, home.landing, home.vault, home.releases, home.exports):
            if folder.is_dir():
                remove_partials(folder)
        for leftover in home.tmp.glob("*"):
            if leftover.is_file():
                leftover.unlink(missing_ok=True)
        yield
