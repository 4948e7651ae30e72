"""What linkage hands to the warehouse: link.person_bridge, consent, quality, quality_detail.

Parquet files under landing/link/, put in force in one manifest transaction. Content decides
the name, so a linkage that found nothing new writes nothing and no model is built again.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from biobraid.core.files import PARTIAL, disk_errors
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import (
    LANDING_TABLES,
    LINK_BRIDGE,
    LINK_CONSENT,
    LINK_QUALITY,
    LINK_QUALITY_DETAIL,
)
from biobraid.core.schemas.table import Table
from biobraid.core.warehouse import parquet_list
from biobraid.linkage.consent import CONSENT_QUERY

_BATCH_ROWS = 128 * 1024
_KEYED_TABLES = tuple(t.full_name for t in LANDING_TABLES if "source_person_key" in t.arrow.names)
_METRICS = """
    count(*) AS n_source_persons,
    count(DISTINCT person_id) AS n_persons,
    count(*) FILTER (link_status = 'linked' AND method = 'minted') AS n_minted,
    count(*) FILTER (link_status = 'linked' AND method = 'authoritative-map') AS n_linked_map,
    count(*) FILTER (link_status = 'linked' AND method = 'strong-key') AS n_linked_strong_key,
    count(*) FILTER (link_status = 'linked' AND method = 'review') AS n_linked_review,
    count(*) FILTER (link_status = 'linked' AND method = 'probabilistic') AS n_linked_probabilistic,
    count(*) FILTER (link_status = 'linked' AND method = 'token') AS n_linked_token,
    count(*) FILTER (link_status = 'waiting') AS n_waiting,
    count(*) FILTER (link_status = 'quarantined') AS n_quarantined,
    count(*) FILTER (link_status = 'withdrawn') AS n_withdrawn,
    count(*) FILTER (link_status = 'restricted') AS n_restricted,
    count(*) FILTER (is_unidentified AND link_status = 'waiting') AS n_without_identity"""


def find_unidentified(con: duckdb.DuckDBPyConnection, home: Home, manifest: Manifest) -> bool:
    """Make `unidentified`: source persons in landing whom the vault does not know.

    None are expected, since connectors name everyone they land; they wait, and are counted.
    Parts without any are remembered in checked_part, so each is read once. Returns whether
    checked_part changed.
    """
    con.execute("CREATE TEMP TABLE unidentified (source_person_key VARCHAR, study VARCHAR)")
    parts = {p.path: p for t in _KEYED_TABLES for p in manifest.parts(t) if p.rows}
    checked = dict(con.execute("SELECT path, fingerprint FROM checked_part").fetchall())
    is_changed = False
    for path in sorted(checked.keys() - parts.keys()):
        con.execute("DELETE FROM checked_part WHERE path = ?", [path])
        is_changed = True
    for path, part in sorted(parts.items()):
        if checked.get(path) == part.fingerprint:
            continue
        found = con.execute(f"""
            INSERT INTO unidentified
            SELECT DISTINCT source_person_key, study
            FROM read_parquet({parquet_list([home.landing / path])})
            WHERE source_person_key IS NOT NULL
              AND source_person_key NOT IN (SELECT source_person_key FROM source_record)
            """).fetchone()  # noqa: S608  our own paths, as literals
        if found and not found[0]:
            con.execute("DELETE FROM checked_part WHERE path = ?", [path])
            con.execute("INSERT INTO checked_part VALUES (?, ?)", [path, part.fingerprint])
            is_changed = True
    return is_changed


def make_bridge(con: duckdb.DuckDBPyConnection) -> None:
    """Make `bridge`: link.person_bridge and a column that says who has no identity."""
    con.execute("""
        CREATE TEMP TABLE bridge AS
        WITH everyone AS (
          SELECT source_person_key, study, FALSE AS is_unidentified FROM source_record
          UNION ALL SELECT source_person_key, study, TRUE FROM unidentified
        ),
        one AS (
          SELECT source_person_key, min(study) AS study, bool_and(is_unidentified) AS is_unidentified
          FROM everyone GROUP BY source_person_key
        ),
        judged AS (
          SELECT o.*, m.person_id, m.method, m.confidence,
            CASE WHEN w.source_person_key IS NOT NULL THEN 'withdrawn'
              WHEN r.source_person_key IS NOT NULL THEN 'restricted'
              WHEN q.source_person_key IS NOT NULL THEN 'quarantined'
              WHEN m.person_id IS NOT NULL THEN 'linked'
              ELSE 'waiting' END AS link_status
          FROM one AS o
          LEFT JOIN withdrawn AS w USING (source_person_key)
          LEFT JOIN restricted AS r USING (source_person_key)
          LEFT JOIN quarantined AS q USING (source_person_key)
          LEFT JOIN person_member AS m
            ON m.source_person_key = o.source_person_key AND m.valid_to_run IS NULL
        )
        SELECT source_person_key, study, link_status, is_unidentified,
          CASE WHEN link_status = 'linked' THEN person_id END AS person_id,
          CASE WHEN link_status = 'linked' THEN method END AS method,
          CASE WHEN link_status = 'linked' THEN confidence END AS certainty
        FROM judged""")


def count_links(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """Metrics per study and, under `*`, of all; needs `bridge`, the edges and conflicts."""
    counts: dict[str, dict[str, int]] = {}
    for group in ("study", "'*'"):
        rows = con.execute(
            f"SELECT {group} AS study, {_METRICS} FROM bridge GROUP BY 1 ORDER BY 1"  # noqa: S608
        ).to_arrow_table()
        counts |= {row.pop("study"): row for row in rows.to_pylist()}
        for metric, query in _BESIDE.items():
            found = dict(con.execute(query.format(group=group)).fetchall())
            for study, metrics in counts.items():
                metrics.setdefault(metric, found.get(study, 0))
    return counts


_CONFLICTS = """
  SELECT {group}, count(DISTINCT c.conflict_id) FROM conflict AS c
  INNER JOIN known_study AS s USING (source_person_key) GROUP BY 1"""
_UNRESOLVED = """
  SELECT {group}, count(DISTINCT source_person_key) FROM identifier
  WHERE split_part(type, ':', 1) = 'map_id'
    AND (NOT is_valid OR norm_value NOT IN (SELECT source_person_key FROM source_record))
  GROUP BY 1"""
# A join on either of two keys would compare every pair with every record.
_TO_REVIEW = """
  SELECT {group}, count(DISTINCT e.pair)
  FROM (
    SELECT key_l || key_r AS pair, unnest([key_l, key_r]) AS source_person_key
    FROM edge WHERE decision = 'review'
  ) AS e INNER JOIN known_study AS s USING (source_person_key) GROUP BY 1"""
_BESIDE = {
    "n_conflicts": _CONFLICTS,
    "n_maps_unresolved": _UNRESOLVED,
    "n_pairs_to_review": _TO_REVIEW,
}


def publish(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    manifest: Manifest,
    counts: dict[str, dict[str, int]],
    run_id: int,
) -> list[str]:
    """Write the four tables and put those that changed in force; returns their names.

    counts: of count_links, for link.quality.
    """
    con.execute(
        "CREATE TEMP TABLE quality (run_id VARCHAR, study VARCHAR, metric VARCHAR, n BIGINT)"
    )
    run = f"{run_id:06d}"
    rows = [(run, s, m, n) for s, metrics in counts.items() for m, n in metrics.items()]
    if rows:
        con.executemany("INSERT INTO quality VALUES (?, ?, ?, ?)", rows)
    queries = {
        LINK_BRIDGE: "SELECT * EXCLUDE (is_unidentified) FROM bridge",
        LINK_CONSENT: CONSENT_QUERY,
        LINK_QUALITY: "SELECT run_id, study, '*' AS source, metric, n FROM quality",
        LINK_QUALITY_DETAIL: f"SELECT '{run}' AS run_id, * FROM quality_detail",  # noqa: S608  a number
    }
    folder = home.landing / "link"
    folder.mkdir(exist_ok=True)
    in_force = manifest.objects()
    written: dict[str, tuple[Path, int, str]] = {}
    with disk_errors("link"):
        for table, query in queries.items():
            path, n_rows, mark = _write(con, folder, table, query)
            if in_force.get(table.full_name, ("", 0, ""))[2] != mark:
                written[table.full_name] = (path, n_rows, mark)
    if written:
        with manifest.transaction():
            for name, (path, n_rows, mark) in written.items():
                manifest.put_object(name, path.relative_to(home.landing).as_posix(), n_rows, mark)
    keep = {path for path, _, _ in manifest.objects().values()}
    for path in folder.iterdir():
        if path.relative_to(home.landing).as_posix() not in keep:
            path.unlink(missing_ok=True)
    return sorted(written)


def _write(
    con: duckdb.DuckDBPyConnection, folder: Path, table: Table, query: str
) -> tuple[Path, int, str]:
    """One table sorted by its key, in a file named by its content."""
    columns, order = ", ".join(table.arrow.names), ", ".join(table.key)
    reader = con.execute(
        f"SELECT {columns} FROM ({query}) ORDER BY {order}"  # noqa: S608  constants
    ).to_arrow_reader(_BATCH_ROWS)
    partial = folder / f"{table.name}{PARTIAL}"
    n_rows = 0
    try:
        with pq.ParquetWriter(partial, table.arrow, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]).cast(table.arrow))
                n_rows += batch.num_rows
        with partial.open("rb+") as handle:
            os.fsync(handle.fileno())
            mark = hashlib.file_digest(handle, "sha256").hexdigest()
        final = folder / f"{table.name}-{mark[:8]}.parquet"
        partial.replace(final)
    finally:
        partial.unlink(missing_ok=True)
    return final, n_rows, mark
