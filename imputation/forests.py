"""A plan by chained forests: m imputations of a table with a row per person, flagged like all others.

The kernel is fitted on training persons, kept in the home (`kernels/PLAN.forests`) and applied to
everybody by one path. A later run may apply the saved kernel to whoever has come since; it must
be that of the same plan. A withdrawal deletes all kernels: they hold values they were trained on.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.warehouse import transaction
from biobraid.imputation.apply import COLUMNS as FILLED_COLUMNS
from biobraid.imputation.apply import Sink
from biobraid.imputation.flags import audit_missingness, build_flags
from biobraid.imputation.mice import MiceModel, apply_mice, load_mice, run_mice
from biobraid.imputation.person_table import person_table
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.prepare import parts, prepare_tables
from biobraid.imputation.publish import Stamp, publish, write_forest_parameters, write_run
from biobraid.imputation.rubin import Pooled, pool
from biobraid.imputation.run import Progress, RunResult, results
from biobraid.imputation.tables import forget_plan, make_tables

Floats = npt.NDArray[np.float64]
MOST_TRAINING = 20_000  # persons: forests of more rows are slower and hardly better
PERSONS_AT_ONCE = 50_000


def run_forests(
    con: duckdb.DuckDBPyConnection,
    plan: ImputationPlan,
    stamp: Stamp,
    kernel: Path,
    on_progress: Progress | None = None,
    *,
    use_saved: bool = False,
) -> RunResult:
    """Fit (or load), impute m times and write to `imputed`, in one transaction.

    kernel: where the fitted model is kept, or was. SettingsError if there is none to use, or one
    of another plan.
    """
    tell = on_progress or (lambda _stage, _share: None)
    start = time.monotonic()
    tell("prepare", 0.0)
    prepared = prepare_tables(con, plan)
    table = person_table(con, plan)
    tell("fit", 0.1)
    model = _saved(plan, kernel) if use_saved else _fit(con, plan, table)
    with transaction(con):
        make_tables(con)
        forget_plan(con, plan.name)
        filled = _fill(con, plan, model, table, tell)
        publish(con, plan, stamp.run_id, prepared)
        write_forest_parameters(con, plan, stamp.run_id)
        tell("flags", 0.9)
        build_flags(con, stamp.run_id, prepared.origin)
        audit_missingness(con, stamp.run_id)
        write_run(con, plan, stamp, prepared, filled, time.monotonic() - start)
    if not use_saved:
        model.save(kernel)
    chosen = dict.fromkeys(range(len(plan.variables)), "forests")
    return RunResult(
        plan.name, results(plan, prepared, chosen, filled), prepared.facts, True, False
    )


def _fit(con: duckdb.DuckDBPyConnection, plan: ImputationPlan, table: pa.Table) -> MiceModel:
    rows = np.flatnonzero(parts(con) == "train")
    if len(rows) > MOST_TRAINING:
        draw = np.random.default_rng([plan.seed, 77])
        rows = np.sort(draw.choice(rows, MOST_TRAINING, replace=False))
    training = table.take(pa.array(rows))
    return run_mice(
        training, m=plan.m, iterations=plan.iterations, seed=plan.seed, plan_hash=plan.digest
    )


def _saved(plan: ImputationPlan, kernel: Path) -> MiceModel:
    if not kernel.is_file():
        raise SettingsError(
            Fault(kernel.name, "there is no saved kernel", "one that a run of this plan fitted",
                  "Run: biobraid impute PLAN.yaml")
        )  # fmt: skip
    model = load_mice(kernel)
    if model.plan_hash != plan.digest:
        raise SettingsError(
            Fault(kernel.name, "was fitted for another plan of this name", "the plan as it was",
                  "Fit anew: biobraid impute PLAN.yaml")
        )  # fmt: skip
    return model


def _fill(
    con: duckdb.DuckDBPyConnection,
    plan: ImputationPlan,
    model: MiceModel,
    table: pa.Table,
    tell: Progress,
) -> dict[int, int]:
    """Make the temporary table filled_cell; returns imputed cells by variable number.

    What is filled are the plan's targets: a person whose only value is censored stays as is.
    """
    con.execute(
        f"CREATE OR REPLACE TEMP TABLE filled_cell ({FILLED_COLUMNS}, imputation_no INTEGER, "
        "method VARCHAR)"
    )
    sink = Sink(con, "filled_cell")
    wanted = {
        n: con.execute(
            "SELECT group_no, minute FROM target WHERE concept_id = ? ORDER BY group_no", [n]
        ).fetchnumpy()
        for n in range(len(plan.variables))
    }
    for first in range(0, table.num_rows, PERSONS_AT_ONCE):
        block = table.slice(first, PERSONS_AT_ONCE)
        completed = apply_mice(model, block)
        for n, variable in enumerate(plan.variables):
            group, minute = wanted[n]["group_no"], wanted[n]["minute"]
            low, high = np.searchsorted(group, (first, first + block.num_rows))
            at = group[low:high] - first
            drawn = np.stack([copy[variable.name].to_numpy()[at] for copy in completed])
            for number, values in enumerate(drawn, 1):
                sink.add(_rows(n, group[low:high], minute[low:high], values, drawn, number))
        tell("fill", 0.3 + 0.6 * min(first + PERSONS_AT_ONCE, table.num_rows) / table.num_rows)
    sink.flush()
    return {n: len(w["group_no"]) for n, w in wanted.items()}


def _rows(
    concept: int,
    group: npt.NDArray[np.int64],
    minute: npt.NDArray[np.int64],
    values: Floats,
    drawn: Floats,
    number: int,
) -> pa.Table:
    """Rows of filled_cell; sd is that between the cell's draws, intervals and ages are null."""
    n = len(values)
    unknown = pa.nulls(n, pa.float64())
    return pa.table({
        "concept_id": pa.array(np.full(n, concept, np.int64)),
        "group_no": pa.array(group), "minute": pa.array(minute), "value": pa.array(values),
        "lower": unknown, "upper": unknown, "sd": pa.array(drawn.std(axis=0, ddof=1)),
        "delta_days": unknown, "n_prior": pa.nulls(n, pa.int32()), "decay_weight": unknown,
        "imputation_no": pa.array(np.full(n, number, np.int32)),
        "method": pa.repeat(pa.scalar("forests"), n),
    })  # fmt: skip


