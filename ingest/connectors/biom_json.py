"""BIOM 1.0: JSON whose matrix is read piece by piece, in whatever order its keys stand.

The file is gone through twice: once for the ids and the metadata, which are kept, and once for
`data`, of which only the numbers are. They must be sorted by sample, and so are held together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.biom_parts import (
    Entries,
    Floats,
    Ints,
    Metadata,
    as_text,
    end_of_block,
    fault,
    flat,
)
from biobraid.ingest.connectors.contract import FileJob

_PIECE = 1 << 20
_BLANK = re.compile(r"[ \t\r\n]*")
_END = re.compile(r"\][ \t\r\n]*\]")  # of a list of lists of numbers
_DECODER = json.JSONDecoder()
_ENTRY_BYTES = 64  # an entry, its copies while they are joined, and its place in the order
_LEAST_BYTES = 100e6
_MOST_TEXT = 256 << 20  # characters of one value: a row of a dense table, a list of metadata
_MALFORMED = (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError)


class JsonTable:
    """An open table; its entries are read when the blocks are asked for."""

    def __init__(self, job: FileJob, path: Path) -> None:
        self._job, self._path = job, path
        try:
            given = self._read_all_but_data()
        except (ValueError, RecursionError):  # UnicodeDecodeError is one
            raise fault(job, "the JSON is damaged or ends in the middle", "a whole file") from None
        try:
            rows, columns = given["rows"], given["columns"]
            given["data"]
            self.samples = [as_text(column["id"]) for column in columns]
            self.observations = [as_text(row["id"]) for row in rows]
            self.sample_metadata = _metadata(columns)
            self.observation_metadata = _metadata(rows)
        except _MALFORMED:
            raise self._malformed() from None
        self._is_dense = given.get("matrix_type", "sparse") == "dense"
        shape = [len(self.observations), len(self.samples)]
        if given.get("shape", shape) != shape:
            raise self._unfitting()

    def blocks(self) -> Iterator[Entries]:
        """All entries, samples in the table's order, each sample in one block."""
        observation, sample, value = self._entries()
        order = np.argsort(sample, kind="stable")
        n = len(self.samples)
        starts = np.zeros(n + 1, dtype=np.int64)
        np.cumsum(np.bincount(sample, minlength=n), out=starts[1:])
        first = 0
        while first < n:
            last = end_of_block(starts, first, n)
            at = order[starts[first] : starts[last]]
            yield Entries(
                first,
                last - first,
                sample[at].astype(np.int64),
                observation[at].astype(np.int64),
                value[at],
            )
            first = last

    def _read_all_but_data(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with self._path.open(encoding="utf-8-sig") as stream:
            text = _Text(stream)
            for key in text.names():
                if key == "data":
                    for _ in text.pieces():
                        pass
                    found[key] = True
                elif key in ("rows", "columns"):
                    found[key] = list(text.elements())
                else:
                    found[key] = text.value()
            text.end()
        return found

    def _entries(self) -> tuple[Ints, Ints, Floats]:
        """Observation, sample and value of each entry; of a dense table, those not zero."""
        parts: list[tuple[Any, Any, Floats]] = []
        n_entries, n_rows = 0, 0
        try:
            with self._path.open(encoding="utf-8-sig") as stream:
                text = _Text(stream)
                for key in text.names():
                    if key != "data":
                        text.skip(key)
                        continue
                    for piece in text.pieces():
                        numbers = np.array(json.loads(piece), dtype=np.float64)
                        parts.append(self._of_piece(numbers, n_rows))
                        n_rows += len(numbers)
                        n_entries += len(parts[-1][2])
                        self._refuse_too_many(n_entries)
        except _MALFORMED:
            raise self._malformed() from None
        if self._is_dense and n_rows != len(self.observations):
            raise self._malformed()
        if not parts:
            return np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0)
        observation, sample, value = (np.concatenate(c) for c in zip(*parts, strict=True))
        return observation, sample, value

    def _of_piece(self, numbers: Floats, n_before: int) -> tuple[Any, Any, Floats]:
        if self._is_dense:
            if numbers.ndim != 2 or numbers.shape[1] != len(self.samples):
                raise self._malformed()
            row, sample = np.nonzero(numbers)
            return (row + n_before).astype(np.int32), sample.astype(np.int32), numbers[row, sample]
        if numbers.ndim != 2 or numbers.shape[1] != 3:
            raise self._malformed()
        limits = np.array([len(self.observations), len(self.samples)])
        places = numbers[:, :2]
        if not ((places >= 0) & (places < limits) & (places == np.floor(places))).all():
            raise self._unfitting()
        return places[:, 0].astype(np.int32), places[:, 1].astype(np.int32), numbers[:, 2].copy()

    def _refuse_too_many(self, n_entries: int) -> None:
        most = max(self._job.memory_gb * 1e9, _LEAST_BYTES) / _ENTRY_BYTES
        if n_entries > most:
            raise SourceFileError(
                Fault(
                    self._job.where,
                    f"the JSON holds more than {int(most):,} entries, too many for the memory that "
                    f"a file may take ({self._job.memory_gb:.1f} GB)",
                    "BIOM 2.1 (HDF5), which is read in slices of any size",
                    "Convert it (`biom convert --to-hdf5`), or raise memory_limit_gb.",
                )
            )

    def _malformed(self) -> SourceFileError:
        return fault(
            self._job,
            "the JSON is no BIOM table: rows, columns or data are missing or malformed",
            "rows and columns with ids, data, shape and matrix_type, as BIOM 1.0 has them",
        )

    def _unfitting(self) -> SourceFileError:
        return fault(
            self._job, "data or shape do not fit the ids of rows and columns", "a whole file"
        )


