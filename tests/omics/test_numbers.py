"""Cells as numbers, limits and words for absence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.omics.delivery import deliver


def test_a_number_may_be_a_word_for_absence(tmp_path: Path) -> None:
    text = "sample,g1,g2\na,-9,1.5\nb,2,-99\n"
    options = {"absent": {"-9": "error"}, "null_values": ["-99"]}
    got = deliver(tmp_path / "m.csv", "feature_matrix", options, text)
    assert got.values("value", "absent_reason") == [
        (0, "g1", None, "error"), (0, "g2", 1.5, None), (1, "g1", 2.0, None),
    ]  # fmt: skip


@pytest.mark.parametrize("text", ["+1.5", "1.5", "15e-1"])
def test_a_number_may_have_any_sign(tmp_path: Path, text: str) -> None:
    got = deliver(tmp_path / "m.csv", "feature_matrix", {}, f"sample,g1,g2\na,{text},<+2\n")
    assert got.values("value", "limit_value") == [(0, "g1", 1.5, None), (0, "g2", None, 2.0)]


def test_a_number_or_a_limit_that_no_double_holds_is_none(tmp_path: Path) -> None:
    got = deliver(tmp_path / "m.csv", "feature_matrix", {}, "sample,g1,g2\na,1e999,<1e999\n")
    assert [reason for *_, reason in got.rejects] == ["invalid-number"] * 2
