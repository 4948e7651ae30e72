"""Multiple imputation of a person-level table at scale: seconds and peak memory.

500,000 persons x 100 variables, a tenth of the cells missing, m = 5: fitted on a training sample
of 20,000 persons, applied to all. --persons makes it smaller.
"""

from __future__ import annotations

import argparse
import resource
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa

from biobraid.imputation.mice import apply_mice, run_mice

LINES: list[tuple[str, str, float]] = []
TRAINING = 20_000
AT_ONCE = 50_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark alone."""
    parser.add_argument("--persons", type=int, default=500_000)
    parser.add_argument("--variables", type=int, default=100)
    parser.add_argument("--imputations", type=int, default=5)


def run(
    data: Path | None, seed: int, progress: Callable[[str], None], options: argparse.Namespace
) -> dict[str, float]:
    """seconds (fit and apply), CPU seconds of both, peak_gb, and the size that was run.

    The fit grows with m alone, applying with persons times m.
    """
    if data is not None:
        raise SystemExit("mice_scale generates its own data; --data is for other benchmarks")
    draw = np.random.default_rng(seed)
    loadings = draw.normal(size=(5, options.variables)) / 2
    start, cpu = time.monotonic(), time.process_time()
    training = _rows(draw, min(TRAINING, options.persons), loadings)
    model = run_mice(training, m=options.imputations, iterations=2, seed=seed)
    fit, fit_cpu = time.monotonic() - start, time.process_time() - cpu
    progress(f"fitted {options.imputations} kernels in {fit:,.0f} s")
    for first in range(0, options.persons, AT_ONCE):
        n = min(AT_ONCE, options.persons - first)
        for completed in apply_mice(model, _rows(draw, n, loadings)):
            assert not any(completed[name].null_count for name in completed.column_names)
        progress(f"{first + n:,} persons after {time.monotonic() - start:,.0f} s")
    return {
        "seconds": time.monotonic() - start,
        "seconds.fit": fit,
        "cpu_seconds.fit": fit_cpu,
        "cpu_seconds.apply": time.process_time() - cpu - fit_cpu,
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
        "n_persons": float(options.persons),
        "n_variables": float(options.variables),
        "m": float(options.imputations),
    }


def _rows(draw: np.random.Generator, n: int, loadings: np.ndarray) -> pa.Table:
    factors = draw.normal(size=(n, len(loadings)))
    values = factors @ loadings + draw.normal(size=(n, loadings.shape[1]))
    gone = draw.random(values.shape) < 0.1
    return pa.table({f"x{k}": pa.array(values[:, k], mask=gone[:, k])
                     for k in range(values.shape[1])})  # fmt: skip
