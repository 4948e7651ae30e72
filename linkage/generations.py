"""Which encrypted files make up the vault: the pointer, the lock and what no pointer names.

    vault/.lock                  held by the one process that works on the vault
    vault/current-<key id>       sealed pointer: format version, generation, file per table
    vault/tables/<table>-*.sealed

Putting a generation in force is one rename of the pointer. The first pointer is written
before the first table, so tables without a pointer mean damage, never a fresh start.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from biobraid.core.errors import Fault, KeyFileError, LinkageError
from biobraid.core.files import PARTIAL
from biobraid.core.home import Home
from biobraid.core.keys import key_id
from biobraid.core.lock import exclusive
from biobraid.core.sealed import read_sealed, write_sealed
from biobraid.linkage.vault_tables import VAULT_FORMAT

_POINTER_PREFIX = "current-"
_POINTER = pa.schema([("key", pa.string()), ("value", pa.string())])


@contextmanager
def vault_lock(home: Home) -> Iterator[None]:
    """Be the only process on this vault; BusyError at once if another one is."""
    home.vault.mkdir(mode=0o700, exist_ok=True)
    home.vault.chmod(0o700)
    with exclusive(home.vault / ".lock", "vault"):
        tables_folder(home).mkdir(mode=0o700, exist_ok=True)
        for partial in home.vault.glob(f"{_POINTER_PREFIX}*{PARTIAL}"):
            partial.unlink(missing_ok=True)
        yield


def tables_folder(home: Home) -> Path:
    """Folder of the encrypted tables."""
    return home.vault / "tables"


def pointer_path(home: Home, of_key: str) -> Path:
    """The pointer file that belongs to the key with this id."""
    return home.vault / f"{_POINTER_PREFIX}{of_key}"


def pointer_key_ids(home: Home) -> list[str]:
    """Ids of the keys that have a pointer; more than one only while re-keying."""
    paths = home.vault.glob(f"{_POINTER_PREFIX}*")
    return sorted(p.name.removeprefix(_POINTER_PREFIX) for p in paths if p.suffix != PARTIAL)


def read_pointer(home: Home, key: bytes) -> tuple[int, dict[str, str]]:
    """Generation in force and its file per table; (0, {}) for a vault never written to."""
    path = pointer_path(home, key_id(key))
    if not path.is_file():
        _refuse_lost_pointer(home, key)
        return 0, {}
    entries = {row["key"]: row["value"] for row in read_sealed(path, key).to_pylist()}
    if int(entries["format_version"]) != VAULT_FORMAT:
        raise LinkageError(
            Fault(
                "vault",
                f"it has format {entries['format_version']}",
                f"format {VAULT_FORMAT}",
                "Use the version of biobraid that wrote it.",
            )
        )
    files = {k.removeprefix("table:"): v for k, v in entries.items() if k.startswith("table:")}
    return int(entries["generation"]), files


def write_pointer(home: Home, key: bytes, generation: int, files: dict[str, str]) -> None:
    """Put a generation in force, in one rename."""
    entries = {"format_version": str(VAULT_FORMAT), "generation": str(generation)}
    entries |= {f"table:{name}": file for name, file in sorted(files.items())}
    rows = pa.table([list(entries), list(entries.values())], schema=_POINTER)
    write_sealed(pointer_path(home, key_id(key)), [rows], _POINTER, key)


def remove_orphans(home: Home, files: dict[str, str]) -> None:
    """Remove the table files that the generation in force does not name."""
    keep = set(files.values())
    for path in tables_folder(home).iterdir():
        if path.name not in keep:
            path.unlink(missing_ok=True)


def _refuse_lost_pointer(home: Home, key: bytes) -> None:
    others = pointer_key_ids(home)
    if others:
        raise KeyFileError(
            Fault(
                "vault",
                f"it was sealed with another key (key id {', '.join(others)})",
                f"the key with id {key_id(key)}",
                "Restore the key file that belongs to this vault.",
            )
        )
    if any(tables_folder(home).iterdir()):
        raise LinkageError(
            Fault(
                "vault",
                "its tables are there but the pointer to them is missing",
                f"the file {_POINTER_PREFIX}{key_id(key)}",
                "Restore the vault from a backup: biobraid vault restore FOLDER",
            )
        )
