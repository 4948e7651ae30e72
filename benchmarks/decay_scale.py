"""Learned decay at warehouse scale: fit and apply over generated measurements.

500 concepts, one person per 250 measurements. What is measured: reading the pairs (apart),
fitting all concepts, filling 64 cells per 100 measurements (32 M of 50 M) into a table. Runs at
a tenth of the rows first: the slope is the growth of the CPU seconds of fit and apply together
over that of the rows, 1 if linear. Each size runs in a process of its own, so that peak memory
is its own.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np

from biobraid.imputation.adjustment import fit_adjustment, sample_pairs
from biobraid.imputation.apply import fill_table
from biobraid.imputation.decay import DecayMethod
from biobraid.imputation.decay_fit import fit_all
from biobraid.imputation.observations import stream_concepts
from biobraid.imputation.panel import ConceptModel, DecayModel, prepare

LINES: list[tuple[str, str, float]] = [
    ("cpu_seconds.fit", "<=", 10.0),
    ("cpu_seconds.apply", "<=", 40.0),
    ("peak_gb", "<=", 6.0),
    ("slope", "<=", 1.15),
]
N_CONCEPTS = 500
ROWS_PER_PERSON = 250
FILLED_PERCENT = 64
CAP = 20_000
ROWS = {"5m": 5_000_000, "50m": 50_000_000}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark alone."""
    parser.add_argument("--rows", choices=tuple(ROWS), default="50m")


def run(
    data: Path | None, seed: int, progress: Callable[[str], None], options: argparse.Namespace
) -> dict[str, float]:
    """Figures of --rows, and the slope from a tenth of them."""
    if data is not None:
        raise SystemExit("decay_scale generates its own data; --data is for other benchmarks")
    n = ROWS[options.rows]
    small, large = (_in_own_process(rows, seed, progress) for rows in (n // 10, n))
    cost = [
        f["cpu_seconds.fit"] + f["cpu_seconds.apply"] + f["cpu_seconds.pairs"]
        for f in (small, large)
    ]
    return {
        **large,
        **{f"{key}.tenth": value for key, value in small.items()},
        "slope": math.log10(cost[1] / cost[0]),
    }


def _in_own_process(n: int, seed: int, progress: Callable[[str], None]) -> dict[str, float]:
    code = f"from benchmarks.decay_scale import measure; measure({n}, {seed})"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    figures: dict[str, float] = json.loads(done.stdout)
    progress(f"{n:,} rows: " + ", ".join(f"{k} {v:,.2f}" for k, v in figures.items()))
    return figures


def measure(n: int, seed: int) -> None:
    """Print the figures of one size as JSON."""
    with tempfile.TemporaryDirectory() as folder:
        con = duckdb.connect(str(Path(folder) / "scale.duckdb"))
        con.execute(
            "SET enable_progress_bar = false; SET threads = 2; SET memory_limit = '3GB'; SET preserve_insertion_order = true"
        )
        con.execute(f"SET temp_directory = '{folder}'")
        n_persons = max(n // ROWS_PER_PERSON, 1)
        _generate(con, n, n_persons, seed)
        draw = np.random.default_rng(seed)
        covariates = np.stack([np.ones(n_persons), draw.normal(size=n_persons)], axis=1)
        start = time.process_time()
        prepared = {
            concept: prepare(cells, covariates, cap=CAP, seed=seed)
            for concept, cells in stream_concepts(con, "observation", is_sorted=True)
        }
        pairs = time.process_time() - start
        start = time.process_time()
        fitted = fit_all({concept: found[2] for concept, found in prepared.items()})
        model = DecayModel(
            {c: ConceptModel(m, beta, fitted[c]) for c, (m, beta, _) in prepared.items()},
            covariates,
        )
        pairs_of = {concept: found[2] for concept, found in prepared.items()}
        method = DecayMethod(model, "past", fit_adjustment(model, sample_pairs(model, pairs_of)))
        fit = time.process_time() - start
        del prepared, pairs_of
        start = time.process_time()
        n_filled = fill_table(con, method, "observation", "target", "filled", is_sorted=True)
        figures = {
            "cpu_seconds.pairs": pairs,
            "cpu_seconds.fit": fit,
            "cpu_seconds.apply": time.process_time() - start,
            "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6,
            "n_filled": float(n_filled),
            "n_concepts": float(len(fitted)),
        }
    print(json.dumps(figures))


def _generate(con: duckdb.DuckDBPyConnection, n: int, n_persons: int, seed: int) -> None:
    """observation and target, sorted as the plan's own tables are."""
    con.execute(
        """CREATE TABLE observation AS
           SELECT CAST(i % $concepts AS BIGINT) AS concept_id,
             CAST(hash(i, $seed) % $persons AS BIGINT) AS group_no,
             CAST(hash(i * 7 + 1, $seed) % (3650 * 1440) AS BIGINT) AS minute,
             max(sin(hash(i, $seed) % $persons) * 2 + (hash(i * 13 + 5) % 10000) / 10000) AS value
           FROM range($n) AS r(i) GROUP BY ALL ORDER BY 1, 2, 3""",
        {"concepts": N_CONCEPTS, "persons": n_persons, "n": n, "seed": seed},
    )
    con.execute(
        """CREATE TABLE target AS
           SELECT concept_id, group_no, minute + 1000 AS minute, CAST(NULL AS DOUBLE) AS value
           FROM observation WHERE hash(group_no, minute) % 100 < $percent
           ORDER BY concept_id, group_no, minute""",
        {"percent": FILLED_PERCENT},
    )
