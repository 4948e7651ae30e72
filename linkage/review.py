"""What needs a human: pairs to judge, and persons in quarantine; and what people decided.

A ruling is about a pair of source persons: `same` links them as a map would, `different` keeps
them apart whatever speaks for it and splits a person that holds both. It takes effect with the
next linkage, and stays until another ruling on the pair replaces it.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from biobraid.core.errors import Fault, LinkageError, near_misses
from biobraid.core.files import atomic_path
from biobraid.core.home import Home
from biobraid.linkage.comparisons import COLUMNS
from biobraid.linkage.vault import open_vault

VERDICTS = ("same", "different")
_COLUMNS = ("item", "study_l", "study_r", "method", "probability", "weight", "reason")
_IDENTIFIERS = tuple(f"{c}_{side}" for c in COLUMNS for side in "lr")


@dataclass(frozen=True)
class Ruling:
    """One decision: the item's name, `same` or `different`, and a note."""

    item: str
    verdict: str
    note: str = ""


def item_name(key_l: str, key_r: str) -> str:
    """The name of a pair: the same in every run, and no key by itself."""
    return hashlib.sha256(f"{key_l}{key_r}".encode()).hexdigest()[:12]


def list_pairs(home: Home, *, with_identifiers: bool = False) -> list[dict[str, Any]]:
    """Pairs that await a decision, the likeliest first; needs the link key.

    with_identifiers: names, dates and numbers of both beside it; for the eyes of whoever
    holds the link role, never for a log.
    """
    with open_vault(home) as vault:
        return _pairs(vault.con, with_identifiers, 0)


def list_conflicts(home: Home) -> list[dict[str, Any]]:
    """Conflicts that hold now: rule, severity, studies and source persons involved."""
    with open_vault(home) as vault:
        return _dicts(vault.con, """
            SELECT c.rule_id AS rule, c.severity, count(DISTINCT c.source_person_key) AS n_source_persons,
              string_agg(DISTINCT s.study, ', ' ORDER BY s.study) AS studies,
              min(c.run_id) AS since_run, left(c.conflict_id, 12) AS item,
              string_agg(DISTINCT c.source_person_key, ' ' ORDER BY c.source_person_key)
                AS source_person_keys
            FROM conflict AS c LEFT JOIN source_record AS s USING (source_person_key)
            GROUP BY c.conflict_id, c.rule_id, c.severity ORDER BY rule, item""")  # fmt: skip


def decide(home: Home, rulings: Sequence[Ruling], by: str, on: str) -> int:
    """Write rulings down; returns how many changed something. All faults at once.

    by: who decided; on: the day (YYYY-MM-DD). An item is the name of a listed pair, of a pair
    that was ruled on before, or two source_person_keys joined by a colon.
    """
    with open_vault(home) as vault:
        con = vault.con
        known = _items(con)
        faults, rows = [], []
        for ruling in rulings:
            if ruling.verdict not in VERDICTS:
                faults.append(
                    Fault(f"item {ruling.item}", "its verdict is unknown", " or ".join(VERDICTS))
                )
            pair = known.get(ruling.item) or _named_pair(con, ruling.item)
            if pair is None:
                near = near_misses(ruling.item, known)
                faults.append(
                    Fault(f"item {ruling.item}", "there is no such pair",
                          "an item of `biobraid link review list`",
                          f"Did you mean: {near[0]}" if near else "")
                )  # fmt: skip
                continue
            rows.append((*pair, ruling.verdict, by, on, ruling.note))
        if faults:
            raise LinkageError(faults)
        n_changed = _store(con, rows)
        if n_changed:
            vault.save({"ruling"})
    return n_changed


def export_pairs(home: Home, path: Path, *, with_identifiers: bool = False, sample: int = 0) -> int:
    """Write the pairs to a CSV (mode 0600) with empty columns verdict and note; how many.

    sample: add as many pairs that are linked already, spread over the strata of probability, so
    that precision can be estimated.
    """
    if home.root.resolve() in path.resolve().parents:
        raise LinkageError(
            Fault(path.name, "it lies inside the home", "a place outside it, for reviewers only")
        )
    with open_vault(home) as vault:
        pairs = _pairs(vault.con, with_identifiers, sample)
    names = [*_COLUMNS, *(_IDENTIFIERS if with_identifiers else ()), "verdict", "note"]
    with atomic_path(path) as partial:
        partial.touch(mode=0o600)
        with partial.open("w", encoding="utf-8", newline="") as out:
            writer = csv.DictWriter(out, names, restval="", lineterminator="\n")
            writer.writeheader()
            writer.writerows(pairs)
    return len(pairs)


