"""Training the matcher on the vault's own records, on request.

Nobody is labelled: the chances among non-matches come from random pairs, those among matches
from expectation maximisation within three blocks (Fellegi and Sunter 1969; splink). What the
data cannot teach (a level never seen, a type never given) keeps the chances set by hand here.
"""

from __future__ import annotations

import warnings
from typing import Any

import duckdb

from biobraid.linkage.comparisons import settings as untrained
from biobraid.linkage.comparisons import training_blocks
from biobraid.linkage.scoring import linker_on

_MAX_PAIRS = 1e6  # 1e7 took eight times as long for the same F1 (linkage.md 2.1)
_EM_PAIRS = 4e6
# (chance among matches, among non-matches) of each level from the strongest on, for what the
# data do not teach. Orders of magnitude; numbers are unique, so equality by chance is rare.
BY_HAND: dict[str, tuple[tuple[float, float], ...]] = {
    "first_name": ((0.90, 2e-3), (0.005, 1e-6), (0.04, 4e-3), (0.02, 2e-2), (0.035, 0.974)),
    "surname": ((0.90, 5e-4), (0.04, 2e-3), (0.02, 1e-2), (0.04, 0.9875)),
    "birth_date": ((0.95, 4e-5), (0.02, 8e-4), (0.02, 4e-3), (0.005, 1.5e-2), (0.005, 0.98)),
    "sex": ((0.99, 0.5), (0.01, 0.5)),
    "postcode": ((0.78, 5e-5), (0.02, 1e-4), (0.04, 1e-3), (0.16, 0.9988)),
    "nhs_number": ((0.985, 1e-6), (0.005, 1e-6), (0.01, 0.999998)),
    "national_id": ((0.95, 1e-6), (0.03, 1e-6), (0.02, 0.999998)),
    "email": ((0.65, 1e-5), (0.05, 1e-4), (0.30, 0.9999)),
    "phone": ((0.65, 1e-5), (0.35, 0.99999)),
    "address": ((0.65, 1e-5), (0.10, 1e-4), (0.25, 0.9999)),
}
# What is unique by nature is not learnt from random pairs: a million of them hold no repeat.
_SET_BY_HAND = ("nhs_number", "national_id", "email", "phone", "address")
_LEAST_M, _LEAST_U = 5e-4, 1e-7  # nothing is impossible: no single field decides alone


def train(con: duckdb.DuckDBPyConnection, seed: int = 1) -> dict[str, Any]:
    """Settings with trained chances, from `candidate`; the connection is left as it was."""
    start = with_chances(untrained(), {})
    columns = [c["output_column_name"] for c in start["comparisons"]]
    present = {c for c in columns if _share(con, c) > 0}
    start["comparisons"] = [c for c in start["comparisons"] if c["output_column_name"] in present]
    with linker_on(con, start) as linker, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        linker.training.estimate_u_using_random_sampling(max_pairs=_MAX_PAIRS, seed=seed)
        for block in training_blocks():
            if _has_pairs(con, block):
                linker.training.estimate_parameters_using_expectation_maximisation(
                    block, fix_u_probabilities=True, max_pairs=_EM_PAIRS
                )
        learnt = _chances(linker.misc.save_model_to_json())
    return with_chances(untrained(), learnt)


def with_chances(
    model: dict[str, Any], learnt: dict[str, list[tuple[float | None, float | None]]]
) -> dict[str, Any]:
    """The model with what was learnt, and by hand where nothing was."""
    for comparison in model["comparisons"]:
        name = comparison["output_column_name"]
        levels = [lv for lv in comparison["comparison_levels"] if not lv.get("is_null_level")]
        found = learnt.get(name, [])
        for n, (level, by_hand) in enumerate(zip(levels, BY_HAND[name], strict=True)):
            m, u = found[n] if found else (None, None)
            if u is None or name in _SET_BY_HAND:
                u = by_hand[1]
            level["m_probability"] = max(by_hand[0] if m is None else m, _LEAST_M)
            level["u_probability"] = max(u, _LEAST_U)
    return model


def _chances(saved: dict[str, Any]) -> dict[str, list[tuple[float | None, float | None]]]:
    return {
        comparison["output_column_name"]: [
            (level.get("m_probability"), level.get("u_probability"))
            for level in comparison["comparison_levels"]
            if not level.get("is_null_level")
        ]
        for comparison in saved["comparisons"]
    }


def _share(con: duckdb.DuckDBPyConnection, column: str) -> float:
    row = con.execute(f"SELECT count({column}) / greatest(count(*), 1) FROM candidate").fetchone()  # noqa: S608  constant
    return float(row[0]) if row else 0.0


def _has_pairs(con: duckdb.DuckDBPyConnection, block: str) -> bool:
    row = con.execute(f"""
        SELECT count(*) FROM (
          SELECT 1 FROM temp.candidate AS l INNER JOIN temp.candidate AS r
          ON l.uid < r.uid AND {block} LIMIT 100)""").fetchone()  # noqa: S608  constants
    return bool(row and row[0] >= 100)
