"""Where records and fields begin and end in a block of bytes, found with whole-array operations.

A quote opens only as the first character of a field. Where every quote of a block sits as
RFC 4180 wants it, the parity of the quotes seen so far says whether a byte is inside quotes;
that is checked first, and only a block that fails the check is walked quote by quote.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LF, CR = 10, 13
Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Scan:
    """Layout of the complete records at the start of a block.

    separators: position of each delimiter or line end outside quotes, in order.
    record_ends: positions among them that are line ends; last_field: their index in
    separators. escapes: position of one of each pair of doubled quotes inside quotes.
    broken: position of closing quotes that something other than a separator follows.
    """

    data: npt.NDArray[np.uint8]
    n_bytes: int  # consumed by complete records
    separators: Ints
    record_ends: Ints
    last_field: Ints
    escapes: Ints
    broken: Ints
    openers: Ints  # positions of the quotes that open a field
    is_open: bool  # a quote is open at the end of the block

    @property
    def n_fields(self) -> Ints:
        """Number of fields of each record."""
        return np.diff(self.last_field, prepend=-1)

    @property
    def record_starts(self) -> Ints:
        """Position of each record's first byte."""
        starts = np.empty_like(self.record_ends)
        starts[:1] = 0
        starts[1:] = self.record_ends[:-1] + 1
        return starts

    def lines(self) -> Ints:
        """Number of physical lines that end before each record starts."""
        line_ends = np.flatnonzero(self.data[: self.n_bytes] == LF)
        if len(line_ends) == len(self.record_ends):
            return np.arange(len(line_ends))
        return np.searchsorted(line_ends, self.record_starts)

    def records_of(self, positions: Ints) -> Ints:
        """Index of the record each position lies in, complete records only."""
        return np.searchsorted(self.record_ends, positions[positions < self.n_bytes])


@dataclass(frozen=True)
class _Quotes:
    toggles: Ints
    escapes: Ints
    broken: Ints


def scan(block: bytes, delimiter: int, quote: int | None) -> Scan:
    """Find the complete records of a block that starts at the start of a record."""
    data = np.frombuffer(block, dtype=np.uint8)
    is_line_end = data == LF
    is_separator = data == delimiter
    is_separator |= is_line_end
    nothing = np.empty(0, dtype=np.int64)
    quotes = _Quotes(nothing, nothing, nothing)
    if quote is not None and bytes([quote]) in block:
        quotes = _read_quotes(data, is_separator, quote)
        _clear_inside(quotes.toggles, is_separator, is_line_end)
    record_ends = np.flatnonzero(is_line_end)
    n_bytes = int(record_ends[-1]) + 1 if len(record_ends) else 0
    separators = np.flatnonzero(is_separator[:n_bytes])
    return Scan(
        data=data,
        n_bytes=n_bytes,
        separators=separators,
        record_ends=record_ends,
        last_field=np.searchsorted(separators, record_ends),
        escapes=quotes.escapes,
        broken=quotes.broken,
        openers=quotes.toggles[0::2],
        is_open=len(quotes.toggles) % 2 == 1,
    )


def _clear_inside(toggles: Ints, *marks: Bools) -> None:
    """Make marks false from each opening quote to the quote that closes it."""
    n_bytes = len(marks[0])
    if len(toggles) < n_bytes // 512:  # few quotes: faster one by one than byte by byte
        ends = [*toggles.tolist(), n_bytes]
        for start, end in zip(ends[0:-1:2], ends[1::2], strict=True):
            for mark in marks:
                mark[start:end] = False
        return
    inside = np.zeros(n_bytes, dtype=np.uint8)
    inside[toggles] = 1
    outside = np.bitwise_xor.accumulate(inside, out=inside) == 0
    for mark in marks:
        mark &= outside


