"""Multiple imputation of a person-level table by chained forests: the only user of miceforest.

Each of the m imputations is a kernel of its own, fitted on a bootstrap sample of the training
rows (so that the models' own uncertainty is in the draws), and applied by one path to any rows,
the training rows included. Numbers are drawn by predictive mean matching: they are values that
were observed; levels by their predicted probability.

miceforest 6.0.5 is repaired here (tests/imputation/test_mice.py shows each fault):
- impute_new_data never advances its iteration table, so `complete_data` returns the random start,
  and later variables of an iteration see it as well: `_Advancing` writes every draw through;
- it fails on text, dates, foreign index, ':' in names: columns are converted before, and back;
- a column complete in training stays empty in other rows: every column is modelled;
- every model keeps its binned training rows and histograms (25 MB of 100 variables): `_Slim`
  keeps the trees;
- the donors of new rows depend on what the kernel was used for before: its state is set anew;
- a category unseen in training breaks it: such a cell is kept as it is, and hidden from models.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, SettingsError
from biobraid.core.files import atomic_path
from biobraid.imputation.mice_columns import Column, describe, from_codes, to_codes

Kind = Literal["number", "category", "ordinal", "time"]
CANDIDATES = 5  # donors a value is drawn from
TREES = 40
MAX_TRAINING_ROWS = 20_000  # per model; forests of more rows are slower and hardly better
LEAST_ROWS = 20
_ENOUGH_ROWS, _MANY_ROWS = 200, 5_000


@dataclass(frozen=True)
class MiceModel:
    """m fitted kernels and the columns they know, in the order of the training table."""

    columns: tuple[Column, ...]
    kernels: tuple[Any, ...]
    iterations: int
    seed: int
    plan_hash: str = ""  # of the plan it was fitted for, if there was one

    @property
    def m(self) -> int:
        """Number of imputations."""
        return len(self.kernels)

    def save(self, path: Path) -> None:
        """Write the model; read it back with load_mice. Holds training values: keep it in the home."""
        with atomic_path(path) as partial:
            partial.touch(0o600)
            partial.write_bytes(pickle.dumps(self, protocol=5))


def load_mice(path: Path) -> MiceModel:
    """A model that `save` wrote; only ever one of this home's own (it is unpickled)."""
    loaded = pickle.loads(path.read_bytes())
    if not isinstance(loaded, MiceModel):
        raise SettingsError(Fault(path.name, "is not a saved imputation model"))
    return loaded


def run_mice(
    training: pa.Table,
    kinds: Mapping[str, Kind] | None = None,
    *,
    m: int = 5,
    iterations: int = 4,
    seed: int = 0,
    plan_hash: str = "",
) -> MiceModel:
    """Fit m kernels on the training rows; columns are those of the table.

    kinds: overrides what the types say (a number with few values may be ordinal or category).
    Raises SettingsError for a column without any value, all such columns at once.
    """
    if training.num_rows < LEAST_ROWS:
        raise SettingsError(Fault("training table", f"has {training.num_rows} rows",
                                  f"at least {LEAST_ROWS}"))  # fmt: skip
    columns = describe(training, kinds or {})
    frame = to_codes(training, columns)
    kernels = []
    for number in range(m):
        draw = np.random.default_rng([seed, number])
        sample = frame.iloc[_bootstrap(frame, draw)].reset_index(drop=True)
        kernels.append(_fit(sample, iterations, int(draw.integers(2**31 - 1))))
    return MiceModel(columns, tuple(kernels), iterations, seed, plan_hash)


def apply_mice(model: MiceModel, table: pa.Table) -> list[pa.Table]:
    """m completed copies of the table, in its row order; observed cells are as given.

    The table must have the training table's columns. Same model and table, same result.
    """
    frame = to_codes(table.select([c.name for c in model.columns]), model.columns)
    completed = []
    for number, kernel in enumerate(model.kernels):
        filled = _impute(kernel, frame, model.iterations, [model.seed, number])
        completed.append(from_codes(filled, table, model.columns))
    return completed


