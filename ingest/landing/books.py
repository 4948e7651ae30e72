"""The books of everything in landing: checked again, as a table, and never without a part."""

from __future__ import annotations

import hashlib

import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.errors import Fault
from biobraid.core.files import atomic_path
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest, Part
from biobraid.core.schemas import LANDING_TABLES, RAW_FILE
from biobraid.ingest.landing.parts import FACT_TABLES, file_schema, open_part
from biobraid.ingest.landing.tally import breaches


def check_books(home: Home) -> list[Fault]:
    """Faults of the whole landing against the manifest; row counts come from Parquet footers."""
    faults = []
    in_parquet: dict[tuple[str, str, str], int] = {}
    with Manifest(home) as manifest:
        files, parts = manifest.files(), manifest.parts()
    for part in parts:
        found = _part_fault(home, part)
        if found:
            faults.append(
                Fault(
                    f"landing/{part.path}",
                    found,
                    "the part as ingest wrote it",
                    "Restore it from a backup, or ingest the delivery into a new home.",
                )
            )
        elif part.table in FACT_TABLES:
            key = (part.study, part.source, part.batch)
            in_parquet[key] = in_parquet.get(key, 0) + part.rows
    for books in files:
        row = books.row
        if row["status"] == "failed":
            continue
        where = f"{row['study']}/{row['source']}, file {row['batch']}"
        counts = {n: v for n, v in row.items() if n.startswith(("records_", "facts_"))}
        found_here = breaches(counts)
        key = (row["study"], row["source"], row["batch"])
        n_rows = in_parquet.get(key, 0) if row["status"] == "active" else 0
        if n_rows != row["facts_landed"]:
            found_here.append(f"{row['facts_landed']} facts landed but {n_rows} in Parquet")
        faults += [Fault(where, f"the books do not balance: {f}") for f in found_here]
    return faults


def _part_fault(home: Home, part: Part) -> str:
    try:
        rows = pq.read_metadata(home.landing / part.path).num_rows
    except FileNotFoundError:
        return "the part is missing"
    except (pa.ArrowException, OSError):
        return "the part cannot be read"
    return "" if rows == part.rows else f"holds {rows} rows, the manifest says {part.rows}"


def raw_file_table(home: Home) -> pa.Table:
    """raw.file: one row per delivered file with its books."""
    with Manifest(home) as manifest:
        rows = [dict(f.row) for f in manifest.files()]
    return pa.Table.from_pylist(rows, schema=RAW_FILE.arrow)


def ensure_empty_parts(home: Home) -> None:
    """Give every landing table a part without rows, so that views over it never fail."""
    with Manifest(home) as manifest:
        there = {p.path for p in manifest.parts() if not p.batch}
        wanted: set[str] = set()
        made = []
        for table in LANDING_TABLES:
            mark = hashlib.sha256(str(file_schema(table.full_name)).encode()).hexdigest()
            relative = f"{table.name}/part-0-{mark[:12]}.parquet"
            path = home.landing / relative
            wanted.add(relative)
            if relative in there and path.is_file():
                continue
            with atomic_path(path) as partial:
                open_part(partial, file_schema(table.full_name)).close()
            made.append(Part(relative, table.full_name, "", "", "", 0, mark))
        if made or there - wanted:
            with manifest.transaction():
                for old in there - wanted:  # of an earlier schema
                    manifest.drop_part(old)
                for part in made:
                    manifest.put_part(part)
