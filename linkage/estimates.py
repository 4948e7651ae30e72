"""Estimated precision and recall of the links made by score.

From clerical review where it was done: pairs are stratified by probability, each stratum's
share of true pairs is estimated from its reviewed pairs, and strata count by the pairs they
hold, not by those reviewed (Blakely and Salmond 2002 call this a stratified sample). Review
therefore needs pairs from above the threshold too: `biobraid link review export --sample N`.
Recall is of the pairs that were scored at all; blocking may have lost others.
"""

from __future__ import annotations

import math

import duckdb

STRATA = (0.2, 0.5, 0.8, 0.95, 0.99, 1.0001)
FEWEST_REVIEWED = 30
_Z = 1.96
_Stratum = tuple[float, int, int, int, float]  # from, pairs, reviewed, of these true, mean p


def estimate_accuracy(con: duckdb.DuckDBPyConnection) -> None:
    """Add metrics precision and recall to `cell`: basis model always, reviewed if it can be."""
    strata = _strata(con)
    accepted = [s for s in strata if s[0] >= 0.95]
    n_links = sum(s[1] for s in accepted)
    if not n_links:
        return
    true_links = sum(s[1] * s[4] for s in accepted)
    all_true = sum(s[1] * s[4] for s in strata)
    rows: list[tuple[object, ...]] = [
        ("precision", "model", round(true_links), n_links, true_links / n_links, None, None),
        ("recall", "model", round(true_links), round(all_true), true_links / all_true, None, None),
    ]
    reviewed = [s for s in strata if s[2]]
    if sum(s[2] for s in accepted) >= FEWEST_REVIEWED:
        rows.append(("precision", "reviewed", sum(s[3] for s in accepted),
                     sum(s[2] for s in accepted), *_share(accepted)))  # fmt: skip
        if all(s[2] for s in strata if s[1]):
            rows.append(("recall", "reviewed", sum(s[3] for s in accepted),
                         sum(s[3] for s in reviewed), *_recall(accepted, strata)))  # fmt: skip
    con.executemany(
        "INSERT INTO cell VALUES ('*', ?, 'basis', ?, ?, ?, ?, ?, ?)", [list(r) for r in rows]
    )


def _strata(con: duckdb.DuckDBPyConnection) -> list[_Stratum]:
    """Pairs in each stratum that no rival took, how many were reviewed, how many are true."""
    edges = ", ".join(map(str, STRATA))
    rows = con.execute(f"""
        WITH scored AS (
          SELECT s.key_l, s.key_r, s.match_probability AS p, r.verdict
          FROM pair_score AS s
          LEFT JOIN edge AS e ON e.key_l = s.key_l AND e.key_r = s.key_r
            AND e.method = 'probabilistic'
          LEFT JOIN ruling AS r ON r.key_l = s.key_l AND r.key_r = s.key_r
          WHERE e.decision IS DISTINCT FROM 'refused'
        ),
        placed AS (
          SELECT *, list_max(list_filter([{edges}], lambda b: b <= p)) AS stratum FROM scored
        )
        SELECT stratum, count(*), count(verdict), count(*) FILTER (verdict = 'same'), avg(p)
        FROM placed WHERE stratum IS NOT NULL GROUP BY stratum ORDER BY stratum""").fetchall()  # noqa: S608  constants
    return [(float(a), int(b), int(c), int(d), float(e)) for a, b, c, d, e in rows]


def _share(strata: list[_Stratum]) -> tuple[float, float, float]:
    """Stratified share of true pairs with its 95 % interval."""
    seen = [s for s in strata if s[2]]
    total = sum(s[1] for s in seen)
    estimate = sum(s[1] / total * s[3] / s[2] for s in seen)
    return (estimate, *_bounds(estimate, _variance(seen, total)))


def _recall(accepted: list[_Stratum], strata: list[_Stratum]) -> tuple[float, float, float]:
    """True links over all true pairs; the interval by the delta method."""
    found = sum(s[1] * s[3] / s[2] for s in accepted if s[2])
    missed_strata = [s for s in strata if s[0] < 0.95 and s[2]]
    missed = sum(s[1] * s[3] / s[2] for s in missed_strata)
    total = found + missed
    if not total:
        return 0.0, 0.0, 1.0
    d_found, d_missed = missed / total**2, found / total**2
    variance = d_found**2 * _variance(accepted, 1) + d_missed**2 * _variance(missed_strata, 1)
    return (found / total, *_bounds(found / total, variance))


def _variance(strata: list[_Stratum], total: float) -> float:
    """Of a sum over strata; shares are drawn towards a half, so that all-true has a width too."""
    out = 0.0
    for _, n, n_reviewed, n_true, _ in strata:
        if n_reviewed:
            share = (n_true + 1) / (n_reviewed + 2)
            out += (n / total) ** 2 * share * (1 - share) / n_reviewed
    return out


def _bounds(estimate: float, variance: float) -> tuple[float, float]:
    width = _Z * math.sqrt(variance)
    return max(estimate - width, 0.0), min(estimate + width, 1.0)
