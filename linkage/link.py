"""Linking source persons to random person ids: the whole run, in one call.

    inbox -> vault -> edges -> scores -> clusters -> persons -> vault saved -> bridge in force

Killed anywhere, the same call again gives the same bridge: the inbox is emptied only after
the vault generation that holds its rows is in force, and the bridge is always made anew from
the vault. The same vault and the same deliveries give the same map in any order of files.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import duckdb

from biobraid.core.errors import Fault, LinkageError
from biobraid.core.home import Home
from biobraid.core.manifest import Manifest
from biobraid.core.runs import code_version
from biobraid.core.schemas import LINK_BRIDGE
from biobraid.linkage.bridge import count_links, find_unidentified, make_bridge, publish
from biobraid.linkage.consent import load_consent
from biobraid.linkage.declared import declared_sources
from biobraid.linkage.evidence import store_evidence
from biobraid.linkage.gathering import gather_evidence
from biobraid.linkage.inbox import inbox_files, normalise_identifiers, remove_files, take_files
from biobraid.linkage.normalise import NORM_VERSION
from biobraid.linkage.persons import assign_persons
from biobraid.linkage.quality import make_quality_detail
from biobraid.linkage.rights import rectify_identifiers, set_aside
from biobraid.linkage.vault import Vault, open_vault
from biobraid.linkage.withdrawal import drop_erased, retired_of

Progress = Callable[[str, int, int], None]  # what is being done, steps done, steps in all
_STEPS = ("identities", "consent", "edges", "scores", "clusters", "persons", "bridge", "saving")


@dataclass(frozen=True)
class LinkResult:
    """What a linkage did; `by_study`: study -> metric -> n, as in link.quality.

    Each source person is counted once among n_minted, n_linked_map, n_linked_strong_key,
    n_linked_review, n_linked_probabilistic, n_linked_token, n_waiting, n_quarantined,
    n_restricted and n_withdrawn. Conflicts are those that hold now.
    """

    run_id: int
    by_study: dict[str, dict[str, int]]
    over_all: dict[str, int]
    n_files_taken: int
    n_new_persons: int
    n_merged_persons: int
    changed: tuple[str, ...]  # link tables put in force by this run; empty: as before
    is_dry_run: bool = False

    def totals(self) -> dict[str, int]:
        """The metrics over all studies; a person of two studies is one person."""
        return dict(self.over_all)


def link(home: Home, *, dry_run: bool = False, on_progress: Progress | None = None) -> LinkResult:
    """Link whoever ingest has landed; the caller holds the home's writer lock.

    dry_run: count what would come of it and write nothing.
    Raises KeyFileError, LinkageError, BusyError or DiskError.
    """
    report = on_progress or (lambda _what, _done, _total: None)
    declared = declared_sources(home)
    with open_vault(home) as vault, Manifest(home) as manifest:
        _refuse_lost_vault(vault, manifest)
        con = vault.con
        run_id = _last_run(con) + 1
        done = iter(range(len(_STEPS)))

        def begin(what: str) -> None:
            report(what, next(done), len(_STEPS))

        begin("identities")
        files = inbox_files(home, manifest)
        changed = take_files(con, home, files)
        changed |= drop_erased(con, home, manifest)
        if rectify_identifiers(con):
            changed.add("identifier")
        if normalise_identifiers(con, declared):
            changed.add("identifier")
        begin("consent")
        load_consent(con, home, manifest)
        set_aside(con)
        if find_unidentified(con, home, manifest):
            changed.add("checked_part")
        changed |= gather_evidence(con, home, manifest, declared, begin)
        changed |= store_evidence(con, run_id)
        begin("persons")
        changed |= assign_persons(con, run_id, declared.minting, retired_of(vault))
        begin("bridge")
        make_bridge(con)
        counts = count_links(con)
        make_quality_detail(con, home.settings.min_cell)
        if _is_news(con, counts, changed):
            _record_run(con, run_id, counts)
            changed.add("linkage_run")
        begin("saving")
        published: list[str] = []
        if not dry_run:
            vault.save(changed)
            published = publish(con, home, manifest, counts, _last_run(con))
            remove_files(files)
        report("saving", len(_STEPS), len(_STEPS))
        return LinkResult(
            run_id=_last_run(con),
            by_study={study: n for study, n in counts.items() if study != "*"},
            over_all=counts.get("*", {}),
            n_files_taken=len(files),
            n_new_persons=_count(con, "SELECT count(*) FROM person WHERE minted_run = ?", run_id),
            n_merged_persons=_count(
                con,
                "SELECT count(DISTINCT person_id_before) FROM person_event "
                "WHERE type = 'merge' AND run_id = ?",
                run_id,
            ),
            changed=tuple(published),
            is_dry_run=dry_run,
        )


def _refuse_lost_vault(vault: Vault, manifest: Manifest) -> None:
    """An empty vault under a bridge would silently give everyone a new id."""
    if vault.is_new and manifest.objects().get(LINK_BRIDGE.full_name, ("", 0, ""))[1]:
        raise LinkageError(
            Fault(
                "vault",
                "it is empty, although persons were linked before",
                "the vault that made link.person_bridge",
                "Restore it from a backup: biobraid vault restore FOLDER",
            )
        )


def _is_news(
    con: duckdb.DuckDBPyConnection, counts: dict[str, dict[str, int]], changed: set[str]
) -> bool:
    """Whether this run found anything the last one had not."""
    if changed - {"checked_part"}:
        return True
    row = con.execute("SELECT counts_json FROM linkage_run ORDER BY run_id DESC LIMIT 1").fetchone()
    return bool(counts) if row is None else row[0] != _counts_json(counts)


def _record_run(
    con: duckdb.DuckDBPyConnection, run_id: int, counts: dict[str, dict[str, int]]
) -> None:
    con.execute(
        "INSERT INTO linkage_run VALUES (?, ?, ?, ?)",
        [run_id, code_version(), NORM_VERSION, _counts_json(counts)],
    )


def _counts_json(counts: dict[str, dict[str, int]]) -> str:
    return json.dumps(counts, sort_keys=True)


def _last_run(con: duckdb.DuckDBPyConnection) -> int:
    return _count(con, "SELECT coalesce(max(run_id), 0) FROM linkage_run")


def _count(con: duckdb.DuckDBPyConnection, query: str, *values: int) -> int:
    row = con.execute(query, list(values)).fetchone()
    return int(row[0]) if row else 0
