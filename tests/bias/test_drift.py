"""Drift: what moved is found, what did not is not, and no index tells a small group."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import SettingsError, SourceFileError
from biobraid.quality.bias.columns import (
    Column,
    frame_like,
    frame_of_columns,
    learn,
    read_deployment,
)
from biobraid.quality.bias.drift import drift, population_stability, stepped
from biobraid.quality.bias.frame import MISSING, Attribute, frame_of
from biobraid.quality.bias.shapes import SHAPES
from biobraid.quality.bias.suppression import suppressed
from biobraid.quality.bias.tables import row_of

COLUMNS = [Column("age", "number"), Column("sex", "concept"), Column("case", "boolean"),
           Column("smoking", "text")]  # fmt: skip


def _people(n: int, seed: int, older: float = 0.0, missing: float = 0.05) -> pa.Table:
    rng = np.random.default_rng(seed)
    return pa.table({
        "age": pa.array(rng.normal(55 + older, 10, n), mask=rng.random(n) < missing),
        "sex": pa.array(rng.choice([8507, 8532], n)),
        "case": pa.array(rng.random(n) < 0.2),
        "smoking": pa.array(rng.choice(["never", "past", "now"], n)),
    })  # fmt: skip


def _by_name(a: pa.Table, b: pa.Table, min_cell: int = 10) -> dict[str, tuple[float | None, str]]:
    known = learn(a, COLUMNS)
    rows = drift(frame_of_columns(a, known, "a"), frame_of_columns(b, known, "b"),
                 min_cell=min_cell)  # fmt: skip
    return {r.attribute: (r.psi if r.auc is None else r.auc, r.verdict.verdict) for r in rows}


def test_what_moved_is_found_and_what_did_not_is_not() -> None:
    same = _by_name(_people(4000, 1), _people(4000, 2))
    assert {verdict for _, verdict in same.values()} == {"ok"}
    moved = _by_name(_people(4000, 1), _people(4000, 2, older=8))
    # Two normals 0.8 standard deviations apart: PSI 0.64, AUC .714
    assert moved["age"][0] == pytest.approx(0.64, abs=0.08)
    assert moved["age"][1] == "fail"
    assert moved["*"][0] == pytest.approx(0.714, abs=0.02)
    assert {moved[name][1] for name in ("sex", "case", "smoking")} == {"ok"}


def test_gaps_that_grow_are_drift() -> None:
    assert _by_name(_people(4000, 1), _people(4000, 2, missing=0.5))["age"][1] == "fail"


def test_a_file_gives_what_its_table_gives(tmp_path: Path) -> None:
    a, b = _people(2000, 1), _people(2000, 2, older=3)
    pq.write_table(b, tmp_path / "b.parquet")
    names = [c.name for c in COLUMNS]
    b.to_pandas().to_csv(tmp_path / "b.csv", index=False)
    want = _by_name(a, b)
    assert _by_name(a, read_deployment(tmp_path / "b.parquet", names)) == want
    assert _by_name(a, read_deployment(tmp_path / "b.csv", names)) == want


def test_missing_columns_are_named_at_once_and_bad_values_counted(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text("age,gender\n61,8507\nsecret,8532\n")
    with pytest.raises(SettingsError, match=r"no column sex, case") as stop:
        read_deployment(path, ["age", "sex", "case"])
    assert "--column" in str(stop.value)
    with pytest.raises(SourceFileError, match=r"column age: 1 values are no number") as bad:
        frame_of_columns(read_deployment(path, ["age"]), [Column("age", "number")], "b.csv")
    assert "secret" not in str(bad.value)
    path.write_text("age,sex\n61,8507,secret\n")
    with pytest.raises(SourceFileError) as ragged:
        read_deployment(path, ["age", "sex"])
    assert "secret" not in str(ragged.value)


def test_attributes_are_cut_into_the_other_sides_bands() -> None:
    bands = Attribute("deprivation", "townsend", ("[-inf, 0)", "[0, inf)", MISSING))
    sex = Attribute("sex", "omop-gender", ("female", "male"))
    table = pa.table({"deprivation": ["-1.5", "0", None, "7"], "sex": ["female", "male", "", "x"]})
    frame = frame_like(table, {"deprivation": bands, "sex": sex})
    levels = [frame.attributes[0].levels[code] for code in frame.codes[:, 0]]
    assert levels == ["[-inf, 0)", "[0, inf)", MISSING, "[0, inf)"]


def test_the_index_tells_no_count_to_a_person() -> None:
    """Two people more or less in a level give the same index, classifier included."""
    other = frame_of({("sex", "s"): ["f"] * 150 + ["m"] * 150}, {})

    def shown(n_rare: int) -> list[tuple[object, ...]]:
        levels = ["f"] * 150 + ["m"] * (150 - n_rare) + ["x"] * n_rare
        rows = drift(frame_of({("sex", "s"): levels}, {}), other, min_cell=10)
        made = [
            row_of("drift", {"attribute": r.attribute, "scheme": r.scheme, "n": r.n_a,
                             "n_b": r.n_b, "psi": r.psi, "auc": r.auc,
                             "verdict": r.verdict.verdict, "reason": r.verdict.reason})
            for r in rows
        ]  # fmt: skip
        return [tuple(r.values()) for r in suppressed(made, SHAPES["drift"], 10)]

    assert shown(0) == shown(2) == shown(4)
    assert stepped(0.6123, 300, 10) == stepped(0.6, 300, 10)


def test_sides_of_nearly_the_same_size_are_not_hidden() -> None:
    row = row_of("drift", {"n": 300, "n_b": 295, "psi": 0.01, "verdict": "ok", "reason": ""})
    shown = suppressed([row], SHAPES["drift"], 10)[0]
    assert (shown["n"], shown["n_b"], shown["psi"]) == (300, 300, 0.01)
    assert population_stability(np.array([50.0, 50.0]), np.array([80.0, 20.0])) == pytest.approx(
        0.3 * np.log(1.6) - 0.3 * np.log(0.4)
    )
