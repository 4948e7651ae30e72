"""Parquet files come out as the same text blocks as delimited files."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from biobraid.core.errors import SourceFileError
from biobraid.ingest.tabular import is_parquet, open_parquet_table


def written(path: Path, **columns: pa.Array) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


def test_each_type_has_one_spelling(tmp_path: Path) -> None:
    moment = dt.datetime(2020, 2, 3, 4, 5, 6)
    path = written(
        tmp_path / "f.parquet",
        whole=pa.array([7, None], pa.int32()),
        number=pa.array([54.0, float("nan")]),
        share=pa.array([0.1, -1.5]),
        flag=pa.array([True, False]),
        day=pa.array([dt.date(2020, 2, 3), None]),
        local=pa.array([moment, moment.replace(microsecond=500_000)], pa.timestamp("us")),
        instant=pa.array([moment, None], pa.timestamp("ms", "Europe/London")),
        word=pa.array(["x", ""]).dictionary_encode(),
    )
    with open_parquet_table(path) as table:
        rows = next(iter(table)).table.to_pylist()
    assert list(rows[0].values()) == [
        "7", "54.0", "0.1", "true", "2020-02-03", "2020-02-03T04:05:06", "2020-02-03T04:05:06Z",
        "x",
    ]  # fmt: skip
    assert list(rows[1].values()) == [
        None, None, "-1.5", "false", None, "2020-02-03T04:05:06.5", None, None,
    ]  # fmt: skip


def test_floats_read_back_the_same(tmp_path: Path) -> None:
    numbers = [0.1, 1 / 3, 1e-5, 1e16, 123456789012.5, -0.0, 5e-324]
    path = written(tmp_path / "f.parquet", x=pa.array(numbers))
    with open_parquet_table(path) as table:
        texts = next(iter(table)).column("x").to_pylist()
    assert [float(t) for t in texts] == numbers


def test_blocks_number_the_records_and_cells_come_row_by_row(tmp_path: Path) -> None:
    path = written(tmp_path / "f.parquet", a=pa.array(["1", None, "NA"]), b=pa.array([4, 5, 6]))
    with open_parquet_table(path, null_values=("NA",), block_rows=2) as table:
        blocks = list(table)
    assert [b.row_numbers.tolist() for b in blocks] == [[1, 2], [3]]
    cells = blocks[0].cells(["b", "a"])
    assert (cells.row.tolist(), cells.column.tolist()) == ([0, 0, 1], [0, 1, 0])
    assert cells.value.to_pylist() == ["4", "1", "5"]
    assert blocks[1].cells(["a"]).value.to_pylist() == []
    assert blocks[-1].bytes_done == path.stat().st_size


def test_damaged_empty_and_nested_files_are_faults(tmp_path: Path) -> None:
    path = written(tmp_path / "f.parquet", a=pa.array([1]))
    assert is_parquet(path)
    whole = path.read_bytes()
    for content, words in ((b"", "0 bytes"), (whole[:-8], "not whole Parquet")):
        path.write_bytes(content)
        with pytest.raises(SourceFileError, match=words):
            open_parquet_table(path)
    nested = written(tmp_path / "n.parquet", a=pa.array([[1]]), b=pa.array([1]))
    with pytest.raises(SourceFileError, match="nested"):
        open_parquet_table(nested)
    with open_parquet_table(nested, columns=["b"]) as table:
        assert table.columns == ("b",)
    with pytest.raises(SourceFileError, match="no column 'c'"):
        open_parquet_table(nested, columns=["c"])
