"""How an ingest, a score and the status look on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from biobraid.cli.output import Output

if TYPE_CHECKING:
    from biobraid.export.scores.run import ScoreResult
    from biobraid.ingest.landing.results import FileOutcome, IngestResult

_SHOWN = ("records_read", "records_landed", "records_rejected", "records_ignored", "facts_landed")


def report_ingest(out: Output, result: IngestResult, receipts: Sequence[Path]) -> None:
    """One line per file, then the faults, then where the receipts are."""
    header = ["study", "source", "file", "status", *(n.replace("_", " ") for n in _SHOWN)]
    out.table("Files", header, [_file_row(o) for o in result.outcomes])
    for study, source in result.without_files:
        out.say(f"  {study}/{source}: no file delivered yet")
    for outcome in result.outcomes:
        for fault in outcome.faults:
            name = outcome.path.name if outcome.path else f"{outcome.study}/{outcome.source}"
            out.warn(f"\n{name}: {fault.text()}")
    for path in receipts:
        out.say(f"Receipt: {path}")
    out.result(
        {
            "files": [_file_json(o) for o in result.outcomes],
            "without_files": [list(pair) for pair in result.without_files],
            "receipts": [str(p) for p in receipts],
        }
    )


def _file_row(outcome: FileOutcome) -> list[Any]:
    name = outcome.path.name if outcome.path else ""
    return [
        outcome.study,
        outcome.source,
        name,
        outcome.status,
        *(outcome.counts.get(n) for n in _SHOWN),
    ]


def _file_json(outcome: FileOutcome) -> dict[str, Any]:
    return {
        "study": outcome.study,
        "source": outcome.source,
        "file": outcome.path.name if outcome.path else None,
        "batch": outcome.batch,
        "status": outcome.status,
        "counts": dict(outcome.counts),
        "disk_bytes": outcome.disk_bytes,
        "faults": [fault.text() for fault in outcome.faults],
    }


def report_status(out: Output, report: dict[str, Any]) -> None:
    """The status report as tables; sections that have no rows are left out."""
    if report["vocabulary"]:
        vocabulary = report["vocabulary"]
        out.say(f"Vocabulary: {vocabulary['version']}, {vocabulary['concepts']:,} concepts")
    sections = [
        ("Books: records and facts per source", report["files"]),
        ("Files that could not be read", report["failed"]),
        ("Rejected, by reason", report["rejects"]),
        ("Ignored by rule", report["ignored"]),
        ("Landed, but not as declared", report["warnings"]),
        ("Delivery contract: the last judgement", report["contract"]),
        ("Linkage", report["linkage"]),
        ("Withdrawals under way", report["withdrawals"]),
        ("Bias audit of the last run", report["audit"]),
    ]
    titles = {
        "attrition": "Persons at each step",
        "coverage": "Mapped share of facts per source",
        "unmapped": "Most frequent leftovers (stem.unmapped)",
        "dangling": "References to records that are not there; null in cdm",
        "person_leftovers": "Births and concepts that cdm.person cannot hold",
        "leftover": "Records and fields that no table shows, by reason (stem.leftover)",
        "checks": "Quality checks: the last runs",
        "checks_failed": "Quality checks that failed last; biobraid check explains them",
        "books": "Facts from raw to cdm (stem.books)",
    }
    for name, found in report.get("warehouse", {}).items():
        sections.append((titles[name], found))
    for title, found in sections:
        if found:
            out.table(title, list(found[0]), [list(row.values()) for row in found])
    if "warehouse" not in report:
        out.say("\nNo warehouse yet. Run: biobraid run")
    out.result(report)


def report_score(out: Output, result: ScoreResult, dry_run: bool) -> None:
    """What became of the weights of a score in each source."""
    statuses = list(result.reports[0].counts)
    rows = [
        [f"{r.study}/{r.source}", r.n_weights, *r.counts.values(), r.n_used,
         f"{r.coverage:.1%}", f"{r.weight_coverage:.1%}"]
        for r in result.reports
    ]  # fmt: skip
    title = result.score_name + (f", {result.trait}" if result.trait else "")
    header = ["source", "weights", *statuses, "used", "coverage", "of weight"]
    out.table(title, header, rows)
    for name in result.refused:
        out.warn(f"{name} has too few of the weights and was not scored")
    for fault in result.unread:
        out.warn(f"{fault.text()}\n  The source was not scored.")
    out.say(f"Scored {result.n_samples:,} samples; see {result.folder}")
    out.result(
        {
            "score_name": result.score_name,
            "samples": result.n_samples,
            "refused": list(result.refused),
            "unread": [fault.where for fault in result.unread],
            "dry_run": dry_run,
            "sources": {f"{r.study}/{r.source}": r.__dict__ for r in result.reports},
        }
    )
