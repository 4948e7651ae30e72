"""A delimited text file as a header and blocks of checked records, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from biobraid.core.errors import Fault, SourceFileError, near_misses
from biobraid.ingest.tabular.block import REJECT, DelimitedBlock, TextBlock, reject_table
from biobraid.ingest.tabular.dialect import Dialect
from biobraid.ingest.tabular.scan import CR, Bools, Scan, cell_bounds, scan
from biobraid.ingest.tabular.stream import ByteStream

BLOCK_BYTES = 8 << 20
MAX_RECORD_BYTES = 64 << 20
# A file is evidently in another encoding where more of its records than this are undecodable.
MAX_BAD_SHARE, MIN_BAD_RECORDS = 0.01, 3


def open_text_table(
    path: Path,
    dialect: Dialect,
    *,
    columns: Sequence[str] | None = None,
    block_bytes: int = BLOCK_BYTES,
    where: str = "",
) -> TextTable:
    """The file's header, checked; iterate for its blocks, once.

    columns: those that `block.table` holds (default: all). where: how errors name the file.
    Raises SourceFileError: empty, truncated or damaged file, duplicate header, a column that
    is missing, NUL bytes, another encoding, a quote that is never closed.
    """
    stream = ByteStream(path, dialect, where)
    try:
        return TextTable(stream, dialect, columns, block_bytes, where)
    except BaseException:
        stream.close()
        raise


class UnusableColumns(SourceFileError):
    """Columns that stand twice or are no text; places: their numbers, from 1, where no name may
    be told."""

    def __init__(self, faults: Fault | str | Sequence[Fault], places: Sequence[int] = ()) -> None:
        super().__init__(faults)
        self.places = tuple(places)


class TextTable:
    """An open delimited file. Empty lines and comment lines are no records."""

    def __init__(
        self,
        stream: ByteStream,
        dialect: Dialect,
        columns: Sequence[str] | None,
        block_bytes: int,
        where: str,
    ) -> None:
        self.where = where
        self.n_records = 0  # met so far, rejects included
        self._stream = stream
        self._dialect = dialect
        self._block_bytes = block_bytes
        self._delimiter = ord(dialect.delimiter)
        self._quote = None if dialect.quote is None else ord(dialect.quote)
        self._n_bad = 0
        self._line = 1  # of the first byte in _rest
        self._to_skip = dialect.skip_after_header
        self._rest = b""
        self.header_line, self.header = self._read_header()
        self.columns = self.header if columns is None else tuple(columns)
        known = set(self.header)
        missing = [c for c in self.columns if c not in known]
        if missing:
            raise SourceFileError([missing_column(where, c, self.header) for c in missing])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def __iter__(self) -> Iterator[TextBlock]:
        size = self._block_bytes
        while True:
            more = self._stream.read(max(size - len(self._rest), 1))
            data = self._rest + more
            if not more and not data:
                break
            if not more and not data.endswith(b"\n"):
                data += b"\n"
            found = scan(data, self._delimiter, self._quote)
            if found.n_bytes:
                self._rest = data[found.n_bytes :]
                block = self._block(data, found)
                self._line += data.count(b"\n", 0, found.n_bytes)
                size = self._block_bytes
                yield block
            elif not more or len(data) > MAX_RECORD_BYTES:
                raise self._unclosed(found)
            else:  # a record longer than the block: look at twice as much
                self._rest, size = data, 2 * max(size, len(data))
            if not more and self._rest:
                raise self._unclosed(found)
            if not more:
                break
        self._check_encoding()

    def _read_header(self) -> tuple[int, tuple[str, ...]]:
        dialect = self._dialect
        comment = None if dialect.comment is None else dialect.comment.encode()
        while True:
            record = self._next_line()
            if self._line - 1 <= dialect.skip_rows or not record.strip(b"\r\n"):
                continue
            if comment is not None and record.startswith(comment):
                continue
            line = self._line - 1
            found = scan(record, self._delimiter, self._quote)
            while not found.n_bytes:  # a quoted line end
                record += self._next_line()
                found = scan(record, self._delimiter, self._quote)
            return line, self._names(record, found)

    def _next_line(self) -> bytes:
        """The next physical line with its end; the header is looked for line by line."""
        at = self._rest.find(b"\n")
        while at < 0:
            more = self._stream.read(1)
            if len(self._rest) > MAX_RECORD_BYTES or not (more or self._rest):
                raise SourceFileError(
                    Fault(
                        self.where,
                        "the file has no header",
                        "a line of column names",
                        "Ask for the file again, or correct the source's skip_rows or comment.",
                    )
                )
            more = more or b"\n"
            start = len(self._rest)
            self._rest += more
            at = self._rest.find(b"\n", start)
        line, self._rest = self._rest[: at + 1], self._rest[at + 1 :]
        self._line += 1
        return line

    def _names(self, record: bytes, found: Scan) -> tuple[str, ...]:
        where = f"{self.where}, row {self._line - 1}"
        try:
            record.decode("utf-8")
        except UnicodeDecodeError:
            raise SourceFileError(
                Fault(
                    where,
                    "the header cannot be decoded",
                    f"{self._dialect.encoding} text",
                    "Declare the source's encoding (latin-1, cp1252, utf-16).",
                )
            ) from None
        n = int(found.n_fields[0])
        bounds, escaped = cell_bounds(found, np.ones(1, dtype=bool))
        plain = DelimitedBlock(
            tuple(str(i) for i in range(n)), (), record, bounds, escaped, np.zeros(1, np.int64),
            REJECT.empty_table(), 0, self._dialect.quote, (),
        )  # fmt: skip
        names = [(plain.column(str(i))[0].as_py() or "").strip() for i in range(n)]
        twice = {name: k for name, k in Counter(names).items() if k > 1}
        if twice:
            raise UnusableColumns(
                [
                    Fault(
                        where,
                        f"column '{name}' stands {k} times in the header",
                        "each column once",
                        "Ask for the file again, with a name of its own for each column.",
                    )
                    for name, k in sorted(twice.items())
                ],
                [i for i, name in enumerate(names, 1) if name in twice],
            )
        return tuple(names)

    def _block(self, data: bytes, found: Scan) -> DelimitedBlock:
        lines = found.lines() + self._line
        is_record = self._is_record(found)
        good = is_record.copy()
        rejects: list[pa.Table] = []

        def reject(is_bad: Bools, reason: str, expected: str) -> None:
            now = is_bad & good
            if now.any():
                rejects.append(reject_table(lines[now], reason, expected))
                good[now] = False

        if not data.isascii():
            is_bad = _undecodable(data, found)
            self._n_bad += int((is_bad & good).sum())
            reject(is_bad, "bad-encoding", f"{self._dialect.encoding} text")
        is_broken = np.zeros(len(lines), dtype=bool)
        is_broken[found.records_of(found.broken)] = True
        reject(is_broken, "stray-quote", "nothing between a closing quote and the delimiter")
        is_ragged = found.n_fields != len(self.header)
        reject(is_ragged, "ragged-row", f"{len(self.header)} fields, as in the header")
        self.n_records += int(is_record.sum())
        if self._n_bad > 1000:
            self._check_encoding()
        bounds, escaped = cell_bounds(found, good)
        return DelimitedBlock(
            header=self.header,
            columns=self.columns,
            data=data,
            bounds=bounds,
            escaped=escaped,
            row_numbers=lines[good],
            rejects=pa.concat_tables(rejects) if rejects else REJECT.empty_table(),
            bytes_done=self._stream.bytes_done,
            quote=self._dialect.quote,
            null_values=self._dialect.null_values,
        )

    def _is_record(self, found: Scan) -> Bools:
        """False for empty lines, comment lines and the rows declared to follow the header."""
        starts, ends = found.record_starts, found.record_ends
        is_cr = (ends > starts) & (found.data[ends - 1] == CR)
        is_record: Bools = ends - is_cr > starts
        if self._dialect.comment is not None:
            is_comment = np.ones(len(starts), dtype=bool)
            for i, byte in enumerate(self._dialect.comment.encode()):
                is_comment &= found.data[np.minimum(starts + i, ends)] == byte
            is_record &= ~is_comment
        if self._to_skip:
            skipped = np.flatnonzero(is_record)[: self._to_skip]
            is_record[skipped] = False
            self._to_skip -= len(skipped)
        return is_record

    def _check_encoding(self) -> None:
        if self._n_bad >= MIN_BAD_RECORDS and self._n_bad > MAX_BAD_SHARE * self.n_records:
            raise SourceFileError(
                Fault(
                    self.where,
                    f"{self._n_bad} of {self.n_records} records cannot be decoded: "
                    "the file is in another encoding",
                    self._dialect.encoding,
                    "Declare the source's encoding (latin-1, cp1252, utf-16).",
                )
            )

    def _unclosed(self, found: Scan) -> SourceFileError:
        return SourceFileError(
            Fault(
                f"{self.where}, row {self._line}",
                "a quote that opens in this record is never closed"
                if found.is_open
                else f"the record is longer than {MAX_RECORD_BYTES >> 20} MB",
                "each quoted field closed before the file ends",
                "If quotes are ordinary text in this file, declare quote: null.",
            )
        )


def missing_column(where: str, name: str, header: Sequence[str]) -> Fault:
    """Fault of a column that the file lacks, with near misses."""
    return Fault(
        where, f"there is no column '{name}'", "the columns that the source declares",
        suggestions=near_misses(name, header),
    )  # fmt: skip


def _undecodable(data: bytes, found: Scan) -> Bools:
    """Which complete records are not valid UTF-8."""
    is_bad = np.zeros(len(found.record_ends), dtype=bool)
    try:
        data[: found.n_bytes].decode("utf-8")
    except UnicodeDecodeError:
        pairs = zip(found.record_starts.tolist(), found.record_ends.tolist(), strict=True)
        for i, (start, end) in enumerate(pairs):
            try:
                data[start:end].decode("utf-8")
            except UnicodeDecodeError:
                is_bad[i] = True
    return is_bad
