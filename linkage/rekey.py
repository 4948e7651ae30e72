"""A new link key: everything sealed anew, and the switch made in one rename.

    1  link.key.new     the new key, beside link.key
    2  tables, pointer  sealed with the new key, under new names, and read back
    3  link.key.old     a copy of the old key
    4  link.key.new becomes link.key: from here on the new key is in force
    5  key_ids          the home learns the new key's id
    6  the old pointer, the old tables and link.key.old go

A process killed before 4 leaves a home as before, one killed after it a home with the new
key; `settle` clears up either way and runs whenever the vault is opened. Backups made
before are sealed with the old key: keep a copy of it for as long as they are kept.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from biobraid.core.errors import Fault, LinkageError
from biobraid.core.files import disk_errors, write_text
from biobraid.core.home import Home
from biobraid.core.keys import KEY_BYTES, KEY_IDS_FILE, key_id, load_key
from biobraid.core.sealed import stream_sealed, write_sealed
from biobraid.linkage.generations import (
    pointer_key_ids,
    pointer_path,
    read_pointer,
    remove_orphans,
    tables_folder,
    vault_lock,
    write_pointer,
)
from biobraid.linkage.vault_tables import VAULT_TABLES


def rekey(home: Home) -> str:
    """Draw a new link key and seal the vault with it; returns the new key's id."""
    with vault_lock(home):
        settle(home)
        old = load_key(home, "link")
        _refuse_stray_copy(home)
        with disk_errors("vault"):
            new = _draw(_key_file(home, ".new"))
            _seal_anew(home, old, new)
            _write_key(_key_file(home, ".old"), old)
            _key_file(home, ".new").replace(_key_file(home))
            _sync_folder(home.key_dir)
            settle(home)
        load_key(home, "link")
        return key_id(new)


def settle(home: Home) -> None:
    """Undo a re-keying cut short before the switch, finish one cut short after it."""
    key, new, old = _key_file(home), _key_file(home, ".new"), _key_file(home, ".old")
    if not key.is_file():
        return
    for draft in (_draft(new), _draft(old)):
        draft.unlink(missing_ok=True)
    in_force = key_id(key.read_bytes())
    if new.is_file():
        if _known_id(home) == in_force:
            _remove_pointers(home, keep=in_force)
            old.unlink(missing_ok=True)
            new.unlink()
    elif old.is_file():
        replaced = key_id(old.read_bytes())
        is_ours = replaced != in_force and _known_id(home) in (replaced, in_force)
        if is_ours and pointer_path(home, in_force).is_file():
            _set_known_id(home, in_force)
            _remove_pointers(home, keep=in_force)
            remove_orphans(home, read_pointer(home, key.read_bytes())[1])
            old.unlink()


def _seal_anew(home: Home, old: bytes, new: bytes) -> None:
    generation, files = read_pointer(home, old)
    folder, sealed = tables_folder(home), {}
    for name, file in files.items():
        sealed[name] = f"{name}-{secrets.token_hex(8)}.sealed"
        schema = VAULT_TABLES[name].schema
        n_rows = write_sealed(folder / sealed[name], stream_sealed(folder / file, old), schema, new)
        n_back = sum(rows.num_rows for rows in stream_sealed(folder / sealed[name], new))
        if n_back != n_rows:
            raise LinkageError(Fault("vault", f"{name} could not be read back with the new key"))
    write_pointer(home, new, generation + 1, sealed)


def _remove_pointers(home: Home, keep: str) -> None:
    for other in pointer_key_ids(home):
        if other != keep:
            pointer_path(home, other).unlink(missing_ok=True)


def _key_file(home: Home, suffix: str = "") -> Path:
    return home.key_dir / f"link.key{suffix}"


def _draft(path: Path) -> Path:
    return path.with_name(f"{path.name}.draft")


def _refuse_stray_copy(home: Home) -> None:
    if _key_file(home, ".old").exists():
        raise LinkageError(
            Fault(
                "link key",
                "link.key.old is in the way, and it is not from a re-keying cut short",
                "no such file in the key folder",
                "Move it elsewhere: it would be overwritten.",
            )
        )


def _draw(path: Path) -> bytes:
    secret = secrets.token_bytes(KEY_BYTES)
    _write_key(path, secret)
    return secret


def _write_key(path: Path, secret: bytes) -> None:
    """Write a key file that is never readable by others and never half-written."""
    draft = _draft(path)
    draft.unlink(missing_ok=True)
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(handle, secret)
        os.fsync(handle)
    finally:
        os.close(handle)
    draft.replace(path)
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _known_id(home: Home) -> str:
    path = home.root / KEY_IDS_FILE
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    return next((line.split(" ", 1)[1] for line in lines if line.startswith("link ")), "")


def _set_known_id(home: Home, of_key: str) -> None:
    path = home.root / KEY_IDS_FILE
    others = [x for x in path.read_text(encoding="utf-8").splitlines() if x[:5] != "link "]
    write_text(path, "\n".join(sorted([*others, f"link {of_key}"])) + "\n")
