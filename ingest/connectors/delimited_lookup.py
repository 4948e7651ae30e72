"""Columns that another file of the delivery holds: whose a sample is, how old a person was.

The other file lies in the folder of the file that is read, or below it, and is written alike.
Both are one delivery: a change in the other file alone does not read this one again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.delimited_options import DelimitedOptions
from biobraid.ingest.connectors.delimited_rules import Lookup
from biobraid.ingest.tabular import (
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
    """A column looked up: `values` by `keys`, each key once."""

    on: str  # column of the file that is read
    keys: pa.StringArray
    values: pa.StringArray

    def of(self, given: pa.StringArray) -> pa.StringArray:
        """The value for each key; null where the other file has none."""
        return self.values.take(pc.index_in(given, self.keys))


def open_table(path: Path, options: DelimitedOptions, where: str) -> TextTable | ParquetTable:
    """A delivered table in the form that the options say, or Parquet."""
    if is_parquet(path):
        return open_parquet_table(path, null_values=options.null_values, where=where)
    return open_text_table(path, options.dialect(), where=where)


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
        names = [lookup.key, *lookup.columns]
        blocks = list(_columns(job, options, lookup, names, where))
        table = pa.concat_tables(blocks).combine_chunks()
        table = table.filter(table[lookup.key].is_valid())
        for name in lookup.columns:
            pairs = table.select([lookup.key, name]).filter(table[name].is_valid())
            pairs = pairs.group_by([lookup.key, name]).aggregate([])
            n = pairs.num_rows - len(pc.unique(pairs[lookup.key]))
            if n:
                raise SourceFileError(
                    Fault(where, f"{n} values of '{lookup.key}' have more than one '{name}'", "one")
                )
            keys, values = (pairs[c].combine_chunks() for c in (lookup.key, name))
            joined[name] = Joined(on, keys, values)
    return joined


def _columns(
    job: FileJob, options: DelimitedOptions, lookup: Lookup, names: Sequence[str], where: str
) -> Iterator[pa.Table]:
    if PurePosixPath(lookup.files).is_absolute() or ".." in PurePosixPath(lookup.files).parts:
        raise SourceFileError(Fault(where, "the pattern leads out of the delivery's folder"))
    paths = sorted(p for p in job.path.parent.glob(lookup.files) if p.is_file())
    if not paths:
        raise SourceFileError(
            Fault(where, "no file beside the delivered one matches", "the file it is read with")
        )
    for path in paths:
        with open_table(path, options, where) as table:
            missing = [name for name in names if name not in table.header]
            if missing:
                raise SourceFileError([missing_column(where, n, table.header) for n in missing])
            yield pa.table({name: pa.array([], pa.string()) for name in names})
            for block in table:
                yield pa.table({name: _trimmed(block.column(name)) for name in names})


def _trimmed(values: pa.StringArray) -> pa.StringArray:
    text = pc.utf8_trim_whitespace(values)
    return pc.if_else(pc.equal(text, ""), _NONE, text)
