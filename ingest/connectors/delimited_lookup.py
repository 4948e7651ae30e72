"""Columns that another file of the delivery holds: whose a sample is, how old a person was.

The other file lies in the folder of the file that is read, or below it, and is written alike.
A worker reads it once for all the files of a delivery that it is asked to read.
Both are one delivery: a change in the other file alone does not read this one again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.delimited_options import DelimitedOptions
from biobraid.ingest.connectors.delimited_rules import Lookup
from biobraid.ingest.key_index import KeyIndex
from biobraid.ingest.tabular import (
    Dialect,
    ParquetTable,
    TextTable,
    is_parquet,
    open_parquet_table,
    open_text_table,
)
from biobraid.ingest.tabular.text_table import missing_column

_NONE = pa.scalar(None, pa.string())


@dataclass(frozen=True)
class Joined:
    """A column looked up: a value for each of the keys."""

    on: str  # column of the file that is read
    keys: KeyIndex
    values: pa.StringArray

    def of(self, given: pa.StringArray) -> pa.StringArray:
        """The value for each key; null where the other file has none."""
        return self.values.take(self.keys.find(given))


def open_table(path: Path, dialect: Dialect, where: str) -> TextTable | ParquetTable:
    """A delivered table in the form that was declared, or Parquet."""
    if is_parquet(path):
        return open_parquet_table(path, null_values=dialect.null_values, where=where)
    return open_text_table(path, dialect, where=where)


def read_lookups(
    job: FileJob, options: DelimitedOptions, present: Sequence[str]
) -> dict[str, Joined]:
    """The columns that the options look up, by name; all faults of one look-up at once.

    present: columns of the file that is read. A look-up may use the column of an earlier one.
    SourceFileError: no such file, a missing column, or a key with two different values.
    """
    joined: dict[str, Joined] = {}
    for lookup in options.lookup:
        where = f"{job.where}, lookup {lookup.files}"
        on = lookup.on or lookup.key
        if on not in present and on not in joined:
            raise SourceFileError(missing_column(where, on, [*present, *joined]))
        paths = _paths(job, lookup, where)
        asked = _Asked(paths, lookup.key, tuple(lookup.columns), options.dialect(), where)
        for name, (keys, values) in _read(asked).items():
            joined[name] = Joined(on, keys, values)
    return joined


@dataclass(frozen=True)
class _Asked:
    """What a look-up reads: the same again is the same files, unchanged, written alike."""

    paths: tuple[tuple[Path, int, int], ...]  # with the size and the time of the last change
    key: str
    columns: tuple[str, ...]
    dialect: Dialect
    where: str = field(compare=False)


def _paths(job: FileJob, lookup: Lookup, where: str) -> tuple[tuple[Path, int, int], ...]:
    if PurePosixPath(lookup.files).is_absolute() or ".." in PurePosixPath(lookup.files).parts:
        raise SourceFileError(Fault(where, "the pattern leads out of the delivery's folder"))
    paths = sorted(p for p in job.path.parent.glob(lookup.files) if p.is_file())
    if not paths:
        raise SourceFileError(
            Fault(where, "no file beside the delivered one matches", "the file it is read with")
        )
    stats = [path.stat() for path in paths]
    return tuple((p, s.st_size, s.st_mtime_ns) for p, s in zip(paths, stats, strict=True))


@lru_cache(maxsize=4)  # what is kept takes memory: no more than one source looks up
def _read(asked: _Asked) -> dict[str, tuple[KeyIndex, pa.StringArray]]:
    """Keys and values of each column."""
    blocks = list(_columns(asked))
    table = pa.concat_tables(blocks).combine_chunks()
    table = table.filter(table[asked.key].is_valid())
    found = {}
    for name in asked.columns:
        pairs = table.select([asked.key, name]).filter(table[name].is_valid())
        pairs = pairs.group_by([asked.key, name]).aggregate([])
        n = pairs.num_rows - len(pc.unique(pairs[asked.key]))
        if n:
            told = f"{n} values of '{asked.key}' have more than one '{name}'"
            raise SourceFileError(Fault(asked.where, told, "one"))
        keys, values = (pairs[c].combine_chunks() for c in (asked.key, name))
        found[name] = (KeyIndex(keys), values)
    return found


def _columns(asked: _Asked) -> Iterator[pa.Table]:
    names, where = (asked.key, *asked.columns), asked.where
    for path, *_ in asked.paths:
        with open_table(path, asked.dialect, where) as table:
            missing = [name for name in names if name not in table.header]
            if missing:
                raise SourceFileError([missing_column(where, n, table.header) for n in missing])
            yield pa.table({name: pa.array([], pa.string()) for name in names})
            for block in table:
                yield pa.table({name: _trimmed(block.column(name)) for name in names})


def _trimmed(values: pa.StringArray) -> pa.StringArray:
    text = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(text, ""), _NONE, text)
