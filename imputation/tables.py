"""The tables of the schema `imputed`, which Python alone writes and no model reads.

Each holds the last run of every plan: a plan that runs again replaces its own rows. Imputed
values are in no other schema.
"""

from __future__ import annotations

import duckdb

from biobraid.core.warehouse import literal

COMMENTS = {
    "imputation_run": "One row per plan: its last run.",
    "decay_param": "One row per run and variable: chosen method, errors of the candidates on tuning persons, decay's parameters. These predict; 1/w is not a biological constant.",
    "decay_calibration": "One row per run, variable and gap bin: factor of the standard deviation that makes intervals hold on tuning persons.",
    "decay_adjustment": "One row per run, variable and term: weight of the median regression that moves decay's predictions, on the scale of normal scores.",
    "imputed_value": "One row per imputed cell and draw: imputation_no 0 is the best value, 1 to m are draws. Observed cells are never here.",
    "missing_flag": "One row per person, variable and instant of the plan's grid: observed or not, and why not.",
    "missingness_audit": "One row per run, variable, attribute and level: share of the grid's cells that is missing; Cramer's V of the attribute (0.05 watch, 0.1 fail).",
}
COLUMNS: dict[str, str] = {
    "imputation_run": """run_id VARCHAR, plan VARCHAR, title VARCHAR, plan_hash VARCHAR,
        code_version VARCHAR, seed BIGINT, direction VARCHAR, m INTEGER, level DOUBLE,
        fitted_on VARCHAR, n_persons_fitted BIGINT, n_observed BIGINT, n_missing BIGINT,
        n_imputed BIGINT, started_at TIMESTAMP, seconds DOUBLE""",
    "decay_param": """run_id VARCHAR, variable VARCHAR, concept_id BIGINT, method VARCHAR,
        mae_carry_forward DOUBLE, mae_covariate_mean DOUBLE, mae_decay DOUBLE, n_judged BIGINT,
        w DOUBLE, b DOUBLE, kappa DOUBLE, s2 DOUBLE, q DOUBLE, smooth DOUBLE, n_pairs BIGINT,
        prior_used BOOLEAN""",
    "decay_calibration": """run_id VARCHAR, variable VARCHAR, gap_bin INTEGER,
        gap_from_days DOUBLE, gap_to_days DOUBLE, scale DOUBLE, n BIGINT""",
    "decay_adjustment": "run_id VARCHAR, variable VARCHAR, term VARCHAR, weight DOUBLE",
    "imputed_value": """run_id VARCHAR, imputation_no INTEGER, person_id BIGINT,
        variable VARCHAR, concept_id BIGINT, instant TIMESTAMP, value DOUBLE, lower DOUBLE,
        upper DOUBLE, sd DOUBLE, delta_days DOUBLE, n_prior INTEGER, decay_weight DOUBLE,
        method VARCHAR, uses_future BOOLEAN, is_imputed BOOLEAN""",
    "missing_flag": """run_id VARCHAR, person_id BIGINT, variable VARCHAR, concept_id BIGINT,
        instant TIMESTAMP, mask INTEGER, is_censored BOOLEAN, delta_days DOUBLE, n_prior BIGINT,
        absent_reason VARCHAR""",
    "missingness_audit": """run_id VARCHAR, variable VARCHAR, attribute VARCHAR, level VARCHAR,
        n_cells BIGINT, n_missing BIGINT, missing_share DOUBLE, cramers_v DOUBLE,
        verdict VARCHAR""",
}


def make_tables(con: duckdb.DuckDBPyConnection) -> None:
    """Make the schema and those of its tables that are not there yet."""
    con.execute("CREATE SCHEMA IF NOT EXISTS imputed")
    for name, columns in COLUMNS.items():
        con.execute(f"CREATE TABLE IF NOT EXISTS imputed.{name} ({columns})")
        con.execute(f"COMMENT ON TABLE imputed.{name} IS {literal(COMMENTS[name])}")


def forget_plan(con: duckdb.DuckDBPyConnection, plan: str) -> None:
    """Remove the rows of the plan's former run from every table."""
    for name in COLUMNS:
        if name != "imputation_run":
            con.execute(
                f"DELETE FROM imputed.{name} WHERE run_id IN "  # noqa: S608
                "(SELECT run_id FROM imputed.imputation_run WHERE plan = ?)",
                [plan],
            )
    con.execute("DELETE FROM imputed.imputation_run WHERE plan = ?", [plan])