def imputed_cells(model: MiceModel, table: pa.Table, completed: list[pa.Table]) -> pa.Table:
    """The imputed cells alone: row, variable, imputation_no (1 to m), value or level."""
    parts = []
    for number, copy in enumerate(completed, 1):
        for column in model.columns:
            rows = np.flatnonzero(table[column.name].is_null().to_numpy())
            if not len(rows):
                continue
            drawn = copy[column.name].take(pa.array(rows))
            is_number = column.kind == "number"
            text = pa.nulls(len(rows), pa.string()) if is_number else drawn.cast(pa.string())
            parts.append(pa.table({
                "row": pa.array(rows, pa.int64()),
                "variable": pa.repeat(pa.scalar(column.name), len(rows)),
                "imputation_no": pa.repeat(pa.scalar(number, pa.int32()), len(rows)),
                "value": drawn.cast(pa.float64()) if is_number else pa.nulls(len(rows), pa.float64()),
                "level": text,
            }))  # fmt: skip
    return pa.concat_tables(parts) if parts else pa.table(
        {"row": pa.array([], pa.int64()), "variable": pa.array([], pa.string()),
         "imputation_no": pa.array([], pa.int32()), "value": pa.array([], pa.float64()),
         "level": pa.array([], pa.string())})  # fmt: skip


def _bootstrap(frame: Any, draw: np.random.Generator) -> Any:
    """Rows with replacement, at least two of them with a value in every column."""
    n = len(frame)
    chosen = draw.integers(0, n, n)
    for name in frame.columns:
        known = np.flatnonzero(frame[name].notna().to_numpy())
        if np.isin(chosen, known).sum() < 2:
            chosen = np.concatenate([chosen, draw.choice(known, 2)])
    return chosen


def _fit(frame: Any, iterations: int, seed: int) -> Any:
    import miceforest

    with _repaired(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        rows = {name: int(min(MAX_TRAINING_ROWS, frame[name].notna().sum())) for name in frame}
        kernel = miceforest.ImputationKernel(
            frame,
            num_datasets=1,
            variable_schema=list(frame.columns),
            mean_match_candidates=CANDIDATES,
            # Levels are drawn by their probability: matching on log odds fails where one is 0.
            mean_match_strategy={
                name: "fast" if str(frame[name].dtype) == "category" else "normal" for name in frame
            },
            data_subset=rows,
            save_all_iterations_data=True,
            random_state=seed,
        )
        kernel.models = _Slim()
        kernel.mice(iterations, **_learner(len(frame)))
    return kernel


def _learner(n_rows: int) -> dict[str, Any]:
    """What LightGBM is told: small boosted trees with linear leaves.

    miceforest's own random forests pull predictions to the mean: under mar the slope of y on x came
    out 10 % too flat (3 % with linear leaves: `python -m benchmarks rubin`).
    """
    is_large = n_rows > _MANY_ROWS
    return {
        "boosting": "gbdt",
        "num_iterations": TREES,
        "learning_rate": 0.1,
        "num_leaves": 16 if is_large else 4,
        "min_data_in_leaf": 20 if n_rows >= _ENOUGH_ROWS else 5,
        "linear_tree": True,
        "linear_lambda": 0.1,
        "bagging_fraction": 0.8,
        "feature_fraction_bynode": 1.0,
        "max_bin": 63 if is_large else 255,  # half the time, the same forests
        "num_threads": 1,
        "deterministic": True,
        "force_row_wise": True,
    }


class _Slim(dict[tuple[str, int, int], Any]):
    """Models without what they were trained on."""

    def __setitem__(self, place: tuple[str, int, int], model: Any) -> None:
        slim = type(model)(model_str=model.model_to_string())
        slim.params = model.params  # miceforest looks its seed up
        super().__setitem__(place, slim)


def _impute(kernel: Any, frame: Any, iterations: int, seed: list[int]) -> Any:
    """The frame completed with the last iteration's draws."""
    if not frame.isna().to_numpy().any():
        return frame
    start = int(np.random.default_rng(seed).integers(2**31 - 1))
    with _repaired(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # Donors are drawn with the kernel's own state, which would go on from call to call.
        kernel._random_state = np.random.RandomState(start)
        imputed = kernel.impute_new_data(frame, random_state=start)
        filled = imputed.complete_data(dataset=0, iteration=iterations)
        kernel._ampute_original_data()
    left = [name for name in filled.columns if filled[name].isna().any()]
    if left:
        raise RuntimeError(f"{len(left)} columns still have empty cells after imputation")
    return filled


@contextmanager
def _repaired() -> Iterator[None]:
    """miceforest with results that write every draw through, for as long as the block lasts."""
    from miceforest import imputation_kernel
    from miceforest.imputed_data import ImputedData

    class _Advancing(ImputedData):  # type: ignore[misc]
        def __setitem__(self, place: tuple[str, int, int], drawn: Any) -> None:
            super().__setitem__(place, drawn)
            variable, iteration, dataset = place
            if iteration > 0:
                self.iteration_tab[variable, dataset] = iteration
                self.working_data.loc[self.na_where[variable], variable] = drawn

    with mock.patch.object(imputation_kernel, "ImputedData", _Advancing):
        yield
