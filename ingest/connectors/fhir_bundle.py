"""A JSON document cut into the entries of its Bundle, without ever holding the whole of it.

Each entry comes out on a line of its own, blanks outside of strings left out; what follows
need not know that it was a document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.fhir_leaves import ENTRY, ROOT
from biobraid.ingest.connectors.fhir_stream import BLOCK_BYTES, MAX_LINE_BYTES, Block
from biobraid.ingest.connectors.fhir_tokens import (
    CLOSE,
    CLOSE_LIST,
    COMMA,
    OPEN,
    OPEN_LIST,
    STRING,
    Bools,
    Bytes,
    Ints,
    marks,
)

_BLANK = np.zeros(256, dtype=bool)
_BLANK[[9, 10, 13, 32]] = True
_TODO = "Nothing of the file was landed. Ask for it again."


class _Text(Protocol):
    bytes_done: int

    def read(self, n_bytes: int) -> bytes: ...


class _Lines:
    """Text in memory, given out at once."""

    bytes_done = 0

    def read(self, n_bytes: int) -> bytes:
        """Nothing more."""
        return b""


@dataclass
class _Scan:
    """Marks outside of strings, with the number of containers open after each."""

    position: Ints
    kind: Bytes
    depth: Ints
    quotes: Ints  # positions of all quotes that are not escaped

    @classmethod
    def of(cls, text: bytes) -> _Scan:
        position, kind, _ = marks(text)
        is_quote = kind == STRING
        inside = (np.cumsum(is_quote, dtype=np.int32) & 1).astype(bool)
        kept = ~inside & ~is_quote
        shown = kind[kept]
        is_open = (shown == OPEN) | (shown == OPEN_LIST)
        is_close = (shown == CLOSE) | (shown == CLOSE_LIST)
        depth = np.cumsum(is_open.astype(np.int64) - is_close)
        return cls(position[kept], shown, depth, position[is_quote])

    def first(self, kind: int, depth: int) -> int:
        """Position after the first mark of a kind that leaves so many open; -1 if none."""
        found = np.flatnonzero((self.kind == kind) & (self.depth == depth))
        return int(self.position[found[0]]) + 1 if len(found) else -1


class _Reader:
    """The text still to be cut, and where in the file it starts."""

    def __init__(self, stream: _Text, head: bytes, where: str) -> None:
        self._stream, self.text, self._where = stream, head, where
        self.line = 1
        self.stamp: str | None = None
        self._told = 0

    def more(self) -> bool:
        """Read on; false at the end of the file."""
        if len(self.text) > MAX_LINE_BYTES:
            raise self.fault(f"a resource is larger than {MAX_LINE_BYTES >> 20} MiB")
        chunk = self._stream.read(max(BLOCK_BYTES, len(self.text) // 2))
        self.text += chunk
        return bool(chunk)

    def take(self, n_bytes: int) -> bytes:
        """Cut off the first bytes."""
        taken, self.text = self.text[:n_bytes], self.text[n_bytes:]
        self.line += taken.count(b"\n")
        return taken

    def bytes_done(self) -> int:
        """Bytes of the file since last asked."""
        done = self._stream.bytes_done - self._told
        self._told += done
        return done

    def fault(self, found: str) -> SourceFileError:
        where = f"{self._where}, line {self.line}"
        return SourceFileError(Fault(where, found, "a whole Bundle or resource in JSON", _TODO))


def read_document(stream: _Text, head: bytes, where: str) -> Iterator[Block]:
    """Blocks of all documents of a file, as a rule one; see fhir_stream.read_blocks."""
    reader = _Reader(stream, head, where)
    while True:
        reader.take(len(reader.text) - len(reader.text.lstrip()))
        if not reader.text and not reader.more():
            return
        if not reader.text.lstrip():
            continue
        if not reader.text.lstrip().startswith(b"{"):
            raise reader.fault("something else than a JSON object begins here")
        yield from _read_one(reader)


def split_lines(block: Block, chosen: Bools, where: str) -> Iterator[Block]:
    """Entries of the Bundles that stand on some lines of a block."""
    lines = block.text.split(b"\n")
    for index in np.flatnonzero(chosen).tolist():
        number = int(block.numbers[index])
        for inner in read_document(_Lines(), lines[index], where):
            if inner.root == ENTRY:  # a Bundle without entries comes out whole
                yield replace(inner, numbers=np.full(len(inner), number))


def _read_one(reader: _Reader) -> Iterator[Block]:
    while True:
        scan = _Scan.of(reader.text)
        end = scan.first(CLOSE, 0)
        start = _entries(reader.text, scan)
        if start > 0 and (end < 0 or start < end):
            head = reader.take(start)
            reader.stamp = _stamp(head)
            yield from _read_entries(reader)
            _check_bundle(reader, head)
            return
        if end > 0:
            yield _as_line(reader, end)
            return
        if not reader.more():
            raise reader.fault("the document ends in the middle")


def _entries(text: bytes, scan: _Scan) -> int:
    """Position after the bracket that opens a Bundle's entries; -1 if it is not there yet."""
    for at in np.flatnonzero((scan.kind == OPEN_LIST) & (scan.depth == 2)).tolist():
        position = int(scan.position[at])
        before = text[max(0, position - 80) : position].rstrip()
        if before.endswith(b":") and before[:-1].rstrip().endswith(b'"entry"'):
            kind = _resource_type(text[:position] + b"[]}")
            return position + 1 if kind in (None, "Bundle") else -1
    return -1


