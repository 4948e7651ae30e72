"""Looks for planted identifiers in everything a folder holds, decoded and raw.

A plain grep misses what databases compress, so every DuckDB table is read through SQL *and*
rewritten uncompressed, every Parquet file is decoded and its footer read, SQLite is dumped,
gzip is unpacked; then bytes are searched for every spelling a leak could take.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tests.privacy.beginnings import LENGTH, Beginnings

_WORTH_A_LOOK = 1 << 16  # bytes; less is searched for every form at once


@dataclass(frozen=True)
class Canary:
    """A planted identifier: its type and its value as delivered.

    is_keyed: an id of our own, which no leak would spell otherwise than as text or as a number.
    """

    type: str
    value: str
    is_keyed: bool = False


@dataclass
class Scan:
    """What was searched (files and bytes by kind) and what was found (where, canary type)."""

    files: Counter[str] = field(default_factory=Counter)
    bytes: Counter[str] = field(default_factory=Counter)
    found: list[tuple[str, str]] = field(default_factory=list)


def spellings(value: str) -> set[bytes]:
    """Every form a leak could take, lower-case (the searched bytes are lowered too)."""
    bare = value.strip()
    tight = "".join(c for c in bare if c.isalnum())
    words = {bare, tight, bare.lower(), bare.upper(), bare.replace(" ", "-")}
    if bare.isdigit() and len(bare) == 10:  # NHS number, as it is printed on letters
        words |= {f"{bare[:3]} {bare[3:6]} {bare[6:]}", f"{bare[:3]}-{bare[3:6]}-{bare[6:]}"}
    parts = bare.split("-")
    if len(parts) == 3 and all(p.isdigit() for p in parts):  # a date
        year, month, day = parts
        words |= {f"{day}/{month}/{year}", f"{month}/{day}/{year}", f"{year}{month}{day}"}
        words |= {f"{day}-{month}-{year}", f"{day}.{month}.{year}"}
    forms: set[bytes] = set()
    for word in words:
        raw = word.encode()
        forms |= {raw, base64.b64encode(raw).rstrip(b"="), raw.hex().encode()}
        forms |= {word.encode("utf-16-le")}
        for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256):
            forms |= {digest(raw).hexdigest().encode(), digest(raw).digest()}
    return {f.lower() for f in forms if len(f) >= 5}


def plain_forms(value: str) -> set[bytes]:
    """An id as text, and a 63-bit id as columns hold it."""
    forms = {value.encode()}
    if value.isdigit() and 15 <= len(value) <= 19:
        forms.add(int(value).to_bytes(8, "little"))
    return {f.lower() for f in forms}


def scan(root: Path, canaries: list[Canary], outside: tuple[str, ...] = ()) -> Scan:
    """Search everything below `root` but the sub-folders named in `outside`."""
    result = Scan()
    needles = [(c, plain_forms(c.value) if c.is_keyed else spellings(c.value)) for c in canaries]
    beginnings = Beginnings(form for _, forms in needles for form in forms)
    skipped = [root / name for name in outside]
    with tempfile.TemporaryDirectory() as scratch:
        for path in sorted(root.rglob("*")):
            if not path.is_file() or any(s in path.parents for s in skipped):
                continue
            name = path.relative_to(root).as_posix()
            _search(result, needles, beginnings, f"{name} (file name)", "names", name.encode())
            for kind, content in _contents(path, Path(scratch)):
                _search(result, needles, beginnings, name, kind, content)
    return result


def _search(
    result: Scan,
    needles: list[tuple[Canary, set[bytes]]],
    beginnings: Beginnings,
    where: str,
    kind: str,
    content: bytes,
) -> None:
    result.files[kind] += 1
    result.bytes[kind] += len(content)
    low = content.lower()
    begun = beginnings.of(low) if len(low) >= _WORTH_A_LOOK else None
    for canary, forms in needles:
        if kind.endswith("numbers"):
            bare = canary.value.strip()
            forms = {b"|%d|" % int(bare)} if bare.isdigit() and len(bare) >= 5 else set()
        elif begun is not None:
            forms = {f for f in forms if len(f) < LENGTH or f[:LENGTH] in begun}
        if any(form in low for form in forms):
            result.found.append((f"{where} [{kind}]", canary.type))


def _contents(path: Path, scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Every reading of one file: (kind, bytes)."""
    raw = path.read_bytes()
    yield "raw", raw
    if raw[:2] == b"\x1f\x8b":
        yield "gzip", gzip.decompress(raw)
    if raw[:4] == b"PAR1":
        yield from _parquet(path)
    if raw[:16].startswith(b"SQLite format 3"):
        yield "sqlite", _sqlite(path)
    if raw[8:12] == b"DUCK":
        yield from _duckdb(path, scratch)


