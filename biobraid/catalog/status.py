"""What `status` shows: what came in, what was left over, and why — never in silence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import duckdb

from biobraid.core.home import SETTINGS_FILE, Home
from biobraid.core.manifest import Manifest
from biobraid.core.orders import BULK_DUE, open_orders
from biobraid.core.warehouse import connect

BOOKS = (
    "records_read", "records_landed", "records_rejected", "records_ignored",
    "records_superseded", "records_deleted",
)  # fmt: skip
FACTS = (
    "facts_read", "facts_landed", "facts_rejected", "facts_ignored", "facts_to_vault",
    "facts_superseded", "facts_deleted",
)  # fmt: skip

# Questions to the warehouse, each with the table it needs; all are constants of ours.
_QUESTIONS: dict[str, tuple[str, str]] = {
    "attrition": ("mart.attrition", "SELECT * FROM mart.attrition ORDER BY ALL LIMIT 100"),
    "coverage": (
        "mart.coverage",
        "SELECT study, source, SUM(n) AS n_facts, SUM(n_mapped) AS n_mapped, "
        "SUM(n_mapped) / SUM(n) AS mapped_share FROM mart.coverage "
        "GROUP BY ALL ORDER BY ALL",
    ),
    "unmapped": (
        "stem.unmapped",
        "SELECT * FROM stem.unmapped ORDER BY n_facts DESC LIMIT ?",
    ),
    "dangling": (
        "stem.dangling_reference",
        "SELECT * FROM stem.dangling_reference ORDER BY ALL LIMIT 100",
    ),
    "person_leftovers": (
        "stem.person_leftover",
        "SELECT * FROM stem.person_leftover ORDER BY ALL LIMIT 100",
    ),
    "leftover": (
        "stem.leftover",
        "SELECT * FROM stem.leftover ORDER BY n_rows DESC, study, source, kind, field, reason LIMIT ?",
    ),
    "checks": (
        "audit.check_run",
        "SELECT started_at, n_checks, n_passed, n_failed, n_error, n_not_applicable, "
        "n_fatal_failed, n_grown FROM audit.check_run WHERE subject = 'warehouse' "
        "ORDER BY run_no DESC LIMIT 3",
    ),
    "checks_failed": (
        "audit.check_result",
        "SELECT severity, check_id, n_violated, n_denominator, threshold, n_violated_before "
        "FROM audit.check_result WHERE state IN ('failed', 'error') AND run_id = ("
        "SELECT run_id FROM audit.check_run WHERE subject = 'warehouse' "
        "ORDER BY run_no DESC LIMIT 1) "
        "ORDER BY CASE severity WHEN 'fatal' THEN 0 WHEN 'convention' THEN 1 ELSE 2 END, "
        "n_violated / n_denominator DESC, check_id LIMIT ?",
    ),
    "books": ("stem.books", "SELECT * FROM stem.books ORDER BY ALL"),
}


def status(home: Home, top: int = 20) -> dict[str, Any]:
    """Everything `status` shows, as plain rows; parts that do not exist yet are absent.

    vocabulary: name, version and number of concepts in force; null before the first ingest.
    files: books per source. failed: files that could not be read, with each fault. rejects:
    counts by source, reason and column. ignored: counts by source and rule. warnings: what
    landed although it is not as declared, such as unknown codes. linkage: metrics of the last
    run. contract: how the last delivery of each source was judged. withdrawals: begun and not
    carried out everywhere. audit: of the last `run`, or why it made none. warehouse: answers to
    _QUESTIONS.
    """
    report: dict[str, Any] = {"home": home.root.name, "name": home.settings.name}
    with Manifest(home) as manifest:
        report["vocabulary"] = _vocabulary(manifest)
        report["files"] = _books(manifest)
        report["rejects"] = _rejects(home, manifest)
        report["failed"] = _failed(manifest)
        report["ignored"] = _counted(manifest, "ignored", "rule")
        report["warnings"] = _counted(manifest, "warnings", "warning")
        report["linkage"] = _linkage(home, manifest)
        report["contract"] = _contract(manifest)
        report["withdrawals"] = _withdrawals(home, manifest)
        report["audit"] = _audit(home, manifest)
        report["runs"] = manifest.runs()[-10:]
    if home.warehouse.is_file():
        report["warehouse"] = _warehouse(home, top)
    return report


def _vocabulary(manifest: Manifest) -> dict[str, Any] | None:
    note = manifest.note("vocabulary")
    found = manifest.objects().get("vocab.concept")
    if note is None or found is None:
        return None
    return {"name": note["name"], "version": note["version"], "concepts": found[1]}


def _books(manifest: Manifest) -> list[dict[str, Any]]:
    by_source: dict[tuple[str, str], dict[str, Any]] = {}
    for file in manifest.files():
        key = (file.row["study"], file.row["source"])
        zero = {"study": key[0], "source": key[1], "files": 0, **dict.fromkeys(BOOKS + FACTS, 0)}
        total = by_source.setdefault(key, zero)
        total["files"] += 1
        for count in BOOKS + FACTS:
            total[count] += file.row[count]
    return list(by_source.values())


def _failed(manifest: Manifest) -> list[dict[str, Any]]:
    return [
        {**{name: f.row[name] for name in ("study", "source")}, "file": f.row["batch"], "fault": t}
        for f in manifest.files()
        if f.row["status"] == "failed"
        for t in f.detail.get("faults", ())
    ]


def _counted(manifest: Manifest, detail: str, name: str) -> list[dict[str, Any]]:
    """Counts that the files' books keep by rule or warning, added up per source."""
    totals: dict[tuple[str, str, str], int] = {}
    for file in manifest.files():
        for what, n in file.detail.get(detail, {}).items():
            key = (file.row["study"], file.row["source"], what)
            totals[key] = totals.get(key, 0) + n
    return [{"study": s, "source": o, name: w, "n": n} for (s, o, w), n in sorted(totals.items())]


