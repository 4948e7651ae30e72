"""How loading, comparing and describing vocabularies look on a terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from biobraid.cli.output import Output

if TYPE_CHECKING:
    from biobraid.ingest.vocabulary.load import Loaded


def report_loaded(out: Output, loaded: Loaded) -> None:
    """Rows per table, what is odd, and what comes next."""
    if loaded.dry_run:
        out.table("Would be read", ["table", "bytes"], list(loaded.files.items()))
        out.say(f"\nWould replace {loaded.replaced or 'the starter'} by {loaded.version}.")
    else:
        for table in loaded.resumed:
            out.say(f"{table}: read by an earlier run")
        out.table("In force", ["table", "rows"], list(loaded.rows.items()))
        out.say(f"\nVocabulary {loaded.version} is in force; before: {loaded.replaced}")
        out.say(f"{loaded.kept_from_starter:,} concepts it lacks stay from the starter.")
        for what, n in loaded.warnings.items():
            out.warn(f"warning: {n:,} {what}")
        out.say("Next: biobraid run")
    out.result(asdict(loaded))


def report_status(out: Output, report: dict[str, Any]) -> None:
    """Version, vocabularies and rows."""
    out.say(f"In force: {report['version']} ({report['name']})")
    if report["previous"]:
        out.say(f"Before: {report['previous']['version']}")
    if report["kept_from_starter"]:
        out.say(f"Kept from the starter: {report['kept_from_starter']:,} concepts")
    for what, n in report["warnings"].items():
        out.say(f"warning: {n:,} {what}")
    if report["loading"]:
        read = ", ".join(report["loading"]["tables_read"]) or "none"
        out.say(f"Not finished: {report['loading']['download']} (tables read: {read})")
    out.table("Tables", ["table", "rows"], list(report["rows"].items()))
    found = report.get("vocabularies", [])
    if found:
        out.table("Vocabularies", list(found[0]), [list(row.values()) for row in found])
    out.result(report)


def report_diff(out: Output, found: dict[str, Any], top: int) -> None:
    """A summary by kind of change, then the changes that concern most rows."""
    out.say(f"From {found['old']} to {found['new']}, for what is in use here")
    if not found["has_warehouse"]:
        out.say("No warehouse yet: codes and concepts of the mappings only, without numbers.")
    header = ["kind", "change", "number", "rows", "persons"]
    out.table("Changes", header, [[row[h] for h in header] for row in found["summary"]])
    for kind, title in (("codes", "Codes"), ("concepts", "Concepts")):
        rows = found[kind][:top]
        if rows:
            out.table(title, list(rows[0]), [[_flat(v) for v in row.values()] for row in rows])
        if len(found[kind]) > top:
            out.say(f"  {len(found[kind]) - top:,} more; --json shows all")
    out.result(found)


def _flat(value: Any) -> Any:
    return ", ".join(map(str, value)) if isinstance(value, list) else value
