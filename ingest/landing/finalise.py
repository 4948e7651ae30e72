"""Records that stand in one file more than once: told apart, or the newest kept.

Runs where the file was read, on its staged parts, before the books are checked.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.ingest.hashing import mix, positive
from biobraid.ingest.landing.ids import Ids, repeated_ids
from biobraid.ingest.landing.memory import Share, scratch_duckdb
from biobraid.ingest.landing.parts import (
    FACT_TABLES,
    ROW_GROUP_ROWS,
    ROW_NUMBER,
    VERSION_TABLE,
    PartFile,
    by_table,
    file_schema,
    read_parts,
    rewrite_part,
)
from biobraid.ingest.landing.tally import Tally

REPEATED_FACT = "repeated-fact"
DUPLICATE = "duplicate-key"


def settle_file(
    parts: Sequence[PartFile], tally: Tally, is_delta: bool, id_bits: int, share: Share
) -> tuple[list[PartFile], pa.Table | None]:
    """The file's parts with every record once; rows for raw.reject if records were rejected.

    The tally's counts are changed to match. Replaced part files are removed.
    """
    settled, rejects = _settled(parts, tally, is_delta, id_bits, share)
    if is_delta:
        return settled, rejects
    for part in [p for p in settled if p.table == VERSION_TABLE]:
        part.path.unlink(missing_ok=True)  # only later deltas would ask for it
    return [p for p in settled if p.table != VERSION_TABLE], rejects


def _settled(
    parts: Sequence[PartFile], tally: Tally, is_delta: bool, id_bits: int, share: Share
) -> tuple[list[PartFile], pa.Table | None]:
    facts = [p for p in parts if p.table in FACT_TABLES]
    versions = [p for p in parts if p.table == VERSION_TABLE]
    others = [p for p in parts if p not in facts and p not in versions]
    numbered = any(ROW_NUMBER in pq.read_schema(p.path).names for p in [*facts, *versions])
    if tally.whole_row_keys:
        told_apart = [q for p in by_table(facts) for q in _occurrences(p, id_bits, share)]
        return [*told_apart, *versions, *others], None
    if not numbered and (tally.keys_are_unique or not facts):
        return list(parts), None
    with scratch_duckdb(share) as con:
        if not numbered:
            return [*_keep_last(con, facts, tally, share), *versions, *others], None
        kept, rejects = _keep_newest(con, facts, versions, tally, is_delta)
        return [*kept, *others], rejects


def _occurrences(parts: Sequence[PartFile], id_bits: int, share: Share) -> list[PartFile]:
    """Equal rows of a file without keys get ids of their own, by number of occurrence.

    The first keeps its ids, so the ids of a row do not depend on how often it stands there.
    """
    repeated = repeated_ids([p.path for p in parts], "row_id", share.bytes_for_ids)
    if len(repeated) == 0:
        return list(parts)
    seen: dict[tuple[int, int], int] = {}
    done: list[PartFile | None] = []
    with scratch_duckdb(share) as con:
        for part in parts:
            moves = _moves(part, repeated, seen, id_bits)
            if moves.num_rows == 0:
                done.append(part)
                continue
            con.register("moves", moves)
            new = rewrite_part(con, part, file_schema(part.table), new_ids="moves")
            con.unregister("moves")
            done.append(_replaced(part, new))
    return [p for p in done if p]


def _moves(
    part: PartFile, repeated: Ids, seen: dict[tuple[int, int], int], id_bits: int
) -> pa.Table:
    """(file_row_number, row_id, record_id) of the second and later occurrences of a part."""
    places, counts, row_ids, record_ids = [], [], [], []
    start = 0
    with pq.ParquetFile(part.path) as file:
        for batch in file.iter_batches(ROW_GROUP_ROWS, columns=["row_id", "record_id"]):
            ids = batch.column("row_id").to_numpy(zero_copy_only=False)
            records = batch.column("record_id").to_numpy(zero_copy_only=False)
            at = np.minimum(np.searchsorted(repeated, ids), len(repeated) - 1)
            for i in np.flatnonzero(repeated[at] == ids).tolist():
                key = (int(ids[i]), int(records[i]))
                n = seen.get(key, 0)
                seen[key] = n + 1
                if n:
                    places.append(start + i)
                    counts.append(n)
                    row_ids.append(key[0])
                    record_ids.append(key[1])
            start += batch.num_rows
    nth = np.array(counts, np.uint64)
    return pa.table(
        {
            "file_row_number": pa.array(places, pa.int64()),
            "row_id": shifted(row_ids, nth, id_bits),
            "record_id": shifted(record_ids, nth, id_bits),
        }
    )


def shifted(ids: Sequence[int], counters: np.ndarray, id_bits: int) -> pa.Array:
    """Other ids, given by the ids and a counter each; the same on every run."""
    mixed = mix(np.array(ids, np.uint64), counters.astype(np.uint64))
    if id_bits < 63:
        mixed = mixed & np.uint64((1 << id_bits) - 1)
    return positive(mixed)


def _keep_last(
    con: duckdb.DuckDBPyConnection, facts: Sequence[PartFile], tally: Tally, share: Share
) -> list[PartFile]:
    """Without row numbers: of facts with one id the last is kept, the others are counted."""
    kept: list[PartFile] = []
    n_dropped = 0
    for parts in by_table(facts):
        repeated = repeated_ids([p.path for p in parts], "row_id", share.bytes_for_ids)
        if len(repeated) == 0:
            kept += parts
            continue
        con.register("repeated", pa.table({"row_id": repeated}))
        places = " UNION ALL ".join(
            f"SELECT {i} AS part, file_row_number, row_id, record_id "  # noqa: S608
            f"FROM read_parquet('{_quoted(p)}', file_row_number = true) SEMI JOIN repeated USING (row_id)"
            for i, p in enumerate(parts)
        )
        con.execute(
            "CREATE OR REPLACE TEMP TABLE places AS SELECT part, file_row_number, row_number() "  # noqa: S608
            "OVER (PARTITION BY row_id, record_id ORDER BY part DESC, file_row_number DESC) AS nth "
            f"FROM ({places})"
        )
        for i, part in enumerate(parts):
            con.execute(
                "CREATE OR REPLACE TEMP TABLE losers AS "
                "SELECT file_row_number FROM places WHERE part = ? AND nth > 1",
                [i],
            )
            n = _count(con, "SELECT count(*) FROM losers")
            n_dropped += n
            kept += _rewritten(con, part, ("file_row_number",)) if n else [part]
    if n_dropped:
        n_records = _count(
            con,
            f"SELECT count(DISTINCT record_id) FROM ({_union(kept, 'record_id')})",  # noqa: S608
        )
        n_lost = max(tally.records_landed - n_records, 0)
        tally.records_rejected += n_lost
        tally.facts_read -= n_dropped
        # Records that go on in a further row are not lost, but what both rows say stays once.
        tally.warnings[REPEATED_FACT] += n_dropped
        if n_lost:
            tally.rejects[(DUPLICATE, "", "record")] += n_lost
    return kept


def _keep_newest(
    con: duckdb.DuckDBPyConnection,
    facts: Sequence[PartFile],
    versions: Sequence[PartFile],
    tally: Tally,
    is_delta: bool,
) -> tuple[list[PartFile], pa.Table | None]:
    """With row numbers: the newest version of each record is kept, at a tie the last row."""
    sources = [
        f"SELECT DISTINCT record_id, {ROW_NUMBER} FROM {read_parts(ps)}"  # noqa: S608
        for ps in (*by_table(facts), versions)
        if ps
    ]
    versioned = (
        f"SELECT record_id, {ROW_NUMBER}, version, is_deleted FROM {read_parts(versions)}"  # noqa: S608
        if versions
        else "SELECT NULL::BIGINT AS record_id, NULL::BIGINT AS row_number, "
        "NULL::VARCHAR AS version, false AS is_deleted WHERE false"
    )
    con.execute(
        "CREATE TEMP TABLE ranked AS "  # noqa: S608
        "SELECT r.record_id, r.row_number, coalesce(v.is_deleted, false) AS is_deleted, "
        "  row_number() OVER newest AS nth, "
        "  first_value(coalesce(v.is_deleted, false)) OVER newest AS winner_deletes "
        f"FROM ({' UNION '.join(sources)}) AS r "
        f"LEFT JOIN ({versioned}) AS v USING (record_id, row_number) "
        "WINDOW newest AS (PARTITION BY r.record_id ORDER BY v.version DESC NULLS LAST, "
        "  coalesce(v.is_deleted, false) DESC, r.row_number DESC)"
    )
    con.execute("CREATE TEMP TABLE losers AS FROM ranked WHERE nth > 1 OR is_deleted")
    fate = "winner_deletes" if is_delta else "false"
    dropped = dict(
        con.execute(
            f"SELECT {fate} AS deleted, count(*) FROM ({_union(facts, 'record_id, row_number')}) "  # noqa: S608
            "JOIN losers USING (record_id, row_number) GROUP BY ALL"
        ).fetchall()
    )
    lost = con.execute(
        f"SELECT {fate} AS deleted, row_number FROM losers "  # noqa: S608
        "WHERE NOT is_deleted ORDER BY row_number"
    ).fetchall()
    kept = [q for p in facts for q in _rewritten(con, p, ("record_id", ROW_NUMBER))]
    con.execute("DELETE FROM losers WHERE nth = 1")  # a deletion that won stays a version
    kept += [q for p in versions for q in _rewritten(con, p, ("record_id", ROW_NUMBER))]
    if is_delta:
        for deleted, _ in lost:
            tally.records_deleted += deleted
            tally.records_superseded += not deleted
        tally.facts_deleted += dropped.get(True, 0)
        tally.facts_superseded += dropped.get(False, 0)
        return kept, None
    tally.records_rejected += len(lost)
    tally.facts_read -= sum(dropped.values())
    return kept, _rejects([row for _, row in lost])


def _rejects(row_numbers: list[int]) -> pa.Table | None:
    if not row_numbers:
        return None
    n = len(row_numbers)
    return pa.table(
        {
            "row_number": pa.array(row_numbers, pa.int64()),
            "unit_of_count": ["record"] * n,
            "reason": [DUPLICATE] * n,
            "expected": ["one row per record key"] * n,
        }
    )


def _rewritten(con: duckdb.DuckDBPyConnection, part: PartFile, on: Sequence[str]) -> list[PartFile]:
    new = _replaced(part, rewrite_part(con, part, file_schema(part.table), "losers", on))
    return [new] if new else []


def _replaced(old: PartFile, new: PartFile | None) -> PartFile | None:
    """Put the rewritten staged part under the staged one's name."""
    if new is None:
        old.path.unlink(missing_ok=True)
        return None
    new.path.replace(old.path)
    return PartFile(old.table, old.path, old.batch, old.number, new.rows)


def _union(parts: Sequence[PartFile], columns: str) -> str:
    if not parts:
        return "SELECT NULL::BIGINT AS record_id, NULL::BIGINT AS row_number WHERE false"
    return " UNION ALL ".join(
        f"SELECT {columns} FROM {read_parts(ps)}"  # noqa: S608
        for ps in by_table(parts)
    )


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0


def _quoted(part: PartFile) -> str:
    return str(part.path).replace("'", "''")
