"""A home with landed tables, written by hand from the text tables of a spec."""

from __future__ import annotations

import hashlib
from pathlib import Path

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest, Part
from biobraid.core.schemas import LANDING_TABLES
from biobraid.core.warehouse import connect, literal
from tests.models.tables import parse_tables
from tests.models.warehouse import Warehouse

_LANDED = {table.full_name for table in LANDING_TABLES}


def land(home: Home, given: str, batch: str = "b1") -> None:
    """Put the given tables in force, as ingest and link do; raw.* as one more part."""
    source = Warehouse(given)
    names = {t.name or "raw.value" for t in parse_tables(given)} | {"link.person_bridge"}
    with Manifest(home) as manifest, manifest.transaction():
        for name in sorted(names):
            rows = source.con.execute(f"SELECT COUNT(*) FROM {name}").fetchall()[0][0]
            content = source.con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()
            mark = hashlib.sha256(repr(content).encode()).hexdigest()
            path = Path(name.replace(".", "/")) / f"{batch}-{mark[:8]}.parquet"
            target = home.landing / path
            target.parent.mkdir(parents=True, exist_ok=True)
            source.con.execute(f"COPY {name} TO {literal(target)} (FORMAT parquet)")
            if name in _LANDED:
                manifest.put_part(Part(path.as_posix(), name, "s", "main", batch, rows, mark))
            else:
                manifest.put_object(name, path.as_posix(), rows, mark)


def rows_of(home: Home, query: str) -> list[tuple[object, ...]]:
    """Rows of a query on the home's warehouse."""
    con = connect(home, read_only=True)
    try:
        return con.execute(query).fetchall()
    finally:
        con.close()


def checksums(home: Home) -> dict[str, str]:
    """A hash of the sorted rows of every table that models made."""
    con = connect(home, read_only=True)
    try:
        names = con.execute(
            "SELECT schema_name || '.' || view_name FROM duckdb_views() "
            "WHERE schema_name IN ('staging', 'stem', 'cdm', 'omics', 'wearable', 'mart') "
            "ORDER BY ALL"
        ).fetchall()
        return {
            name: hashlib.sha256(
                repr(con.execute(f"SELECT * FROM {name} ORDER BY ALL").fetchall()).encode()
            ).hexdigest()
            for (name,) in names
        }
    finally:
        con.close()
