"""Edges by score: only what is new is compared, the scores of the rest are kept.

A pair keeps the score it was given until one of its records changes or another model is in
force, so that frequencies shifting with each delivery move no link that stands. A shadow
re-link scores everything anew and says what would differ.
"""

from __future__ import annotations

import duckdb

from biobraid.linkage.candidates import add_rare, make_candidates
from biobraid.linkage.components import write_components
from biobraid.linkage.doubt import weigh
from biobraid.linkage.match_model import MatchModel
from biobraid.linkage.scoring import score_pairs
from biobraid.linkage.selection import select_links

KEEP_FROM = 0.2  # scores below are not kept: they decide nothing and say little
# A larger vault is scored in slices of its records: so many for each GB that DuckDB may take.
_RECORDS_PER_GB = 100_000


def score_new(
    con: duckdb.DuckDBPyConnection,
    model: MatchModel,
    memory_limit_gb: float,
    *,
    everything: bool = False,
) -> set[str]:
    """Make `candidate` and bring `pair_score` up to date; returns the vault tables changed.

    everything: score all pairs, whatever is known of them (a shadow re-link).
    Needs `identifier`, `set_aside`, `known_study` and `many_of_one`.
    """
    make_candidates(con, model.id)
    if everything:
        con.execute("UPDATE candidate SET is_due = TRUE")
    con.execute("""
        CREATE TEMP TABLE stale AS
        SELECT source_person_key FROM candidate WHERE is_due
        UNION
        SELECT source_person_key FROM scored_record
        WHERE source_person_key NOT IN (SELECT source_person_key FROM candidate)""")
    changed: set[str] = set()
    if _count(con, "SELECT count(*) FROM stale"):
        _drop_stale(con)
        if _count(con, "SELECT count(*) FROM candidate WHERE is_due") and _can_match(con):
            _score_due(con, model, memory_limit_gb)
        con.execute(
            "INSERT INTO scored_record SELECT source_person_key, mark, ? FROM candidate WHERE is_due",
            [model.id],
        )
        changed = {"pair_score", "scored_record"}
    con.execute("DROP TABLE stale")
    return changed


def add_scored_edges(con: duckdb.DuckDBPyConnection) -> None:
    """Add to `found_edge` what is linked by score, listed for review, or refused to a rival.

    Needs the edges by map, strong key and ruling, and the memberships that hold.
    """
    _units(con)
    _claims(con)
    weigh(con)
    select_links(con)
    con.execute("""
        INSERT INTO found_edge BY NAME
        SELECT v.key_l, v.key_r, w.method, w.rule_id, w.match_weight, w.match_probability,
          v.decision, v.reason
        FROM verdict AS v INNER JOIN weighed AS w USING (key_l, key_r)""")
    con.execute(
        "DROP TABLE unit; DROP TABLE claim; DROP TABLE weighed; DROP TABLE verdict; "
        "DROP TABLE token_pair"
    )


def _can_match(con: duckdb.DuckDBPyConnection) -> bool:
    return _count(con, "SELECT count(DISTINCT study_group) FROM candidate") > 1


def _drop_stale(con: duckdb.DuckDBPyConnection) -> None:
    con.execute("""
        DELETE FROM pair_score
        WHERE key_l IN (SELECT source_person_key FROM stale)
          OR key_r IN (SELECT source_person_key FROM stale)""")
    con.execute("""
        DELETE FROM scored_record
        WHERE source_person_key IN (SELECT source_person_key FROM stale)""")


def _score_due(con: duckdb.DuckDBPyConnection, model: MatchModel, memory_limit_gb: float) -> None:
    add_rare(con)
    n_all = _count(con, "SELECT count(*) FROM candidate")
    is_all_due = n_all == _count(con, "SELECT count(*) FROM candidate WHERE is_due")
    score_pairs(
        con,
        model.settings,
        KEEP_FROM,
        only_due=not is_all_due,
        n_chunks=1 + int(n_all / (memory_limit_gb * _RECORDS_PER_GB)),
    )
    con.execute("""
        INSERT INTO pair_score
        SELECT least(l.source_person_key, r.source_person_key),
          greatest(l.source_person_key, r.source_person_key), s.match_weight, s.match_probability
        FROM scored_pair AS s
        INNER JOIN candidate AS l ON l.uid = s.uid_l
        INNER JOIN candidate AS r ON r.uid = s.uid_r""")
    con.execute("DROP TABLE scored_pair")


def _units(con: duckdb.DuckDBPyConnection) -> None:
    """`unit` (source_person_key, root): who is one person already, before any score."""
    write_components(
        con,
        """
        SELECT key_l, key_r FROM found_edge WHERE decision = 'accepted'
        UNION
        SELECT key_l, key_r FROM membership_edge""",
        "unit",
    )


def _claims(con: duckdb.DuckDBPyConnection) -> None:
    """`claim` (root, name, value): what each unit says of itself; what it is torn on, it omits."""
    con.execute("""
        CREATE TEMP TABLE claim AS
        WITH said AS (
          SELECT source_person_key AS k, 'person' AS name, person_id::VARCHAR AS value
          FROM person_member WHERE valid_to_run IS NULL
          UNION ALL
          SELECT s.source_person_key, 'study:' || s.study, coalesce(a.root, s.source_person_key)
          FROM known_study AS s LEFT JOIN asserted AS a USING (source_person_key)
          WHERE s.study NOT IN (SELECT study FROM many_of_one)
          UNION ALL
          SELECT source_person_key, 'nhs-number', nhs_number FROM candidate
          WHERE nhs_number IS NOT NULL
          UNION ALL
          SELECT source_person_key, 'sex', sex FROM candidate WHERE sex IS NOT NULL
          UNION ALL
          SELECT key_l, 'ruling:' || key_l || key_r, 'left' FROM ruling WHERE verdict = 'different'
          UNION ALL
          SELECT key_r, 'ruling:' || key_l || key_r, 'right' FROM ruling WHERE verdict = 'different'
        )
        SELECT coalesce(u.root, said.k) AS root, name, min(value) AS value
        FROM said LEFT JOIN unit AS u ON u.source_person_key = said.k
        GROUP BY 1, 2 HAVING count(DISTINCT value) = 1""")


def _count(con: duckdb.DuckDBPyConnection, query: str) -> int:
    row = con.execute(query).fetchone()
    return int(row[0]) if row else 0