def read_rulings(path: Path) -> list[Ruling]:
    """Rulings of a CSV with columns item, verdict and note; rows without a verdict are skipped."""
    with path.open(encoding="utf-8", newline="") as lines:
        reader = csv.DictReader(lines)
        missing = {"item", "verdict"} - set(reader.fieldnames or ())
        if missing:
            raise LinkageError(
                Fault(path.name, f"it has no column {', '.join(sorted(missing))}",
                      "the columns of `biobraid link review export`")
            )  # fmt: skip
        rows = list(reader)
    return [
        Ruling(r["item"].strip(), r["verdict"].strip().lower(), (r.get("note") or "").strip())
        for r in rows
        if (r["verdict"] or "").strip()
    ]


def _pairs(
    con: duckdb.DuckDBPyConnection, with_identifiers: bool, sample: int
) -> list[dict[str, Any]]:
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE to_review AS
        SELECT e.decision, e.key_l, e.key_r, l.study AS study_l, r.study AS study_r, e.method,
          round(e.match_probability, 4) AS probability, round(e.match_weight, 1) AS weight, e.reason
        FROM edge AS e
        INNER JOIN (SELECT source_person_key AS k, min(study) AS study FROM source_record GROUP BY 1)
          AS l ON l.k = e.key_l
        INNER JOIN (SELECT source_person_key AS k, min(study) AS study FROM source_record GROUP BY 1)
          AS r ON r.k = e.key_r
        LEFT JOIN ruling AS d ON d.key_l = e.key_l AND d.key_r = e.key_r
        WHERE d.verdict IS NULL AND (
          e.decision = 'review'
          OR (e.decision = 'accepted' AND e.method = 'probabilistic' AND ? > 0))""",
        [sample],
    )
    # Of the linked, as many from each stratum as there are, and no more than asked for in all.
    con.execute(
        """
        CREATE OR REPLACE TEMP TABLE to_review AS
        WITH turn AS (
          SELECT *, row_number() OVER (
            PARTITION BY decision, probability >= .99 ORDER BY md5(key_l || key_r)) AS n
          FROM to_review
        )
        SELECT * EXCLUDE (n, decision) FROM turn
        QUALIFY decision = 'review'
          OR row_number() OVER (PARTITION BY decision ORDER BY n, md5(key_l || key_r)) <= ?""",
        [sample],
    )
    found = _dicts(con, "SELECT * FROM to_review ORDER BY probability DESC, key_l, key_r")
    values = _identifiers(con) if with_identifiers else {}
    for pair in found:
        key_l, key_r = pair.pop("key_l"), pair.pop("key_r")
        pair["item"] = item_name(key_l, key_r)
        for side, key in (("l", key_l), ("r", key_r)):
            pair |= {f"{c}_{side}": v for c, v in values.get(key, {}).items()}
    return found


def _identifiers(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    kinds = [*COLUMNS, "full_name"]
    values: dict[str, dict[str, str]] = {}
    for key, kind, value in con.execute(
        """
        SELECT source_person_key, type, string_agg(DISTINCT value, ' / ' ORDER BY value)
        FROM identifier
        WHERE list_contains(?, type) AND source_person_key IN (
          SELECT key_l FROM to_review UNION SELECT key_r FROM to_review)
        GROUP BY ALL""",
        [kinds],
    ).fetchall():
        values.setdefault(key, {})["first_name" if kind == "full_name" else kind] = value
    return values


def _items(con: duckdb.DuckDBPyConnection) -> dict[str, tuple[str, str]]:
    rows = con.execute("""
        SELECT key_l, key_r FROM edge WHERE method IN ('probabilistic', 'token')
        UNION SELECT key_l, key_r FROM ruling""").fetchall()
    return {item_name(l, r): (l, r) for l, r in rows}  # noqa: E741


def _named_pair(con: duckdb.DuckDBPyConnection, item: str) -> tuple[str, str] | None:
    keys = sorted(item.split(":"))
    if len(keys) != 2 or keys[0] == keys[1]:
        return None
    row = con.execute(
        "SELECT count(DISTINCT source_person_key) FROM source_record WHERE list_contains(?, source_person_key)",
        [keys],
    ).fetchone()
    return (keys[0], keys[1]) if row and row[0] == 2 else None


def _store(con: duckdb.DuckDBPyConnection, rows: Sequence[tuple[str, ...]]) -> int:
    n_changed = 0
    for key_l, key_r, verdict, by, on, note in rows:
        held = con.execute(
            "SELECT verdict FROM ruling WHERE key_l = ? AND key_r = ?", [key_l, key_r]
        ).fetchone()
        if held and held[0] == verdict:
            continue
        con.execute("DELETE FROM ruling WHERE key_l = ? AND key_r = ?", [key_l, key_r])
        con.execute(
            """
            INSERT INTO ruling
            SELECT ?, ?, ?, ?, ?, ?, max(match_probability), max(match_weight)
            FROM pair_score WHERE key_l = ? AND key_r = ?""",
            [key_l, key_r, verdict, by, on, note, key_l, key_r],
        )
        n_changed += 1
    return n_changed


def _dicts(con: duckdb.DuckDBPyConnection, query: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = con.execute(query).to_arrow_table().to_pylist()
    return rows
