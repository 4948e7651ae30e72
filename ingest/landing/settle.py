"""Row ids are unique in each raw table: repeated facts superseded, clashing keys rehashed.

Goes over everything in force after the files of a run are committed, and remembers for which
parts it did, so that a killed run makes up for it next time and a run without news costs
nothing.

Two facts with one row id are either the same fact delivered in two files of one full
delivery (the one of the later delivery, or else of the greater token, stays) or a clash of
two natural keys. Of clashing keys the smallest keeps the id and each larger one is rehashed
with a counter; which is which does not depend on the order of arrival.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.warehouse import literal
from biobraid.ingest.landing.change import Change, discarded_on_error
from biobraid.ingest.landing.finalise import shifted
from biobraid.ingest.landing.ids import Ids, n_distinct_ids, repeated_ids
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from biobraid.ingest.landing.parts import (
    FACT_TABLES,
    SCHEMAS,
    PartFile,
    in_force,
    read_parts,
)

NOTE = "row_ids_settled"
# What makes a fact the same fact, beside study, source and record.
_FACT_KEYS = {
    "raw.value": ("variable", "instance", "array_index"),
    "raw.event": ("kind", "source_table", "variable", "code_system", "code"),
    "raw.record": ("kind",),
    "raw.detail": ("kind", "field"),
    "raw.consent": ("modality",),
    "raw.asset": ("asset_id",),
    "raw.vector": ("asset_id", "model", "version"),
    "raw.feature": ("feature_id", "plate_id"),
    # Their record ids hold the file: equal ones never come from two files.
    "raw.variant": ("variant_index",),
    "raw.genotype_sample": ("sample_index",),
    "raw.kinship": ("other_person_key",),
    "raw.component": ("component",),
    "raw.wearable_sample": (
        "source_person_key", "variable", "device_id", "code", "start_time", "start_offset_minutes",
    ),
}  # fmt: skip
# The same minute may stand in several tables of a vendor, each with records of its own.
_ANY_RECORD = ("raw.wearable_sample",)
_MOST_COUNTERS = 1000


def settle_row_ids(home: Home, manifest: Manifest, share: Share, id_bits: int) -> int:
    """Make row ids unique in every raw table; returns how many rows changed or left."""
    settled = manifest.note(NOTE, {})
    n_changed = 0
    for table in FACT_TABLES:
        if settled.get(table) == _mark(manifest, table):
            continue
        n_changed += _settle_table(home, manifest, table, share, id_bits)
        settled = {**settled, table: _mark(manifest, table)}
        with manifest.transaction():
            manifest.set_note(NOTE, settled)
    return n_changed


def _mark(manifest: Manifest, table: str) -> str:
    paths = "\n".join(p.path for p in manifest.parts(table))
    return hashlib.sha256(paths.encode()).hexdigest()[:16]


def _settle_table(home: Home, manifest: Manifest, table: str, share: Share, id_bits: int) -> int:
    entries = [e for e in manifest.parts(table) if e.rows]
    parts = [in_force(home.landing, e) for e in entries]
    repeated = repeated_ids([p.path for p in parts], "row_id", share.bytes_for_ids)
    if len(repeated) == 0:
        return 0
    numbers = {
        (f.row["study"], f.row["source"], f.row["batch"]): f.row["delivery"]
        for f in manifest.files()
        if f.row["status"] == "active"
    }
    deliveries = [numbers[(e.study, e.source, e.batch)] for e in entries]
    with scratch_duckdb(share) as con:
        _find_places(con, table, parts, deliveries, repeated)
        clashing = _clashing(con)
        _rehash(con, parts, clashing, id_bits)
        for study, source in sorted({(e.study, e.source) for e in entries}):
            change = Change(home, manifest, study, source)
            with discarded_on_error(change):
                if _apply(con, change, table, parts, share):
                    change.check()
                    change.commit(manifest)
        found = con.execute("SELECT count(*) FROM places WHERE age > 1").fetchone()
    return len(clashing) + (int(found[0]) if found else 0)


def _find_places(
    con: duckdb.DuckDBPyConnection,
    table: str,
    parts: Sequence[PartFile],
    deliveries: Sequence[int],
    repeated: Ids,
) -> None:
    """Table `places`: rows that share an id. age 1 = the latest file that has this very fact;
    nth = rank among the different facts of age 1, the smallest key first."""
    record = () if table in _ANY_RECORD else ("record_id",)
    key = ("study", "source", *record, *_FACT_KEYS[table])
    named = dict.fromkeys((*key, "record_id"))
    if "start_time" not in named:
        named["start_time" if "start_time" in SCHEMAS[table].names else "NULL AS start_time"] = None
    con.register("repeated", pa.table({"row_id": repeated}))
    rows = " UNION ALL ".join(
        f"SELECT {number} AS part, {deliveries[number]} AS delivery, batch, row_id, "  # noqa: S608
        f"file_row_number, {', '.join(named)} "
        f"FROM read_parquet({literal(part.path)}, file_row_number = true) "
        "SEMI JOIN repeated USING (row_id)"
        for number, part in enumerate(parts)
    )
    ordered = ", ".join(f"{c} NULLS FIRST" for c in key)
    con.execute(
        f"CREATE TEMP TABLE places AS WITH shared AS ({rows}), aged AS ("  # noqa: S608
        f"  SELECT *, rank() OVER (PARTITION BY row_id, {', '.join(key)} "
        "     ORDER BY delivery DESC, batch DESC) AS age FROM shared) "
        "SELECT part, file_row_number, row_id, record_id, age, row_number() OVER "
        f"  (PARTITION BY row_id, age ORDER BY {ordered}, start_time NULLS FIRST, part, "
        "   file_row_number) AS nth FROM aged"
    )


@dataclass(frozen=True)
class _Clash:
    part: int
    place: int
    row_id: int
    record_id: int


def _clashing(con: duckdb.DuckDBPyConnection) -> list[_Clash]:
    rows = con.execute(
        "SELECT part, file_row_number, row_id, record_id FROM places "
        "WHERE age = 1 AND nth > 1 ORDER BY row_id, nth"
    ).fetchall()
    return [_Clash(*row) for row in rows]


def _rehash(
    con: duckdb.DuckDBPyConnection, parts: Sequence[PartFile], waiting: list[_Clash], id_bits: int
) -> None:
    """Table `new_ids`: an id, free in the whole table, for every row that must give up its own."""
    taken: set[int] = set()
    moved: list[tuple[_Clash, int]] = []
    for counter in range(1, _MOST_COUNTERS):
        if not waiting:
            break
        counters = np.full(len(waiting), counter, np.uint64)
        wanted = shifted([c.row_id for c in waiting], counters, id_bits).to_pylist()
        used = _used(con, parts, wanted)
        still = []
        for clash, new_id in zip(waiting, wanted, strict=True):
            if new_id in used or new_id in taken:
                still.append(clash)
            else:
                taken.add(new_id)
                moved.append((clash, new_id))
        waiting = still
    if waiting:
        raise RuntimeError("no free row id found")
    columns = {
        "part": [c.part for c, _ in moved],
        "file_row_number": [c.place for c, _ in moved],
        "row_id": [new_id for _, new_id in moved],
        "record_id": [c.record_id for c, _ in moved],
    }
    con.register("moved", pa.table({n: pa.array(v, pa.int64()) for n, v in columns.items()}))
    con.execute("CREATE TEMP TABLE new_ids AS FROM moved")


def _used(
    con: duckdb.DuckDBPyConnection, parts: Sequence[PartFile], wanted: Sequence[int]
) -> set[int]:
    con.register("wanted", pa.table({"row_id": pa.array(wanted, pa.int64())}))
    query = f"SELECT DISTINCT row_id FROM {read_parts(parts)} SEMI JOIN wanted USING (row_id)"  # noqa: S608
    return {row[0] for row in con.execute(query).fetchall()}


def _apply(
    con: duckdb.DuckDBPyConnection,
    change: Change,
    table: str,
    parts: Sequence[PartFile],
    share: Share,
) -> bool:
    """Rewrite the parts of the change's source that hold losers or moves; False if none do."""
    numbers = {part.path: number for number, part in enumerate(parts)}
    is_changed = False
    for part in [p for p in change.parts(table) if p.path in numbers]:
        number = numbers[part.path]
        con.execute(
            "CREATE OR REPLACE TEMP TABLE losers AS "
            "SELECT file_row_number FROM places WHERE part = ? AND age > 1",
            [number],
        )
        con.execute("CREATE OR REPLACE TEMP TABLE moves AS FROM new_ids WHERE part = ?", [number])
        counts = con.execute(
            "SELECT (SELECT count(*) FROM losers), (SELECT count(*) FROM moves)"
        ).fetchone()
        n_lost, n_moved = counts if counts else (0, 0)
        if not n_lost and not n_moved:
            continue
        is_changed = True
        n_before = _n_records(change, part.batch, share)
        change.rewrite(con, part, "losers", "moves", f"settled {n_lost} {n_moved}")
        change.move(part.batch, "facts", "superseded", n_lost)
        n_gone = n_before - _n_records(change, part.batch, share)
        change.move(part.batch, "records", "superseded", n_gone)
    return is_changed


def _n_records(change: Change, batch: str, share: Share) -> int:
    paths = [p.path for p in change.parts(*FACT_TABLES, batch=batch)]
    return n_distinct_ids(paths, "record_id", share.bytes_for_ids)
