"""Token files as a source makes them, from its own CSV and the shared key."""

from __future__ import annotations

import base64
import csv
import os
import secrets
from pathlib import Path

from biobraid.core.errors import Fault, LinkageError
from biobraid.core.files import atomic_path
from biobraid.linkage.normalise import normalise
from biobraid.linkage.tokens import FIELDS, decode_token_key, token


def make_token_key(path: Path) -> None:
    """Write a new random key (mode 0600); an existing file is never overwritten."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        handle = os.open(path, flags, 0o600)
    except FileExistsError:
        raise LinkageError(Fault(path.name, "it is there already", "a new file")) from None
    with os.fdopen(handle, "w", encoding="ascii") as out:
        out.write(base64.b64encode(secrets.token_bytes(32)).decode() + "\n")


def write_tokens(
    people: Path, out: Path, key_file: Path, id_column: str, country: str
) -> tuple[int, int]:
    """Write id and clk of each person; returns tokens made and people with too little for one.

    Rows are written in the order of their ids, so that the order of the file says nothing.
    """
    key = decode_token_key(key_file)
    with people.open(encoding="utf-8-sig", newline="") as lines:
        reader = csv.DictReader(lines)
        names = set(reader.fieldnames or ())
        if id_column not in names or len(names & set(FIELDS)) < 3:
            raise LinkageError(
                Fault(people.name, "it lacks columns",
                      f"{id_column} and at least three of {', '.join(FIELDS)}")
            )  # fmt: skip
        rows = list(reader)
    made = []
    for row in rows:
        clean = {f: _normal(f, row.get(f), country) for f in FIELDS}
        made.append((row[id_column], token(clean, key)))
    with atomic_path(out) as partial, partial.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        writer.writerow([id_column, "clk"])
        writer.writerows(sorted((i, t) for i, t in made if t is not None))
    n = sum(t is not None for _, t in made)
    return n, len(made) - n


def _normal(field: str, value: str | None, country: str) -> str | None:
    if not value or not value.strip():
        return None
    norm = normalise(field, [value.strip()], country=country)[0]
    return norm.value if norm.is_valid else None
