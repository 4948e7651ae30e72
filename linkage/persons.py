"""Random person ids: minting, joining, merging and splitting.

A person id is drawn once and never changes for a source person without a row in
person_event. A merge keeps the older id (the one minted in the earlier run), so ids in old
releases stay resolvable through person.successor_person_id. A split (two members whom a
reviewer called different) leaves the id with the part of the member it was minted for; the
other part gets an id of its own, or waits where its sources mint none.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable

import duckdb
import numpy as np
import pyarrow as pa

from biobraid.linkage.components import Ints

IsRetired = Callable[[int], bool]
_POSITIVE = np.uint64(2**63 - 1)


def assign_persons(
    con: duckdb.DuckDBPyConnection,
    run_id: int,
    minting: Iterable[tuple[str, str]],
    is_retired: IsRetired | None = None,
) -> set[str]:
    """Give every cluster that may have one a person; returns the vault tables changed.

    minting: (study, source) pairs whose source persons may become persons of their own.
    is_retired: true for ids of persons who were erased; they are never drawn again.
    A cluster in which nobody mints and nobody is a person yet waits. Needs the tables of
    find_clusters; source persons set aside or in quarantine are left as they are.
    """
    _place(con, minting)
    _mint(con, run_id, is_retired)
    _list_moves(con)
    changed = _apply(con, run_id)
    con.execute(
        "DROP TABLE placed; DROP TABLE keeper; DROP TABLE home_of; DROP TABLE minted; DROP TABLE move"
    )
    return changed


def draw_ids(n: int, taken: Ints, is_retired: IsRetired | None = None) -> Ints:
    """n new random positive 63-bit ids, not in `taken`, not retired, not equal to each other.

    Unordered, so that the order of ids tells nothing of the order of anything else. The odds
    of a clash among five million are one in 700,000; then all are drawn again.
    """
    while True:
        bits = np.frombuffer(secrets.token_bytes(8 * n), np.uint64)
        drawn: Ints = (bits & _POSITIVE).astype(np.int64)
        every = np.concatenate([drawn, taken])
        if not (drawn > 0).all() or len(np.unique(every)) != len(every):
            continue
        if is_retired is None or not any(is_retired(p) for p in drawn.tolist()):
            return drawn


def _place(con: duckdb.DuckDBPyConnection, minting: Iterable[tuple[str, str]]) -> None:
    """`placed`: source persons that take part, with cluster and person; `home_of`: cluster's."""
    con.execute("CREATE TEMP TABLE minting (study VARCHAR, source VARCHAR)")
    pairs = sorted(minting)
    if pairs:
        con.executemany("INSERT INTO minting VALUES (?, ?)", pairs)
    con.execute("""
        CREATE TEMP TABLE placed AS
        WITH one AS (
          SELECT s.source_person_key, min(s.study) AS study,
            bool_or(m.study IS NOT NULL) AS mints
          FROM source_record AS s LEFT JOIN minting AS m USING (study, source)
          GROUP BY s.source_person_key
        )
        SELECT o.source_person_key, o.study, o.mints, m.person_id,
          coalesce(c.root, o.source_person_key) AS root,
          coalesce(m.method = 'minted', FALSE) AS is_founder, m.valid_from_run
        FROM one AS o
        LEFT JOIN cluster AS c USING (source_person_key)
        LEFT JOIN person_member AS m
          ON m.source_person_key = o.source_person_key AND m.valid_to_run IS NULL
        WHERE o.source_person_key NOT IN (SELECT source_person_key FROM set_aside)
          AND o.source_person_key NOT IN (SELECT source_person_key FROM quarantined)""")
    con.execute("""
        CREATE TEMP TABLE keeper AS
        SELECT person_id, root FROM placed WHERE person_id IS NOT NULL
        QUALIFY row_number() OVER (
          PARTITION BY person_id ORDER BY is_founder DESC, valid_from_run, source_person_key) = 1""")
    con.execute("""
        CREATE TEMP TABLE home_of AS
        SELECT k.root, k.person_id
        FROM keeper AS k INNER JOIN person AS p USING (person_id)
        QUALIFY row_number() OVER (PARTITION BY k.root ORDER BY p.minted_run, p.person_id) = 1""")
    con.execute("DROP TABLE minting")


