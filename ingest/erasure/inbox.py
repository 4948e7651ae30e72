"""Identities that wait in the inbox, without the people who withdrew from all use."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from biobraid.core.holders import Erased, Gone, Holder, register
from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.schemas import IDENTITY
from biobraid.core.sealed import read_sealed, write_sealed
from biobraid.ingest.inbox import SUFFIX


def find(home: Home, gone: Gone) -> dict[str, int]:
    """Identity rows that wait, of these people."""
    key = ingest_keys(home).inbox
    n = 0
    for path in sorted(home.inbox.glob(f"*{SUFFIX}")):
        n += pc.sum(_is_gone(read_sealed(path, key), gone)).as_py() or 0
    return {"inbox": n}


def erase(home: Home, gone: Gone) -> Erased:
    """Seal the inbox's files anew without these people; an emptied file goes."""
    if not gone.is_everything:
        return Erased(0)
    key = ingest_keys(home).inbox
    n = 0
    for path in sorted(home.inbox.glob(f"*{SUFFIX}")):
        rows = read_sealed(path, key)
        kept = rows.filter(pc.invert(_is_gone(rows, gone)))
        if kept.num_rows == rows.num_rows:
            continue
        n += rows.num_rows - kept.num_rows
        if kept.num_rows:
            write_sealed(path, [kept], IDENTITY, key)
        else:
            path.unlink()
    return Erased(n)


def _is_gone(rows: pa.Table, gone: Gone) -> pa.ChunkedArray:
    person = rows.column("source_person_key").cast(pa.string())
    return pc.is_in(person, pa.array(sorted(gone.keys), pa.string()))


INBOX = register(Holder("inbox", find, erase))
