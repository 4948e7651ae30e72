"""Blocks of text cells, as columns or as the non-empty cells in row order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.schemas import RAW_REJECT

Ints = npt.NDArray[np.int64]

# raw.reject without study, source and batch, which landing adds.
REJECT = pa.schema([f for f in RAW_REJECT.arrow if f.name not in ("study", "source", "batch")])


@dataclass(frozen=True)
class Cells:
    """Non-empty cells of a block in row order: row and column are indices, value is text.

    column counts within the names that were asked for.
    """

    row: Ints
    column: npt.NDArray[np.int32]
    value: pa.StringArray

    def __len__(self) -> int:
        return len(self.row)


class TextBlock(Protocol):
    """Some records of a table. Records of the file = n_rows + rejects, over all blocks."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Columns asked for, in the order asked for (default: the header's)."""

    @property
    def n_rows(self) -> int:
        """Records yielded, rejects not counted."""

    @property
    def row_numbers(self) -> Ints:
        """Line of the file each row starts on, header = 1 (Parquet: first record = 1)."""

    @property
    def rejects(self) -> pa.Table:
        """Rejected records, schema REJECT."""

    @property
    def bytes_done(self) -> int:
        """Bytes of the delivered file read so far, for progress."""

    @property
    def table(self) -> pa.Table:
        """All asked-for columns as text; an empty cell is null."""

    def column(self, name: str) -> pa.StringArray:
        """One column as text; an empty cell is null. Any column of the file."""

    def cells(self, names: Sequence[str]) -> Cells:
        """Non-empty cells of some columns, row by row."""


def reject_table(
    row_numbers: Ints, reason: str, expected: str, column_name: str | None = None
) -> pa.Table:
    """Rejected records (or, with a column's name, cells) as rows of REJECT."""
    n = len(row_numbers)
    unit = "record" if column_name is None else "cell"
    return pa.table(
        {
            "row_number": pa.array(row_numbers, pa.int64()),
            "column_name": pa.array([column_name] * n, pa.string()),
            "unit_of_count": pa.array([unit] * n, pa.string()),
            "reason": pa.array([reason] * n, pa.string()),
            "expected": pa.array([expected] * n, pa.string()),
        },
        schema=REJECT,
    )


def trimmed(values: pa.StringArray) -> pa.StringArray:
    """The cells without blanks around them; null where nothing is left."""
    text = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


def order_of(places: Ints, n_places: int) -> Ints:
    """The permutation that sorts distinct places below n_places; quicker than sorting."""
    at = np.full(n_places, -1, dtype=np.int64)
    at[places] = np.arange(len(places))
    return at[at >= 0]


class ArrowBlock:
    """A block whose columns already are text (Parquet)."""

    def __init__(
        self, rows: pa.Table, row_numbers: Ints, bytes_done: int, columns: Sequence[str]
    ) -> None:
        self._rows = rows
        self.columns = tuple(columns)
        self.row_numbers = row_numbers
        self.bytes_done = bytes_done
        self.rejects = REJECT.empty_table()

    @property
    def n_rows(self) -> int:
        """Records yielded."""
        return len(self.row_numbers)

    @property
    def table(self) -> pa.Table:
        """All asked-for columns as text."""
        return self._rows.select(list(self.columns))

    def column(self, name: str) -> pa.StringArray:
        """One column as text."""
        return self._rows.column(name).combine_chunks()

    def cells(self, names: Sequence[str]) -> Cells:
        """Non-empty cells of some columns, row by row."""
        rows, columns, values = [], [], []
        for i, name in enumerate(names):
            column = self.column(name)
            at = np.flatnonzero(column.is_valid().to_numpy(zero_copy_only=False))
            rows.append(at)
            columns.append(np.full(len(at), i, dtype=np.int32))
            values.append(column.take(pa.array(at)))
        if not rows:
            return Cells(np.empty(0, np.int64), np.empty(0, np.int32), pa.array([], pa.string()))
        row, column_index = np.concatenate(rows), np.concatenate(columns)
        order = order_of(row * len(names) + column_index, self.n_rows * len(names))
        value = pa.concat_arrays(values).take(pa.array(order))
        return Cells(row[order], column_index[order], value)


