"""Setting up a spawned worker process, before anything heavy is imported in it."""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
from importlib.abc import MetaPathFinder
from multiprocessing.connection import wait as wait_for
from typing import Any

report_queue: Any = None  # set in each worker by `begin`: where it tells of its progress


def begin(reports: Any) -> None:
    """Initializer of a pool's workers: where to report, to die with the parent, and no pandas."""
    global report_queue
    report_queue = reports
    sys.meta_path.insert(0, _WithoutPandas())
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


class _WithoutPandas(MetaPathFinder):
    """Makes `import pandas` fail.

    pyarrow imports it, where it is installed, with the first array it makes: 0.2 s of each
    worker's start and 60 MB for nothing, as no worker uses it.
    """

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """ModuleNotFoundError for pandas; everything else is left to the other finders."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is not used in workers", name=name)


def _die_with(sentinel: int) -> None:
    # A worker that outlives a killed parent would write while the next run sweeps.
    wait_for([sentinel])
    os._exit(1)
