"""SomaScan ADAT files: what stands above the table, and the table's samples in blocks.

A file has the sections ^HEADER, ^COL_DATA, ^ROW_DATA and ^TABLE_BEGIN. The table begins with a
line for each attribute of the analytes, then a line of names of the columns about samples, then
a line a sample: its own columns, an empty one, and the RFU of each analyte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.tabular.block import reject_table
from biobraid.ingest.tabular.dialect import Dialect
from biobraid.ingest.tabular.stream import ByteStream

_BLOCK_CELLS = 1 << 20
_READ_BYTES = 4 << 20
_MOST_LINE_BYTES = 64 << 20
TABLE_BEGIN = "^TABLE_BEGIN"


@dataclass(frozen=True)
class AdatBlock:
    """Some samples: their columns, the cells of their analytes as text, and the ragged lines."""

    columns: dict[str, pa.StringArray]
    cells: npt.NDArray[np.object_]  # sample x analyte, bytes
    row_numbers: npt.NDArray[np.int64]
    rejects: pa.Table
    bytes_done: int

    def texts(self, samples: npt.NDArray[np.int64]) -> pa.StringArray:
        """The cells of some samples, one after another; empty is null."""
        flat = self.cells[samples].reshape(-1)
        try:
            text = pa.array(flat, pa.binary()).cast(pa.string())
        except pa.ArrowInvalid:  # bytes that are no UTF-8: no number, and rejected as such
            return pa.array([_text(cell) for cell in flat], pa.string())
        return pc.if_else(pc.equal(text, ""), pa.scalar(None, pa.string()), text)


class AdatFile:
    """An open ADAT file: its analytes, then its samples, once."""

    def __init__(self, job: FileJob) -> None:
        self._job = job
        self._stream = ByteStream(job.path, Dialect(delimiter="\t", quote=None), job.where)
        self._lines = self._read_lines()
        self._line = 0
        try:
            self._find_table()
            self.analytes, self.sample_columns = self._read_head()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the file."""
        self._stream.close()

    @property
    def n_analytes(self) -> int:
        """Analytes of each sample."""
        return len(next(iter(self.analytes.values())))

    def blocks(self) -> Iterator[AdatBlock]:
        """The samples, in the file's order."""
        n_own = len(self.sample_columns)
        width = n_own + 1 + self.n_analytes
        most = max(_BLOCK_CELLS // width, 1)
        rows: list[list[bytes]] = []
        numbers: list[int] = []
        ragged: list[int] = []
        for line in self._lines:
            self._line += 1
            if not line.strip():
                continue
            fields = line.split(b"\t")
            if len(fields) != width:
                ragged.append(self._line)
            else:
                rows.append(fields)
                numbers.append(self._line)
            if len(rows) >= most:
                yield self._block(rows, numbers, ragged)
                rows, numbers, ragged = [], [], []
        if rows or ragged:
            yield self._block(rows, numbers, ragged)

    def _block(self, rows: list[list[bytes]], numbers: list[int], ragged: list[int]) -> AdatBlock:
        n_own = len(self.sample_columns)
        columns = {
            name: pa.array([_text(row[i]) for row in rows], pa.string())
            for i, name in enumerate(self.sample_columns)
        }
        cells = np.array([row[n_own + 1 :] for row in rows], dtype=object)
        expected = f"{n_own + 1 + self.n_analytes} fields, as in the line of names"
        rejects = reject_table(np.array(ragged, np.int64), "ragged-row", expected)
        done = self._stream.bytes_done
        return AdatBlock(columns, cells, np.array(numbers, np.int64), rejects, done)

    def _find_table(self) -> None:
        for line in self._lines:
            self._line += 1
            if line.split(b"\t")[0].strip() == TABLE_BEGIN.encode():
                return
        raise self._fault("the line ^TABLE_BEGIN is missing", "an ADAT file, whole")

    def _read_head(self) -> tuple[dict[str, list[str | None]], list[str]]:
        """Attributes of the analytes, and the names of the columns about samples."""
        analytes: dict[str, list[str | None]] = {}
        for line in self._lines:
            self._line += 1
            fields = line.split(b"\t")
            if fields[0].strip():
                if not analytes:
                    break
                return analytes, self._sample_names(fields)
            name_at = next((i for i, f in enumerate(fields) if f.strip()), None)
            if name_at is None:
                continue
            analytes[_text(fields[name_at]) or ""] = [_text(f) for f in fields[name_at + 1 :]]
        raise self._fault(
            "the table ends before its lines of analytes and of column names",
            "lines of SeqId, SomaId, Target, ... and a line of names such as SampleId",
        )

    def _sample_names(self, fields: list[bytes]) -> list[str]:
        names = [_text(f) or "" for f in fields]
        while names and not names[-1]:
            names.pop()
        return names

    def _read_lines(self) -> Iterator[bytes]:
        rest = b""
        while True:
            more = self._stream.read(_READ_BYTES)
            if not more:
                break
            *lines, rest = (rest + more).split(b"\n")
            for line in lines:
                yield line.rstrip(b"\r")
            if len(rest) > _MOST_LINE_BYTES:
                raise self._fault("a line is longer than 64 MB", "a tab-separated ADAT file")
        if rest:
            yield rest.rstrip(b"\r")

    def _fault(self, found: str, expected: str) -> SourceFileError:
        todo = "Ask for the file again; nothing of it was landed."
        return SourceFileError(Fault(f"{self._job.where}, row {self._line}", found, expected, todo))


def _text(field: bytes) -> str | None:
    """A cell as text, trimmed; empty is null. Bytes that are no UTF-8 become marks."""
    return field.decode("utf-8", errors="replace").strip() or None
