"""Streaming one table of a download into Parquet, block by block, from a folder or a zip."""

from __future__ import annotations

import hashlib
import re
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from biobraid.core.errors import Fault, SourceFileError
from biobraid.core.files import atomic_path
from biobraid.core.omop import table_fields
from biobraid.ingest.vocabulary.athena import (
    CPT4,
    DELIMITER,
    Member,
    athena_schema,
    column_faults,
    cut_fault,
)
from biobraid.ingest.vocabulary.line_faults import line_faults

BLOCK_BYTES = 16 << 20
BATCH_ROWS = 1 << 17
DATE = re.compile(r"(\d{4})-?(\d\d)-?(\d\d)")
OnBytes = Callable[[int], None]


@dataclass(frozen=True)
class Read:
    """What was read of a table: rows, and the hash of the bytes they came from."""

    rows: int
    sha256: str


class _BadCells(Exception):
    """A block holds cells that are not what the column promises."""


def read_member(member: Member, columns: list[str], out: Path, on_bytes: OnBytes) -> Read:
    """Write the rows of one file to `out` in the table's columns and types.

    columns: those of the file, in its order. Empty cells of text columns stay empty texts.
    `out` appears only when the whole file was read and found sound.
    Raises SourceFileError with every fault of the file: lines and counts, first line of each.
    """
    try:
        with atomic_path(out) as partial:
            if member.is_parquet:
                return _read_parquet(member, partial, on_bytes)
            return _read_text(member, columns, partial, on_bytes)
    except (pa.ArrowInvalid, _BadCells) as error:
        found = [] if member.is_parquet else line_faults(member, columns, required(member.table))
        why = str(error).split("\n", 1)[0][:200]
        general = Fault(member.name, f"cannot be read ({why})", "a table as Athena gives it")
        raise SourceFileError(found or general) from None
    except (zipfile.BadZipFile, zlib.error, EOFError):
        raise SourceFileError(
            Fault(member.name, "its bytes in the zip are damaged or cut", "",
                  "Download the zip again.")
        ) from None  # fmt: skip


def required(table: str) -> frozenset[str]:
    """Columns that must not be empty: keys and dates; an empty name is let through."""
    fields = table_fields("concept" if table == CPT4 else table)
    return frozenset(f.name for f in fields if f.is_required and f.type != "VARCHAR")


def _read_text(member: Member, columns: list[str], out: Path, on_bytes: OnBytes) -> Read:
    schema = athena_schema(member.table)
    with member.open() as handle:
        source = _Counted(handle, on_bytes)
        blocks = csv.open_csv(
            pa.PythonFile(source, mode="r"),
            read_options=csv.ReadOptions(column_names=columns, skip_rows=1, block_size=BLOCK_BYTES),
            # No quoting: a quote is a character of a name.
            parse_options=csv.ParseOptions(delimiter=DELIMITER, quote_char=False),
            convert_options=csv.ConvertOptions(
                column_types={f.name: _text_type(f) for f in schema},
                include_columns=schema.names,
                null_values=[""],
                strings_can_be_null=False,
            ),
        )
        rows = _write(blocks, member.table, schema, out)
        source.drain()
        if source.last != b"\n":
            raise SourceFileError(cut_fault(member))
    return Read(rows, source.hash.hexdigest())


def _read_parquet(member: Member, out: Path, on_bytes: OnBytes) -> Read:
    schema = athena_schema(member.table)
    with _seekable(member, out) as (path, on_disk):
        del on_disk
        with path.open("rb") as handle:
            source = _Counted(handle, on_bytes)
            source.drain()
        file = pq.ParquetFile(path)
        names = {name.lower(): name for name in file.schema_arrow.names}
        faults = column_faults(member, list(names))
        if faults:
            raise SourceFileError(faults)
        wanted = [names[name] for name in schema.names]
        batches = (
            pa.RecordBatch.from_arrays([batch[n] for n in wanted], names=schema.names)
            for batch in file.iter_batches(batch_size=BATCH_ROWS, columns=wanted)
        )
        return Read(_write(batches, member.table, schema, out), source.hash.hexdigest())


@contextmanager
def _seekable(member: Member, out: Path) -> Iterator[tuple[Path, bool]]:
    """The member as a file: Parquet is read from its end, so that of a zip is unpacked first."""
    if not member.inner:
        yield member.container, True
        return
    with atomic_path(out.with_name(f"{member.table}.unpacked")) as partial:
        with member.open() as packed, partial.open("wb") as handle:
            shutil.copyfileobj(packed, handle, BLOCK_BYTES)
        yield partial, False
    out.with_name(f"{member.table}.unpacked").unlink(missing_ok=True)


def _write(
    batches: Iterator[pa.RecordBatch] | Any, table: str, schema: pa.Schema, out: Path
) -> int:
    rows = 0
    needed = required(table)
    with pq.ParquetWriter(out, schema, compression="lz4") as writer:
        for batch in batches:
            arrays = [_typed(batch[f.name], f, f.name in needed) for f in schema]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
            rows += batch.num_rows
    return rows


def _text_type(field: pa.Field) -> pa.DataType:
    # Few different dates stand in many cells: each is parsed once a block, not once a row.
    return pa.dictionary(pa.int32(), pa.string()) if pa.types.is_date(field.type) else field.type


def _typed(column: pa.Array, field: pa.Field, is_required: bool) -> pa.Array:
    if pa.types.is_date(field.type):
        typed = dates(column)
    else:
        typed = column if column.type == field.type else pc.cast(column, field.type)
        if typed.null_count and pa.types.is_string(field.type):
            typed = pc.fill_null(typed, "")
    if is_required and typed.null_count:
        raise _BadCells(f"empty or wrong cells in {field.name}")
    return typed


def dates(column: pa.Array) -> pa.Array:
    """date32 of YYYYMMDD or YYYY-MM-DD as text or number, of dates and of timestamps.

    Empty gives null; a text that is no date raises.
    """
    if pa.types.is_date(column.type) or pa.types.is_timestamp(column.type):
        return pc.cast(column, pa.date32(), safe=False)
    if pa.types.is_integer(column.type):
        column = pc.cast(column, pa.string())
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    found = pa.array([_date(text) for text in column.dictionary.to_pylist()], pa.date32())
    return found.take(column.indices)


def _date(text: str | None) -> date | None:
    if not text:
        return None
    parts = DATE.fullmatch(text)
    try:
        if parts is None:
            raise ValueError
        return date(*map(int, parts.groups()))
    except ValueError:
        raise _BadCells("a cell is no date") from None


class _Counted:
    """A file that tells how many bytes were read, hashes them and knows the last one."""

    def __init__(self, handle: IO[bytes], on_bytes: OnBytes) -> None:
        self.hash = hashlib.sha256()
        self.last = b""
        self.closed = False
        self._handle = handle
        self._on_bytes = on_bytes

    def read(self, n_bytes: int = -1) -> bytes:
        """The next bytes."""
        data = self._handle.read(n_bytes)
        if data:
            self.hash.update(data)
            self.last = data[-1:]
            self._on_bytes(len(data))
        return data

    def drain(self) -> None:
        """Read what is left."""
        while self.read(BLOCK_BYTES):
            pass

    def close(self) -> None:
        """The file is closed by whoever opened it."""
        self.closed = True
