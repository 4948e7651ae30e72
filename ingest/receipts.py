"""Receipts: what became of each delivered file, to be sent back to its provider.

Counts only: a file is named by its token, a rejected record by reason and column. No path, no
value, no native id; a column's name is the provider's own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from biobraid.core.files import write_text
from biobraid.core.home import Home
from biobraid.core.manifest import FileBooks, Manifest
from biobraid.ingest.landing.results import IngestResult

_RECORDS = ("read", "landed", "rejected", "ignored", "superseded", "deleted")
_FACTS = ("read", "landed", "rejected", "ignored", "to_vault", "superseded", "deleted")


def write_receipts(home: Home, result: IngestResult) -> list[Path]:
    """Write a receipt (JSON and text) for each study whose files the run changed.

    The run token in the name is a hash of the study's files and their books, so the same
    state gives the same receipt. Returns the JSON files.
    """
    studies = sorted({o.study for o in result.outcomes if o.status not in ("unchanged", "planned")})
    written = []
    for study in studies:
        changed = {(o.source, o.batch) for o in result.outcomes if o.study == study and o.batch}
        receipt = study_receipt(home, study, changed, _failures_without_file(result, study))
        content = json.dumps(receipt, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        token = hashlib.sha256(content.encode()).hexdigest()[:12]
        path = home.reports / "receipts" / f"{study}-{token}.json"
        write_text(path, content)
        write_text(path.with_suffix(".txt"), receipt_text(receipt))
        written.append(path)
    return written


def study_receipt(
    home: Home, study: str, files: set[tuple[str, str]], other_faults: Sequence[str] = ()
) -> dict[str, Any]:
    """The receipt of these files (source, batch) of a study, as JSON data."""
    with Manifest(home) as manifest:
        books = [b for b in manifest.files(study) if (b.row["source"], b.row["batch"]) in files]
    return {
        "study": study,
        "files": [_file(b) for b in books],
        "faults": list(other_faults),
    }


def _failures_without_file(result: IngestResult, study: str) -> list[str]:
    return sorted(
        f"{o.source or 'study'}: {fault.found}"
        for o in result.outcomes
        if o.study == study and o.status == "failed" and not o.batch
        for fault in o.faults
    )


def _file(books: FileBooks) -> dict[str, Any]:
    row, detail = books.row, books.detail
    return {
        "file": row["batch"],
        "source": row["source"],
        "delivery": row["delivery"],
        "status": row["status"],
        "bytes": row["bytes"],
        "n_columns": len(detail.get("columns", ())),
        "records": {n: row[f"records_{n}"] for n in _RECORDS},
        "facts": {n: row[f"facts_{n}"] for n in _FACTS},
        "ignored_by_rule": dict(detail.get("ignored", {})),
        "rejected": [dict(r) for r in detail.get("rejects", ())],
        "warnings": dict(detail.get("warnings", {})),
        "faults": list(detail.get("faults", ())),
    }


def receipt_text(receipt: Mapping[str, Any]) -> str:
    """The receipt for people."""
    lines = [f"Receipt for study {receipt['study']}", ""]
    lines += [f"Fault: {fault}" for fault in receipt["faults"]]
    for file in receipt["files"]:
        lines.append(
            f"File {file['file']}, source {file['source']}, delivery {file['delivery']}: "
            f"{file['status']}, {file['bytes']:,} bytes, {file['n_columns']} columns"
        )
        for unit, names in (("records", _RECORDS), ("facts", _FACTS)):
            counts = file[unit]
            shown = ", ".join(f"{counts[n]:,} {n.replace('_', ' ')}" for n in names)
            lines.append(f"  {unit}: {shown}")
        for rule, n in sorted(file["ignored_by_rule"].items()):
            lines.append(f"  ignored, {rule}: {n:,}")
        for reject in file["rejected"]:
            where = f", column {reject['column']}" if reject["column"] else ""
            lines.append(
                f"  rejected {reject['unit']}s, {reject['reason']}{where}: {reject['n']:,}"
            )
        lines += [f"  warning, {what}: {n:,}" for what, n in sorted(file["warnings"].items())]
        lines += [f"  fault: {fault}" for fault in file["faults"]]
        lines.append("")
    lines.append("Concepts are assigned later; a receipt says nothing about what is mapped.")
    return "\n".join(lines) + "\n"
