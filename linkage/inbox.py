"""Taking identity rows from the inbox into the vault.

Which values are kept: per source person, source and identity type, those of the newest
delivery that gave any. A correction so replaces the value it corrects, several values of one
delivery stay side by side, and a delivery that is silent about a type leaves it as it was.
Locations of assets count per asset: a new image says nothing about where older ones lie.
Rows are a set, so a file taken twice, or files taken in another order, change nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import duckdb
import pyarrow as pa

from biobraid.core.home import Home
from biobraid.core.keys import ingest_keys
from biobraid.core.manifest import Manifest
from biobraid.core.sealed import stream_sealed
from biobraid.linkage.declared import Declared
from biobraid.linkage.normalise import NORM_VERSION, has_rule, normalise

SUFFIX = ".parquet.enc"
_NORM_ROWS = 100_000
_COUNTRY = "gb"  # of studies that declare none


def inbox_files(home: Home, manifest: Manifest) -> dict[Path, int]:
    """Inbox files whose delivered file has landed, with its delivery number.

    Files are named <study>-<source>-<batch>. One that has not landed was left by an ingest
    that is still running or was cut short; it stays for the next linkage.
    """
    landed: dict[str, int] = {}
    for books in manifest.files():
        row = books.row
        if row["status"] != "failed":
            name = f"{row['study']}-{row['source']}-{row['batch']}{SUFFIX}"
            landed[name] = max(landed.get(name, 0), row["delivery"] or 0)
    paths = sorted(home.inbox.glob(f"*{SUFFIX}")) if home.inbox.is_dir() else []
    return {path: landed[path.name] for path in paths if path.name in landed}


def take_files(con: duckdb.DuckDBPyConnection, home: Home, files: Mapping[Path, int]) -> set[str]:
    """Merge the files' rows into source_record and identifier; returns the tables changed."""
    if not files:
        return set()
    key = ingest_keys(home).inbox
    con.execute("""
        CREATE TEMP TABLE incoming (
          source_person_key VARCHAR, study VARCHAR, source VARCHAR, type VARCHAR,
          value VARCHAR, delivery BIGINT, record_id BIGINT)""")
    for path, delivery in files.items():
        for rows in stream_sealed(path, key):
            con.register("identity", rows)
            con.execute(
                "INSERT INTO incoming SELECT source_person_key, study, source, type, "
                "trim(value), ?, record_id FROM identity "
                "WHERE source_person_key IS NOT NULL AND trim(value) <> ''",
                [delivery],
            )
            con.unregister("identity")
    changed = set()
    if _merge_source_records(con):
        changed.add("source_record")
    if _merge_identifiers(con):
        changed.add("identifier")
    con.execute("DROP TABLE incoming")
    return changed


def remove_files(files: Iterable[Path]) -> None:
    """Remove inbox files; call only once the generation that holds their rows is in force."""
    for path in files:
        path.unlink(missing_ok=True)


def normalise_identifiers(con: duckdb.DuckDBPyConnection, declared: Declared) -> bool:
    """Normalise every identifier that is new or was done by older rules; True if any was."""
    con.execute(
        "CREATE TEMP TABLE rule (study VARCHAR, source VARCHAR, date_order VARCHAR, country VARCHAR)"
    )
    others = [
        (study, source, order, declared.countries[study])
        for (study, source), order in declared.date_orders.items()
        if order == "mdy" or declared.countries[study] != _COUNTRY
    ]
    if others:
        con.executemany("INSERT INTO rule VALUES (?, ?, ?, ?)", others)
    con.execute(f"""
        CREATE TEMP TABLE due AS
        SELECT DISTINCT i.type, coalesce(d.date_order, 'ymd') AS date_order,
          coalesce(d.country, '{_COUNTRY}') AS country, i.value
        FROM identifier AS i LEFT JOIN rule AS d USING (study, source)
        WHERE i.norm_version IS DISTINCT FROM {NORM_VERSION}""")  # noqa: S608  constant
    n_due = count_of(con, "SELECT count(*) FROM due")
    if n_due:
        _normalise_due(con)
        # Not an UPDATE: matching by three columns of another table took 15 s for 600,000 rows.
        con.execute(f"""
            CREATE TEMP TABLE renewed AS
            SELECT i.* EXCLUDE (norm_value, is_valid, norm_version),
              n.norm_value, n.is_valid, {NORM_VERSION} AS norm_version
            FROM identifier AS i LEFT JOIN rule AS d USING (study, source)
            INNER JOIN normed AS n ON n.type = i.type AND n.value = i.value
              AND n.date_order = coalesce(d.date_order, 'ymd')
              AND n.country = coalesce(d.country, '{_COUNTRY}')
            WHERE i.norm_version IS DISTINCT FROM {NORM_VERSION}""")  # noqa: S608  constant
        con.execute("DELETE FROM identifier WHERE norm_version IS DISTINCT FROM ?", [NORM_VERSION])
        con.execute("INSERT INTO identifier BY NAME FROM renewed")
        con.execute("DROP TABLE renewed")
        con.execute("DROP TABLE normed")
    con.execute("DROP TABLE due; DROP TABLE rule")
    return n_due > 0


