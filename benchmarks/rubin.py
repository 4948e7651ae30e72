"""Do pooled 95 % intervals hold? Multiple imputation under three ways of losing values.

y depends on x1 and x2 (one of them skewed); values of y are lost completely at random (mcar), by
x1 (mar) and by y itself (mnar). Each replicate imputes m times, estimates the mean of y and its
slope on x1 in each data set and pools by Rubin's rules. A method whose coverage leaves 93-97 %
for an estimate is refused as a default for that design: `refused.DESIGN.METHOD` is then 1.
Methods: complete cases, and chained forests (biobraid.imputation.mice).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.imputation.mice import apply_mice, run_mice
from biobraid.imputation.rubin import pool

LINES: list[tuple[str, str, float]] = []
DESIGNS = ("mcar", "mar", "mnar")
N, M = 400, 5
ITERATIONS = 1  # y alone has gaps, so the chain has converged after its first round
SLOPE = 0.5
MEAN = 0.0
ACCEPTED = (0.93, 0.97)
Floats = npt.NDArray[np.float64]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark alone."""
    parser.add_argument("--replicates", type=int, default=500)
    parser.add_argument("--design", choices=DESIGNS, help="one design alone; all without it")


def run(
    data: Path | None, seed: int, progress: Callable[[str], None], options: argparse.Namespace
) -> dict[str, float]:
    """coverage.DESIGN.METHOD.ESTIMATE, bias.*, refused.DESIGN.METHOD and the replicates' number."""
    if data is not None:
        raise SystemExit("rubin generates its own data; --data is for other benchmarks")
    figures: dict[str, float] = {"replicates": float(options.replicates)}
    for number, design in enumerate(DESIGNS):
        if options.design not in (None, design):
            continue
        hits: dict[tuple[str, str], list[tuple[bool, float]]] = {}
        for replicate in range(options.replicates):
            draw = np.random.default_rng([seed, number, replicate])
            table = _sample(draw, design)
            for method, found in _methods(table, seed + replicate).items():
                for name, (lower, upper, estimate) in found.items():
                    truth = MEAN if name == "mean" else SLOPE
                    hits.setdefault((method, name), []).append(
                        (lower <= truth <= upper, estimate - truth)
                    )
        for (method, name), got in hits.items():
            key = f"{design}.{method}.{name}"
            figures[f"coverage.{key}"] = float(np.mean([hit for hit, _ in got]))
            figures[f"bias.{key}"] = float(np.mean([off for _, off in got]))
        for method in ("complete_cases", "forests"):
            own = [figures[f"coverage.{design}.{method}.{name}"] for name in ("mean", "slope")]
            is_refused = any(not ACCEPTED[0] <= c <= ACCEPTED[1] for c in own)
            figures[f"refused.{design}.{method}"] = float(is_refused)
            progress(f"{design} {method}: coverage mean {own[0]:.3f}, slope {own[1]:.3f}"
                     + (", refused as default" if is_refused else ""))  # fmt: skip
    return figures


def _sample(draw: np.random.Generator, design: str) -> pa.Table:
    x1, x2 = draw.normal(size=(2, N))
    y = SLOPE * x1 + 0.4 * x2 + 0.7 * draw.normal(size=N)
    drive = {"mcar": np.zeros(N), "mar": x1, "mnar": y}[design]
    gone = draw.random(N) < 1 / (1 + np.exp(0.8 - 1.2 * drive))
    return pa.table({"x1": x1, "x2": np.exp(0.5 * x2), "y": pa.array(y, mask=gone)})


def _methods(table: pa.Table, seed: int) -> dict[str, dict[str, tuple[float, float, float]]]:
    complete = table.filter(table["y"].is_valid())
    model = run_mice(table, m=M, iterations=ITERATIONS, seed=seed)
    return {
        "complete_cases": {name: _interval([e]) for name, e in _estimates(complete).items()},
        "forests": _pooled([_estimates(t) for t in apply_mice(model, table)]),
    }


def _pooled(
    found: list[dict[str, tuple[float, float]]],
) -> dict[str, tuple[float, float, float]]:
    return {name: _interval([e[name] for e in found]) for name in found[0]}


def _interval(estimates: list[tuple[float, float]]) -> tuple[float, float, float]:
    if len(estimates) == 1:
        estimate, variance = estimates[0]
        half = 1.97 * variance**0.5  # t with some 250 degrees of freedom
        return estimate - half, estimate + half, estimate
    got = pool([e for e, _ in estimates], [v for _, v in estimates], complete_df=N - 2)
    return got.lower, got.upper, got.estimate


def _estimates(table: pa.Table) -> dict[str, tuple[float, float]]:
    """Mean of y and slope on x1 (alone), each with its variance."""
    x, y = table["x1"].to_numpy(), table["y"].to_numpy()
    n = len(y)
    centred = x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    left = y - y.mean() - slope * centred
    return {
        "mean": (float(y.mean()), float(y.var(ddof=1) / n)),
        "slope": (slope, float(left @ left / (n - 2) / (centred @ centred))),
    }