def _stamp(head: bytes) -> str | None:
    """When the Bundle was made, as far as what stands before its entries says so."""
    try:
        found = json.loads(head + b"]}")
    except ValueError:
        return None
    meta = found.get("meta") if isinstance(found.get("meta"), dict) else {}
    stamp = meta.get("lastUpdated") or found.get("timestamp")
    return stamp if isinstance(stamp, str) else None


def _resource_type(text: bytes) -> str | None:
    """Type of a small document; None if it has none or cannot be read."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    kind = found.get("resourceType") if isinstance(found, dict) else None
    return kind if isinstance(kind, str) else None


def _read_entries(reader: _Reader) -> Iterator[Block]:
    """All entries up to the closing bracket, which is taken too."""
    while True:
        scan = _Scan.of(reader.text)
        end = scan.first(CLOSE_LIST, -1)
        if end < 0:
            commas = scan.position[(scan.kind == COMMA) & (scan.depth == 0)]
            cut = int(commas[-1]) + 1 if len(commas) else 0
        else:
            cut = end
        if cut:
            block = _lines(reader, scan, cut)
            if block is not None:
                yield block
        if end > 0:
            return
        if not reader.more():
            raise reader.fault("the Bundle ends in the middle of its entries")


def _lines(reader: _Reader, scan: _Scan, cut: int) -> Block | None:
    """The entries before `cut`, whose last byte is a comma or bracket, each on a line."""
    text, line = reader.text[:cut], reader.line
    data = np.frombuffer(text, dtype=np.uint8).copy()
    inside = _inside(data, scan.quotes[scan.quotes < cut])
    breaks = np.flatnonzero(data == 10)
    torn = breaks[inside[breaks]]
    if len(torn):
        reader.line += int(np.searchsorted(breaks, torn[0]))
        raise reader.fault("a line ends inside a string")
    between = scan.position[(scan.kind == COMMA) & (scan.depth == 0)]
    between = np.append(between[between < cut - 1], cut - 1)
    data[between] = 10
    kept = inside | ~_BLANK[data]
    kept[between] = True
    bare = data[kept].tobytes()
    if bare == b"\n":
        reader.take(cut)
        return None
    marks_at = np.searchsorted(scan.position, np.concatenate([[-1], between[:-1]]), side="right")
    first = scan.position[np.minimum(marks_at, len(scan.position) - 1)]
    numbers = line + np.searchsorted(breaks, first)
    reader.take(cut)
    return _decoded(reader, bare, numbers, ENTRY)


def _as_line(reader: _Reader, end: int) -> Block:
    """A document that is no Bundle (or one without entries) as one line."""
    data = np.frombuffer(reader.text[:end], dtype=np.uint8)
    quotes = _Scan.of(reader.text[:end]).quotes
    kept = _inside(data, quotes) | ~_BLANK[data]
    number = np.array([reader.line])
    reader.take(end)
    return _decoded(reader, data[kept].tobytes() + b"\n", number, ROOT)


def _decoded(reader: _Reader, text: bytes, numbers: Ints, root: int) -> Block:
    try:
        text.decode()
    except UnicodeDecodeError:
        raise reader.fault("the text before this line is not UTF-8") from None
    return Block(text, numbers, root, (), reader.bytes_done(), reader.stamp)


def _inside(data: Bytes, quotes: Ints) -> Bools:
    """Which bytes stand in a string, its opening quote included."""
    parity = np.zeros(len(data), dtype=np.uint8)
    parity[quotes] = 1
    return (np.cumsum(parity, dtype=np.uint8) & 1).astype(bool)


def _check_bundle(reader: _Reader, head: bytes) -> None:
    """The rest of the Bundle after its entries; it must be one."""
    while True:
        end = _Scan.of(reader.text).first(CLOSE, -1)
        if end > 0:
            break
        if not reader.more():
            raise reader.fault("the Bundle ends in the middle")
    tail = reader.take(end)
    if _resource_type(head + b"]" + tail) != "Bundle":
        raise reader.fault("the document has entries and is no Bundle")