def _rejects(home: Home, manifest: Manifest) -> list[dict[str, Any]]:
    paths = [str(home.landing / p.path) for p in manifest.parts("raw.reject")]
    if not paths:
        return []
    return rows(
        duckdb.connect(),
        "SELECT study, source, reason, unit_of_count, column_name, COUNT(*) AS n "
        "FROM read_parquet(?) GROUP BY ALL ORDER BY ALL",
        [paths],
    )


def _linkage(home: Home, manifest: Manifest) -> list[dict[str, Any]]:
    found = manifest.objects().get("link.quality")
    if found is None:
        return []
    return rows(
        duckdb.connect(),
        "SELECT study, source, metric, n FROM read_parquet(?) ORDER BY ALL",
        [str(home.landing / found[0])],
    )


def _contract(manifest: Manifest) -> list[dict[str, Any]]:
    """How the last delivery of each source was judged by its contract."""
    found = []
    for study, source in sorted({(f.row["study"], f.row["source"]) for f in manifest.files()}):
        judged = manifest.note(f"contract:{study}/{source}", {}).get("judged")
        if judged:
            found.append(
                {"study": study, "source": source, "judgement": judged["state"],
                 "files": judged["n_files"], "records": judged["n_records"],
                 "breaches": len(judged["breaches"]), "warnings": len(judged["warnings"]),
                 "at": judged["at"], "why": judged["why"]}
            )  # fmt: skip
    return found


def _withdrawals(home: Home, manifest: Manifest) -> list[dict[str, Any]]:
    """Orders not yet carried out everywhere, and masked bulk with the day it is rewritten by."""
    found = [
        {"withdrawal": o.order_id, "study": o.study, "level": o.level, "modality": o.modality,
         "source_persons": len(o.keys), "state": f"begun; done: {', '.join(o.done) or 'nothing'}",
         "due_on": None}
        for o in open_orders(home)
    ]  # fmt: skip
    for order_id, due in sorted(manifest.note(BULK_DUE, {}).items()):
        found += [
            {"withdrawal": order_id, "study": None, "level": None, "modality": None,
             "source_persons": None, "state": f"masked in {holder}, to be rewritten",
             "due_on": day}
            for holder, day in sorted(due.items())
        ]  # fmt: skip
    return found


def _audit(home: Home, manifest: Manifest) -> list[dict[str, Any]]:
    """How the audit at the end of the last run ended, section by section."""
    note = manifest.note("audit")  # cli/audit_step.py
    if note is None:
        why = "no run since" if home.audit_margins else f"{SETTINGS_FILE} names no audit_margins"
        note = {"state": f"no audit: {why}"}
    by_verdict: dict[str, list[str]] = {}
    for section, verdict in note.get("verdicts", {}).items():
        if section != "run":
            by_verdict.setdefault(verdict, []).append(section)
    return [{
        "state": note["state"], "population": note.get("population"),
        **{v: ", ".join(by_verdict.get(v, [])) for v in ("fail", "watch")},
        "report": note.get("report"),
    }]  # fmt: skip


def _warehouse(home: Home, top: int) -> dict[str, Any]:
    con = connect(home, read_only=True)
    try:
        known = {
            f"{s}.{t}"
            for s, t in con.execute(
                "SELECT table_schema, table_name FROM information_schema.tables"
            ).fetchall()
        }
        return {
            name: rows(con, sql, [top] if "?" in sql else [])
            for name, (table, sql) in _QUESTIONS.items()
            if table in known
        }
    finally:
        con.close()


def rows(
    con: duckdb.DuckDBPyConnection, sql: str, parameters: Sequence[Any] = ()
) -> list[dict[str, Any]]:
    """The result of a query as dictionaries."""
    result = con.execute(sql, list(parameters))
    names = [d[0] for d in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]