def _parquet(path: Path) -> Iterator[tuple[str, bytes]]:
    metadata = pq.read_metadata(path)
    footer = [str(metadata), str(metadata.metadata), str(metadata.schema)]
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            footer.append(str(metadata.row_group(group).column(column).statistics))
    yield "parquet footer", "\n".join(footer).encode()
    table = pq.read_table(path)
    for name in table.column_names:
        column = table[name]
        while pa.types.is_list(column.type):
            column = pc.list_flatten(column)
        values = column.unique().to_pylist()
        if pa.types.is_integer(column.type):
            yield "parquet numbers", _numbers(values)
        else:
            yield "parquet column", "\n".join(map(str, values)).encode()


def _numbers(values: Iterable[object]) -> bytes:
    """Whole numbers, each between bars and without leading zeros.

    An identifier may stand in such a column only as a number of its own: its digits within a
    random 63-bit id are chance (a run of seven comes up once in some hundred thousand ids).
    """
    return b"".join(b"|%d|" % int(str(v)) for v in values if v is not None)


def _sqlite(path: Path) -> bytes:
    con = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return "\n".join(con.iterdump()).encode()
    finally:
        con.close()


def _duckdb(path: Path, scratch: Path) -> Iterator[tuple[str, bytes]]:
    """Every base table through SQL, and the file rewritten without compression."""
    copy = scratch / "copy.duckdb"
    copy.unlink(missing_ok=True)
    con = duckdb.connect(str(copy))
    try:
        con.execute("SET force_compression = 'uncompressed'")
        con.execute(f"ATTACH '{path}' AS scanned (READ_ONLY)")
        tables = con.execute(
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'scanned'"
        ).fetchall()
        for number, (schema, table) in enumerate(tables):
            con.execute(f'CREATE TABLE t{number} AS SELECT * FROM scanned."{schema}"."{table}"')
            columns = con.execute(
                "SELECT column_name, data_type FROM duckdb_columns() "
                "WHERE database_name = 'scanned' AND schema_name = ? AND table_name = ? "
                "AND data_type NOT IN ('DOUBLE', 'BOOLEAN')",
                [schema, table],
            ).fetchall()
            for column, kind in columns:
                rows = con.execute(
                    f'SELECT DISTINCT CAST("{column}" AS VARCHAR) FROM t{number}'
                ).fetchall()
                values = [v for (v,) in rows]
                if kind in ("BIGINT", "INTEGER", "SMALLINT"):
                    yield "duckdb numbers", _numbers(values)
                else:
                    yield "duckdb column", "\n".join(map(str, values)).encode()
        comments = con.execute(
            "SELECT comment FROM duckdb_columns() WHERE database_name = 'scanned' UNION ALL "
            "SELECT sql FROM duckdb_views() WHERE database_name = 'scanned'"
        ).fetchall()
        yield "duckdb catalogue", "\n".join(str(v) for (v,) in comments).encode()
        con.execute("CHECKPOINT")
    finally:
        con.close()
    yield "duckdb uncompressed", copy.read_bytes()
    copy.unlink()
