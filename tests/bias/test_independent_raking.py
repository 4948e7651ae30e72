"""Our raking beside a survey package's, on the same people and margins."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import svy

from benchmarks.bias_population import NAMES, SCENARIOS, attributes, block, draw_people
from biobraid.quality.bias.frame import Frame
from biobraid.quality.bias.raking import rake
from biobraid.quality.bias.reference import reference_of


@pytest.mark.parametrize("pairs", [(), ((0, 1), (3, 4))], ids=["one-way", "two-way"])
def test_raked_weights_agree_with_an_independent_package(
    pairs: tuple[tuple[int, int], ...],
) -> None:
    people = block(SCENARIOS["prototype"], np.random.default_rng(1), 50_000)
    nobody = np.zeros((len(people.codes), 0), np.bool_)
    whole = Frame(attributes(), people.codes, (), nobody, np.arange(len(people.codes)))
    reference = reference_of(whole, pairs=pairs)
    frame, _ = draw_people(people, np.random.default_rng(2), 8_000)
    ours = rake(frame, reference)
    assert ours.weights is not None

    columns = {name: frame.codes[:, i].astype(str) for i, name in enumerate(NAMES)}
    shares = {}
    for margin in reference.margins:
        names = [key[0] for key in margin.keys]
        column = "_".join(names)
        columns[column] = np.array(
            ["|".join(cell) for cell in zip(*(columns[n] for n in names), strict=True)]
        )
        shares[column] = {
            "|".join(cell): float(p)
            for cell, p in zip(margin.levels, margin.share, strict=True)
        }  # fmt: skip
    data = pl.DataFrame({**columns, "one": np.ones(frame.n)})
    sample = svy.Sample(data, svy.Design(wgt="one"))
    raked = sample.weighting.rake(shares=shares, tol=1e-10, max_iter=1000)
    theirs = raked.data["rk_wgt"].to_numpy()
    assert ours.weights == pytest.approx(theirs * frame.n / theirs.sum(), rel=1e-6)
