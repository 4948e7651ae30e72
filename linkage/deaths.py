"""Who died before another record of theirs goes on: a sign that two people were taken for one.

Looks at landing, and only for clusters in which somebody's death is known. What one source
person's own records say after their death is for the checks; here another member must go on.
Source of the tolerance: OHDSI's plausibleBeforeDeath (records may follow a death by 60 days:
coding, registration, post-mortem results).
"""

from __future__ import annotations

from pathlib import Path

import duckdb

from biobraid.core.corrections import correction_path, landed_query
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.schemas import RAW_EVENT, RAW_VALUE

TOLERANCE_DAYS = 60
# What takes the living: notes and eras may be written about the dead.
_OF_THE_LIVING = (
    "visit", "visit_detail", "condition", "drug", "procedure", "device", "measurement",
    "observation", "specimen", "survey",
)  # fmt: skip
_DAY = "TRY_CAST(left(start_time, 10) AS DATE)"


def find_deaths(con: duckdb.DuckDBPyConnection, home: Home, manifest: Manifest) -> None:
    """Make `outlived` (source_person_key, by_key): the first died, the second goes on after it.

    Pairs of one cluster only. Needs `cluster`. Days of a flagged time (a sentinel, a partial
    date) count for nothing.
    """
    con.execute("CREATE TEMP TABLE outlived (source_person_key VARCHAR, by_key VARCHAR)")
    events = [home.landing / p.path for p in manifest.parts("raw.event") if p.rows]
    if not events:
        return
    corrections = correction_path(home, manifest)
    read = f"({landed_query(RAW_EVENT, events, corrections)})"
    con.execute(f"""
        CREATE TEMP TABLE dead AS
        SELECT source_person_key, root, min({_DAY}) AS died
        FROM {read} INNER JOIN cluster USING (source_person_key)
        WHERE kind = 'death' AND time_flag IS NULL AND {_DAY} IS NOT NULL
        GROUP BY source_person_key, root""")  # noqa: S608  our own paths
    con.execute("""
        CREATE TEMP TABLE survivor AS
        SELECT c.source_person_key, c.root FROM cluster AS c SEMI JOIN dead USING (root)""")
    row = con.execute("SELECT count(*) FROM survivor").fetchone()
    if row and row[0]:
        _outlive(con, read, manifest, home, corrections)
    con.execute("DROP TABLE dead; DROP TABLE survivor")


def _outlive(
    con: duckdb.DuckDBPyConnection,
    events: str,
    manifest: Manifest,
    home: Home,
    corrections: Path | None,
) -> None:
    values = [home.landing / p.path for p in manifest.parts("raw.value") if p.rows]
    seen = f"""
        SELECT source_person_key, max({_DAY}) AS day
        FROM {events} SEMI JOIN survivor USING (source_person_key)
        WHERE time_flag IS NULL AND list_contains(?, kind) GROUP BY ALL"""  # noqa: S608
    if values:
        seen += f"""
        UNION ALL
        SELECT source_person_key, max({_DAY})
        FROM ({landed_query(RAW_VALUE, values, corrections)}) SEMI JOIN survivor USING (source_person_key)
        WHERE time_flag IS NULL GROUP BY ALL"""  # noqa: S608  our own paths
    con.execute(
        f"""
        INSERT INTO outlived
        SELECT DISTINCT d.source_person_key, l.source_person_key
        FROM dead AS d
        INNER JOIN survivor AS s ON s.root = d.root AND s.source_person_key <> d.source_person_key
        INNER JOIN ({seen}) AS l ON l.source_person_key = s.source_person_key
        WHERE l.day > d.died + ?""",  # noqa: S608  our own paths
        [list(_OF_THE_LIVING), TOLERANCE_DAYS],
    )
