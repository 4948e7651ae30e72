"""Laws of the reader: records = rows + rejects, and rows are what Python's csv module reads."""

from __future__ import annotations

import csv
import io
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from biobraid.core.errors import SourceFileError
from biobraid.ingest.tabular import Dialect, open_text_table

CHARACTERS = "ab,\"\n'; é\t"
BLOCKS = st.sampled_from([1, 5, 17, 64, 1 << 20])


@st.composite
def tables(draw: st.DrawFn) -> tuple[str, int]:
    """A CSV text of quoted cells, some rows ragged, and its number of columns."""
    n_columns = draw(st.integers(1, 4))
    is_all = draw(st.booleans())
    # A CR alone outside quotes is text to us, and the end of a line to the csv module.
    cell = st.text(alphabet=CHARACTERS + "\r" * is_all, max_size=6)
    width = st.integers(1, 6) if draw(st.booleans()) else st.just(n_columns)
    rows = draw(
        st.lists(width.flatmap(lambda n: st.lists(cell, min_size=n, max_size=n)), max_size=8)
    )
    text = io.StringIO()
    writer = csv.writer(
        text,
        lineterminator=draw(st.sampled_from(["\n", "\r\n"])),
        quoting=csv.QUOTE_ALL if is_all else csv.QUOTE_MINIMAL,
    )
    writer.writerow([f"c{i}" for i in range(n_columns)])
    writer.writerows(rows)
    return text.getvalue(), n_columns


def read(text: str, block_bytes: int) -> tuple[list[list[str | None]], int]:
    """Rows and number of rejects; cells and columns of every block must agree."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "f.csv"
        path.write_bytes(text.encode())
        rows: list[list[str | None]] = []
        n_rejects = 0
        with open_text_table(path, Dialect(), block_bytes=block_bytes) as table:
            for block in table:
                columns = [block.column(name).to_pylist() for name in table.header]
                rows += [list(row) for row in zip(*columns, strict=True)]
                n_rejects += block.rejects.num_rows
                cells = block.cells(table.header)
                places = zip(cells.row.tolist(), cells.column.tolist(), strict=True)
                assert dict(zip(places, cells.value.to_pylist(), strict=True)) == {
                    (i, j): column[i]
                    for j, column in enumerate(columns)
                    for i in range(block.n_rows)
                    if column[i] is not None
                }
            assert table.n_records == len(rows) + n_rejects
        return rows, n_rejects


@settings(max_examples=300, deadline=None)
@given(tables(), BLOCKS)
def test_rows_are_those_of_the_csv_module_and_no_record_is_lost(
    given_table: tuple[str, int], block_bytes: int
) -> None:
    text, n_columns = given_table
    records = [r for r in csv.reader(io.StringIO(text, newline="")) if r][1:]
    rows, n_rejects = read(text, block_bytes)
    assert len(rows) + n_rejects == len(records)
    assert rows == [[c or None for c in r] for r in records if len(r) == n_columns]


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='ab,"\n', max_size=60), BLOCKS)
def test_text_with_stray_quotes_loses_no_record_either(body: str, block_bytes: int) -> None:
    text = "x,y\n" + body
    records = [r for r in csv.reader(io.StringIO(text, newline="")) if r][1:]
    try:
        rows, n_rejects = read(text, block_bytes)
    except SourceFileError as error:
        assert "never closed" in str(error)
        return
    assert len(rows) + n_rejects == len(records)
    whole = [[c or None for c in r] for r in records if len(r) == 2]
    assert all(row in whole for row in rows)
