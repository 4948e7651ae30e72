"""Identity rows on their way to the vault: one encrypted file per delivered file.

Written before the file's manifest transaction under a partial name and renamed just before
it, so whoever is in landing has identities; a re-run writes the same name again.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa

from biobraid.core.files import PARTIAL
from biobraid.core.home import Home
from biobraid.core.keys import IngestKeys
from biobraid.core.schemas import IDENTITY
from biobraid.core.sealed import SealedWriter, read_sealed, write_sealed

SUFFIX = ".parquet.enc"


def inbox_path(inbox: Path, study: str, source: str, batch: str) -> Path:
    """Where the identities of one delivered file lie."""
    return inbox / f"{study}-{source}-{batch}{SUFFIX}"


def write_identities(
    home: Home, keys: IngestKeys, study: str, source: str, batch: str, tables: Iterable[pa.Table]
) -> int:
    """Seal the identity rows of one delivered file in the inbox; returns how many.

    Study and source are filled in. The file of the same name is replaced.
    """
    path = inbox_path(home.inbox, study, source, batch)
    rows = (_with_origin(t, study, source) for t in tables)
    return write_sealed(path, rows, IDENTITY, keys.inbox)


def read_identities(path: Path, inbox_key: bytes) -> pa.Table:
    """The identity rows of one inbox file, as core/schemas IDENTITY."""
    return read_sealed(path, inbox_key)


class IdentityStage:
    """Identities of one file while it is being read, sealed under a partial name."""

    def __init__(self, inbox: Path, keys: IngestKeys, study: str, source: str, batch: str) -> None:
        final = inbox_path(inbox, study, source, batch)
        self._path = final.with_name(f"{final.name}.{os.getpid()}{PARTIAL}")
        self._key, self._study, self._source = keys.inbox, study, source
        self._writer: SealedWriter | None = None

    def add(self, rows: pa.Table) -> None:
        """Take the rows of one identity chunk."""
        if rows.num_rows == 0:
            return
        if self._writer is None:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._writer = SealedWriter(self._path, IDENTITY, self._key)
        self._writer.write(_with_origin(rows, self._study, self._source))

    def finish(self) -> Path | None:
        """Close and flush; returns the staged file, None if the file held no identity."""
        if self._writer is None:
            return None
        self._writer.close()
        with self._path.open("rb+") as handle:
            os.fsync(handle.fileno())
        return self._path

    def abort(self) -> None:
        """Remove what was staged."""
        self._writer = None
        self._path.unlink(missing_ok=True)


def put_in_inbox(staged: Path, inbox: Path, study: str, source: str, batch: str) -> None:
    """Give a staged file its final name."""
    staged.replace(inbox_path(inbox, study, source, batch))


def _with_origin(rows: pa.Table, study: str, source: str) -> pa.Table:
    for name, value in (("study", study), ("source", source)):
        if name in rows.column_names:
            rows = rows.drop_columns([name])
        column = pa.DictionaryArray.from_arrays(
            pa.nulls(rows.num_rows, pa.int32()).fill_null(0), pa.array([value])
        )
        rows = rows.append_column(name, column)
    return rows
