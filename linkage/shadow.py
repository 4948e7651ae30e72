"""A full re-link in the shadow: what would differ if everything were linked anew today.

Memberships and kept scores are set aside, everything else stays: identifiers, maps, rulings,
genotypes. Nothing is written. A difference is no order: whoever agrees with one decides it
pair by pair (`biobraid link review`).
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb
import pyarrow as pa

from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.linkage.consent import load_consent
from biobraid.linkage.declared import declared_sources
from biobraid.linkage.gathering import gather_evidence
from biobraid.linkage.inbox import inbox_files, normalise_identifiers, take_files
from biobraid.linkage.rights import rectify_identifiers, set_aside
from biobraid.linkage.vault import open_vault
from biobraid.linkage.withdrawal import drop_erased

KINDS = ("same", "would-split", "would-merge", "would-join", "would-quarantine", "would-release")


@dataclass(frozen=True)
class ShadowDiff:
    """n_source_persons: kind -> source persons it would happen to, by KINDS.

    rows: source_person_key, study, person_id (as it stands), shadow (a number per shadow
    cluster), kind; of everyone who would not stay the same. Holds no identifier.
    """

    n_source_persons: dict[str, int]
    rows: pa.Table


def shadow_link(home: Home) -> ShadowDiff:
    """Compare the persons as they stand with a linkage of everything from the beginning."""
    declared = declared_sources(home)
    with open_vault(home) as vault, Manifest(home) as manifest:
        con = vault.con
        take_files(con, home, inbox_files(home, manifest))
        drop_erased(con, home, manifest)
        rectify_identifiers(con)
        normalise_identifiers(con, declared)
        load_consent(con, home, manifest)
        set_aside(con)
        con.execute("""
            CREATE TEMP TABLE as_it_stands AS
            SELECT source_person_key, person_id FROM person_member WHERE valid_to_run IS NULL""")
        con.execute("""
            CREATE TEMP TABLE was_quarantined AS
            SELECT DISTINCT source_person_key FROM conflict WHERE severity = 'quarantine'""")
        for table in ("person_member", "pair_score", "scored_record"):
            con.execute(f"DELETE FROM {table}")  # noqa: S608  constants; in memory only
        gather_evidence(con, home, manifest, declared, lambda _what: None, everything=True)
        return _diff(con)


def _diff(con: duckdb.DuckDBPyConnection) -> ShadowDiff:
    con.execute("""
        CREATE TEMP TABLE compared AS
        WITH both_ways AS (
          SELECT k.source_person_key, k.study, s.person_id,
            coalesce(c.root, k.source_person_key) AS root,
            k.source_person_key IN (SELECT source_person_key FROM was_quarantined) AS was_out,
            k.source_person_key IN (SELECT source_person_key FROM quarantined) AS is_out
          FROM (
            SELECT source_person_key, min(study) AS study FROM known_study
            WHERE source_person_key NOT IN (SELECT source_person_key FROM set_aside)
            GROUP BY source_person_key
          ) AS k
          LEFT JOIN as_it_stands AS s USING (source_person_key)
          LEFT JOIN cluster AS c USING (source_person_key)
        ),
        counted AS (
          SELECT *,
            count(DISTINCT root) OVER (PARTITION BY person_id) AS n_roots,
            count(DISTINCT person_id) OVER (PARTITION BY root) AS n_persons
          FROM both_ways
        )
        SELECT source_person_key, study, person_id,
          dense_rank() OVER (ORDER BY root) AS shadow,
          CASE
            WHEN is_out AND NOT was_out THEN 'would-quarantine'
            WHEN was_out AND NOT is_out THEN 'would-release'
            WHEN person_id IS NULL AND n_persons > 0 THEN 'would-join'
            WHEN person_id IS NOT NULL AND n_roots > 1 THEN 'would-split'
            WHEN person_id IS NOT NULL AND n_persons > 1 THEN 'would-merge'
            ELSE 'same' END AS kind
        FROM counted""")
    found = dict(con.execute("SELECT kind, count(*) FROM compared GROUP BY kind").fetchall())
    rows = con.execute("""
        SELECT * FROM compared WHERE kind <> 'same'
        ORDER BY kind, shadow, source_person_key""").to_arrow_table()
    return ShadowDiff({kind: found.get(kind, 0) for kind in KINDS}, rows)
