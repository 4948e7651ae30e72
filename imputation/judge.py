"""Mask and recover on held-out persons: every method, every mask, by variable, gap and subgroup."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt

from biobraid.imputation.evaluate import (
    Line,
    Recovered,
    by_concept,
    by_gap,
    by_group,
    line_of,
    recover,
)
from biobraid.imputation.fitting import FittedPlan, fit_plan, load_study, masked
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.prepare import prepare_tables

Progress = Callable[[str, float | None], None]
LEAST_CELLS = 30  # parts with fewer hidden cells are not shown
LEAST_JUDGED = 200  # with fewer, coverage off the level may well be chance, and is flagged as such
MAX_OFF = 0.03
COVERAGE, FEW_CELLS = "coverage", "few cells"
ATTRIBUTES = ("sex", "age_band", "ethnicity")


@dataclass(frozen=True)
class Judged:
    """A line of the evaluation.

    flag: 'coverage' where intervals are off by over 3 points, 'few cells' where they are but
    fewer than LEAST_JUDGED cells say so.
    """

    mask: str
    method: str
    line: Line
    flag: str


@dataclass(frozen=True)
class Evaluation:
    """What each method did to hidden cells of held-out persons."""

    plan: str
    judged: tuple[Judged, ...]
    chosen: dict[str, str]
    gap_edges_days: tuple[float, ...]
    is_calibrated: bool

    def lines(self, mask: str, method: str, part: str) -> list[Line]:
        """Lines of one part."""
        return [
            j.line for j in self.judged if (j.mask, j.method, j.line.part) == (mask, method, part)
        ]

    @property
    def flagged(self) -> list[Judged]:
        """Parts whose coverage is off."""
        return [j for j in self.judged if j.flag == COVERAGE]

    @property
    def n_few(self) -> int:
        """Parts whose coverage seems off, of too few cells to be sure."""
        return sum(j.flag == FEW_CELLS for j in self.judged)


def evaluate_plan(
    con: duckdb.DuckDBPyConnection, plan: ImputationPlan, on_progress: Progress | None = None
) -> Evaluation:
    """Fit the plan, hide cells of held-out persons in three ways, and hold every method to them.

    Method `chosen` takes for each variable what run_plan would. Writes nothing.
    """
    tell = on_progress or (lambda _stage, _share: None)
    tell("prepare", 0.0)
    prepare_tables(con, plan)
    study = load_study(con)
    tell("fit", 0.2)
    fitted = fit_plan(study, plan)
    levels = {name: _levels(con, name) for name in ATTRIBUTES}
    judged: list[Judged] = []
    for n, (mask, split) in enumerate(masked(study, "held_out", plan.seed + 2000).items()):
        tell(f"judge {mask}", 0.5 + n / 6)
        found = {
            name: recover(fitted.decay.model, filled)
            for name, filled in fitted.candidates(*split).items()
        }
        found["chosen"] = _of_chosen(fitted, found)
        for method, cells in found.items():
            judged += _judge(plan, fitted, mask, method, cells, levels)
    calibration = fitted.decay.calibration
    return Evaluation(
        plan.name,
        tuple(judged),
        {v.name: fitted.chosen[n] for n, v in enumerate(plan.variables)},
        tuple(calibration.edges.tolist()) if calibration else (),
        fitted.is_calibrated,
    )


def _of_chosen(fitted: FittedPlan, found: dict[str, Recovered]) -> Recovered:
    """Cells of every variable, restored by the method chosen for it."""
    parts = [
        found[method].take(found[method].concept == concept)
        for concept, method in sorted(fitted.chosen.items())
    ]
    return Recovered(
        *(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Recovered))
    )


def _judge(
    plan: ImputationPlan,
    fitted: FittedPlan,
    mask: str,
    method: str,
    cells: Recovered,
    levels: dict[str, npt.NDArray[np.str_]],
) -> list[Judged]:
    calibration = fitted.decay.calibration
    names = [v.name for v in plan.variables]
    lines = [line_of("all", "", cells)]
    lines += [
        Line("variable", names[int(x.level)], x.n, x.mae, x.rmse, x.coverage)
        for x in by_concept(cells, LEAST_CELLS)
    ]
    if calibration is not None:
        lines += by_gap(cells, calibration.edges, LEAST_CELLS)
    for attribute, of_group in levels.items():
        lines += [x for x in by_group(attribute, cells, of_group) if x.n >= LEAST_CELLS]
    return [Judged(mask, method, x, _flag(x, method, plan.level)) for x in lines]


def _flag(line: Line, method: str, level: float) -> str:
    if method != "decay" or abs(line.coverage - level) <= MAX_OFF:
        return ""
    return COVERAGE if line.n >= LEAST_JUDGED else FEW_CELLS


def _levels(con: duckdb.DuckDBPyConnection, attribute: str) -> npt.NDArray[np.str_]:
    """Level of the attribute of each follow-up's person; '' where it is not known."""
    found = con.execute(
        """SELECT coalesce(a.level, '') AS level FROM follow_up AS u
           LEFT JOIN (SELECT person_id, min(level) AS level FROM mart.person_attribute
             WHERE attribute = ? GROUP BY person_id) AS a ON a.person_id = u.person_id
           ORDER BY u.group_no""",
        [attribute],
    ).fetchnumpy()
    return np.asarray(found["level"], dtype=np.str_)


def write_evaluation(evaluation: Evaluation, folder: Path) -> list[Path]:
    """evaluation.csv and, as pictures, errors and coverage by gap and by subgroup."""
    from biobraid.imputation.plots import draw_evaluation

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "evaluation.csv"
    with path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow(["mask", "method", "part", "level", "n", "mae", "rmse", "coverage", "flag"])
        for j in evaluation.judged:
            x = j.line
            coverage = f"{x.coverage:.4f}" if j.method == "decay" else ""
            writer.writerow([j.mask, j.method, x.part, x.level, x.n, f"{x.mae:.4f}",
                             f"{x.rmse:.4f}", coverage, j.flag])  # fmt: skip
    return [path, *draw_evaluation(evaluation, folder)]