def _read_quotes(data: npt.NDArray[np.uint8], is_separator: Bools, quote: int) -> _Quotes:
    at = np.flatnonzero(data == quote)
    starts_field = _starts_field(at, is_separator)
    ends_field = _ends_field(at, data, is_separator)
    adjacent = np.diff(at) == 1  # quote i is directly followed by quote i + 1
    opener, closer = slice(0, None, 2), slice(1, None, 2)
    # An opener follows a separator or a closer; a closer precedes a separator or an opener.
    after_quote = np.concatenate(([False], adjacent))
    before_quote = np.concatenate((adjacent, [False]))
    regular = (starts_field | after_quote)[opener].all() and (ends_field | before_quote)[
        closer
    ].all()
    if regular:
        escapes = at[1::2][before_quote[1::2]]
        return _Quotes(at, escapes, np.empty(0, dtype=np.int64))
    return _walk(at, starts_field, ends_field, before_quote)


def _starts_field(at: Ints, is_separator: Bools) -> Bools:
    """Whether each position is the first byte of the block or follows a separator."""
    starts: Bools = is_separator[at - 1]
    starts[at == 0] = True
    return starts


def _ends_field(at: Ints, data: npt.NDArray[np.uint8], is_separator: Bools) -> Bools:
    """Whether a separator, CR LF or the end of the block follows each position."""
    last = len(data) - 1
    ends: Bools = is_separator[np.minimum(at + 1, last)] | (at == last)
    is_cr = data[np.minimum(at + 1, last)] == CR
    ends |= is_cr & ((at + 1 >= last) | (data[np.minimum(at + 2, last)] == LF))
    return ends


def _walk(at: Ints, starts_field: Bools, ends_field: Bools, before_quote: Bools) -> _Quotes:
    """Quote by quote, as Python's csv module reads: for blocks with stray quotes only."""
    toggles: list[int] = []
    escapes: list[int] = []
    broken: list[int] = []
    positions, opens = at.tolist(), starts_field.tolist()
    closes, doubled = ends_field.tolist(), before_quote.tolist()
    i, n = 0, len(positions)
    while i < n:
        if not opens[i]:  # a quote inside an unquoted field is text
            i += 1
            continue
        toggles.append(positions[i])
        i += 1
        while i < n and doubled[i]:
            escapes.append(positions[i])
            i += 2
        if i < n:
            toggles.append(positions[i])
            if not closes[i]:
                broken.append(positions[i])
            i += 1
    as_ints = (np.array(x, dtype=np.int64) for x in (toggles, escapes, broken))
    return _Quotes(*as_ints)


def cell_bounds(
    found: Scan, good: Bools
) -> tuple[np.ndarray[tuple[int], np.dtype[np.int32]], Bools | None]:
    """Start and end of every cell of the good records, interleaved, and which hold escapes.

    Quotes around a cell and the CR of CR LF are left out of it.
    """
    separators, data = found.separators, found.data
    n = len(separators)
    bounds = np.zeros(2 * n + 1, dtype=np.int32)
    starts, ends = bounds[0:-1:2], bounds[1::2]
    starts[1:] = separators[:-1]
    starts[1:] += 1
    ends[:] = separators
    last = found.last_field
    ends[last] -= (ends[last] > starts[last]) & (data[ends[last] - 1] == CR)
    escaped = None
    if len(found.openers):
        is_quoted = np.searchsorted(separators, found.openers[found.openers < found.n_bytes])
        starts[is_quoted] += 1
        ends[is_quoted] -= 1
        escaped = _cells_at(found.escapes[found.escapes < found.n_bytes], separators)
    bounds[-1] = found.n_bytes
    if not good.all():
        keep = np.repeat(good, found.n_fields)
        kept = np.empty(2 * int(keep.sum()) + 1, dtype=np.int32)
        kept[0:-1:2], kept[1::2] = starts[keep], ends[keep]
        kept[-1] = found.n_bytes
        return kept, None if escaped is None else escaped[keep]
    return bounds, escaped


def _cells_at(positions: Ints, separators: Ints) -> Bools | None:
    if not len(positions):
        return None
    is_hit = np.zeros(len(separators), dtype=bool)
    is_hit[np.searchsorted(separators, positions)] = True
    return is_hit
