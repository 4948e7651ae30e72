"""The miceforest adapter: its repairs, and that nothing observed is touched."""

from __future__ import annotations

import datetime as dt
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from biobraid.core.errors import SettingsError
from biobraid.imputation.mice import apply_mice, imputed_cells, load_mice, run_mice

N = 400


def related(seed: int, n: int = 1000) -> tuple[pa.Table, np.ndarray, np.ndarray]:
    """y = x + noise with a third of y missing; the table, the truth and where it is missing."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=n)
    y = x + 0.15 * draw.normal(size=n)
    gone = draw.random(n) < 0.33
    return pa.table({"x": x, "y": pa.array(y, mask=gone)}), y, gone


def test_new_rows_get_the_models_values_not_random_ones() -> None:
    training, _, _ = related(1)
    model = run_mice(training, m=2, iterations=3, seed=1)
    new, truth, gone = related(2)
    for completed in apply_mice(model, new):
        filled = completed["y"].to_numpy()
        assert np.corrcoef(filled[gone], truth[gone])[0, 1] > 0.95
        assert (filled[~gone] == truth[~gone]).all()


def test_upstream_returns_random_values_for_new_rows() -> None:
    """The fault that the adapter repairs; when this fails, upstream is fixed and so may we be."""
    import miceforest

    training, _, _ = related(1)
    new, truth, gone = related(2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        kernel = miceforest.ImputationKernel(training.to_pandas(), num_datasets=1, random_state=1)
        kernel.mice(3, num_threads=1, num_iterations=20)
        filled = kernel.impute_new_data(new.to_pandas()).complete_data(0)["y"].to_numpy()
    assert abs(np.corrcoef(filled[gone], truth[gone])[0, 1]) < 0.3


def mixed(seed: int, n: int = N) -> pa.Table:
    """Every kind of column, related to each other, a fifth of each missing; odd names."""
    draw = np.random.default_rng(seed)
    level = draw.normal(size=n)
    gone = draw.random((8, n)) < 0.2
    day = np.datetime64("2015-01-01") + np.round(100 * level + 300).astype(int)
    group = np.where(level > 0.3, "high", np.where(level < -0.3, "low", "middle"))
    return pa.table({
        "a:b": pa.array(np.exp(2 * level), mask=gone[0]),
        "text": pa.array(group, mask=gone[1]),
        "dictionary": pa.array(group, mask=gone[2]).dictionary_encode(),
        "yes": pa.array(level + 0.1 * draw.normal(size=n) > 0, mask=gone[3]),
        "count": pa.array(np.round(5 + level).astype(np.int16), mask=gone[4]),
        "day": pa.array(day.astype("datetime64[D]"), mask=gone[5]),
        "moment": pa.array(day.astype("datetime64[us]"), mask=gone[6]),
        "grade": pa.array(np.clip(np.round(level + 2), 0, 4).astype(int), mask=gone[7]),
        "whole": level,
    })  # fmt: skip


@pytest.fixture(scope="module")
def fitted() -> object:
    return run_mice(mixed(1), {"grade": "ordinal"}, m=2, iterations=2, seed=3)


def test_every_kind_of_column_comes_back_complete_and_of_its_type(fitted) -> None:
    given = mixed(2)
    for completed in apply_mice(fitted, given):
        for name in given.column_names:
            assert completed[name].null_count == 0, name
            known = given[name].is_valid().to_numpy()
            was, now = given[name].to_pylist(), completed[name].to_pylist()
            assert [a for a, k in zip(was, known, strict=True) if k] == [
                a for a, k in zip(now, known, strict=True) if k
            ], name
        assert completed["count"].type == pa.int16()
        assert completed["day"].type == given["day"].type
        assert set(completed["text"].to_pylist()) == {"high", "middle", "low"}
        assert set(completed["grade"].to_pylist()) <= set(range(5))
        assert min(completed["a:b"].to_pylist()) > 0
        assert min(completed["day"].to_pylist()) > dt.date(2014, 1, 1)


def test_draws_are_better_than_chance_for_every_kind(fitted) -> None:
    given = mixed(2)
    level = given["whole"].to_numpy()
    filled = apply_mice(fitted, given)[0]
    skewed = given["a:b"].is_null().to_numpy()
    assert np.corrcoef(np.log(filled["a:b"].to_numpy()[skewed]), level[skewed])[0, 1] > 0.9
    text = given["text"].is_null().to_numpy()
    right = np.where(level > 0.3, "high", np.where(level < -0.3, "low", "middle"))
    assert (np.array(filled["text"].to_pylist())[text] == right[text]).mean() > 0.8


def test_a_column_complete_in_training_is_filled_in_other_rows(fitted) -> None:
    given = mixed(2)
    at = given.schema.get_field_index("whole")
    holes = pa.array(given["whole"].to_numpy(), mask=np.arange(N) % 4 == 0)
    completed = apply_mice(fitted, given.set_column(at, "whole", holes))
    assert completed[0]["whole"].null_count == 0


def test_a_level_that_is_certain_or_rare_breaks_nothing() -> None:
    """Log odds of a probability of 0 or 1 are infinite, and a matching on them fails."""
    draw = np.random.default_rng(4)
    x = draw.normal(size=600)
    group = np.where(x > 0, "above", np.where(draw.random(600) < 0.01, "rare", "below"))
    gone = draw.random(600) < 0.1
    table = pa.table({"x": x, "group": pa.array(group, mask=gone)})
    completed = apply_mice(run_mice(table, m=1, iterations=2, seed=1), table)[0]
    filled = np.array(completed["group"].to_pylist())[gone]
    assert (filled == group[gone]).mean() > 0.85


def test_a_level_unseen_in_training_is_kept_where_it_was_observed(fitted) -> None:
    given = mixed(2)
    text = given["text"].to_pylist()
    seen = next(n for n, v in enumerate(text) if v)
    text[seen] = "unheard of"
    at = given.schema.get_field_index("text")
    completed = apply_mice(fitted, given.set_column(at, "text", pa.array(text)))[0]
    assert completed["text"].to_pylist()[seen] == "unheard of"
    assert completed["text"].null_count == 0


def test_the_same_seed_gives_the_same_and_another_seed_other_values(fitted, tmp_path: Path) -> None:
    given = mixed(2)
    again = run_mice(mixed(1), {"grade": "ordinal"}, m=2, iterations=2, seed=3)
    other = run_mice(mixed(1), {"grade": "ordinal"}, m=2, iterations=2, seed=4)
    one = apply_mice(fitted, given)
    assert one == apply_mice(again, given) == apply_mice(fitted, given)
    assert one != apply_mice(other, given)
    fitted.save(tmp_path / "model")
    assert apply_mice(load_mice(tmp_path / "model"), given) == one


def test_the_long_table_holds_imputed_cells_only(fitted) -> None:
    given = mixed(2)
    cells = imputed_cells(fitted, given, apply_mice(fitted, given))
    assert cells.num_rows == 2 * sum(given[n].null_count for n in given.column_names)
    assert set(cells["imputation_no"].to_pylist()) == {1, 2}
    frame = cells.to_pandas()
    assert frame.loc[frame.variable == "a:b", "value"].notna().all()
    assert frame.loc[frame.variable == "text", "level"].notna().all()
    assert isinstance(frame, pd.DataFrame)


def test_columns_without_a_value_are_named_all_at_once() -> None:
    table = mixed(1).append_column("none", pa.nulls(N, pa.float64()))
    table = table.append_column("nothing", pa.nulls(N, pa.string()))
    with pytest.raises(SettingsError) as error:
        run_mice(table)
    assert [f.where for f in error.value.faults] == ["column none", "column nothing"]