class _Text:
    """A JSON object read piece by piece; ValueError where it is none, or ends in the middle."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream, self._text, self._at = stream, "", 0

    def names(self) -> Iterator[str]:
        """The keys; whoever asks reads the value of each before the next."""
        self._take("{")
        is_empty = self._peek() == "}"
        while not is_empty:
            key = self.value()
            self._take(":")
            yield str(key)
            if self._peek() == "}":
                break
            self._take(",")
        self._take("}")

    def value(self) -> Any:
        """The next value, whole."""
        self._peek()
        while True:
            try:
                found, end = _DECODER.raw_decode(self._text, self._at)
            except ValueError:
                if not self._is_longer():
                    raise
                continue
            if end == len(self._text) and self._more(_PIECE):
                continue  # a number may go on
            self._at = end
            return found

    def elements(self) -> Iterator[Any]:
        """The elements of a list."""
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return
        while True:
            yield self.value()
            if self._peek() == "]":
                self._take("]")
                return
            self._take(",")

    def pieces(self) -> Iterator[str]:
        """A list of lists of numbers as JSON texts of some lists each."""
        self._take("[")
        if self._peek() == "]":
            self._take("]")
            return
        while True:
            self._peek()
            end = _END.search(self._text, self._at)
            cut = end.start() + 1 if end else self._text.rfind("]", self._at) + 1
            if not cut:
                if not self._is_longer():
                    raise ValueError("the list is not closed")
                continue
            yield f"[{self._text[self._at : cut]}]"
            self._at = cut
            if self._peek() == "]":
                self._take("]")
                return
            self._take(",")

    def end(self) -> None:
        """Nothing may follow."""
        if self._peek():
            raise ValueError("something follows the document")

    def skip(self, key: str) -> None:
        """Go past the value of a key."""
        if key in ("rows", "columns"):
            for _ in self.elements():
                pass
        else:
            self.value()

    def _peek(self) -> str:
        """The next character that is not blank; empty at the end."""
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if not self._more(_PIECE):
                return ""

    def _take(self, sign: str) -> None:
        if self._peek() != sign:
            raise ValueError(f"no {sign}")
        self._at += 1

    def _is_longer(self) -> bool:
        """Read as much again as is held; False if that is enough, or all."""
        held = len(self._text) - self._at
        return held <= _MOST_TEXT and self._more(held)

    def _more(self, n: int) -> bool:
        """Read on, as much as is held or more; False at the end of the file."""
        more = self._stream.read(max(n, _PIECE))
        self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)


def _metadata(things: list[dict[str, Any]]) -> Metadata:
    names = {name for thing in things for name in (thing.get("metadata") or {})}
    return {
        name: [flat((thing.get("metadata") or {}).get(name)) for thing in things]
        for name in sorted(names)
    }