def completed_tables(con: duckdb.DuckDBPyConnection, plan: ImputationPlan) -> list[pa.Table]:
    """The m completed person-level tables of the plan's last run, `person_id` first.

    Observed values are those of the warehouse, the others of imputed.imputed_value; an attribute
    that is not known stays null. SettingsError if the plan has no run, or one of other words.
    """
    found = con.execute(
        "SELECT run_id, plan_hash FROM imputed.imputation_run WHERE plan = ?", [plan.name]
    ).fetchone()
    if found is None or found[1] != plan.digest:
        raise SettingsError(
            Fault(f"plan {plan.name}", "has no run as it is worded now", "a plan that was run",
                  "Run: biobraid impute PLAN.yaml")
        )  # fmt: skip
    prepare_tables(con, plan)
    table = person_table(con, plan)
    persons = con.execute("SELECT person_id FROM follow_up ORDER BY group_no").fetchnumpy()
    table = table.add_column(0, "person_id", pa.array(persons["person_id"]))
    return [_completed(con, plan, table, str(found[0]), n) for n in range(1, plan.m + 1)]


def _completed(
    con: duckdb.DuckDBPyConnection, plan: ImputationPlan, table: pa.Table, run_id: str, number: int
) -> pa.Table:
    for variable in plan.variables:
        drawn = con.execute(
            """SELECT u.group_no, i.value FROM imputed.imputed_value AS i
               JOIN follow_up AS u ON u.person_id = i.person_id
               WHERE i.run_id = ? AND i.variable = ? AND i.imputation_no = ?""",
            [run_id, variable.name, number],
        ).fetchnumpy()
        at = table.schema.get_field_index(variable.name)
        value = table.column(at).to_numpy().copy()
        value[drawn["group_no"]] = drawn["value"]
        table = table.set_column(at, variable.name, pa.array(value, mask=np.isnan(value)))
    return table


def pool_tables(
    tables: list[pa.Table],
    estimate: Callable[[pa.Table], tuple[float, float]],
    *,
    complete_df: float,
    level: float = 0.95,
) -> Pooled:
    """An analysis of each table (estimate and its variance), pooled by Rubin's rules."""
    found = [estimate(table) for table in tables]
    return pool([e for e, _ in found], [v for _, v in found], complete_df=complete_df, level=level)
