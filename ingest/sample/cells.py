"""Columns of text cells, and files of delimited text written block by block."""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.sample.draws import Flags, Floats, Ints

Dates = npt.NDArray[np.datetime64]
_FIRST_DAY = np.datetime64("1880-01-01", "D")
_LAST_DAY = np.datetime64("2040-12-31", "D")


def blank(n: int) -> pa.Array:
    """n empty cells."""
    return pa.nulls(n, pa.string())


def same(text: str, n: int) -> pa.Array:
    """n equal cells."""
    return pa.array([text], pa.string()).take(pa.array(np.zeros(n, dtype=np.int64)))


def number(values: Floats | Ints, decimals: int = 0, absent: Flags | None = None) -> pa.Array:
    """Numbers as text, without trailing zeros; empty where absent or not finite."""
    if decimals == 0:
        return pc.cast(pa.array(np.rint(values).astype(np.int64), mask=absent), pa.string())
    gone = ~np.isfinite(values) if absent is None else absent | ~np.isfinite(values)
    return pc.cast(pa.array(np.round(values, decimals), mask=gone), pa.string())


def pick(labels: Sequence[str], index: Ints, absent: Flags | None = None) -> pa.Array:
    """labels[index] for each row; empty where absent."""
    return pa.array(list(labels), pa.string()).take(pa.array(index, mask=absent))


def date(values: Dates, form: str, absent: Flags | None = None) -> pa.Array:
    """Dates in strftime's form; empty where absent or not a date."""
    gone = np.isnat(values) if absent is None else absent | np.isnat(values)
    days = (np.where(gone, _FIRST_DAY, values) - _FIRST_DAY).astype(np.int64)
    return _calendar(form).take(pa.array(days, mask=gone))


def where(test: Flags, yes: pa.Array | str, no: pa.Array | str | None) -> pa.Array:
    """Cell by cell: yes where test, else no; None is an empty cell."""
    other = pa.scalar(None, pa.string()) if no is None else no
    return pc.if_else(pa.array(test), yes, other)


def joined(parts: Sequence[pa.Array | str], sign: str = "") -> pa.Array:
    """Cells joined by a sign; an empty cell counts as an empty text."""
    return pc.binary_join_element_wise(*parts, sign, null_handling="replace", null_replacement="")


def listed(parts: Sequence[pa.Array], sign: str = "|") -> pa.Array:
    """Those of the cells that are not empty, joined by a sign; '' where all are empty.

    pyarrow 26 drops rows that are null in every part under null_handling="skip", so each list
    begins with an empty text, whose sign is cut off again.
    """
    first = same("", len(parts[0]))
    listing = pc.binary_join_element_wise(first, *parts, sign, null_handling="skip")
    return pc.utf8_ltrim(listing, sign)


@cache
def _calendar(form: str) -> pa.Array:
    days = np.arange(_FIRST_DAY, _LAST_DAY + 1)
    return pc.strftime(pa.array(days), format=form)


class DelimitedFile:
    """A file being written: header first, then blocks of columns; closes to a whole file."""

    def __init__(
        self,
        path: Path,
        columns: Sequence[str],
        delimiter: str = ",",
        encoding: str = "utf-8",
        header: bool = True,
    ) -> None:
        self.columns = list(columns)
        self.delimiter = delimiter
        self.encoding = encoding
        path.parent.mkdir(parents=True, exist_ok=True)
        raw = path.open("wb")
        # No name and no time inside the gzip header: equal content gives equal bytes.
        packed = gzip.GzipFile("", "wb", 5, raw, mtime=0) if path.suffix == ".gz" else None
        self._layers: list[IO[bytes] | gzip.GzipFile] = [packed, raw] if packed else [raw]
        self._sink = io.BufferedWriter(packed or raw, 1 << 20)
        if header:
            self._sink.write((delimiter.join(self.columns) + "\n").encode(encoding))

    def write(
        self,
        cells: Mapping[str, pa.Array],
        edit: Callable[[list[str]], list[str]] | None = None,
    ) -> None:
        """Append a block; columns not given are empty; `edit` may spoil the finished lines."""
        n = len(next(iter(cells.values())))
        empty = blank(n)
        lines = joined([cells.get(c, empty) for c in self.columns], self.delimiter).to_pylist()
        if edit is not None:
            lines = edit(lines)
        if lines:
            self._sink.write(("\n".join(lines) + "\n").encode(self.encoding))

    def close(self) -> None:
        """Finish the file."""
        self._sink.flush()
        self._sink.close()
        for layer in self._layers:
            layer.close()

    def __enter__(self) -> DelimitedFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
