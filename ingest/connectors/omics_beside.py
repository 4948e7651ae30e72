"""Tables beside an omics file: whose its samples are, and what its features are.

Both are read once per worker and kept while they do not change. Like a look-up of the
delimited connector they belong to the delivery of the file that names them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path, PurePosixPath

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.errors import Fault, SourceFileError
from biobraid.ingest.connectors.contract import FileJob
from biobraid.ingest.connectors.omics_options import DELIMITERS, BesideFile
from biobraid.ingest.key_index import KeyIndex
from biobraid.ingest.tabular import (
    Dialect,
    ParquetTable,
    TextTable,
    is_parquet,
    open_parquet_table,
    open_text_table,
    trimmed,
)
from biobraid.ingest.tabular.stream import ByteStream
from biobraid.ingest.tabular.text_table import missing_column

_HEADER_BYTES = 1 << 20


@dataclass(frozen=True)
class Beside:
    """Rows of a table beside the file, found by their key.

    n_unreadable, n_without_key: rows that are not among them, for the warnings of the file.
    """

    header: tuple[str, ...]
    rows: pa.Table
    index: KeyIndex
    n_unreadable: int = 0
    n_without_key: int = 0

    def warnings(self, what: str) -> Counter[str]:
        """How many rows of the table (of samples, of features) were left out, by reason."""
        lost = {"unreadable": self.n_unreadable, "without-key": self.n_without_key}
        return +Counter({f"{what}-row-{reason}": n for reason, n in lost.items()})

    def find(self, keys: pa.StringArray) -> pa.Int64Array:
        """Row of each key; null where there is none."""
        return self.index.find(keys)

    def column(self, name: str) -> pa.StringArray:
        """A column, trimmed; empty is null."""
        return self.rows[name].combine_chunks()


def read_beside(job: FileJob, rule: BesideFile, what: str, columns: Sequence[str] = ()) -> Beside:
    """The table an option names, its columns `columns` checked to be there.

    SourceFileError: no such file, a missing column, or a key that stands in several rows.
    """
    where = f"{job.where}, {what} {rule.files}"
    if PurePosixPath(rule.files).is_absolute() or ".." in PurePosixPath(rule.files).parts:
        raise SourceFileError(Fault(where, "the pattern leads out of the delivery's folder"))
    paths = sorted(p for p in job.path.parent.glob(rule.files) if p.is_file() and p != job.path)
    if not paths:
        raise SourceFileError(
            Fault(where, "no file beside the delivered one matches", "the file it is read with")
        )
    stats = [p.stat() for p in paths]
    files = tuple((p, s.st_size, s.st_mtime_ns) for p, s in zip(paths, stats, strict=True))
    found = _read(_Asked(files, rule, where))
    missing = [name for name in (rule.key, *columns) if name not in found.header]
    if missing:
        raise SourceFileError([missing_column(where, name, found.header) for name in missing])
    return found


@dataclass(frozen=True)
class _Asked:
    files: tuple[tuple[Path, int, int], ...]
    rule: BesideFile
    where: str = field(compare=False)

    def __hash__(self) -> int:
        return hash((self.files, self.rule.files, self.rule.key))


@lru_cache(maxsize=4)
def _read(asked: _Asked) -> Beside:
    rule, where = asked.rule, asked.where
    blocks, n_unreadable = [], 0
    for path, *_ in asked.files:
        with open_table(path, rule.delimiter, rule.quote, rule.comment, rule.encoding, where) as t:
            if rule.key not in t.header:
                raise SourceFileError(missing_column(where, rule.key, t.header))
            for block in t:
                n_unreadable += block.rejects.num_rows
                columns = [trimmed(block.column(name)) for name in t.header]
                blocks.append(pa.table(columns, list(t.header)))
    if not blocks:
        raise SourceFileError(Fault(where, "the table holds no row", "a row for each sample"))
    rows = pa.concat_tables(blocks, promote_options="default").combine_chunks()
    n_without_key = rows[rule.key].null_count
    rows = rows.filter(rows[rule.key].is_valid())
    n_twice = rows.num_rows - pc.count_distinct(rows[rule.key]).as_py()
    if n_twice:
        raise SourceFileError(
            Fault(where, f"{n_twice} rows repeat a '{rule.key}'", "one row for each")
        )
    index = KeyIndex(rows[rule.key].combine_chunks())
    return Beside(tuple(rows.column_names), rows, index, n_unreadable, n_without_key)


def open_table(
    path: Path,
    delimiter: str,
    quote: str | None,
    comment: str | None,
    encoding: str,
    where: str,
    decimal: str = ".",
) -> TextTable | ParquetTable:
    """A table as delimited text, plain or gzip, or Parquet.

    delimiter auto: the one of tab, semicolon and comma that its header holds most often.
    """
    if is_parquet(path):
        return open_parquet_table(path, where=where)
    sign = DELIMITERS.get(delimiter)
    plain = Dialect(quote=quote, encoding=encoding, comment=comment)  # type: ignore[arg-type]
    if sign is None:
        sign = _most_frequent(path, plain, where)
    dialect = Dialect(
        delimiter=sign, quote=quote, encoding=encoding, comment=comment, decimal=decimal  # type: ignore[arg-type]
    )  # fmt: skip
    return open_text_table(path, dialect, where=where)


def _most_frequent(path: Path, dialect: Dialect, where: str) -> str:
    """The delimiter the header is written with; a header alone is no guess from the data."""
    with ByteStream(path, dialect, where) as stream:
        head = stream.read(_HEADER_BYTES)
    lines = [line for line in head.split(b"\n") if line.strip()]
    if dialect.comment is not None:
        mark = dialect.comment.encode()
        lines = [line for line in lines if not line.startswith(mark)] or lines
    first = lines[0] if lines else b""
    return max("\t;,", key=lambda sign: first.count(sign.encode()))