class DelimitedBlock:
    """A block of delimited text; cells are cut out of its bytes only when asked for.

    bounds: start and end of every cell of every good row, interleaved, so that the bytes
    and the bounds together are an Arrow string array without copying (cell i is its element
    2 i; what lies between cells are the odd elements).
    """

    def __init__(
        self,
        header: tuple[str, ...],
        columns: tuple[str, ...],
        data: bytes,
        bounds: npt.NDArray[np.int32],
        escaped: npt.NDArray[np.bool_] | None,
        row_numbers: Ints,
        rejects: pa.Table,
        bytes_done: int,
        quote: str | None,
        null_values: tuple[str, ...],
    ) -> None:
        self.columns = columns
        self.row_numbers = row_numbers
        self.rejects = rejects
        self.bytes_done = bytes_done
        self._index = {name: i for i, name in enumerate(header)}
        self._bounds = bounds
        self._escaped = escaped
        self._quote = quote
        self._null_values = null_values
        self._pieces = pa.StringArray.from_buffers(
            max(len(bounds) - 1, 0), pa.py_buffer(bounds), pa.py_buffer(data)
        )

    @property
    def n_rows(self) -> int:
        """Records yielded."""
        return len(self.row_numbers)

    @property
    def table(self) -> pa.Table:
        """All asked-for columns as text."""
        return pa.table([self.column(name) for name in self.columns], names=list(self.columns))

    def column(self, name: str) -> pa.StringArray:
        """One column as text."""
        at = np.arange(self.n_rows, dtype=np.int64) * len(self._index) + self._index[name]
        is_empty = self._lengths(at) == 0
        return self._with_nulls(self._text(at, is_empty))

    def cells(self, names: Sequence[str]) -> Cells:
        """Non-empty cells of some columns, row by row."""
        n_columns = len(self._index)
        wanted = np.full(n_columns, -1, dtype=np.int32)
        wanted[[self._index[name] for name in names]] = np.arange(len(names), dtype=np.int32)
        at = np.flatnonzero(self._bounds[1::2] > self._bounds[0:-1:2])
        row = at // n_columns
        column = wanted[at - row * n_columns]
        if len(names) < n_columns:
            is_wanted = column >= 0
            at, row, column = at[is_wanted], row[is_wanted], column[is_wanted]
        value = self._text(at)
        if self._null_values and len(value):
            keep = pc.invert(pc.is_in(value, pa.array(self._null_values, pa.string())))
            is_kept = keep.to_numpy(zero_copy_only=False)
            if not is_kept.all():
                return Cells(row[is_kept], column[is_kept], value.filter(keep))
        return Cells(row, column, value)

    def _lengths(self, at: Ints) -> npt.NDArray[np.int32]:
        lengths: npt.NDArray[np.int32] = self._bounds[2 * at + 1] - self._bounds[2 * at]
        return lengths

    def _text(self, at: Ints, is_null: npt.NDArray[np.bool_] | None = None) -> pa.StringArray:
        """The cells at some positions, doubled quotes made single."""
        text = self._pieces.take(pa.array(2 * at, mask=is_null))
        if self._escaped is None or self._quote is None:
            return text
        escaped = self._escaped[at]
        if not escaped.any():
            return text
        single = pc.replace_substring(text.filter(pa.array(escaped)), self._quote * 2, self._quote)
        return pc.replace_with_mask(text, pa.array(escaped), single)

    def _with_nulls(self, text: pa.StringArray) -> pa.StringArray:
        if not self._null_values:
            return text
        is_null = pc.is_in(text, pa.array(self._null_values, pa.string()))
        return pc.if_else(is_null, pa.scalar(None, pa.string()), text)
