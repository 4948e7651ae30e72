"""Staging: chunks of one delivered file become parts under partial names."""

from __future__ import annotations

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.files import PARTIAL
from biobraid.ingest.landing.parts import (
    PACKED,
    PACKED_GROUP_BYTES,
    PART_ROWS,
    ROW_GROUP_ROWS,
    ROW_NUMBER,
    PartFile,
    file_schema,
    finish_part,
    fitted,
    open_part,
    part_folder,
    row_group_rows,
)

_PACKED_BYTES = 8 * PACKED_GROUP_BYTES


class Stage:
    """Parts of one delivered file while it is being read; one open writer per table."""

    def __init__(self, root: Path, study: str, source: str, batch: str, memory_gb: float) -> None:
        self._root = root
        self._origin = {"study": study, "source": source, "batch": batch}
        self._buffer_bytes = int(memory_gb * 1e9 / 8)
        self._tables: dict[str, _TableStage] = {}

    def add(self, table: str, rows: pa.Table) -> None:
        """Take the rows of one chunk."""
        if rows.num_rows == 0:
            return
        if table not in self._tables:
            schema = file_schema(table, ROW_NUMBER in rows.column_names)
            folder = part_folder(self._root, table, **self._origin)
            self._tables[table] = _TableStage(table, folder, self._origin, schema)
        self._tables[table].add(rows, self._buffer_bytes)

    def finish(self) -> list[PartFile]:
        """Flush everything; returns the staged parts."""
        return [part for stage in self._tables.values() for part in stage.finish()]

    def abort(self) -> None:
        """Remove everything staged."""
        for stage in self._tables.values():
            stage.abort()


class _TableStage:
    def __init__(self, table: str, folder: Path, origin: dict[str, str], schema: pa.Schema) -> None:
        self._table, self._folder, self._schema = table, folder, schema
        self._origin = origin
        self._buffer: list[pa.Table] = []
        self._buffered_rows = 0
        self._buffered_bytes = 0
        self._writer: pq.ParquetWriter | None = None
        # Row groups are written beside the reading: encoding needs no interpreter lock.
        self._pool: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None
        self._part_rows = 0
        self._done: list[PartFile] = []

    def add(self, rows: pa.Table, buffer_bytes: int) -> None:
        if ROW_NUMBER in rows.column_names and ROW_NUMBER not in self._schema.names:
            raise ValueError(f"{self._table}: {ROW_NUMBER} must be in the first chunk too")
        table = fitted(self._with_origin(rows), self._schema)
        self._buffer.append(table)
        self._buffered_rows += table.num_rows
        self._buffered_bytes += table.nbytes
        # Row groups of packed values are small: what fills some of them need not wait for more.
        most = min(buffer_bytes, _PACKED_BYTES) if PACKED in self._schema.names else buffer_bytes
        if self._buffered_rows >= ROW_GROUP_ROWS or self._buffered_bytes >= most:
            self._flush()

    def _with_origin(self, rows: pa.Table) -> pa.Table:
        for name, value in self._origin.items():
            indices = pa.array(np.zeros(rows.num_rows, np.int32))
            column = pa.DictionaryArray.from_arrays(indices, pa.array([value]))
            if name in rows.column_names:
                rows = rows.drop_columns([name])
            rows = rows.append_column(name, column)
        return rows

    def _flush(self) -> None:
        if not self._buffer:
            return
        # One dictionary per row group: the writer would fall back to plain text otherwise.
        table = pa.concat_tables(self._buffer).unify_dictionaries()
        self._wait()
        if self._writer is None:
            self._writer = open_part(self._path(), self._schema)
        self._pool = self._pool or ThreadPoolExecutor(1)
        self._writing = self._pool.submit(
            self._writer.write_table, table, row_group_size=row_group_rows(table)
        )
        self._part_rows += table.num_rows
        self._buffer, self._buffered_rows, self._buffered_bytes = [], 0, 0
        if self._part_rows >= PART_ROWS:
            self._close_part()

    def _wait(self) -> None:
        """Until the last row group is written; what went wrong with it is raised here."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _stop(self) -> None:
        """End the writing thread; a later chunk (rejects of a settled file) starts another."""
        if self._pool is not None:
            self._pool.shutdown()
            self._pool = None

    def _close_part(self) -> None:
        self._wait()
        if self._writer is None:
            return
        writer, self._writer = self._writer, None
        finish_part(writer, self._path())
        self._done.append(
            PartFile(
                self._table,
                self._path(),
                self._origin["batch"],
                len(self._done),
                self._part_rows,
            )
        )
        self._part_rows = 0

    def finish(self) -> list[PartFile]:
        self._flush()
        self._close_part()
        self._stop()
        return self._done

    def abort(self) -> None:
        with suppress(Exception):  # the reason is known, or is this one
            self._wait()
        self._stop()
        if self._writer is not None:
            with suppress(Exception):  # the disk may be full; the file goes anyway
                self._writer.close()
        self._writer = None
        self._path().unlink(missing_ok=True)
        for part in self._done:
            part.path.unlink(missing_ok=True)

    def _path(self) -> Path:
        number = len(self._done)
        return self._folder / f"part-{number}.parquet.{os.getpid()}{PARTIAL}"
