"""A delivered Parquet file as blocks of text cells, each value in one deterministic spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.tabular.block import ArrowBlock, TextBlock
from biobraid.ingest.tabular.text_table import UnusableColumns, missing_column

BLOCK_CELLS = 2_000_000
_MAGIC = b"PAR1"


def is_parquet(path: Path) -> bool:
    """True if the file begins as Parquet does."""
    with path.open("rb") as handle:
        return handle.read(4) == _MAGIC


def open_parquet_table(
    path: Path,
    *,
    columns: Sequence[str] | None = None,
    null_values: Sequence[str] = (),
    block_rows: int | None = None,
    where: str = "",
) -> ParquetTable:
    """The file's columns; iterate for its blocks, once.

    Only `columns` (default: all) are read. Spelling: numbers as the shortest text that reads
    back the same (a whole number of a float column ends in .0), NaN as empty, times as ISO 8601 (in UTC with Z where the column has a
    zone), booleans as true and false.
    Raises SourceFileError: an empty or damaged file, a missing, nested or binary column.
    """
    if path.stat().st_size == 0:
        raise SourceFileError(Fault(where, "the file is empty (0 bytes)", "a Parquet file"))
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowException, OSError):
        raise _damaged(where) from None
    return ParquetTable(file, path.stat().st_size, columns, null_values, block_rows, where)


class ParquetTable:
    """An open Parquet file."""

    def __init__(
        self,
        file: pq.ParquetFile,
        n_bytes: int,
        columns: Sequence[str] | None,
        null_values: Sequence[str],
        block_rows: int | None,
        where: str,
    ) -> None:
        self.where = where
        self.n_records = 0
        self.header: tuple[str, ...] = tuple(file.schema_arrow.names)
        self.columns = self.header if columns is None else tuple(columns)
        self._file = file
        self._n_bytes = n_bytes
        self._null_values = tuple(null_values)
        self._block_rows = block_rows or max(BLOCK_CELLS // max(len(self.columns), 1), 1)
        known = set(self.header)
        faults = [missing_column(where, c, self.header) for c in self.columns if c not in known]
        nested = {
            field.name
            for field in file.schema_arrow
            if field.name in self.columns and not _has_text(field.type)
        }
        faults += [
            Fault(where, f"column '{n}' is nested or binary", "text") for n in sorted(nested)
        ]
        twice = {name for name, n in Counter(self.header).items() if n > 1}
        faults += [Fault(where, f"column '{n}' stands twice", "each once") for n in sorted(twice)]
        if faults:
            file.close()
            bad = nested | twice
            raise UnusableColumns(faults, [i for i, n in enumerate(self.header, 1) if n in bad])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._file.close()

    def __iter__(self) -> Iterator[TextBlock]:
        total = max(self._file.metadata.num_rows, 1)
        batches = self._file.iter_batches(self._block_rows, columns=list(self.columns))
        while True:
            try:
                batch = next(batches, None)
            except (pa.ArrowException, OSError):
                raise _damaged(self.where) from None
            if batch is None:
                return
            rows = pa.table(
                [self._text(batch.column(name)) for name in self.columns], list(self.columns)
            )
            first = self.n_records + 1
            self.n_records += batch.num_rows
            row_numbers = np.arange(first, self.n_records + 1, dtype=np.int64)
            done = self._n_bytes * self.n_records // total
            yield ArrowBlock(rows, row_numbers, done, self.columns)

    def _text(self, values: pa.Array) -> pa.StringArray:
        text = as_text(values)
        empty = pa.array(("", *self._null_values), pa.string())
        return pc.if_else(pc.is_in(text, empty), pa.scalar(None, pa.string()), text)


def as_text(values: pa.Array) -> pa.StringArray:
    """Values of any flat type as text; see open_parquet_table for the spelling."""
    kind = values.type
    if pa.types.is_dictionary(kind):
        return as_text(values.dictionary_decode())
    if pa.types.is_floating(kind):
        text = pc.cast(values, pa.string())
        text = pc.replace_substring_regex(text, r"^(-?\d+)$", r"\1.0")
        return pc.if_else(pc.is_nan(values), pa.scalar(None, pa.string()), text)
    if pa.types.is_timestamp(kind):
        zone = "Z" if kind.tz else ""
        text = pc.cast(pc.cast(values, pa.timestamp(kind.unit)), pa.string())
        text = pc.replace_substring(text, " ", "T", max_replacements=1)
        text = pc.replace_substring_regex(text, r"(\.\d*?)0+$", r"\1")
        text = pc.replace_substring_regex(text, r"\.$", "")
        return pc.binary_join_element_wise(text, zone, "")
    return pc.cast(values, pa.string())


def _has_text(kind: pa.DataType) -> bool:
    binary = pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
    return not (pa.types.is_nested(kind) or binary or pa.types.is_fixed_size_binary(kind))


def _damaged(where: str) -> SourceFileError:
    return SourceFileError(
        Fault(where, "the file is not whole Parquet", "a Parquet file", "Ask for the file again.")
    )
