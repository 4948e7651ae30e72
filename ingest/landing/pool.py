"""Reading many files at once in spawned processes, each with its share of the memory."""

from __future__ import annotations

import multiprocessing
import queue
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from typing import Any

from biobraid.core import spawned
from biobraid.core.errors import Fault
from biobraid.ingest.landing.worker import Failed, Read, Task, read_file

_POLL_SECONDS = 0.2
_LOOK_AHEAD = 48
_REPORT_BYTES = 1 << 20  # a worker speaks once per so many bytes

OnBytes = Callable[[int, int], None]  # index of the task, bytes read since last told


@contextmanager
def reading(
    tasks: Sequence[Task], workers: int, on_bytes: OnBytes
) -> Iterator[Iterator[Read | Failed]]:
    """What became of each task, in the order given; the reading runs ahead in the pool.

    One worker: everything is read in this process, one file after the other. On leaving,
    nothing runs on.
    """
    if workers <= 1 or len(tasks) <= 1:
        yield (read_file(t, partial(on_bytes, i)) for i, t in enumerate(tasks))
        return
    # spawn: polars and pyarrow do not survive a fork. Keys travel in the pickled tasks, over
    # the pool's pipe, never through environment or arguments.
    context = multiprocessing.get_context("spawn")
    counted = context.Queue()
    pool = ProcessPoolExecutor(workers, context, spawned.begin, (counted,))
    try:
        submitted = {i: pool.submit(_run, i, tasks[i]) for i in _largest_first(tasks)}
        futures = [submitted[i] for i in range(len(tasks))]
        yield _in_order(tasks, futures, counted, on_bytes)
    finally:
        processes = list((getattr(pool, "_processes", None) or {}).values())
        pool.shutdown(wait=False, cancel_futures=True)
        for process in processes:
            if any(not f.done() for f in futures):
                process.kill()  # ours alone: left early, so nobody waits for what it does
            process.join()
        counted.close()
        counted.cancel_join_thread()


def _largest_first(tasks: Sequence[Task]) -> Iterator[int]:
    """Order to read in: among the next few dozen files the largest, so that no worker ends alone.

    Not among all: files are committed in their own order, and a killed run keeps what was.
    """
    for start in range(0, len(tasks), _LOOK_AHEAD):
        stop = min(start + _LOOK_AHEAD, len(tasks))
        yield from sorted(range(start, stop), key=lambda i: (-tasks[i].size, i))


def _in_order(
    tasks: Sequence[Task], futures: Sequence[Future[Read | Failed]], counted: Any, on_bytes: OnBytes
) -> Iterator[Read | Failed]:
    for task, future in zip(tasks, futures, strict=True):
        while not future.done():
            wait([future], timeout=_POLL_SECONDS, return_when=FIRST_COMPLETED)
            _tell(counted, on_bytes)
        _tell(counted, on_bytes)
        try:
            yield future.result()
        except BrokenProcessPool:
            yield Failed(
                None,
                Fault(
                    task.job.where,
                    "the process that read it, or one beside it, was killed",
                    "enough memory for all readers",
                    "Run the same command again, with fewer workers or a smaller memory_limit_gb.",
                ),
            )


def _tell(counted: Any, on_bytes: OnBytes) -> None:
    while True:
        try:
            index, n = counted.get_nowait()
        except queue.Empty:
            return
        on_bytes(index, n)


def _run(index: int, task: Task) -> Read | Failed:
    pending = 0

    def on_bytes(n: int) -> None:
        nonlocal pending
        pending += n
        if pending >= _REPORT_BYTES:
            spawned.report_queue.put((index, pending))
            pending = 0

    done = read_file(task, on_bytes)
    spawned.report_queue.put((index, pending))
    return done
