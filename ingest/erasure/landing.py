"""People taken out of landing: every raw table that has a source_person_key, by its schema.

Each source is rewritten and put in force with its books in one transaction; what goes is
`deleted` in them. A run that finds nothing changes nothing, so a killed one is repeated.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import duckdb
import pyarrow as pa

from biobraid.core.holders import Erased, Gone, Holder, register
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.study import read_study, study_packs
from biobraid.ingest.landing.change import Change, discarded_on_error
from biobraid.ingest.landing.ids import n_distinct_ids
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from biobraid.ingest.landing.parts import (
    FACT_TABLES,
    SCHEMAS,
    VERSION_TABLE,
    PartFile,
    read_parts,
)

PERSON_TABLES = tuple(n for n, schema in SCHEMAS.items() if "source_person_key" in schema.names)
_CONSENT = "raw.consent"
# Columns that name whose a row is; the row of a pair of samples is of both.
PAIR = ("source_person_key", "other_person_key")
# Columns in which the rows of others name a person: parents, as a genotype file states them.
KIN = ("father_key", "mother_key")


def find(home: Home, gone: Gone) -> dict[str, int]:
    """Rows per raw table that would go."""
    counts: dict[str, int] = {}
    with Manifest(home) as manifest, _scratch(home, gone) as con:
        for change in _changes(home, manifest, gone):
            for batch in sorted(change.books):
                parts = _parts_of(change, batch, gone)
                for number, n in _mark(con, parts, gone):
                    table = parts[number].table
                    counts[table] = counts.get(table, 0) + n
    return counts


def erase(home: Home, gone: Gone) -> Erased:
    """Rewrite the parts that hold these people without them."""
    n_rows = 0
    with Manifest(home) as manifest, _scratch(home, gone) as con:
        for change in _changes(home, manifest, gone):
            with discarded_on_error(change):
                n_here = sum(_erase_file(con, change, b, gone) for b in sorted(change.books))
                if gone.is_everything:
                    n_here += sum(_forget_kin(con, change, b) for b in sorted(change.books))
                if n_here:
                    change.check()
                    change.commit(manifest)
                    n_rows += n_here
        manifest.sweep()
    return Erased(n_rows)


def _share(home: Home) -> Share:
    return Share(home.settings.memory_limit_gb, home.settings.threads, home.tmp)


@contextmanager
def _scratch(home: Home, gone: Gone) -> Iterator[duckdb.DuckDBPyConnection]:
    with scratch_duckdb(_share(home)) as con:
        con.register("gone", pa.table({"source_person_key": sorted(gone.keys)}))
        yield con


def _changes(home: Home, manifest: Manifest, gone: Gone) -> Iterator[Change]:
    """A change for every source that the withdrawal reaches."""
    modalities = modalities_of_sources(home)
    for study, source in sorted({(p.study, p.source) for p in manifest.parts() if p.study}):
        if gone.modality in ("*", modalities.get((study, source))):
            yield Change(home, manifest, study, source)


def modalities_of_sources(home: Home) -> Mapping[tuple[str, str], str]:
    """(study, source) -> modality, as the packs declare it."""
    return {
        (study.id, name): source.modality
        for study in map(read_study, study_packs(home))
        for name, source in study.sources.items()
    }


def _parts_of(change: Change, batch: str, gone: Gone) -> list[PartFile]:
    """Parts that may hold these people. A statement of consent stays unless all goes: it says
    what holds."""
    tables = [t for t in PERSON_TABLES if gone.is_everything or t != _CONSENT]
    return [p for p in change.parts(*tables, batch=batch) if p.rows]


def _mark(
    con: duckdb.DuckDBPyConnection, parts: Sequence[PartFile], gone: Gone
) -> list[tuple[int, int]]:
    """Make `loser` (part, file_row_number, record_id) and `keeper` (record_id) of one file.

    Returns number of the part and rows it loses. Rows without a time of their own (fields of
    a record) go with their record.
    """
    con.execute(
        "CREATE OR REPLACE TEMP TABLE loser (part INTEGER, file_row_number BIGINT, record_id BIGINT)"
    )
    con.execute("CREATE OR REPLACE TEMP TABLE keeper (record_id BIGINT)")
    is_timed = [_has(part, "start_time") for part in parts]
    for number in sorted(range(len(parts)), key=lambda n: not is_timed[n]):
        part = parts[number]
        record = "p.record_id" if _has(part, "record_id") else "NULL"
        if gone.after is None:
            condition = "TRUE"
        elif is_timed[number]:
            condition = (
                "coalesce(left(CAST(p.start_time AS VARCHAR), 10) > getvariable('after'), FALSE)"
            )
        else:
            condition = (
                f"{record} IN (SELECT record_id FROM loser) "  # noqa: S608  a constant
                f"AND {record} NOT IN (SELECT record_id FROM keeper)"
            )
        con.execute("SET VARIABLE after = $day", {"day": gone.after})
        mine = " OR ".join(f"p.{c} IN (FROM gone)" for c in PAIR if _has(part, c))
        rows = f"FROM read_parquet(?, file_row_number = true) AS p WHERE ({mine})"
        con.execute(
            f"INSERT INTO loser SELECT {number}, p.file_row_number, {record} "
            f"{rows} AND {condition}",
            [str(part.path)],
        )
        if gone.after is not None and is_timed[number]:
            con.execute(
                f"INSERT INTO keeper SELECT {record} {rows} AND NOT {condition}",
                [str(part.path)],
            )
    return con.execute("SELECT part, count(*) FROM loser GROUP BY 1 ORDER BY 1").fetchall()


def _has(part: PartFile, column: str) -> bool:
    return column in SCHEMAS[part.table].names


def _erase_file(con: duckdb.DuckDBPyConnection, change: Change, batch: str, gone: Gone) -> int:
    parts = _parts_of(change, batch, gone)
    marked = _mark(con, parts, gone)
    if not marked:
        return 0
    n_before = _n_records(change, batch)
    con.execute(
        "CREATE OR REPLACE TEMP TABLE gone_record AS SELECT DISTINCT record_id FROM loser "
        "WHERE record_id IS NOT NULL AND record_id NOT IN (SELECT record_id FROM keeper)"
    )
    for number, n in marked:
        con.execute(
            "CREATE OR REPLACE TEMP TABLE part_loser AS "
            "SELECT file_row_number FROM loser WHERE part = ?",
            [number],
        )
        change.rewrite(con, parts[number], "part_loser", None, f"erased {n}")
        if parts[number].table in FACT_TABLES:
            change.move(batch, "facts", "deleted", n)
    _forget_versions(con, change, batch)
    change.move(batch, "records", "deleted", n_before - _n_records(change, batch))
    return sum(n for _, n in marked)


def _forget_kin(con: duckdb.DuckDBPyConnection, change: Change, batch: str) -> int:
    """Empty the cells in which rows of other people name these; returns how many rows."""
    n = 0
    con.execute(
        "CREATE OR REPLACE TEMP TABLE part_loser AS SELECT 0::BIGINT AS file_row_number LIMIT 0"
    )
    for part in change.parts(*PERSON_TABLES, batch=batch):
        named = [c for c in KIN if _has(part, c)]
        if not named or not part.rows:
            continue
        condition = " OR ".join(f"p.{c} IN (FROM gone)" for c in named)
        row = con.execute(
            f"SELECT count(*) FROM read_parquet(?) AS p WHERE {condition}",  # noqa: S608
            [str(part.path)],
        ).fetchone()
        if row and row[0]:
            change.rewrite(con, part, "part_loser", None, f"kin {row[0]}", (named, "gone"))
            n += int(row[0])
    return n


def _forget_versions(con: duckdb.DuckDBPyConnection, change: Change, batch: str) -> None:
    """Versions of the records that went, which later deltas would have been compared with."""
    for part in change.parts(VERSION_TABLE, batch=batch):
        con.execute(
            "CREATE OR REPLACE TEMP TABLE part_loser AS SELECT p.file_row_number "  # noqa: S608
            f"FROM {read_parts([part])[:-1]}, file_row_number = true) AS p "
            "SEMI JOIN gone_record AS g ON p.record_id = g.record_id"
        )
        found = con.execute("SELECT count(*) FROM part_loser").fetchone()
        if found and found[0]:
            change.rewrite(con, part, "part_loser", None, f"erased {found[0]}")


def _n_records(change: Change, batch: str) -> int:
    paths = [p.path for p in change.parts(*FACT_TABLES, batch=batch)]
    return n_distinct_ids(paths, "record_id", _share(change.home).bytes_for_ids)


LANDING = register(Holder("landing", find, erase))
