"""Role keys: files of 32 random bytes outside the home, and what is derived from them.

Three independent secrets, so that three accounts can hold one each (architecture: ingest
writes landing, link opens the vault, release makes project ids):

    ingest.key   person keys, row ids, file tokens, the inbox between ingest and vault
    link.key     encryption of the vault
    release.key  project pseudonyms and date shifts

Derivation is HKDF-SHA256 (RFC 5869) with the purpose as info.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from biobraid.core.errors import Fault, KeyFileError
from biobraid.core.home import Home

Role = Literal["ingest", "link", "release"]
ROLES: tuple[Role, ...] = ("ingest", "link", "release")
KEY_BYTES = 32
KEY_IDS_FILE = "key_ids"  # in the home: public ids of the keys the home was made with


def derive(secret: bytes, purpose: str, n_bytes: int = 32) -> bytes:
    """HKDF-SHA256 without salt: n_bytes for one purpose (RFC 5869)."""
    pseudo_random = hmac.digest(b"\x00" * 32, secret, "sha256")
    block, out, counter = b"", b"", 1
    while len(out) < n_bytes:
        info = f"biobraid/v1/{purpose}".encode()
        block = hmac.digest(pseudo_random, block + info + bytes([counter]), "sha256")
        out += block
        counter += 1
    return out[:n_bytes]


def key_id(secret: bytes) -> str:
    """Public name of a key: 16 hex digits that do not give the key away."""
    return hmac.digest(secret, b"key-id", "sha256")[:8].hex()


@dataclass(frozen=True)
class IngestKeys:
    """Subkeys of the ingest role; picklable, so that workers get them over a pipe."""

    person: bytes
    row: bytes
    file: bytes
    inbox: bytes

    def __repr__(self) -> str:
        return "IngestKeys(…)"

    def person_key(self, namespace: str, native_id: str) -> str:
        """source_person_key: 32 hex digits, the same in every delivery of the namespace."""
        message = namespace.encode() + b"\x00" + native_id.encode()
        return hmac.digest(self.person, message, "sha256")[:16].hex()

    def record_id(self, *parts: str) -> int:
        """Positive 63-bit id of a record's natural key; parts are length-prefixed."""
        message = b"".join(len(p.encode()).to_bytes(4, "big") + p.encode() for p in parts)
        number = int.from_bytes(hmac.digest(self.row, message, "sha256")[:8], "big")
        return (number & 0x7FFF_FFFF_FFFF_FFFF) or 1

    def file_token(self, sha256: bytes) -> str:
        """Keyed token (16 hex digits) of a file's content hash."""
        return hmac.digest(self.file, sha256, "sha256")[:8].hex()


def create_keys(home: Home) -> Path:
    """Draw the three role keys for a new home; returns their folder (mode 0700).

    Existing key files are never overwritten.
    """
    folder = home.key_dir
    _refuse_git(folder)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.chmod(0o700)
    ids = []
    for role in ROLES:
        path = folder / f"{role}.key"
        if not path.exists():
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            os.write(handle, secrets.token_bytes(KEY_BYTES))
            os.fsync(handle)
            os.close(handle)
        ids.append(f"{role} {key_id(path.read_bytes())}\n")
    (home.root / KEY_IDS_FILE).write_text("".join(ids), encoding="utf-8")
    return folder


def load_key(home: Home, role: Role) -> bytes:
    """The role's secret; refuses a missing, foreign, short or readable-by-others file."""
    path = home.key_dir / f"{role}.key"
    where = f"{role} key"
    todo = "Restore it from your backup, or name its folder with BIOBRAID_KEY_DIR."
    _refuse_git(path.parent)
    if not path.is_file():
        raise KeyFileError(
            Fault(where, "the key file is missing", f"{path.name} in {path.parent}", todo)
        )
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise KeyFileError(
            Fault(
                where,
                f"others may read the key file (mode {mode:04o})",
                "mode 0600",
                f"Run: chmod 600 {path}",
            )
        )
    secret = path.read_bytes()
    if len(secret) != KEY_BYTES:
        raise KeyFileError(
            Fault(where, f"the key file holds {len(secret)} bytes", f"{KEY_BYTES} bytes", todo)
        )
    known = _known_ids(home).get(role)
    if known != key_id(secret):
        raise KeyFileError(
            Fault(where, "this is not the key the home was made with", f"key id {known}", todo)
        )
    return secret


def ingest_keys(home: Home) -> IngestKeys:
    """Subkeys of the ingest role."""
    secret = load_key(home, "ingest")
    return IngestKeys(
        person=derive(secret, "ingest/person"),
        row=derive(secret, "ingest/row"),
        file=derive(secret, "ingest/file"),
        inbox=derive(secret, "ingest/inbox"),
    )


def concept_key(table: str, concept_id: int) -> int:
    """Positive 63-bit number of (domain table, concept); public, the same everywhere."""
    digest = hashlib.sha256(f"{table}\x00{concept_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") & 0x7FFF_FFFF_FFFF_FFFF


def _known_ids(home: Home) -> dict[str, str]:
    path = home.root / KEY_IDS_FILE
    if not path.is_file():
        return {}
    lines: Iterable[str] = path.read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if " " in line)


def _refuse_git(folder: Path) -> None:
    for parent in (folder.resolve(), *folder.resolve().parents):
        if (parent / ".git").exists():
            raise KeyFileError(
                Fault(
                    "keys",
                    "the key folder lies inside a git work tree",
                    "a folder outside",
                    "Move the key files out of the repository (and rotate them if pushed).",
                )
            )