def _mint(con: duckdb.DuckDBPyConnection, run_id: int, is_retired: IsRetired | None) -> None:
    """`minted`: a new person for each cluster without one; its anchor is the one who mints."""
    con.execute("""
        CREATE TEMP TABLE anchor AS
        SELECT root, source_person_key FROM placed
        WHERE root NOT IN (SELECT root FROM home_of) AND mints
        QUALIFY row_number() OVER (PARTITION BY root ORDER BY study, source_person_key) = 1""")
    roots = con.execute("SELECT root, source_person_key FROM anchor").to_arrow_table()
    taken = con.execute("SELECT person_id FROM person").fetchnumpy()["person_id"]
    ids = draw_ids(roots.num_rows, taken, is_retired)
    con.register("drawn", roots.append_column("person_id", pa.array(ids)))
    con.execute("CREATE TEMP TABLE minted AS FROM drawn")
    con.unregister("drawn")
    con.execute("INSERT INTO person SELECT person_id, ?, 'active', NULL FROM minted", [run_id])
    con.execute("INSERT INTO home_of SELECT root, person_id FROM minted")
    con.execute("DROP TABLE anchor")


def _list_moves(con: duckdb.DuckDBPyConnection) -> None:
    """`move`: source persons whose person changes, with how they came to it."""
    con.execute("""
        CREATE TEMP TABLE best_edge AS
        SELECT k AS source_person_key, method, match_probability
        FROM (
          SELECT unnest([key_l, key_r]) AS k, method, match_probability
          FROM found_edge WHERE decision = 'accepted'
        )
        QUALIFY row_number() OVER (PARTITION BY k ORDER BY
          list_position(
            ['authoritative-map', 'review', 'strong-key', 'probabilistic', 'token'], method),
          match_probability DESC) = 1""")
    con.execute("""
        CREATE TEMP TABLE move AS
        SELECT l.source_person_key, l.person_id AS before, h.person_id AS after,
          CASE WHEN l.person_id IS NULL THEN
              CASE WHEN a.root IS NOT NULL THEN 'mint' ELSE 'join' END
            WHEN k.root <> l.root THEN 'split' ELSE 'merge' END AS type,
          CASE WHEN a.root IS NOT NULL THEN 'minted'
            ELSE coalesce(e.method, 'minted') END AS method,
          CASE WHEN a.root IS NOT NULL THEN 1.0
            ELSE coalesce(e.match_probability, 1.0) END AS confidence
        FROM placed AS l
        LEFT JOIN home_of AS h USING (root)
        LEFT JOIN minted AS a ON a.source_person_key = l.source_person_key
        LEFT JOIN keeper AS k ON k.person_id = l.person_id
        LEFT JOIN best_edge AS e ON e.source_person_key = l.source_person_key
        WHERE l.person_id IS DISTINCT FROM h.person_id""")
    con.execute("DROP TABLE best_edge")
    # Members who take no part (withdrawn) go with the person they belong to.
    con.execute("""
        INSERT INTO move
        SELECT m.source_person_key, m.person_id, g.after, 'merge', m.method, m.confidence
        FROM person_member AS m
        INNER JOIN (SELECT DISTINCT before, after FROM move WHERE type = 'merge') AS g
          ON g.before = m.person_id
        WHERE m.valid_to_run IS NULL
          AND m.source_person_key NOT IN (SELECT source_person_key FROM move)""")


def _apply(con: duckdb.DuckDBPyConnection, run_id: int) -> set[str]:
    counts = dict(con.execute("SELECT type, count(*) FROM move GROUP BY type").fetchall())
    if not counts:
        return set()
    con.execute(
        """
        UPDATE person_member SET valid_to_run = ?
        WHERE valid_to_run IS NULL
          AND source_person_key IN (
            SELECT source_person_key FROM move WHERE type IN ('merge', 'split'))""",
        [run_id],
    )
    con.execute(
        """
        INSERT INTO person_member
        SELECT source_person_key, after, ?, NULL, method, confidence FROM move
        WHERE after IS NOT NULL""",
        [run_id],
    )
    con.execute(
        """
        INSERT INTO person_event
        SELECT ?, type, source_person_key, before, after, method FROM move""",
        [run_id],
    )
    con.execute("""
        UPDATE person SET status = 'merged', successor_person_id = g.after
        FROM (SELECT DISTINCT before, after FROM move WHERE type = 'merge') AS g
        WHERE person.person_id = g.before""")
    return {"person_member", "person_event"} | ({"person"} if counts.keys() - {"join"} else set())
