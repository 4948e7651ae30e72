"""From filled cells to the schema `imputed`: values, parameters and the run's own row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb

from biobraid.imputation.fitting import FittedPlan
from biobraid.imputation.plan import ImputationPlan
from biobraid.imputation.prepare import Prepared


@dataclass(frozen=True)
class Stamp:
    """What a row of imputation_run says of its making; the clock is read by the caller."""

    run_id: str
    code_version: str
    started_at: datetime


def publish(
    con: duckdb.DuckDBPyConnection, plan: ImputationPlan, run_id: str, prepared: Prepared
) -> None:
    """From group and minute to person and time.

    Decay that looks both ways uses the future, and so do forests: a person's other values may be
    later ones.
    """
    con.execute(
        """INSERT INTO imputed.imputed_value
           SELECT $run, f.imputation_no, u.person_id, v.name,
             (SELECT min(c.concept_id) FROM plan_concept AS c WHERE c.variable = v.variable),
             CAST($origin AS TIMESTAMP) + to_minutes(f.minute), f.value, f.lower, f.upper, f.sd,
             f.delta_days, f.n_prior, f.decay_weight, f.method,
             f.method = 'forests' OR f.method = 'decay' AND $direction = 'both', TRUE
           FROM filled_cell AS f
           JOIN follow_up AS u ON u.group_no = f.group_no
           JOIN plan_variable AS v ON v.variable = f.concept_id
           ORDER BY u.person_id, v.name, f.minute, f.imputation_no""",
        {"run": run_id, "origin": prepared.origin, "direction": plan.direction},
    )


def write_parameters(
    con: duckdb.DuckDBPyConnection, plan: ImputationPlan, fitted: FittedPlan, run_id: str
) -> None:
    calibration = fitted.decay.calibration
    for n, variable in enumerate(plan.variables):
        model = fitted.decay.model.concepts.get(n)
        judged = {m: r.take(r.concept == n) for m, r in fitted.tuning.items()}
        maes = [judged[m].mae if m in judged and len(judged[m]) else None
                for m in ("carry_forward", "covariate_mean", "decay")]  # fmt: skip
        d = model.fitted.decay if model else None
        con.execute(
            f"INSERT INTO imputed.decay_param VALUES ({', '.join('?' * 16)})",  # noqa: S608
            [run_id, variable.name, min(variable.concept_id), fitted.chosen[n], *maes,
             len(judged["decay"]) if "decay" in judged else 0,
             *((d.w, d.b, d.kappa, d.s2, d.q, d.smooth) if d else [None] * 6),
             model.fitted.n_pairs if model else 0,
             model.fitted.prior_used if model else None],
        )  # fmt: skip
        adjustment = fitted.decay.adjustment
        for term, weight in zip(adjustment.terms, adjustment.weights.get(n, ()), strict=False):
            con.execute(
                "INSERT INTO imputed.decay_adjustment VALUES (?, ?, ?, ?)",
                [run_id, variable.name, term, float(weight)],
            )
        if calibration is None or n not in calibration.concepts:
            continue
        row = calibration.concepts.index(n)
        ends = [0.0, *calibration.edges.tolist(), None, None]
        for gap_bin in range(calibration.scale.shape[1]):
            is_none = gap_bin == len(calibration.edges) + 1
            con.execute(
                "INSERT INTO imputed.decay_calibration VALUES (?, ?, ?, ?, ?, ?, ?)",
                [run_id, variable.name, gap_bin, None if is_none else ends[gap_bin],
                 None if is_none else ends[gap_bin + 1], float(calibration.scale[row, gap_bin]),
                 int(calibration.n[row, gap_bin])],
            )  # fmt: skip


def write_forest_parameters(
    con: duckdb.DuckDBPyConnection, plan: ImputationPlan, run_id: str
) -> None:
    """A row per variable that says which method filled it; forests have no parameters of decay."""
    for variable in plan.variables:
        con.execute(
            "INSERT INTO imputed.decay_param (run_id, variable, concept_id, method) "
            "VALUES (?, ?, ?, 'forests')",
            [run_id, variable.name, min(variable.concept_id)],
        )


def write_run(
    con: duckdb.DuckDBPyConnection,
    plan: ImputationPlan,
    stamp: Stamp,
    prepared: Prepared,
    filled: dict[int, int],
    seconds: float,
) -> None:
    n_fitted = con.execute(
        "SELECT count(DISTINCT person_id) FROM follow_up WHERE part = 'train'"
    ).fetchone()
    con.execute(
        f"INSERT INTO imputed.imputation_run VALUES ({', '.join('?' * 16)})",  # noqa: S608
        [stamp.run_id, plan.name, plan.title, plan.digest, stamp.code_version, plan.seed,
         "both" if plan.method == "forests" else plan.direction, plan.m, plan.level, "train", n_fitted[0] if n_fitted else 0,
         sum(prepared.observed.values()), sum(prepared.targets.values()), sum(filled.values()),
         stamp.started_at, seconds],
    )  # fmt: skip
