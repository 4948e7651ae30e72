"""Setting up a spawned worker process, before anything heavy is imported in it."""

from __future__ import annotations

import multiprocessing
import os
import threading
from multiprocessing.connection import wait as wait_for
from typing import Any

from biobraid.core.without_pandas import leave_out_pandas

report_queue: Any = None  # set in each worker by `begin`: where it tells of its progress


def begin(reports: Any) -> None:
    """Initializer of a pool's workers: where to report, to die with the parent, and no pandas."""
    global report_queue
    report_queue = reports
    leave_out_pandas()
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    # A worker that outlives a killed parent would write while the next run sweeps.
    wait_for([sentinel])
    os._exit(1)
