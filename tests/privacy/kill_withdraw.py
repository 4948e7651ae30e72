"""Withdraws a person on copies of a home, killed at its 1st, 2nd, ... write.

    python -m tests.privacy.kill_withdraw BANK_FOLDER OUT_FOLDER STEP

As tests/linkage/kill_points.py does for linkage: each copy in OUT_FOLDER was killed one STEP
of writes later than the one before; the last got through.
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

from biobraid.cli.main import run
from biobraid.core.manifest import Manifest

WATCHED: list[tuple[Any, str]] = [
    (Path, "replace"),
    (Path, "unlink"),
    (pq.ParquetWriter, "write_table"),
    (Manifest, "put_suppressed"),
    (Manifest, "put_part"),
    (Manifest, "put_object"),
]
COMMAND = ["withdraw", "2", "--study", "lake", "--level", "no_use", "--everywhere"]


def main(bank: Path, out: Path, step: int) -> None:
    for n in itertools.count(1, step):
        copy = out / str(n)
        shutil.copytree(bank, copy)
        child = os.fork()
        if child == 0:
            withdraw_until(n, copy)
        if os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != -signal.SIGKILL:
            return


def withdraw_until(n: int, copy: Path) -> None:
    """Withdraw in `copy`; die just before its n-th write."""
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
        code = run(["--quiet", "--home", str(copy / "bank"), *COMMAND])
    finally:
        os._exit(code)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
