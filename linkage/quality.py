"""How well the linkage did, and for whom not: the tables GUILD asks for (Harron et al. 2017).

Completeness of each identifier; who is linked to another study, waits, awaits review or is in
quarantine, by sex, decade of birth, postcode area and study; standardised differences between
the linked and the unlinked; how many links there would be at other thresholds; precision and
recall, from reviewed pairs where there are enough and from the model's own certainty otherwise.
Counts below min_cell are suppressed, and where one cell of a margin would be left to subtract
it from, the next smallest is suppressed with it.
"""

from __future__ import annotations

import duckdb

from biobraid.linkage.comparisons import COLUMNS
from biobraid.linkage.estimates import estimate_accuracy

THRESHOLDS = (0.5, 0.8, 0.9, 0.95, 0.99)


def make_quality_detail(con: duckdb.DuckDBPyConnection, min_cell: int) -> None:
    """Make `quality_detail` (columns of link.quality_detail without run_id).

    Needs `bridge`, `edge`, `candidate` and `ruling`.
    """
    con.execute("""
        CREATE TEMP TABLE cell (
          study VARCHAR, metric VARCHAR, attribute VARCHAR, level VARCHAR, n BIGINT, n_of BIGINT,
          value DOUBLE, low DOUBLE, high DOUBLE)""")
    _subjects(con)
    _completeness(con)
    _rates(con)
    _differences(con)
    _thresholds(con)
    estimate_accuracy(con)
    _suppress(con, min_cell)
    con.execute("DROP TABLE cell; DROP TABLE subject")


def _subjects(con: duckdb.DuckDBPyConnection) -> None:
    """One row per source person and study (and study *), with attributes and what became of it."""
    con.execute("""
        CREATE TEMP TABLE subject AS
        WITH reviewed AS (
          SELECT unnest([key_l, key_r]) AS k FROM edge WHERE decision = 'review'
        ),
        shared AS (
          SELECT person_id FROM bridge WHERE person_id IS NOT NULL
          GROUP BY person_id HAVING count(DISTINCT study) > 1
        ),
        one AS (
          SELECT b.source_person_key, b.study,
            coalesce(c.sex, '(missing)') AS sex,
            coalesce(left(c.birth_year, 3) || '0s', '(missing)') AS birth_decade,
            coalesce(nullif(regexp_extract(c.postcode, '^[A-Z]+|^[0-9]'), ''), '(missing)') AS area,
            b.person_id IN (SELECT person_id FROM shared) AS is_linked,
            b.link_status = 'waiting' AS is_waiting,
            b.link_status = 'quarantined' AS is_quarantined,
            b.source_person_key IN (SELECT k FROM reviewed) AS is_to_review
          FROM bridge AS b LEFT JOIN candidate AS c USING (source_person_key)
          WHERE b.link_status <> 'withdrawn'
        )
        SELECT * REPLACE (coalesce(is_linked, FALSE) AS is_linked) FROM one
        UNION ALL
        SELECT * REPLACE (coalesce(is_linked, FALSE) AS is_linked, '*' AS study) FROM one""")


def _completeness(con: duckdb.DuckDBPyConnection) -> None:
    known = ", ".join(f"count(c.{c}) AS {c}" for c in COLUMNS)
    con.execute(f"""
        INSERT INTO cell BY NAME
        WITH counted AS (
          SELECT s.study, count(*) AS n_of, {known}
          FROM subject AS s LEFT JOIN candidate AS c USING (source_person_key) GROUP BY s.study
        )
        SELECT study, 'complete' AS metric, 'field' AS attribute, level, n, n_of, n / n_of AS value
        FROM counted UNPIVOT (n FOR level IN ({", ".join(COLUMNS)}))""")  # noqa: S608  constants


def _rates(con: duckdb.DuckDBPyConnection) -> None:
    for attribute in ("'*'", "sex", "birth_decade", "area"):
        name = attribute.strip("'")
        con.execute(f"""
            INSERT INTO cell BY NAME
            WITH counted AS (
              SELECT study, {attribute} AS level, count(*) AS n_of,
                count(*) FILTER (is_linked) AS linked, count(*) FILTER (is_waiting) AS waiting,
                count(*) FILTER (is_to_review) AS to_review,
                count(*) FILTER (is_quarantined) AS quarantined
              FROM subject GROUP BY ALL
            )
            SELECT study, metric, '{name}' AS attribute, level, n, n_of, n / n_of AS value
            FROM counted UNPIVOT (n FOR metric IN (linked, waiting, to_review, quarantined))""")  # noqa: S608  constants


def _differences(con: duckdb.DuckDBPyConnection) -> None:
    """(p1 - p0) / sqrt((p1 q1 + p0 q0) / 2) of each level's share among linked and unlinked."""
    con.execute("""
        INSERT INTO cell BY NAME
        WITH rate AS (
          SELECT study, attribute, level, n AS n1, n_of - n AS n0,
            n / nullif(sum(n) OVER w, 0) AS p1, (n_of - n) / nullif(sum(n_of - n) OVER w, 0) AS p0
          FROM cell WHERE metric = 'linked' AND attribute <> '*'
          WINDOW w AS (PARTITION BY study, attribute)
        )
        SELECT study, 'smd_linked' AS metric, attribute, level, n1 AS n, n1 + n0 AS n_of,
          (p1 - p0) / nullif(sqrt((p1 * (1 - p1) + p0 * (1 - p0)) / 2), 0) AS value
        FROM rate WHERE p1 IS NOT NULL AND p0 IS NOT NULL""")


def _thresholds(con: duckdb.DuckDBPyConnection) -> None:
    for threshold in THRESHOLDS:
        con.execute(
            """
            INSERT INTO cell BY NAME
            SELECT '*' AS study, 'links_at' AS metric, 'threshold' AS attribute, ?::VARCHAR AS level,
              count(*) FILTER (match_probability >= ?) AS n, count(*) AS n_of,
              count(*) FILTER (match_probability >= ?) / count(*) AS value
            FROM edge WHERE method IN ('probabilistic', 'token')
              AND (decision = 'accepted' OR (decision = 'review' AND reason <> 'tie'))
            HAVING count(*) > 0""",
            [threshold] * 3,
        )


def _suppress(con: duckdb.DuckDBPyConnection, min_cell: int) -> None:
    """`quality_detail`: small cells, and the one beside a lone small cell, without their numbers."""
    con.execute(
        """
        CREATE TEMP TABLE quality_detail AS
        WITH judged AS (
          SELECT *, attribute NOT IN ('field', 'threshold', 'basis', '*')
            AND (n_of < ? OR (n > 0 AND n < ?) OR (n_of - n > 0 AND n_of - n < ?)) AS is_small
          FROM cell
        ),
        counted AS (
          SELECT *, count(*) FILTER (is_small) OVER margin AS n_small,
            row_number() OVER (PARTITION BY study, metric, attribute, is_small ORDER BY n_of, level)
              AS place
          FROM judged WINDOW margin AS (PARTITION BY study, metric, attribute)
        ),
        final AS (
          SELECT *, is_small OR (n_small = 1 AND place = 1)
            OR (attribute IN ('field', '*') AND n_of < ?) AS hide FROM counted
        )
        SELECT study, metric, attribute, level, CASE WHEN NOT hide THEN n END AS n,
          CASE WHEN NOT hide THEN n_of END AS n_of, CASE WHEN NOT hide THEN value END AS value,
          CASE WHEN NOT hide THEN low END AS low, CASE WHEN NOT hide THEN high END AS high,
          hide AS is_suppressed
        FROM final""",
        [min_cell] * 4,
    )
