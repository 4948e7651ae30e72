"""Keeping the vault: backup, restore and a new key.

A backup is a folder with the vault's files as they are, encrypted, and `backup.json` beside
them (format version, key id, checksum of each file). It is worthless without the link key,
which is to be kept elsewhere. Person ids minted after a backup are not in it: back up after
each linkage.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from biobraid.core.errors import Fault, KeyFileError, LinkageError
from biobraid.core.files import PARTIAL, atomic_path, disk_errors
from biobraid.core.home import Home
from biobraid.core.keys import key_id
from biobraid.core.sealed import read_sealed, stream_sealed
from biobraid.linkage.generations import (
    pointer_path,
    read_pointer,
    remove_orphans,
    tables_folder,
    write_pointer,
)
from biobraid.linkage.inbox import SUFFIX
from biobraid.linkage.match_model import MODEL_FILE
from biobraid.linkage.rekey import rekey
from biobraid.linkage.vault import held_vault
from biobraid.linkage.vault_tables import VAULT_FORMAT

__all__ = ["backup", "rekey", "restore"]

MANIFEST = "backup.json"


def backup(home: Home, dest: Path) -> Path:
    """Copy the vault and its inbox to a new folder `dest`, and read the copy back.

    The folder appears under its name only when it is complete and verified.
    """
    if dest.exists():
        raise LinkageError(
            Fault(dest.name, "it is there already", "a folder that does not exist yet")
        )
    partial = dest.with_name(dest.name + PARTIAL)
    with held_vault(home) as key, disk_errors("backup"):
        generation, files = read_pointer(home, key)
        if generation == 0:
            raise LinkageError(
                Fault("vault", "it is empty", "a vault with persons", "Run: biobraid link")
            )
        shutil.rmtree(partial, ignore_errors=True)
        try:
            for folder in (partial, partial / "tables", partial / "inbox"):
                folder.mkdir(mode=0o700, parents=True)
            sums = {}
            for path in _vault_files(home, key, files):
                name = path.relative_to(home.vault).as_posix()
                sums[name] = _copy(path, partial / name)
            made = {
                "format_version": VAULT_FORMAT,
                "home_id": home.settings.home_id,
                "key_id": key_id(key),
                "generation": generation,
                "tables": files,
                "sha256": sums,
            }
            (partial / MANIFEST).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")
            _verify(partial, made, key)
            partial.replace(dest)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return dest


def restore(home: Home, src: Path) -> int:
    """Put the backup in `src` in force as a new generation; returns its number.

    Everything is checked before anything changes, and the switch is one rename. The next
    linkage brings the bridge in line.
    """
    with held_vault(home) as key, disk_errors("vault"):
        made = _read_manifest(src, key)
        _verify(src, made, key)
        generation = _generation_or_zero(home, key)
        for name in made["sha256"]:
            final = home.vault / name
            if not name.startswith("current-") and not final.exists():
                final.parent.mkdir(mode=0o700, exist_ok=True)
                with atomic_path(final) as partial:
                    shutil.copyfile(src / name, partial)
        now = max(generation, int(made["generation"])) + 1
        write_pointer(home, key, now, made["tables"])
        remove_orphans(home, made["tables"])
    return now


def _vault_files(home: Home, key: bytes, files: dict[str, str]) -> list[Path]:
    tables = [tables_folder(home) / name for name in sorted(files.values())]
    inbox = sorted(home.inbox.glob(f"*{SUFFIX}")) if home.inbox.is_dir() else []
    trained = [path for path in (home.vault / MODEL_FILE,) if path.is_file()]
    return [pointer_path(home, key_id(key)), *tables, *inbox, *trained]


def _copy(source: Path, target: Path) -> str:
    """Copy a file to the disk itself; returns the SHA-256 of what was read."""
    shutil.copyfile(source, target)
    with target.open("rb+") as handle:
        os.fsync(handle.fileno())
    return _sha256(source)


def _sha256(path: Path) -> str:
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def _read_manifest(src: Path, key: bytes) -> dict[str, Any]:
    todo = "Name the folder that `biobraid vault backup` made."
    path = src / MANIFEST
    if not path.is_file():
        raise LinkageError(Fault(src.name, f"it holds no {MANIFEST}", "a vault backup", todo))
    try:
        made: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        complete = {"format_version", "key_id", "generation", "tables", "sha256"} <= made.keys()
    except (ValueError, AttributeError):
        complete = False
    if not complete or any(".." in n or n.startswith("/") for n in made["sha256"]):
        raise LinkageError(Fault(f"{src.name}/{MANIFEST}", "it is damaged", "a vault backup", todo))
    if made["format_version"] != VAULT_FORMAT:
        raise LinkageError(
            Fault(src.name, f"it has format {made['format_version']}", f"format {VAULT_FORMAT}")
        )
    if made["key_id"] != key_id(key):
        raise KeyFileError(
            Fault(
                src.name,
                f"it was sealed with another key (key id {made['key_id']})",
                f"the key with id {key_id(key)}",
                "Put back the link key that was in force when the backup was made.",
            )
        )
    return made


def _verify(folder: Path, made: dict[str, Any], key: bytes) -> None:
    """Every file is there, unchanged, and opens with the key; all faults at once."""
    faults = []
    for name, expected in made["sha256"].items():
        path = folder / name
        if not path.is_file():
            faults.append(Fault(f"{folder.name}/{name}", "the file is missing"))
        elif _sha256(path) != expected:
            faults.append(Fault(f"{folder.name}/{name}", "the file is damaged or was changed"))
    if faults:
        raise LinkageError(faults)
    read_sealed(folder / f"current-{made['key_id']}", key)
    for name in made["tables"].values():
        for _ in stream_sealed(folder / "tables" / name, key):
            pass


def _generation_or_zero(home: Home, key: bytes) -> int:
    """The vault's generation; 0 if it is too damaged to say."""
    try:
        return read_pointer(home, key)[0]
    except LinkageError:
        return 0
