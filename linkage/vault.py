"""The vault: encrypted Parquet tables, opened into an in-memory DuckDB connection.

A save writes new files for the tables that changed and then replaces the pointer
(generations.py): a process killed anywhere leaves the old generation or the new one in
force. What does not fit in memory spills into `vault/spill`, which is emptied when the vault
is opened and when it is closed, because DuckDB cannot encrypt its overflow.
"""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa

from biobraid.core.files import disk_errors
from biobraid.core.home import Home
from biobraid.core.keys import load_key
from biobraid.core.sealed import stream_sealed, write_sealed
from biobraid.core.warehouse import duckdb_settings
from biobraid.linkage.generations import (
    read_pointer,
    remove_orphans,
    tables_folder,
    vault_lock,
    write_pointer,
)
from biobraid.linkage.rekey import settle
from biobraid.linkage.vault_tables import VAULT_TABLES, VaultTable

_BATCH_ROWS = 128 * 1024


@dataclass
class Vault:
    """An open vault: `con` holds every table of vault_tables; `save` makes changes last."""

    home: Home
    con: duckdb.DuckDBPyConnection
    key: bytes = field(repr=False)
    generation: int
    files: dict[str, str]

    @property
    def is_new(self) -> bool:
        """True while nothing was ever saved in it."""
        return not self.files

    def save(self, changed: Iterable[str]) -> None:
        """Put a new generation in force in which the `changed` tables are as in `con`."""
        names = sorted(set(changed))
        if not names:
            return
        with disk_errors("vault"):
            if self.generation == 0:
                self._point({})
            files = dict(self.files)
            for table in (VAULT_TABLES[name] for name in names):
                files[table.name] = f"{table.name}-{secrets.token_hex(8)}.sealed"
                path = tables_folder(self.home) / files[table.name]
                write_sealed(path, self._rows(table), table.schema, self.key)
            self._point(files)
        remove_orphans(self.home, files)

    def _point(self, files: dict[str, str]) -> None:
        write_pointer(self.home, self.key, self.generation + 1, files)
        self.generation, self.files = self.generation + 1, files

    def _rows(self, table: VaultTable) -> Iterator[pa.Table]:
        columns, order = ", ".join(table.schema.names), ", ".join(table.key)
        reader = self.con.execute(
            f"SELECT {columns} FROM {table.name} ORDER BY {order}"  # noqa: S608  constants
        ).to_arrow_reader(_BATCH_ROWS)
        for batch in reader:
            yield pa.Table.from_batches([batch])


@contextmanager
def open_vault(home: Home) -> Iterator[Vault]:
    """The home's vault, with every table loaded.

    Raises KeyFileError (exit 12) if the link key is missing, foreign or readable by others,
    BusyError if another process has the vault open, LinkageError if it is damaged.
    """
    with held_vault(home) as key, _connection(home) as con:
        generation, files = read_pointer(home, key)
        remove_orphans(home, files)
        for table in VAULT_TABLES.values():
            con.execute(table.ddl)
            if table.name not in files:
                continue
            for rows in stream_sealed(tables_folder(home) / files[table.name], key):
                con.register("loaded", rows)
                con.execute(f"INSERT INTO {table.name} BY NAME FROM loaded")
                con.unregister("loaded")
        yield Vault(home, con, key, generation, files)


@contextmanager
def held_vault(home: Home) -> Iterator[bytes]:
    """Hold the vault's lock, finish a re-keying that was cut short, and yield the link key."""
    with vault_lock(home):
        settle(home)
        yield load_key(home, "link")


@contextmanager
def _connection(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    spill = home.vault / "spill"
    _empty(spill)
    config = duckdb_settings(home.settings, spill)
    # Nothing may be fetched from elsewhere into a process that holds identifiers.
    config |= {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
    con = duckdb.connect(":memory:", config=dict(config))
    try:
        con.execute("SET TimeZone = 'UTC'")
        con.execute("SET enable_progress_bar = false")  # nothing below cli prints
        yield con
    finally:
        con.close()
        _empty(spill)


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
