"""Which of the scored pairs become links: the best first, as long as nothing contradicts.

A unit is what is one person already: by maps, strong keys, rulings or an earlier linkage. Each
unit makes claims: the person it is, its record of a duplicate-free study, its NHS number, its
sex, its side of a "these two differ" ruling. Two units that claim different things under one
name are never joined. So linkage between duplicate-free studies is one to one, nobody's person
id changes by a score, and nothing is linked that the conflict rules would take apart again.

Most pairs have no rival and are taken at once; the few that do are taken in the order of
their probability (Kruskal). Rivals of equal probability are all left to a human.
"""

from __future__ import annotations

from collections import defaultdict

import duckdb
import pyarrow as pa

from biobraid.linkage.components import write_components

ACCEPT, REVIEW = 0.95, 0.50
_TIE = 1e-9


def select_links(con: duckdb.DuckDBPyConnection) -> None:
    """Make `verdict` (key_l, key_r, decision, reason) for each pair of `weighed`.

    Needs `weighed` (key_l, key_r, match_probability, doubt), `unit` (source_person_key, root)
    for those that are not a unit of their own, and `claim` (root, name, value).
    decision: accepted, review or refused; reason: why it was not accepted, or null.
    """
    con.execute("""
        CREATE TEMP TABLE joining AS
        SELECT w.key_l, w.key_r, w.match_probability AS p, w.doubt,
          coalesce(l.root, w.key_l) AS unit_l, coalesce(r.root, w.key_r) AS unit_r
        FROM weighed AS w
        LEFT JOIN unit AS l ON l.source_person_key = w.key_l
        LEFT JOIN unit AS r ON r.source_person_key = w.key_r
        WHERE w.match_probability >= ?""", [REVIEW])  # fmt: skip
    write_components(
        con, "SELECT unit_l AS key_l, unit_r AS key_r FROM joining WHERE unit_l <> unit_r", "family"
    )
    con.execute("""
        CREATE TEMP TABLE rivalry AS
        SELECT DISTINCT f.root
        FROM claim AS c INNER JOIN family AS f ON f.source_person_key = c.root
        GROUP BY f.root, c.name HAVING count(DISTINCT c.value) > 1""")
    con.execute("""
        CREATE TEMP TABLE verdict AS
        SELECT j.key_l, j.key_r,
          CASE WHEN p >= ? AND doubt IS NULL THEN 'accepted' ELSE 'review' END AS decision,
          CASE WHEN p < ? THEN 'uncertain' ELSE doubt END AS reason
        FROM joining AS j LEFT JOIN family AS f ON f.source_person_key = j.unit_l
        WHERE j.unit_l = j.unit_r OR f.root NOT IN (SELECT root FROM rivalry)""", [ACCEPT, ACCEPT])  # fmt: skip
    con.execute("UPDATE verdict SET decision = 'accepted', reason = NULL FROM joining AS j "
                "WHERE j.key_l = verdict.key_l AND j.key_r = verdict.key_r "
                "AND j.unit_l = j.unit_r")  # fmt: skip
    _judge_rivals(con)
    con.execute("DROP TABLE joining; DROP TABLE family; DROP TABLE rivalry")


def _judge_rivals(con: duckdb.DuckDBPyConnection) -> None:
    """The families with contradicting claims, pair by pair."""
    pairs = con.execute("""
        SELECT j.key_l, j.key_r, j.unit_l, j.unit_r, j.p, j.doubt
        FROM joining AS j INNER JOIN family AS f ON f.source_person_key = j.unit_l
        WHERE j.unit_l <> j.unit_r AND f.root IN (SELECT root FROM rivalry)
        ORDER BY doubt IS NOT NULL OR p < ?, p DESC, key_l, key_r""", [ACCEPT]).fetchall()  # fmt: skip
    claims: dict[str, dict[str, str]] = defaultdict(dict)
    for root, name, value in con.execute("""
        SELECT c.root, c.name, c.value
        FROM claim AS c INNER JOIN family AS f ON f.source_person_key = c.root
        WHERE f.root IN (SELECT root FROM rivalry)""").fetchall():
        claims[root][name] = value
    rows = _greedy(pairs, claims)
    if rows:
        names = ("key_l", "key_r", "decision", "reason")
        table = pa.table({n: pa.array(c, pa.string()) for n, c in zip(names, zip(*rows, strict=True), strict=True)})  # fmt: skip
        con.register("judged", table)
        con.execute("INSERT INTO verdict FROM judged")
        con.unregister("judged")


def _greedy(
    pairs: list[tuple[str, str, str, str, float, str | None]],
    claims: dict[str, dict[str, str]],
) -> list[tuple[str, str, str, str | None]]:
    """Verdicts of pairs given in the order in which they are to be joined."""
    parent: dict[str, str] = {}

    def find(unit: str) -> str:
        while (up := parent.get(unit, unit)) != unit:
            parent[unit] = parent.get(up, up)
            unit = parent[unit]
        return unit

    tied = _ties(pairs, claims)
    out: list[tuple[str, str, str, str | None]] = []
    for n, (key_l, key_r, unit_l, unit_r, p, doubt) in enumerate(pairs):
        left, right = find(unit_l), find(unit_r)
        clash = _clash(claims[left], claims[right]) if left != right else None
        if clash and clash != "person":
            out.append((key_l, key_r, "refused", f"rival:{clash}"))
            continue
        if n in tied:
            out.append((key_l, key_r, "review", "tie"))
            continue
        reason = "uncertain" if p < ACCEPT else doubt
        if clash and reason is None:
            reason = "merge-proposal"
        out.append((key_l, key_r, "review" if reason else "accepted", reason))
        # A pair in review takes its place too: its weaker rivals are no better for waiting, and
        # the next run, in which both are persons of their own, must judge them as this one does.
        if left != right:
            low, high = min(left, right), max(left, right)
            parent[high] = low
            claims[low] = claims[high] | claims[low]
    return out


def _clash(left: dict[str, str], right: dict[str, str]) -> str | None:
    """The first name under which the two claim different things, a person last."""
    names = sorted(n for n in left.keys() & right.keys() if left[n] != right[n])
    kinds = [n.partition(":")[0] for n in names]
    return next((k for k in kinds if k != "person"), kinds[0] if kinds else None)


def _ties(
    pairs: list[tuple[str, str, str, str, float, str | None]], claims: dict[str, dict[str, str]]
) -> set[int]:
    """Pairs with a rival that is as good: one unit, two others that exclude each other."""
    at: dict[str, list[int]] = defaultdict(list)
    for n, pair in enumerate(pairs):
        at[pair[2]].append(n)
        at[pair[3]].append(n)
    found: set[int] = set()
    for unit, numbers in at.items():
        best = max(pairs[n][4] for n in numbers)
        top = [n for n in numbers if best - pairs[n][4] <= _TIE * (1 - best)]
        others = {n: pairs[n][3] if pairs[n][2] == unit else pairs[n][2] for n in top}
        for n in top:
            if any(
                others[m] != others[n]
                and _clash(claims[others[m]], claims[others[n]]) not in (None, "person")
                for m in top
            ):
                found.add(n)
    return found
