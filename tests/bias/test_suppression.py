"""No small group leaves: not as a number, not by subtraction, not from a share."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from benchmarks.bias_population import SCENARIOS, attributes, block, draw_people
from biobraid.quality.bias import sections_people as sections
from biobraid.quality.bias.frame import Frame, frame_of
from biobraid.quality.bias.reference import reference_of
from biobraid.quality.bias.shapes import SHAPES
from biobraid.quality.bias.suppression import Shape, rounded, suppressed
from biobraid.quality.bias.tables import TABLES, row_of

MIN_CELL = 10
LEVELS = Shape(("n",), ("attribute",), ("share",))


def _rows(*counts: int) -> list[dict[str, Any]]:
    return [
        {"attribute": "a", "n": n, "share": 0.1, "n_suppressed": 0, "verdict": "ok", "reason": ""}
        for n in counts
    ]


def test_a_small_count_takes_the_next_smallest_with_it() -> None:
    shown = suppressed(_rows(500, 60, 40, 3), LEVELS, MIN_CELL)
    assert [r["n"] for r in shown] == [500, 60, None, None]
    assert [r["share"] for r in shown] == [0.1, 0.1, None, None]
    assert [r["n_suppressed"] for r in shown] == [0, 0, 1, 1]
    assert shown[3]["verdict"] == "not_assessed"


def test_two_small_counts_need_a_third_only_if_they_are_few_together() -> None:
    enough = suppressed(_rows(500, 60, 8, 7), LEVELS, MIN_CELL)
    assert [r["n"] for r in enough] == [500, 60, None, None]
    few = suppressed(_rows(500, 60, 2, 3), LEVELS, MIN_CELL)
    assert [r["n"] for r in few] == [500, None, None, None]


def test_families_are_kept_apart_and_zero_is_no_group() -> None:
    rows = _rows(500, 0, 60)
    other = [{**r, "attribute": "b"} for r in _rows(50, 4, 30)]
    shown = suppressed([*rows, *other], LEVELS, MIN_CELL)
    assert [r["n"] for r in shown] == [500, 0, 60, 50, None, None]


def test_a_part_that_is_almost_the_whole_is_small_as_well() -> None:
    shape = Shape(("n", "n_members"))
    row = {"n": 100, "n_members": 97, "n_suppressed": 0, "verdict": "ok", "reason": ""}
    assert suppressed([row], shape, MIN_CELL)[0]["n"] is None
    assert suppressed([{**row, "n_members": 80}], shape, MIN_CELL)[0]["n_members"] == 80


@pytest.mark.parametrize("n", range(0, 200))
def test_rounding_never_makes_a_small_count(n: int) -> None:
    assert rounded(n, MIN_CELL) % MIN_CELL == 0  # type: ignore[operator]


def _everything() -> dict[str, list[dict[str, Any]]]:
    """All tables of people on a cohort with rare levels and tiny intersections."""
    people = block(SCENARIOS["prototype"], np.random.default_rng(1), 20_000)
    nobody = np.zeros((len(people.codes), 0), np.bool_)
    whole = Frame(attributes(), people.codes, (), nobody, np.arange(len(people.codes)))
    reference = reference_of(whole)
    frame, _ = draw_people(people, np.random.default_rng(2), 700)
    found: dict[str, list[dict[str, Any]]] = {}
    rows, smds, _ = sections.intersection_rows(frame, reference, 30, 1)
    weight_rows, weights = sections.weight_rows(frame, reference, [])
    found["representativeness"] = sections.representativeness_rows(frame, reference)
    found["modality_participation"] = sections.participation_rows(frame)
    found["intersection"], found["intersection_smd"] = rows, smds
    found["weight_diagnostic"] = weight_rows
    for name, (_, w) in weights.items():
        found["weight_histogram"] = sections.histogram_rows(name, w)
    return {t: [row_of(t, {"run_id": "x", **r}) for r in rows] for t, rows in found.items()}


def test_a_scan_of_all_that_leaves_finds_no_small_group_even_by_subtraction() -> None:
    exact = _everything()
    shown = {t: suppressed(rows, SHAPES[t], MIN_CELL) for t, rows in exact.items()}
    counts = [
        row[column]
        for table, rows in shown.items() for row in rows for column in SHAPES[table].counts
        if row[column] is not None
    ]  # fmt: skip
    small = [
        r["n"] for t in exact for r in exact[t] if r["n"] is not None and 0 < r["n"] < MIN_CELL
    ]
    assert len(small) > 50  # there was something to hide
    assert not [n for n in counts if 0 < n < MIN_CELL]
    distinct = sorted(set(counts))
    for a, b in itertools.combinations(distinct, 2):
        assert not 0 < b - a < MIN_CELL
    for rows in shown.values():  # a share times its whole is a shown count
        for row in rows:
            if row.get("share") is not None and row.get("n_total"):
                back = row["share"] * row["n_total"]
                assert abs(back - row["n"]) <= 0.51 * 1e-4 * row["n_total"] + 1e-9


def test_no_family_with_a_hidden_row_gives_it_back() -> None:
    exact = _everything()
    for table, rows in exact.items():
        shape = SHAPES[table]
        if not shape.family:
            continue
        shown = suppressed(rows, shape, MIN_CELL)
        families: dict[tuple[Any, ...], list[int]] = {}
        for place, row in enumerate(rows):
            families.setdefault(tuple(row[c] for c in shape.family), []).append(place)
        for places in families.values():
            hidden = [rows[p]["n"] for p in places if shown[p]["n"] is None]
            others = [p for p in places if shown[p]["n"]]
            if hidden and others:
                assert len(hidden) > 1 and sum(hidden) >= MIN_CELL, (table, hidden)


def test_every_table_says_which_of_its_columns_are_counts() -> None:
    assert set(SHAPES) == set(TABLES)
    for name, shape in SHAPES.items():
        columns = {c.name for c in TABLES[name].columns}
        assert set(shape.counts) <= columns
        assert {c for c in columns if c.startswith("n_")} - set(shape.counts) <= {
            "n_suppressed", "n_boot", "n_modalities", "n_expected", "n_patterns", "n_cells",
            "n_blind", "n_iterations", "n_units",
        }  # fmt: skip


def test_estimates_follow_from_the_rounded_counts() -> None:
    key = ("sex", "s")
    cohort = frame_of({key: ["f"] * 143 + ["m"] * 57}, {})
    reference = reference_of(frame_of({key: ["f", "m"]}, {}))
    rows = [row_of("representativeness", r)
            for r in sections.representativeness_rows(cohort, reference)]  # fmt: skip
    shown = suppressed(rows, SHAPES["representativeness"], MIN_CELL)
    assert [(r["n"], r["n_total"], r["share"]) for r in shown] == [(140, 200, 0.7), (60, 200, 0.3)]
    assert shown[0]["smd"] == pytest.approx(0.4)


def test_a_curve_only_steps_by_groups_that_may_be_shown() -> None:
    rows = [
        row_of("followup", {"measure": "curve", "n": 400, "share": 1 - k / 400, "years": float(k),
                            "verdict": "not_assessed", "reason": ""})
        for k in range(0, 60, 3)
    ]  # fmt: skip
    shown = suppressed(rows, SHAPES["followup"], MIN_CELL)
    people = sorted({round(r["share"] * 400) for r in shown})
    assert all(n % MIN_CELL == 0 for n in people) and len(people) > 3
