"""Do pooled 95 % intervals of decay's draws hold? The counterpart of `rubin` for repeated measures.

400 persons with four visits, years apart; x is always seen, y = 0.5 x + the person's own level + noise
loses a third of its values completely at random (mcar), by x (mar) or by y itself (mnar). A plan
with m = 5 fills y from earlier visits and from x (fitted on three fifths of the persons, calibrated on
one fifth, as always); the mean of y at the last visit and its slope on x are pooled by Rubin's rules.
Lines as in `rubin`: coverage out of 93 to 97 % refuses the method as a default for the design.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.rubin import ACCEPTED, DESIGNS
from biobraid.imputation.fitting import Study, fill_chosen, fit_plan
from biobraid.imputation.panel import Cells
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.rubin import pool
from biobraid.imputation.run import with_draws

LINES: list[tuple[str, str, float]] = []
PERSONS, VISITS, M = 400, 4, 5
SLOPE, MEAN = 0.5, 0.0
_MINUTES_PER_YEAR = 525_960
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
PLAN = ImputationPlan.model_validate(
    {"name": "draws", "m": M, "variables": [{"name": "x", "concept_id": 1},
                                            {"name": "y", "concept_id": 2}]}
)  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this benchmark alone."""
    parser.add_argument("--replicates", type=int, default=500)


def run(
    data: Path | None, seed: int, progress: Callable[[str], None], options: argparse.Namespace
) -> dict[str, float]:
    """coverage.DESIGN.decay.ESTIMATE, bias.*, refused.DESIGN.decay and the replicates' number."""
    if data is not None:
        raise SystemExit("rubin_draws generates its own data; --data is for other benchmarks")
    figures: dict[str, float] = {"replicates": float(options.replicates)}
    for number, design in enumerate(DESIGNS):
        hits: dict[str, list[tuple[bool, float]]] = {"mean": [], "slope": []}
        for replicate in range(options.replicates):
            draw = np.random.default_rng([seed, 50 + number, replicate])
            for name, (lower, upper, estimate) in _replicate(draw, design).items():
                truth = MEAN if name == "mean" else SLOPE
                hits[name].append((lower <= truth <= upper, estimate - truth))
        for name, got in hits.items():
            figures[f"coverage.{design}.decay.{name}"] = float(np.mean([hit for hit, _ in got]))
            figures[f"bias.{design}.decay.{name}"] = float(np.mean([off for _, off in got]))
        own = [figures[f"coverage.{design}.decay.{name}"] for name in hits]
        is_refused = any(not ACCEPTED[0] <= c <= ACCEPTED[1] for c in own)
        figures[f"refused.{design}.decay"] = float(is_refused)
        progress(f"{design} decay: coverage mean {own[0]:.3f}, slope {own[1]:.3f}")
    return figures


def _replicate(draw: np.random.Generator, design: str) -> dict[str, tuple[float, float, float]]:
    x = 0.7 * draw.normal(size=(PERSONS, 1)) + 0.7 * draw.normal(size=(PERSONS, VISITS))
    level = 0.6 * draw.normal(size=(PERSONS, 1))
    y = SLOPE * x + level + 0.5 * draw.normal(size=x.shape)
    drive = {"mcar": np.zeros(x.shape), "mar": x, "mnar": y}[design]
    gone = draw.random(x.shape) < 1 / (1 + np.exp(0.8 - 1.2 * drive))
    years = np.cumsum(draw.uniform(1, 4, x.shape), axis=1)
    completed = _fill(draw, x, y, gone, np.round(years * _MINUTES_PER_YEAR).astype(np.int64))
    found = [_estimates(x[:, -1], filled) for filled in completed]
    out = {}
    for name in ("mean", "slope"):
        got = pool([f[name][0] for f in found], [f[name][1] for f in found],
                   complete_df=PERSONS - 2)  # fmt: skip
        out[name] = (got.lower, got.upper, got.estimate)
    return out


def _fill(
    draw: np.random.Generator, x: Floats, y: Floats, gone: Bools, minute: npt.NDArray[np.int64]
) -> list[Floats]:
    """m completed copies of y at the last visit."""
    person = np.repeat(np.arange(PERSONS), VISITS)
    seen = ~gone.ravel()
    panel = {
        0: Cells(person, minute.ravel(), x.ravel()),
        1: Cells(person[seen], minute.ravel()[seen], y.ravel()[seen]),
    }
    part = np.where(np.arange(PERSONS) % 5 < 3, "train",
                    np.where(np.arange(PERSONS) % 5 == 3, "tuning", "held_out"))  # fmt: skip
    study = Study(panel, np.ones((PERSONS, 1)), part)
    plan = PLAN.model_copy(update={"seed": int(draw.integers(2**31))})
    fitted = fit_plan(study, plan)
    at = np.flatnonzero(gone[:, -1])
    targets = {1: Cells(at, minute[at, -1], np.full(len(at), np.nan))}
    _, best, predicted = fill_chosen(fitted, panel, targets)[1]
    copies = []
    for number, filled in with_draws(plan, fitted, 1, best, predicted, 0):
        if number:
            copy = y[:, -1].copy()
            copy[at] = filled.value
            copies.append(copy)
    return copies


def _estimates(x: Floats, y: Floats) -> dict[str, tuple[float, float]]:
    n, centred = len(y), x - x.mean()
    slope = float(centred @ y / (centred @ centred))
    left = y - y.mean() - slope * centred
    return {
        "mean": (float(y.mean()), float(y.var(ddof=1) / n)),
        "slope": (slope, float(left @ left / (n - 2) / (centred @ centred))),
    }
