"""The journal of commands: which verb ran when, with which code, and how it ended."""

from __future__ import annotations

import hashlib
import os
import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import biobraid
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest


@dataclass
class Run:
    """One running command; put into `detail` what `status` should show (counts, no values)."""

    run_id: str
    verb: str
    started_at: str
    detail: dict[str, Any] = field(default_factory=dict)


@cache
def code_version() -> str:
    """Version and a hash of the installed Python and SQL, so that a changed tree shows."""
    digest = hashlib.sha256()
    package = Path(biobraid.__file__).parent
    # os.walk, because glob does not follow the symlinked folders of a checkout
    for folder, subfolders, names in os.walk(package, followlinks=True):
        subfolders.sort()
        for name in sorted(names):
            if name.endswith((".py", ".sql")):
                digest.update((Path(folder) / name).read_bytes())
    return f"{biobraid.__version__}+{digest.hexdigest()[:12]}"


@contextmanager
def journal(home: Home, verb: str) -> Iterator[Run]:
    """Record the run's start now and its end (ok or failed) when the block is left."""
    run = Run(secrets.token_hex(6), verb, _utc_now())
    _write(home, run, "running")
    try:
        yield run
    except BaseException as error:
        run.detail["error"] = type(error).__name__
        with suppress(sqlite3.Error):  # on a full disk; the error itself is what matters
            _write(home, run, "failed")
        raise
    _write(home, run, "ok")


def _write(home: Home, run: Run, status: str) -> None:
    with Manifest(home) as manifest, manifest.transaction():
        manifest.put_run(
            {
                "run_id": run.run_id,
                "verb": run.verb,
                "code_version": code_version(),
                "started_at": run.started_at,
                "ended_at": None if status == "running" else _utc_now(),
                "status": status,
                "detail": run.detail,
            }
        )


def _utc_now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
