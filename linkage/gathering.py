"""All evidence about who is who, in the order in which it counts, up to clusters and quarantine.

Shared by a linkage and by a shadow re-link, so that both judge alike.
"""

from __future__ import annotations

from collections.abc import Callable

import duckdb

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.linkage.clusters import find_clusters, quarantine
from biobraid.linkage.declared import Declared, make_many_of_one
from biobraid.linkage.deterministic import find_edges
from biobraid.linkage.genetics import find_genetic_conflicts, load_genetics
from biobraid.linkage.match_model import home_model
from biobraid.linkage.memberships import hold_memberships, hold_the_torn
from biobraid.linkage.probabilistic import add_scored_edges, score_new
from biobraid.linkage.tokens import add_token_pairs


def gather_evidence(
    con: duckdb.DuckDBPyConnection,
    home: Home,
    manifest: Manifest,
    declared: Declared,
    begin: Callable[[str], None],
    *,
    everything: bool = False,
) -> set[str]:
    """Make `found_edge`, `found_conflict`, `cluster` and `quarantined`; returns tables changed.

    Needs `set_aside` and the vault's tables. everything: score all pairs anew.
    """
    begin("edges")
    changed = _forget_rulings(con)
    make_many_of_one(con, declared)
    find_edges(con)
    hold_memberships(con)
    begin("scores")
    changed |= score_new(
        con, home_model(home), home.settings.memory_limit_gb, everything=everything
    )
    add_token_pairs(con, home)
    add_scored_edges(con)
    hold_the_torn(con)
    begin("clusters")
    find_clusters(con, home, manifest)
    load_genetics(con, home, manifest)
    find_genetic_conflicts(con)
    quarantine(con)
    return changed


def _forget_rulings(con: duckdb.DuckDBPyConnection) -> set[str]:
    """Rulings about source persons whom the vault no longer knows go with them."""
    row = con.execute("""
        DELETE FROM ruling
        WHERE key_l NOT IN (SELECT source_person_key FROM source_record)
          OR key_r NOT IN (SELECT source_person_key FROM source_record)""").fetchone()
    return {"ruling"} if row and row[0] else set()
