"""What a new file does to earlier ones: delivery full, append, delta and columns."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import pyarrow as pa

from biobraid.ingest.landing.change import Change
from biobraid.ingest.landing.ids import NO_IDS, Ids, ids_in_several, n_distinct_ids
from biobraid.ingest.landing.memory import Share
from biobraid.ingest.landing.parts import FACT_TABLES, VERSION_TABLE, PartFile, by_table, read_parts


def supersede(
    con: duckdb.DuckDBPyConnection, change: Change, new: Sequence[str], mode: str, share: Share
) -> None:
    """Take out of force what the new files (batches, oldest first) replace, by the mode.

    In mode full whole files leave (see deliveries.look); here nothing is left to do.
    """
    if mode == "append":
        _append(con, change, new, share)
    elif mode == "delta":
        _delta(con, change, new, share)
    elif mode == "columns":
        _columns(con, change, new, share)


def _append(
    con: duckdb.DuckDBPyConnection, change: Change, new: Sequence[str], share: Share
) -> None:
    """A record delivered again is superseded by the later one."""
    facts = change.parts(*FACT_TABLES)
    candidates = _shared(facts, new, share)
    if len(candidates) == 0:
        return
    con.register("candidates", pa.table({"record_id": candidates}))
    con.register("file_order", _order(change))
    places = " UNION ".join(
        f"SELECT DISTINCT batch, record_id FROM {read_parts(parts)} "  # noqa: S608
        "SEMI JOIN candidates USING (record_id)"
        for parts in by_table(facts)
    )
    con.execute(
        "CREATE OR REPLACE TEMP TABLE all_losers AS "  # noqa: S608
        "SELECT batch, record_id, 'superseded' AS fate "
        f"FROM ({places}) JOIN file_order USING (batch) "
        "QUALIFY row_number() OVER (PARTITION BY record_id ORDER BY place DESC) > 1"
    )
    _remove_records(con, change, new)


def _delta(
    con: duckdb.DuckDBPyConnection, change: Change, new: Sequence[str], share: Share
) -> None:
    """The greatest (version, deletion, token) of a record wins, whenever it came.

    The token settles ties between equal versions, so that the order of arrival never does.
    Losers of earlier deliveries were removed then; only what was landed until now moves.
    """
    versions = change.parts(VERSION_TABLE)
    candidates = _shared(versions, new, share)
    if len(candidates) == 0:
        return
    con.register("candidates", pa.table({"record_id": candidates}))
    con.register("new_files", pa.table({"batch": list(new)}))
    newest = "version DESC NULLS LAST, is_deleted DESC, batch DESC"
    con.execute(
        "CREATE OR REPLACE TEMP TABLE all_losers AS "  # noqa: S608
        "WITH known AS ("
        "  SELECT v.batch, v.record_id, v.version, v.is_deleted, n.batch IS NOT NULL AS is_new "
        f"  FROM {read_parts(versions)} AS v LEFT JOIN new_files AS n ON v.batch = n.batch "
        "  WHERE v.record_id IN (FROM candidates)"
        "), ranked AS ("
        "  SELECT batch, record_id, is_deleted, is_new, "
        f"    row_number() OVER (PARTITION BY record_id ORDER BY {newest}) AS nth, "
        f"    row_number() OVER (PARTITION BY record_id, is_new ORDER BY {newest}) AS nth_then, "
        "    first_value(is_deleted) OVER "
        f"      (PARTITION BY record_id ORDER BY {newest}) AS winner_deletes "
        "  FROM known"
        ") "
        "SELECT batch, record_id, "
        "  CASE WHEN winner_deletes THEN 'deleted' ELSE 'superseded' END AS fate "
        "FROM ranked WHERE nth > 1 AND NOT is_deleted AND (is_new OR nth_then = 1)"
    )
    _remove_records(con, change, new)


def _remove_records(con: duckdb.DuckDBPyConnection, change: Change, new: Sequence[str]) -> None:
    origin = "without records of " + " ".join(sorted(new))
    moved = con.execute(
        "SELECT batch, fate, count(*) FROM all_losers GROUP BY ALL ORDER BY ALL"
    ).fetchall()
    for batch in sorted({batch for batch, _, _ in moved}):
        con.execute(
            "CREATE OR REPLACE TEMP TABLE losers AS "
            "SELECT record_id, fate FROM all_losers WHERE batch = ?",
            [batch],
        )
        change.remove(con, batch, "losers", "record_id", origin)
    for batch, fate, n in moved:
        change.move(batch, "records", fate, n)


def _columns(
    con: duckdb.DuckDBPyConnection, change: Change, new: Sequence[str], share: Share
) -> None:
    """Variables of a new file replace those of earlier ones; all others stay."""
    order = {b: i for i, b in enumerate(_order(change).column("batch").to_pylist())}
    brought: dict[str, set[str]] = {b: _variables(con, change, b) for b in new}
    for batch in sorted(order, key=order.__getitem__):
        later = set().union(*(v for b, v in brought.items() if order[b] > order[batch]))
        if not later:
            continue
        names = sorted(later)
        con.register("losers", pa.table({"variable": names, "fate": ["superseded"] * len(names)}))
        n_before = _n_records(change, batch, share)
        origin = "without variables of " + " ".join(sorted(new))
        if change.remove(con, batch, "losers", "variable", origin):
            n_gone = n_before - _n_records(change, batch, share)
            change.move(batch, "records", "superseded", n_gone)
        con.unregister("losers")


def _variables(con: duckdb.DuckDBPyConnection, change: Change, batch: str) -> set[str]:
    """Variables a file brings: those of its facts, and columns that are empty throughout."""
    found = set(change.detail[batch].get("columns", ()))
    for parts in by_table(change.parts("raw.value", "raw.event", batch=batch)):
        query = f"SELECT DISTINCT variable FROM {read_parts(parts)} WHERE variable IS NOT NULL"  # noqa: S608
        found |= {row[0] for row in con.execute(query).fetchall()}
    return found


def _n_records(change: Change, batch: str, share: Share) -> int:
    paths = [p.path for p in change.parts(*FACT_TABLES, batch=batch)]
    return n_distinct_ids(paths, "record_id", share.bytes_for_ids)


def _shared(parts: Sequence[PartFile], new: Sequence[str], share: Share) -> Ids:
    """Record ids that stand in more than one file."""
    by_batch: dict[str, list[PartFile]] = {}
    for part in parts:
        by_batch.setdefault(part.batch, []).append(part)
    if len(by_batch) < 2 or not set(by_batch) & set(new):
        return NO_IDS
    groups = [[p.path for p in ps] for ps in by_batch.values()]
    return ids_in_several(groups, "record_id", share.bytes_for_ids)


def _order(change: Change) -> pa.Table:
    """Files by delivery and token, the latest last."""
    batches = sorted(change.books, key=lambda b: (change.books[b]["delivery"], b))
    return pa.table({"batch": batches, "place": list(range(len(batches)))})
