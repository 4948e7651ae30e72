"""Lines of JSON made column by column from a template, and NDJSON files written block by block."""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.ingest.sample.cells import joined, where
from biobraid.ingest.sample.draws import Flags, Ints

_HOLE = re.compile(r"\{\{(\w+)\}\}")  # compact JSON never opens two braces at once


def filled(template: str, cells: Mapping[str, pa.Array | str]) -> pa.Array:
    """The template once per row, each {{hole}} filled with that column's cell ('' if null).

    Cells are put in as they are: they hold no quotes and no backslashes, or are JSON already.
    At least one hole must name an array.
    """
    texts = _HOLE.split(template)
    parts = [text if i % 2 == 0 else cells[text] for i, text in enumerate(texts)]
    return joined([part for part in parts if not (isinstance(part, str) and part == "")])


def optional(template: str, test: Flags, cells: Mapping[str, pa.Array | str]) -> pa.Array:
    """A filled template where `test`, '' elsewhere: an element that a resource may lack."""
    return where(test, filled(template, cells), "")


class JsonLinesFile:
    """A gzipped NDJSON file being written; one without a line is not made at all."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._raw: IO[bytes] | None = None

    def write(self, lines: pa.Array) -> None:
        """Append a block of lines."""
        if not len(lines):
            return
        if self._raw is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._raw = self.path.open("wb")
            # No name and no time inside the gzip header: equal content gives equal bytes.
            self._packed = gzip.GzipFile("", "wb", 5, self._raw, mtime=0)
            self._sink = io.BufferedWriter(self._packed, 1 << 20)
        self._sink.write(_bytes(joined([lines, "\n"])))

    def close(self) -> None:
        """Finish the file."""
        if self._raw is not None:
            self._sink.close()
            self._packed.close()
            self._raw.close()
            self._raw = None

    def __enter__(self) -> JsonLinesFile:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()


def after_last(lines: pa.Array, is_theirs: Flags, extra: list[str]) -> pa.Array:
    """The lines with `extra` put in after the last of `is_theirs`; unchanged if there is none."""
    at = np.flatnonzero(is_theirs)
    if not len(at):
        return lines
    end = int(at[-1]) + 1
    return pa.concat_arrays([lines[:end], pa.array(extra, pa.string()), lines[end:]])


def by_person(parts: Sequence[tuple[pa.Array, Ints]]) -> pa.Array:
    """Lines of several kinds, each with its person's row, one person after another."""
    rows = np.concatenate([row for _, row in parts])
    lines = pa.concat_arrays([part for part, _ in parts])
    return lines.take(pa.array(np.argsort(rows, kind="stable")))


def _bytes(lines: pa.Array) -> memoryview | bytes:
    """All cells one after another, without a Python object per row."""
    whole = pc.cast(lines, pa.large_string()) if lines.offset else lines
    width = np.int64 if whole.type == pa.large_string() else np.int32
    _, offsets, data = whole.buffers()
    ends = np.frombuffer(offsets, dtype=width)
    first, last = int(ends[whole.offset]), int(ends[whole.offset + len(whole)])
    return memoryview(data)[first:last] if data is not None else b""
