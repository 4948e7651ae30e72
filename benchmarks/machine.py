"""What the figures were measured on, and how much memory a process tree took."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

_GB = 1024**3
_LOOK_EVERY = 0.05  # seconds


def describe() -> dict[str, str | int | float]:
    """Cores, memory, system and versions of what does the work."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "cores": os.cpu_count() or 1,
        "memory_gb": round(pages * size / _GB, 1),
        "system": platform.system(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        **{name: version(name) for name in ("biobraid", "duckdb", "polars", "pyarrow", "sqlmesh")},
    }


@dataclass(frozen=True)
class Measured:
    """Wall seconds, CPU seconds of the process tree, peak resident GB summed over the tree."""

    seconds: float
    cpu_seconds: float
    peak_gb: float
    returncode: int


def measure_command(
    arguments: Sequence[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    kill_when: Callable[[], bool] | None = None,
) -> Measured:
    """Run a command as a whole process and watch its tree's memory up to twenty times a second.

    It is killed (SIGKILL) as soon as `kill_when` says so.
    """
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    process = subprocess.Popen(
        list(arguments), env=dict(env) if env is not None else None, cwd=cwd,
        stdout=subprocess.DEVNULL, stderr=sys.stderr,
    )  # fmt: skip
    peak = [0]
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, done))
    watcher.start()
    while kill_when is not None and process.poll() is None:
        if kill_when():
            process.kill()
        time.sleep(0.02)
    returncode = process.wait()
    seconds = time.perf_counter() - start
    done.set()
    watcher.join()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Measured(seconds, cpu, peak[0] / _GB, returncode)


def _watch(pid: int, peak: list[int], done: threading.Event) -> None:
    wait = _LOOK_EVERY
    while not done.wait(wait):
        began = time.perf_counter()
        peak[0] = max(peak[0], sum(_resident(p) for p in _tree(pid)))
        # A look at gigabytes walks every page of theirs; it may take a twentieth of the time.
        wait = max(_LOOK_EVERY, 19 * (time.perf_counter() - began))


def _tree(pid: int) -> list[int]:
    """The process and its descendants, from Linux's /proc."""
    tree, todo = [], [pid]
    while todo:
        tree.append(todo.pop())
        for children in Path(f"/proc/{tree[-1]}/task").glob("*/children"):
            try:
                todo += map(int, children.read_text().split())
            except OSError:  # the task ended while we looked
                continue
    return tree


def _resident(pid: int) -> int:
    """Proportional set size in bytes, so that pages shared in a pool count once; 0 if gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0
