"""Holders of people beside landing, and cells in which rows of others name somebody."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.catalog.status import status
from biobraid.cli.withdraw import rewrite_due
from biobraid.core.holders import HOLDERS, Erased, Gone, Holder, in_order
from biobraid.core.home import Home
from biobraid.ingest.landing.parts import PartFile, file_schema, fitted, rewrite_part
from tests.privacy.conftest import key, withdraw


def test_bulk_is_masked_at_once_and_rewritten_on_the_day_that_status_shows(
    bank: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Gone] = []
    rewritten: list[Home] = []

    def erase(_home: Home, gone: Gone) -> Erased:
        asked.append(gone)
        return Erased(3, date(2099, 1, 1))

    holder = Holder("zz files", lambda _h, _g: {"zz files": 3}, erase, rewritten.append)
    monkeypatch.setitem(HOLDERS, "zz files", holder)
    assert [name for name, _ in in_order()][-1] == "landing"
    assert withdraw(bank, "2", "--study", "lake", "--level", "no_use") == 0
    assert asked[0].keys == {key(bank, "lake", "2")}
    assert asked[0].is_everything
    (shown,) = status(bank)["withdrawals"]
    assert (shown["state"], shown["due_on"]) == (
        "masked in zz files, to be rewritten",
        "2099-01-01",
    )
    assert rewrite_due(bank, date(2098, 12, 31)) == []
    assert rewrite_due(bank, date(2099, 1, 1)) == ["zz files"]
    assert rewritten == [bank]
    assert status(bank)["withdrawals"] == []


def test_cells_that_name_somebody_gone_are_emptied(tmp_path: Path) -> None:
    schema = file_schema("raw.value")
    rows = pa.table({"row_id": [1, 2, 3], "unit": ["mum", "dad", None], "value": ["a", "b", "c"]})
    pq.write_table(fitted(rows, schema), tmp_path / "part-0.parquet")
    part = PartFile("raw.value", tmp_path / "part-0.parquet", "b", 0, 3)
    with duckdb.connect() as con:
        con.register("gone", pa.table({"source_person_key": ["mum"]}))
        made = rewrite_part(con, part, schema, blank=(("unit",), "gone"))
    assert made is not None
    assert pq.read_table(made.path).select(["row_id", "unit", "value"]).to_pydict() == {
        "row_id": [1, 2, 3], "unit": [None, "dad", None], "value": ["a", "b", "c"],
    }  # fmt: skip
