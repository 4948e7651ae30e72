"""Clusters of source persons that are one person, and those that cannot be.

A cluster is a connected component of the accepted edges and of the memberships that already
hold; so evidence that goes missing splits nobody, and evidence that contradicts shows. A
cluster that contradicts itself is put in quarantine as a whole: nobody in it is exported,
nothing about it is changed, and it is listed as a conflict until the evidence is.
"""

from __future__ import annotations

import duckdb

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.linkage.components import write_components
from biobraid.linkage.deaths import find_deaths

LARGEST_CLUSTER = 20
# Two full dates agree if they share the year and the month or the day, or are each other's
# day-month swap; a partial date is compared by its year only. One slip of the keyboard in a
# date is common (3 % of records) and must not put a corroborated link in quarantine.
DATES_DISAGREE = """(
  left(a, 4) <> left(b, 4)
  OR (length(a) = 10 AND length(b) = 10
    AND a[6:7] <> b[6:7] AND a[9:10] <> b[9:10]
    AND NOT (a[6:7] = b[9:10] AND a[9:10] = b[6:7])))"""


def find_clusters(con: duckdb.DuckDBPyConnection, home: Home, manifest: Manifest) -> None:
    """Make `cluster` (source_person_key, root); deaths and what came after are read from landing.

    `cluster` holds only those with an edge; anyone else is a cluster of one. Needs the
    tables of find_edges, `membership_edge` and `many_of_one`. Adds to `found_conflict`.
    """
    write_components(
        con,
        """
        SELECT key_l, key_r FROM found_edge WHERE decision = 'accepted'
        UNION
        SELECT key_l, key_r FROM membership_edge""",
        "cluster",
    )
    con.execute("CREATE TEMP TABLE contradiction (rule_id VARCHAR, root VARCHAR)")
    _two_nhs_numbers(con)
    _sex_contradicts(con)
    _birth_contradicts(con)
    find_deaths(con, home, manifest)
    con.execute("""
        INSERT INTO contradiction
        SELECT DISTINCT 'death-before-event', c.root
        FROM outlived AS o INNER JOIN cluster AS c USING (source_person_key)""")
    # What a reviewer has seen and called the same person is not asked again.
    con.execute("""
        DELETE FROM contradiction WHERE root IN (
          SELECT c.root FROM ruling AS r INNER JOIN cluster AS c ON c.source_person_key = r.key_l
          WHERE r.verdict = 'same')""")
    _two_of_one_study(con)
    _ruling_contradicted(con)
    _too_large(con)
    con.execute("""
        INSERT INTO found_conflict
        SELECT x.rule_id, 'quarantine', x.root, c.source_person_key
        FROM contradiction AS x INNER JOIN cluster AS c USING (root)""")
    con.execute("DROP TABLE contradiction; DROP TABLE outlived")


def quarantine(con: duckdb.DuckDBPyConnection) -> None:
    """Make `quarantined` (source_person_key) once every rule has spoken."""
    con.execute("""
        CREATE TEMP TABLE quarantined AS
        SELECT DISTINCT source_person_key FROM found_conflict WHERE severity = 'quarantine'""")


def _two_nhs_numbers(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        INSERT INTO contradiction
        SELECT 'two-nhs-numbers', c.root
        FROM cluster AS c INNER JOIN profile AS p USING (source_person_key)
        WHERE len(p.nhs_number) = 1
        GROUP BY c.root HAVING count(DISTINCT p.nhs_number[1]) > 1""")


def _two_of_one_study(con: duckdb.DuckDBPyConnection) -> None:
    """A study's own ids tell its persons apart, unless a map says that two are one."""
    con.execute("""
        INSERT INTO contradiction
        SELECT DISTINCT 'two-persons-of-one-study', c.root
        FROM cluster AS c
        INNER JOIN known_study AS s USING (source_person_key)
        LEFT JOIN asserted AS a USING (source_person_key)
        WHERE s.study NOT IN (SELECT study FROM many_of_one)
        GROUP BY c.root, s.study
        HAVING count(DISTINCT coalesce(a.root, c.source_person_key)) > 1""")


def _ruling_contradicted(con: duckdb.DuckDBPyConnection) -> None:
    """Two whom a reviewer called different are joined through others."""
    con.execute("""
        INSERT INTO contradiction
        SELECT DISTINCT 'ruling-contradicted', l.root
        FROM ruling AS r
        INNER JOIN cluster AS l ON l.source_person_key = r.key_l
        INNER JOIN cluster AS x ON x.source_person_key = r.key_r AND x.root = l.root
        WHERE r.verdict = 'different'""")


def _too_large(con: duckdb.DuckDBPyConnection) -> None:
    """A person known from so many records is a chain of mistakes, unless maps say so."""
    con.execute(
        """
        INSERT INTO contradiction
        SELECT 'too-many-records', c.root
        FROM cluster AS c LEFT JOIN asserted AS a USING (source_person_key)
        GROUP BY c.root HAVING count(DISTINCT coalesce(a.root, c.source_person_key)) > ?""",
        [LARGEST_CLUSTER],
    )


def _sex_contradicts(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        INSERT INTO contradiction
        SELECT 'sex', c.root
        FROM cluster AS c INNER JOIN profile AS p USING (source_person_key)
        WHERE len(p.sexes) = 1
        GROUP BY c.root HAVING count(DISTINCT p.sexes[1]) > 1""")


def _birth_contradicts(con: duckdb.DuckDBPyConnection) -> None:
    """Two source persons contradict if no birth date of one agrees with one of the other."""
    con.execute(f"""
        INSERT INTO contradiction
        WITH dated AS (
          SELECT c.root, c.source_person_key AS k, unnest(p.births) AS birth
          FROM cluster AS c INNER JOIN profile AS p USING (source_person_key)
        ),
        compared AS (
          SELECT l.root, l.k AS k_l, r.k AS k_r, l.birth AS a, r.birth AS b
          FROM dated AS l INNER JOIN dated AS r ON l.root = r.root AND l.k < r.k
        ),
        judged AS (
          SELECT root FROM compared GROUP BY root, k_l, k_r HAVING bool_and({DATES_DISAGREE})
        )
        SELECT DISTINCT 'birth-date', root FROM judged""")  # noqa: S608  constant
