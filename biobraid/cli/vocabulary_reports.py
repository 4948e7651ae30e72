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
    for kind, title, key in (
        ("codes", "Codes", ("code_system", "code_key")),
        ("concepts", "Concepts", ("concept_id",)),
    ):
        lines = [
            [*(str(row[k]) for k in key), ", ".join(row["changes"]), row["rows"], row["persons"],
             _side(row, "old"), _side(row, "new")]
            for row in found[kind][:top]
        ]  # fmt: skip
        if lines:
            out.table(title, [*key, "change", "rows", "persons", "was", "is"], lines)
        if len(found[kind]) > top:
            out.say(f"  {len(found[kind]) - top:,} more; --json shows all")
    out.result(found)


def _side(row: dict[str, Any], side: str) -> str:
    """What a version says, as far as it changed; --json holds all of it."""
    changes = set(row["changes"])
    is_there = "appears" not in changes if side == "old" else "vanishes" not in changes
    if not is_there:
        return "-"
    new = {name.removeprefix(f"{side}_"): v for name, v in row.items() if name.startswith(side)}
    is_code = "target_names" in new
    parts = []
    if is_code and changes & {"appears", "vanishes", "target", "domain", "name"}:
        told = zip(new["targets"], new["target_names"], new["domains"], strict=True)
        parts.append(", ".join(f"{i} {name} ({domain})" for i, name, domain in told) or "no target")
    elif changes & {"appears", "vanishes", "name"}:
        parts.append(new["name"])
    if not is_code and "domain" in changes:
        parts.append(new["domain"])
    if not is_code and "target" in changes:
        parts.append(f"maps to {', '.join(map(str, new['targets'])) or 'nothing'}")
    if "value" in changes:
        parts.append(f"value {', '.join(map(str, new['value_concepts'])) or 'none'}")
    if changes & {"standard", "validity"}:
        kind = {"S": "standard", "C": "classification"}.get(new["standard"] or "", "not standard")
        reason = new["invalid_reason"]
        parts.append(f"{kind}, {f'invalid ({reason})' if reason else 'valid'}")
    return "; ".join(parts)
