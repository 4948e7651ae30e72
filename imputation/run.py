"""Running a plan: prepare, fit, choose, fill and write, all into the schema `imputed`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
from scipy.special import ndtri

from biobraid.core.warehouse import transaction
from biobraid.imputation.apply import COLUMNS as FILLED_COLUMNS
from biobraid.imputation.apply import Sink, filled_table
from biobraid.imputation.decay import Filled
from biobraid.imputation.fitting import FittedPlan, Study, fill_chosen, fit_plan, load_study
from biobraid.imputation.flags import audit_missingness, build_flags
from biobraid.imputation.observations import stream_concepts
from biobraid.imputation.panel import Cells, Predicted
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.prepare import Prepared, prepare_tables
from biobraid.imputation.publish import Stamp, publish, write_parameters, write_run
from biobraid.imputation.tables import forget_plan, make_tables

Progress = Callable[[str, float | None], None]
GROUPS_AT_ONCE = 50_000


@dataclass(frozen=True)
class VariableResult:
    """What became of one variable; persons' values are not in it."""

    name: str
    method: str | None  # None in a dry run
    n_observed: int
    n_missing: int
    n_imputed: int  # cells, not draws


@dataclass(frozen=True)
class RunResult:
    """A plan's run, or what it would do."""

    plan: str
    variables: tuple[VariableResult, ...]
    facts: dict[str, int]  # delivered facts of the plan's concepts by what became of them
    is_calibrated: bool
    dry_run: bool


def dry_run(con: duckdb.DuckDBPyConnection, plan: ImputationPlan) -> RunResult:
    """What the plan would fill: cells observed and missing per variable."""
    prepared = prepare_tables(con, plan)
    return RunResult(plan.name, results(plan, prepared, {}, {}), prepared.facts, False, True)


def run_plan(
    con: duckdb.DuckDBPyConnection,
    plan: ImputationPlan,
    stamp: Stamp,
    on_progress: Progress | None = None,
) -> RunResult:
    """Run the plan on the warehouse `con` and replace its former run in `imputed`.

    One transaction: a killed run leaves the tables as they were. The same plan on the same
    warehouse gives the same rows.
    """
    tell = on_progress or (lambda _stage, _share: None)
    start = time.monotonic()
    tell("prepare", 0.0)
    prepared = prepare_tables(con, plan)
    study = load_study(con)
    tell("fit", 0.2)
    fitted = fit_plan(study, plan)
    with transaction(con):
        make_tables(con)
        forget_plan(con, plan.name)
        tell("fill", 0.4)
        filled = _fill(con, plan, fitted, study, tell)
        publish(con, plan, stamp.run_id, prepared)
        write_parameters(con, plan, fitted, stamp.run_id)
        tell("flags", 0.8)
        build_flags(con, stamp.run_id, prepared.origin)
        audit_missingness(con, stamp.run_id)
        write_run(con, plan, stamp, prepared, filled, time.monotonic() - start)
    made = results(plan, prepared, dict(fitted.chosen), filled)
    return RunResult(plan.name, made, prepared.facts, fitted.is_calibrated, False)


def results(
    plan: ImputationPlan, prepared: Prepared, chosen: dict[int, str], filled: dict[int, int]
) -> tuple[VariableResult, ...]:
    """What became of each variable, from counts by variable name and number."""
    return tuple(
        VariableResult(
            v.name, chosen.get(n), prepared.observed[v.name], prepared.targets[v.name],
            filled.get(n, 0),
        )
        for n, v in enumerate(plan.variables)
    )  # fmt: skip


def _fill(
    con: duckdb.DuckDBPyConnection,
    plan: ImputationPlan,
    fitted: FittedPlan,
    study: Study,
    tell: Progress,
) -> dict[int, int]:
    """Make the temporary table filled_cell; returns best values by variable number."""
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE filled_cell ({FILLED_COLUMNS}, imputation_no INTEGER, "
        "method VARCHAR)"
    )
    sink = Sink(con, "filled_cell")
    targets = dict(stream_concepts(con, "target"))
    counts: dict[int, int] = {}
    n_groups = len(study.part)
    for first in range(0, n_groups, GROUPS_AT_ONCE):
        last = first + GROUPS_AT_ONCE
        visible, wanted = (
            {c: _of_groups(cells, first, last) for c, cells in panel.items()}
            for panel in (study.panel, targets)
        )
        for concept, (method, best, predicted) in sorted(
            fill_chosen(fitted, visible, wanted).items()
        ):
            counts[concept] = counts.get(concept, 0) + int(np.isfinite(best.value).sum())
            for number, given in with_draws(plan, fitted, concept, best, predicted, first):
                sink.add(_labelled(concept, given, number, method))
        tell("fill", 0.4 + 0.4 * min(last, n_groups) / n_groups)
    sink.flush()
    return counts


def _of_groups(cells: Cells, first: int, last: int) -> Cells:
    low, high = np.searchsorted(cells.group, (first, last))
    return Cells(cells.group[low:high], cells.minute[low:high], cells.value[low:high])


def with_draws(
    plan: ImputationPlan,
    fitted: FittedPlan,
    concept: int,
    best: Filled,
    predicted: Predicted | None,
    first_group: int,
) -> Iterator[tuple[int, Filled]]:
    """The best values as number 0, then m draws from the calibrated distribution."""
    yield 0, best
    if predicted is None:
        return
    method = fitted.decay
    spread = np.sqrt(predicted.variance)
    if method.calibration is not None:
        normal_half = float(ndtri(0.5 + method.calibration.level / 2))
        spread = method.calibration.half_width(concept, predicted) / normal_half
    draw = np.random.default_rng([plan.seed, concept, first_group])
    marginal = method.model.concepts[concept].marginal
    for number in range(1, plan.m + 1):
        value = marginal.to_values(predicted.score + spread * draw.normal(size=len(spread)))
        value = np.where(np.isfinite(best.value), value, np.nan)
        yield number, Filled(
            best.cells, value, best.lower, best.upper, best.sd, best.gap_days, best.n_prior,
            best.weight,
        )  # fmt: skip


def _labelled(concept: int, filled: Filled, number: int, method: str) -> pa.Table:
    given = filled_table(concept, filled)
    numbers = pa.repeat(pa.scalar(number, pa.int32()), len(given))
    given = given.append_column("imputation_no", numbers)
    return given.append_column("method", pa.repeat(pa.scalar(method), len(given)))
