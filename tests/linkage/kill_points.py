"""Runs a linkage command on copies of a home and kills it at its 1st, 2nd, ... write.

    python -m tests.linkage.kill_points BANK_FOLDER OUT_FOLDER link|rekey STEP

BANK_FOLDER holds `bank` (a home) and `keys`. OUT_FOLDER/<n> (n = 1, 1 + STEP, ...) is the copy
in which the command was killed before its n-th rename, removal, Parquet chunk or manifest entry. The last copy is
the one in which it got through. Each run is a fork of this process, so that it is really
killed (SIGKILL) yet need not import everything again.
"""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import splink  # noqa: F401  once here, not in every fork

from biobraid.core.home import open_home
from biobraid.core.manifest import Manifest
from biobraid.linkage.keeping import rekey
from biobraid.linkage.link import link

WATCHED: list[tuple[Any, str]] = [
    (Path, "replace"),
    (Path, "unlink"),
    (pq.ParquetWriter, "write_table"),
    (Manifest, "put_object"),
]


def main(bank: Path, out: Path, verb: str, step: int) -> None:
    for n in itertools.count(1, step):
        copy = out / str(n)
        shutil.copytree(bank, copy)
        child = os.fork()
        if child == 0:
            run_until(n, copy, verb)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            return


def run_until(n: int, copy: Path, verb: str) -> None:
    """Run the command in `copy`; die just before its n-th write."""
    counter = itertools.count(1)

    def deadly(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **named: Any) -> Any:
            if next(counter) == n:
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **named)

        return wrapped

    for owner, name in WATCHED:
        setattr(owner, name, deadly(getattr(owner, name)))
    os.environ["BIOBRAID_KEY_DIR"] = str(copy / "keys")
    code = 1
    try:
        home = open_home(copy / "bank")
        link(home) if verb == "link" else rekey(home)
        code = 0
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]))