def _normalise_due(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        CREATE TEMP TABLE normed (
          type VARCHAR, date_order VARCHAR, country VARCHAR, value VARCHAR, norm_value VARCHAR, is_valid BOOLEAN)""")
    groups = con.execute(
        "SELECT DISTINCT type, date_order, country FROM due ORDER BY ALL"
    ).fetchall()
    for kind, order, country in groups:
        if not has_rule(kind):  # kept as delivered (trimmed), never compared
            con.execute(
                "INSERT INTO normed SELECT *, value, TRUE FROM due "
                "WHERE (type, date_order, country) = (?, ?, ?)",
                [kind, order, country],
            )
            continue
        values = con.execute(
            "SELECT value FROM due WHERE (type, date_order, country) = (?, ?, ?)",
            [kind, order, country],
        ).to_arrow_table()
        for batch in values.to_batches(max_chunksize=_NORM_ROWS):
            _insert_normed(con, (kind, order, country), batch.column(0).to_pylist())


def _insert_normed(
    con: duckdb.DuckDBPyConnection, group: tuple[str, str, str], values: list[str]
) -> None:
    norms = normalise(group[0], values, *group[1:])
    done = pa.table(
        [
            *(pa.repeat(part, len(values)) for part in group),
            values,
            [n.value for n in norms],
            [n.is_valid for n in norms],
        ],
        names=["type", "date_order", "country", "value", "norm_value", "is_valid"],
    )
    con.register("done", done)
    con.execute("INSERT INTO normed FROM done")
    con.unregister("done")


def _merge_source_records(con: duckdb.DuckDBPyConnection) -> bool:
    con.execute("""
        CREATE TEMP TABLE named AS
        SELECT source_person_key, study, source, max(delivery) AS delivery
        FROM incoming GROUP BY ALL""")
    con.execute("""
        CREATE TEMP TABLE newer AS
        SELECT n.* FROM named AS n LEFT JOIN source_record AS s
          USING (source_person_key, study, source)
        WHERE s.delivery IS NULL OR s.delivery < n.delivery""")
    n = count_of(con, "SELECT count(*) FROM newer")
    if n:
        con.execute("""
            DELETE FROM source_record USING newer AS n
            WHERE source_record.source_person_key = n.source_person_key
              AND source_record.study = n.study AND source_record.source = n.source""")
        con.execute("INSERT INTO source_record BY NAME FROM newer")
    con.execute("DROP TABLE named; DROP TABLE newer")
    return n > 0


def _merge_identifiers(con: duckdb.DuckDBPyConnection) -> bool:
    con.execute("""
        CREATE TEMP TABLE before AS
        SELECT * FROM identifier
        WHERE source_person_key IN (SELECT source_person_key FROM incoming)""")
    con.execute("""
        CREATE TEMP TABLE after AS
        WITH every AS (
          SELECT * FROM before
          UNION ALL BY NAME SELECT * FROM incoming
        ),
        newest AS (
          SELECT * FROM every
          QUALIFY delivery = max(delivery) OVER (
            PARTITION BY source_person_key, study, source, type,
              CASE WHEN type = 'asset_location' THEN record_id END)
        )
        SELECT source_person_key, study, source, type, value, max(delivery) AS delivery,
          min(record_id) AS record_id, max(norm_value) AS norm_value,
          bool_or(is_valid) AS is_valid, max(norm_version) AS norm_version
        FROM newest GROUP BY source_person_key, study, source, type, value""")
    compared = "source_person_key, study, source, type, value, delivery, record_id"
    n_other = count_of(
        con,
        f"""SELECT (SELECT count(*) FROM (SELECT {compared} FROM after
                    EXCEPT SELECT {compared} FROM before))
                 + (SELECT count(*) FROM (SELECT {compared} FROM before
                    EXCEPT SELECT {compared} FROM after))""",  # noqa: S608  constants
    )
    if n_other:
        con.execute("""
            DELETE FROM identifier
            WHERE source_person_key IN (SELECT source_person_key FROM incoming)""")
        con.execute("INSERT INTO identifier BY NAME FROM after")
    con.execute("DROP TABLE before; DROP TABLE after")
    return n_other > 0


def count_of(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0
