"""What holds already: an earlier linkage stands until a reviewer says otherwise.

Evidence that goes missing splits nobody. Only a ruling `different` on two members of one
person does: that person's members are then held together by today's evidence alone. Members
for whom there is none stay with the person, unless the ruling is about them.
"""

from __future__ import annotations

import duckdb

from biobraid.linkage.components import write_components


def hold_memberships(con: duckdb.DuckDBPyConnection) -> None:
    """Make `membership_edge` of the persons no ruling tears, and `torn` (person_id)."""
    con.execute("""
        CREATE TEMP TABLE standing_member AS
        SELECT source_person_key, person_id, method = 'minted' AS is_founder, valid_from_run
        FROM person_member
        WHERE valid_to_run IS NULL
          AND source_person_key NOT IN (SELECT source_person_key FROM set_aside)""")
    con.execute("""
        CREATE TEMP TABLE torn AS
        SELECT DISTINCT l.person_id
        FROM ruling AS r
        INNER JOIN standing_member AS l ON l.source_person_key = r.key_l
        INNER JOIN standing_member AS x
          ON x.source_person_key = r.key_r AND x.person_id = l.person_id
        WHERE r.verdict = 'different'""")
    con.execute("""
        CREATE TEMP TABLE membership_edge AS
        SELECT min(source_person_key) OVER (PARTITION BY person_id) AS key_l,
          source_person_key AS key_r
        FROM standing_member WHERE person_id NOT IN (SELECT person_id FROM torn)
        QUALIFY count(*) OVER (PARTITION BY person_id) > 1""")


def hold_the_torn(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `membership_edge` what stays with a torn person; needs all of `found_edge`."""
    row = con.execute("SELECT count(*) FROM torn").fetchone()
    if row and row[0]:
        write_components(
            con, "SELECT key_l, key_r FROM found_edge WHERE decision = 'accepted'", "part"
        )
        con.execute("""
            INSERT INTO membership_edge
            WITH member AS (
              SELECT m.*, coalesce(p.root, m.source_person_key) AS root
              FROM standing_member AS m LEFT JOIN part AS p USING (source_person_key)
              WHERE m.person_id IN (SELECT person_id FROM torn)
            ),
            ruled AS (
              SELECT DISTINCT m.person_id, m.root
              FROM ruling AS r INNER JOIN member AS m ON m.source_person_key IN (r.key_l, r.key_r)
              WHERE r.verdict = 'different'
            ),
            founder AS (
              SELECT person_id, source_person_key, root FROM member
              QUALIFY row_number() OVER (PARTITION BY person_id
                ORDER BY is_founder DESC, valid_from_run, source_person_key) = 1
            )
            SELECT least(f.source_person_key, m.source_person_key),
              greatest(f.source_person_key, m.source_person_key)
            FROM member AS m INNER JOIN founder AS f USING (person_id)
            WHERE m.root <> f.root
              AND m.root NOT IN (SELECT root FROM ruled WHERE ruled.person_id = m.person_id)""")
        con.execute("DROP TABLE part")
    con.execute("DROP TABLE standing_member; DROP TABLE torn")
